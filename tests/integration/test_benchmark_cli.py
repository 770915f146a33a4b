"""``acgan benchmark``: ratios of one run, for people and for programs, and nothing left behind."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from run_helpers import TINY, acgan, benchmark, sets, tree

from acgan.api import benchmark as benchmark_api
from acgan.api.benchmark import workbench
from acgan.benchmarking import rates, sampling, startup, training
from acgan.benchmarking.fid import measure_fid
from acgan.benchmarking.findings import Findings, Ratio
from acgan.benchmarking.timing import in_turns
from acgan.code_version import code_version
from acgan.errors import ConfigError

COMMAND = ("benchmark", "train", str(TINY), "--rounds", "1")


@pytest.fixture(autouse=True)
def short(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measurements that take no time."""
    monkeypatch.setattr(training, "_TURN_SEC", 0.0)
    monkeypatch.setattr(sampling, "_LEAST_IMAGES", 1)
    monkeypatch.setattr(rates, "_LEAST_SEC", 0.0)
    monkeypatch.setattr(rates, "_COPIED_BYTES", 1 << 20)
    monkeypatch.setattr(benchmark_api, "IMAGES", 4)
    monkeypatch.setattr(benchmark_api, "measure_fid", partial(measure_fid, dims=64))


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of busy processes that were asked for; negative when they end."""
    seen: list[int] = []

    @contextmanager
    def neighbours(count: int) -> Iterator[tuple[int, ...]]:
        seen.append(count)
        yield ()
        seen.append(-count)

    monkeypatch.setattr(benchmark_api, "busy_neighbours", neighbours)
    return seen


def test_a_part_for_people_and_for_programs(workdir: Path, scratch: Path, busy: list[int]) -> None:
    changes = {"train.batch_size": 8, "loss.penalty.every": 2}
    result = acgan(*COMMAND, *sets(changes), "--neighbours", "2", "--json", "figures.json")
    assert result.exit_code == 0, result.output
    found = json.loads(Path("figures.json").read_text())
    assert list(tree(workdir)) == ["figures.json"]
    assert not list(scratch.iterdir()), "nothing is left behind"
    assert busy == [2, -2]

    assert (found["acgan"], found["torch"]) == (code_version(), torch.__version__)
    assert (found["recipe"], found["data"], found["batch_size"]) == ("tiny", "digits", 8)
    assert (found["device"], found["precision"], found["neighbours"]) == ("cpu", "float32", 2)
    assert (found["threads"], found["cores"]) == (1, 1)
    assert found["machine"]
    assert found["date"][:2] == "20"
    assert found["set"] == [f"{key}={value}" for key, value in changes.items()]
    assert list(found["parts"]) == ["machine", "train"]
    ratio = found["parts"]["train"]["ratios"]["images/s, acgan : plain loop"]
    assert ratio["rounds"] == [ratio["median"]]
    speed = found["parts"]["train"]["figures"]["speed"]
    assert speed["acgan"]["images/s"] / speed["plain loop"]["images/s"] == pytest.approx(ratio["median"])
    rows = found["parts"]["machine"]["figures"]["rates"]
    assert set(rows) == {"matrix products", "convolutions, forward", "convolutions, forward and backward"}
    assert all(value > 0 for cells in rows.values() for value in cells.values())

    lines = result.stdout.splitlines()
    assert lines[0].startswith("tiny on cpu, batches of 8; ")
    assert lines[0].endswith("; beside 2 busy processes")
    assert lines[1] == "Only ratios of one run count: other work on the machine changes all speeds."
    part = next(
        number for number, line in enumerate(lines) if line.startswith("train: acgan's steps, in float32, ")
    )
    assert lines[part + 1] == f"  {ratio['median']:.2f}  images/s, acgan : plain loop", (
        "ratios are printed first"
    )
    assert "measuring: train" in result.stderr
    assert "measuring: sample" not in result.output


def test_all_parts_by_default(monkeypatch: pytest.MonkeyPatch, busy: list[int]) -> None:
    given: dict[str, Any] = {}

    def measure(recipe: Path, scratch: Path, device: str, *, rounds: int) -> Findings:
        given.update(text=recipe.read_text(encoding="utf-8"), device=device, rounds=rounds)
        return Findings(
            "startup", "processes", (Ratio("r", (2.0,)),), {"seconds": {"python": {"median (s)": 0.1}}}
        )

    monkeypatch.setattr(benchmark_api, "measure_startup", measure)
    result = acgan("benchmark", "all", str(TINY), "--rounds", "1", "--json", "figures.json")
    assert result.exit_code == 0, result.output
    found = json.loads(Path("figures.json").read_text())
    assert list(found["parts"]) == ["machine", "train", "sample", "fid", "startup"]
    assert busy == [0, 0]
    assert "busy processes" not in result.stdout.splitlines()[0]
    assert "resolution: 16" in given["text"]
    assert (given["device"], given["rounds"]) == ("cpu", 1)
    ratios = found["parts"]["fid"]["ratios"]
    assert ratios["extraction, acgan : pytorch-fid"]["median"] > 0
    assert "4 of the recipe's images" in found["parts"]["fid"]["compared"]
    assert found["parts"]["sample"]["ratios"]["to .npz, acgan : plain"]["median"] > 0


def test_the_default_is_all_of_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def stop(part: str, recipe: str | None, *rest: Any, **options: Any) -> None:
        asked.append((part, recipe, options["rounds"]))
        raise ConfigError("enough")

    monkeypatch.setattr(benchmark_api, "benchmark", stop)
    assert acgan("benchmark").exit_code == 1
    assert asked == [("all", None, None)]
    with workbench(None, None, (), None, {}) as bench:
        assert bench.name == "digits"
        assert [bench.rounds_of(part) for part in ("train", "startup")] == [5, 3]


def test_start_up_in_real_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[dict[str, list[float]]] = []

    def once(works: Any, rounds: int) -> dict[str, list[float]]:
        """The turns to warm up are those that count."""
        if not turns:
            turns.append(in_turns(works, rounds))
        return turns[0]

    monkeypatch.setattr(startup, "in_turns", once)
    result = acgan("benchmark", "startup", str(TINY), "--rounds", "1", "--json", "figures.json")
    assert result.exit_code == 0, result.output
    seconds = json.loads(Path("figures.json").read_text())["parts"]["startup"]["figures"]["seconds"]
    values = {name: cells["median (s)"] for name, cells in seconds.items()}
    assert set(values) == {"python", "import acgan", "acgan --help", "import torch", "first training step"}
    assert min(values.values()) > 0


def test_figures_are_written_though_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("acgan.cli.benchmark._show", gone)
    acgan(*COMMAND, "--json", "figures.json")
    assert json.loads(Path("figures.json").read_text())["parts"]


# Refusals, before the long work.


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("it began")

    for name in ("build_gan", "measure_machine", "busy_neighbours"):
        monkeypatch.setattr(benchmark_api, name, refuse)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["digits"], 1, "digits: no such part; expected one of all, train, sample, fid, startup."),
        (["digits"], 1, "`acgan benchmark all digits`"),
        (["trian"], 1, "Did you mean 'train'"),
        (["train", "mnits"], 1, "Did you mean 'mnist'"),
        (["train", "digits", "--set", "train.batch=3"], 1, "train.batch"),
        (["train", "--neighbours", "-1"], 2, "--neighbours"),
        (["train", "--rounds", "0"], 2, "--rounds"),
        (["train", "--json", "no/such/file.json"], 1, "--json no/such/file.json: there is no such folder"),
        (["train", "--json", "."], 1, "is a folder"),
        (["train", "--json", "/proc/figures.json"], 1, "--json /proc/figures.json: cannot be written"),
        (["train", "--data", "no_such"], 1, "no_such"),
    ],
)
def test_refusals(arguments: list[str], code: int, message: str, no_work: None, workdir: Path) -> None:
    result = acgan("benchmark", *arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert not result.stdout
    assert not list(workdir.iterdir())


def test_numbers_out_of_range_are_refused_from_python(no_work: None) -> None:
    for keywords in ({"neighbours": -1}, {"rounds": 0}):
        with pytest.raises(ConfigError, match=f"--{next(iter(keywords))}: found"):
            benchmark_api.benchmark("train", str(TINY), **keywords)


def test_a_loss_that_the_plain_loop_lacks_is_refused(busy: list[int]) -> None:
    result = acgan(*COMMAND, "--set", "loss.lecam={}")
    assert result.exit_code == 1
    assert "Leave it out: --set loss.lecam=null" in result.stderr


def test_ctrl_c_leaves_no_neighbour_and_no_file(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(*arguments: Any, **keywords: Any) -> Any:
        started.append(real(*arguments, **keywords))
        return started[-1]

    def interrupted(*_: Any) -> None:
        monkeypatch.setattr(subprocess, "Popen", real)
        assert all(process.poll() is None for process in started)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(benchmark_api, "measure_machine", interrupted)
    result = acgan(*COMMAND, "--neighbours", "2", "--json", "figures.json")
    assert result.exit_code == 130
    neighbours = [process for process in started if "number += 1" in process.args[-1]]
    assert len(neighbours) == 2
    assert all(process.returncode is not None for process in neighbours)
    assert not list(scratch.iterdir())
    assert not Path("figures.json").exists()


# benchmarks/neighbour.py


def test_a_table_of_speeds_beside_neighbours(scratch: Path) -> None:
    program = benchmark("neighbour")
    result = CliRunner().invoke(program.main, [str(TINY), "--busy", "1", "--rounds", "1"])
    assert result.exit_code == 0, result.output
    heading, _, names, _, *rows = result.stdout.splitlines()
    assert heading.startswith("tiny, float32; ")
    assert names.split(" | ")[0] == "| busy processes"
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[0] for row in cells] == ["0", "1"]
    assert cells[0][2] == cells[0][4] == "1.00"


def test_a_row_has_medians_of_speeds_and_of_ratios() -> None:
    times = {
        "acgan": {0: [1.0, 2.0, 1.0], 1: [2.0, 4.0, 1.0]},
        "plain loop": {0: [4.0, 4.0, 4.0], 1: [8.0, 16.0, 8.0]},
    }
    assert benchmark("neighbour").row(times, 1, 80) == "| 1 | 40 | 0.50 | 10 | 0.50 | 4.00 |"


def test_a_table_needs_numbers() -> None:
    result = CliRunner().invoke(benchmark("neighbour").main, [str(TINY), "--busy", "many"])
    assert result.exit_code == 2
    assert "expected numbers of processes" in result.stderr
