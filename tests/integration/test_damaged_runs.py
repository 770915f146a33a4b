"""A byte of a run's files that changed on the disk: told, with what to do, and mended where that is possible."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from run_helpers import acgan, acgan_train, assert_same_run, checkpoints, stats_rows, trained

from acgan.api.places import KnownPaths
from acgan.data import BatchOrder, blocks, pack
from acgan.errors import RunError

SHORT = {
    "train.total_nimg": 64,
    "every.checkpoint_nimg": 32,
    "every.evaluate_nimg": 64,
    "every.sample_nimg": 64,
    "monitor.num_per_class": 0,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("whole") / "run", SHORT)


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def flipped(file: Path, place: int) -> None:
    """Change one bit of a file."""
    content = bytearray(file.read_bytes())
    content[place] ^= 1 << 3
    file.write_bytes(content)


def test_damaged_weights_draw_nothing_and_the_run_writes_them_again(run: Path, whole: Path) -> None:
    file = run / "generator.safetensors"
    flipped(file, -100)
    result = acgan("sample", str(run), "--out", str(run.with_name("x.npz")))
    assert result.exit_code == 1
    assert f"{file}: is damaged" in result.stderr
    assert "`acgan train RUN`" in result.stderr
    assert not run.with_name("x.npz").exists()
    again = acgan_train(run, SHORT)
    assert again.exit_code == 0
    assert f"{file}: was damaged; written anew from the checkpoint" in again.output
    assert file.read_bytes() == (whole / file.name).read_bytes()
    assert_same_run(run, whole)


def test_a_damaged_line_of_the_log_is_named_and_the_others_stay(run: Path) -> None:
    file = run / "stats.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    assert len(lines) == 2
    expected = stats_rows(run)[1:]
    file.write_bytes(lines[0].replace(b'"nimg": 32', b'"nimg": 33') + lines[1])
    result = acgan("table", str(run))
    assert result.exit_code == 1
    assert f"{file}: line 1 is damaged" in result.stderr
    assert f"`acgan train {run}`" in result.stderr
    again = acgan("train", str(run))
    assert again.exit_code == 0
    assert f"{file}: line 1 is damaged (not what acgan wrote" in again.output
    assert "it was left out, and the others stay" in again.output
    assert stats_rows(run) == expected
    assert "is damaged" not in acgan("train", str(run)).output


def test_changed_scores_are_refused_and_make_room_for_others(run: Path) -> None:
    evaluate = ["evaluate", str(run), "-n", "60", "--metrics", "frechet"]
    assert acgan(*evaluate).exit_code == 0
    file = run / "evaluation.json"
    text = file.read_text(encoding="utf-8")
    value = next(iter(json.loads(text)["overall"].values()))["value"]
    changed = text.replace(json.dumps(value), "1.25")
    file.write_text(changed, encoding="utf-8")
    for command in ("table", "compare"):
        result = acgan(command, str(run), *([str(run)] if command == "compare" else []))
        assert result.exit_code == 1
        assert f"{file}: was changed after acgan wrote it" in result.stderr
        assert 'remove the key "check" if the change was meant, or evaluate again: `acgan' in result.stderr
    again = acgan(*evaluate)
    assert again.exit_code == 0
    (moved,) = (run / "evaluations").glob("unreadable-*.json")
    assert "which is damaged or was changed" in again.output
    assert moved.read_text(encoding="utf-8") == changed
    assert json.loads(file.read_text(encoding="utf-8"))["overall"] == json.loads(text)["overall"]
    meant = json.loads(changed)
    del meant["check"]
    file.write_text(json.dumps(meant), encoding="utf-8")
    assert acgan("table", str(run)).exit_code == 0


def test_a_changed_provenance_is_refused(run: Path) -> None:
    file = run / "provenance.json"
    assert acgan("info", str(run)).exit_code == 0
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"seed": 0', '"seed": 1'), encoding="utf-8")
    for command in ("info", "train"):
        result = acgan(command, str(run))
        assert result.exit_code == 1
        assert f"{file}: was changed after acgan wrote it" in result.stderr
    values = json.loads(text)
    del values["check"], values["invocations"][0]["nimg"]
    values["invocations"][0]["ended"] = None
    file.write_text(json.dumps(values), encoding="utf-8")
    result = acgan("info", str(run))
    assert (result.exit_code, "still training, or killed" in result.output) == (0, True), result.output
    file.unlink()
    assert acgan("train", str(run)).exit_code == 0


def test_a_changed_record_of_places_is_refused(run: Path) -> None:
    file = run / "data.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"0": ', '"0": 1'), encoding="utf-8")
    for command in ("train", "evaluate"):
        result = acgan(command, str(run))
        assert result.exit_code == 1
        assert f"{file}: was changed after acgan wrote it" in result.stderr
        assert "Delete it: then paths count from the present folder" in result.stderr
    for place in range(0, len(text), 7):
        file.write_text(text, encoding="utf-8")
        flipped(file, place)
        assert not _known_otherwise(file, text), place
    meant = json.loads(text)
    del meant["check"]
    file.write_text(json.dumps(meant), encoding="utf-8")
    assert acgan("train", str(run)).exit_code == 0, "as earlier versions wrote it"


def _known_otherwise(file: Path, text: str) -> bool:
    """True if places are read without an error, and are others than those in the text."""
    try:
        known = KnownPaths.read(file.parent)
    except RunError:
        return False
    before = json.loads(text)
    assert known is not None
    return (known.paths, known.fingerprint, known.images) != tuple(
        before[key] for key in ("paths", "fingerprint", "images")
    )


def test_what_killed_processes_left_goes_at_the_next_start(run: Path, whole: Path) -> None:
    old, new, checkpoint = (
        run / ".evaluation.json.0123456789abcdef.tmp",
        run / ".evaluation.json.fedcba9876543210.tmp",
        run / "checkpoints" / ".64.pt.0123456789abcdef.tmp",
    )
    for file in (old, new, checkpoint):
        file.write_text("half")
    os.utime(old, (0, 0))
    assert acgan_train(run, SHORT).exit_code == 0
    assert new.exists(), "another command may be writing it"
    assert not old.exists()
    assert not checkpoint.exists()


def test_all_files_have_the_permissions_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o007)
    try:
        run = trained(tmp_path / "run", {**SHORT, "data.validation_share": 0.1, "evaluate.num_images": 50})
        for arguments in (
            ["evaluate", str(run), "-n", "60", "--metrics", "frechet,accuracy"],
            ["sample", str(run), "--out", str(run / "x.npz"), "-n", "1"],
            ["sample", str(run), "--out", str(run / "x.png"), "-n", "1"],
            ["sample", str(run), "--out", str(run / "pictures"), "-n", "1"],
            ["data", "pack", "digits", str(run / "x.zip")],
        ):
            result = acgan(*arguments)
            assert result.exit_code == 0, result.output
    finally:
        os.umask(before)
    modes = {path: path.stat().st_mode & 0o777 for path in run.rglob("*")}
    assert len(modes) > 30
    wrong = {
        str(path): oct(mode) for path, mode in modes.items() if mode != (0o770 if path.is_dir() else 0o660)
    }
    assert not wrong


def test_decoded_images_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of sets so large that trainings map them."""
    monkeypatch.setattr(pack, "LARGE_BYTES", 1000)
    monkeypatch.setenv("ACGAN_CACHE", str(tmp_path))
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", images=pixels, labels=np.arange(40) % 2)
    assert acgan("data", "show", str(tmp_path / "x.npz")).exit_code == 0
    result = acgan("data", "verify")
    assert result.exit_code == 0, result.output
    assert f"{tmp_path / 'datasets'}: 1 decoded source, none damaged" in result.output
    (file,) = tmp_path.rglob("images.npy")
    flipped(file, -100)
    assert acgan("data", "show", str(tmp_path / "x.npz")).exit_code == 0, "it touches no pixels"
    for arguments in ([], [str(tmp_path)]):
        result = acgan("data", "verify", *arguments)
        assert result.exit_code == 1
        assert "1 of 1 decoded sources are damaged. Delete their folders" in result.stderr
        assert f"{file.parent}: the pixels of images 0 to 39 of 40, counted from 0, changed" in result.stderr
    meta = file.with_name("meta.json")
    for place in range(0, meta.stat().st_size, 40):
        flipped(meta, place)
        assert acgan("data", "verify").exit_code == 1, place
        flipped(meta, place)
    shutil.rmtree(file.parent)
    assert acgan("data", "show", str(tmp_path / "x.npz")).exit_code == 0
    assert acgan("data", "verify").exit_code == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_a_training_meets_damaged_pixels_that_it_touches_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    """Of a set so large that it is mapped; a block has one image, and 44 of the 300 are held out."""
    monkeypatch.setattr(pack, "LARGE_BYTES", 1000)
    monkeypatch.setattr(blocks, "_BLOCK_BYTES", 1)
    monkeypatch.setenv("ACGAN_CACHE", str(tmp_path / "cache"))
    pixels = np.random.default_rng(0).integers(0, 256, (300, 16, 16), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", train_images=pixels, train_labels=np.arange(300) % 2)
    changes = {**SHORT, "data.source": str(tmp_path / "x.npz"), "train.threads": threads, "train.portions": 2}
    assert acgan_train(tmp_path / "whole", changes).exit_code == 0
    (file,) = (tmp_path / "cache").rglob("images.npy")
    shown = BatchOrder(np.zeros(256), seed=0, balance=False).indices(0, 64)
    beside, touched = max(set(range(256)) - set(shown.tolist())), int(shown[63])
    flipped(file, (beside - 300) * 256 + 17)
    assert acgan_train(tmp_path / "beside", changes).exit_code == 0
    flipped(file, (touched - 300) * 256 + 17)
    result = acgan_train(tmp_path / "touched", changes)
    assert result.exit_code == 1, result.output
    assert f"{file} is damaged: the pixels of images {touched} to {touched} of 300" in result.stderr
    assert f"Delete the folder {file.parent}" in result.stderr
    assert checkpoints(tmp_path / "touched") == [32], "what was trained before stays"
    shutil.rmtree(file.parent)
    assert acgan_train(tmp_path / "touched", changes).exit_code == 0
    for name in ("beside", "touched"):
        assert_same_run(tmp_path / name, tmp_path / "whole")
