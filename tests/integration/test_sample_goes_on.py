"""``acgan sample`` that was killed: the same command goes on, and the samples are those of one that was not."""

import itertools
import json
import signal

import pytest
from run_helpers import Child
from sample_helpers import CLASSES, acgan_sample, make_run, tree

from acgan.sampling import CHUNK, ClassSampler

COUNT = 5 * CHUNK + 7


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("sample") / "run")


def stopped(run, out, number, *options):
    """Start the command, send a signal when some portions are recorded, and wait for its end."""
    arguments = ["sample", str(run), "--device", "cpu", "--out", str(out), "-n", "200000", *options]
    child = Child(arguments, out.parent.parent / "log")
    journal = next_journal(out)
    child.wait_for(lambda: journal.exists() and len(journal.read_text().splitlines()) > 3)
    child.send(number)
    return child, child.wait()


def next_journal(out):
    return out.parent / f".{out.name}.acgan-unfinished" / "done.jsonl"


@pytest.mark.parametrize("form", ["folder", "arrays.npz"])
def test_a_killed_one_goes_on_and_ends_the_same(run, tmp_path, form, monkeypatch):
    """The plan holds the counts, so what was stopped is of a smaller plan here: its record is made to say so."""
    acgan_sample(run, "--out", tmp_path / "whole" / form, "-n", COUNT)
    out = tmp_path / "killed" / form
    out.parent.mkdir()
    _, code = stopped(run, out, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not out.exists()
    journal = next_journal(out)
    first, *lines = journal.read_text().splitlines()
    plan = json.loads(first)
    plan["counts"] = [COUNT] * len(CLASSES)
    whole_lines = [line for line in lines[:3] if line.endswith("]")]
    journal.write_text("\n".join([json.dumps(plan, sort_keys=True), *whole_lines, "[0, 192"]))

    drawn = itertools.count()
    real = ClassSampler._draw
    monkeypatch.setattr(ClassSampler, "_draw", lambda self, portion: (next(drawn), real(self, portion))[1])
    acgan_sample(run, "--out", out, "-n", COUNT)
    assert next(drawn) == len(CLASSES) * 6 - 3, "three portions are there already"
    if form == "folder":
        assert tree(out) == tree(tmp_path / "whole" / form)
    else:
        assert out.read_bytes() == (tmp_path / "whole" / form).read_bytes()
    assert [entry.name for entry in out.parent.iterdir()] == [form]


def test_sigterm_says_that_it_goes_on(run, tmp_path):
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "folder"
    child, code = stopped(run, out, signal.SIGTERM)
    assert code == 75
    assert "the same command goes on" in child.stderr
    assert "Traceback" not in child.stderr
    assert not out.exists()
    assert next_journal(out).exists()


def test_another_plan_begins_anew(run, tmp_path):
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "folder"
    stopped(run, out, signal.SIGKILL)
    acgan_sample(run, "--out", out, "-n", 2, "--seed", 3)
    acgan_sample(run, "--out", tmp_path / "other", "-n", 2, "--seed", 3)
    assert tree(out) == tree(tmp_path / "other")


def test_two_at_a_time_do_not_mix(run, tmp_path):
    arguments = ["sample", str(run), "--device", "cpu", "--out", str(tmp_path / "folder"), "-n", "200000"]
    child = Child(arguments, tmp_path / "log")
    child.wait_for(next_journal(tmp_path / "folder").exists)
    said = acgan_sample(run, "--out", tmp_path / "folder", "-n", 2, exit_code=1)
    assert "another `acgan sample` writes there" in said
    child.send(signal.SIGKILL)
    child.wait()
