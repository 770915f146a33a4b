"""``--fresh`` moves runs aside and nothing else, and ``~`` is the home folder in every option that is a path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_helpers import acgan, acgan_classify, acgan_train, train_args, trained, tree

SHORT: dict[str, Any] = {
    "train.total_nimg": 32,
    "every.checkpoint_nimg": 32,
    "every.log_nimg": 16,
    "monitor.num_per_class": 0,
}


def project(folder: Path) -> None:
    for file in (".git/HEAD", "src/main.py", "README.md"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("precious")


def pictures(folder: Path) -> None:
    for file in ("cat/0.png", "dog/0.png"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"precious")


def another_project_with_a_config(folder: Path) -> None:
    project(folder)
    (folder / "config.yaml").write_text("optimizer: adam\n")
    (folder / "checkpoints").mkdir()


def only_a_config(folder: Path) -> None:
    (folder / "config.yaml").write_text("trainer: {epochs: 3}\n")


def a_broken_config(folder: Path) -> None:
    (folder / "config.yaml").write_text("a: [")


@pytest.mark.parametrize(
    "fill", [project, pictures, another_project_with_a_config, only_a_config, a_broken_config]
)
@pytest.mark.parametrize("kind", [acgan_train, acgan_classify])
def test_what_is_no_run_stays(fill: Any, kind: Any, workdir: Path) -> None:
    fill(workdir)
    before = {path.relative_to(workdir) for path in workdir.rglob("*")}
    for more in ((), ("--dry-run",)):
        result = kind(".", None, "--fresh", *more)
        assert result.exit_code == 1
        assert "there is no run in ." in result.stderr
        assert "--run-dir" in result.stderr
        assert {path.relative_to(workdir) for path in workdir.rglob("*")} == before
    assert not workdir.with_name(f"{workdir.name}.1").exists()


def test_the_refusal_of_a_folder_does_not_recommend_fresh(workdir: Path) -> None:
    project(workdir)
    result = acgan_train(".", SHORT)
    assert result.exit_code == 1
    assert "not empty and not a run" in result.stderr
    assert "--fresh" not in result.stderr


def test_a_foreign_config_is_left_without_a_trace(workdir: Path) -> None:
    only_a_config(workdir)
    assert acgan_train(".", SHORT).exit_code == 1
    assert [path.name for path in workdir.iterdir()] == ["config.yaml"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return trained(tmp_path / "run", SHORT)


def test_a_run_with_other_things_in_it_is_refused(run: Path) -> None:
    project(run)
    before = tree(run)
    result = acgan_train(run, SHORT, "--fresh")
    assert result.exit_code == 1
    assert "(.git, README.md, src)" in result.stderr
    assert tree(run) == before


def test_a_scored_run_is_moved(run: Path, workdir: Path) -> None:
    for truncation in ("1", "0.7"):
        command = ["evaluate", str(run), "-n", "20", "--truncation", truncation]
        result = acgan(*command)
        assert result.exit_code == 0, result.output
    assert acgan("plot", str(run)).exit_code == 0
    before = tree(run)
    result = acgan_train(run, SHORT, "--fresh")
    assert result.exit_code == 0, result.output
    before.pop(".lock")
    assert tree(run.with_name("run.1")) == before


def test_a_run_with_a_damaged_config_is_moved(run: Path) -> None:
    (run / "config.yaml").write_text("data: {source: [")
    assert acgan_train(run, SHORT, "--fresh").exit_code == 0
    assert (run.with_name("run.1") / "stats.jsonl").exists()


def test_a_directory_that_is_empty_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "new"):
        assert acgan_train(tmp_path / name, SHORT, "--fresh", "--max-time", "0").exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "new"}


def test_the_home_folder(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = workdir / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for command in (
        train_args("~/run", SHORT),
        ["sample", "~/run", "--out=~/s.npz", "-n", "2"],
        ["evaluate", "~/run", "-n", "20", "--metrics", "prdc", "--json=~/e.json"],
        ["evaluate", "~/run", "-n", "20", "--metrics", "prdc", "--out=~/scores"],
        ["evaluate", "~/run", "-n", "20", "--metrics", "prdc"],
        [
            "fid",
            "~/run",
            "~/run",
            "-n",
            "20",
            "--extractor=digits",
            "--save-stats=~/f.npz",
            "--json=~/f.json",
        ],
        ["table", "~/run", "--format", "csv", "--out=~/t.csv"],
        ["plot", "~/run", "--out=~/plots"],
        ["data", "show", "digits", "--save=~/d.png", "--json=~/d.json"],
    ):
        result = acgan(*command)
        assert result.exit_code == 0, (command, result.output)
    names = {path.name for path in home.iterdir()}
    assert names == {
        *("run", "s.npz", "e.json", "scores", "f.npz", "f.json", "t.csv", "plots", "d.png", "d.json")
    }
    assert [path.name for path in workdir.iterdir()] == ["home"]


def test_the_home_folder_in_python(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from acgan import api

    monkeypatch.setenv("HOME", str(workdir))
    assert api.resolve(None, run_dir="~/run").directory == workdir / "run"
