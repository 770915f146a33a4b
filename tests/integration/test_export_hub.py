"""Folders as the Hugging Face hub has them: what is in them, loading them from there, and uploading them."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from hub_stub import TOKEN, Hub, running_hub
from run_helpers import Child, acgan, classified, trained

import acgan as package
from acgan.errors import UserError

pytest.importorskip("huggingface_hub")


@pytest.fixture(scope="module")
def run(nothing_at_hand: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scored run, which tests only read."""
    run = trained(tmp_path_factory.mktemp("hub") / "digits-run", {"monitor.num_per_class": 0})
    result = acgan("evaluate", str(run), "--metrics", "frechet,accuracy,prdc", "--repeats", "1")
    assert result.exit_code == 0, result.output
    return run


@pytest.fixture(scope="module")
def classifier_run(nothing_at_hand: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return classified(tmp_path_factory.mktemp("hub") / "classifier-run")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as one:
        yield one


def _export(run: Path, *more: str, code: int = 0) -> str:
    result = acgan("export", str(run), "--format", "huggingface", *more)
    assert result.exit_code == code, result.output
    return result.output


def _front(folder: Path) -> dict:
    return next(yaml.safe_load_all((folder / "README.md").read_text(encoding="utf-8")))


def test_the_folder_has_weights_configuration_picture_and_card(run: Path, workdir: Path) -> None:
    said = _export(run, "--license", "apache-2.0")
    folder = workdir / "digits-run-huggingface"
    assert sorted(entry.name for entry in folder.iterdir()) == [
        *("README.md", "config.json", "model.safetensors", "samples.png")
    ]
    assert (folder / "model.safetensors").read_bytes() == (run / "generator.safetensors").read_bytes()
    values = json.loads((folder / "config.json").read_text())
    assert (values["library_name"], values["latent_dim"], values["resolution"]) == ("acgan", 16, 16)
    assert values["id2label"]["9"] == "9"
    assert values["provenance"]["nimg"] == 320
    assert "a generator: the last state, after 320 images shown" in said
    assert f"  model.safetensors: {(folder / 'model.safetensors').stat().st_size:,} bytes" in said


def test_the_card_has_scores_with_floors_and_the_front_matter_of_the_hub(run: Path, workdir: Path) -> None:
    from huggingface_hub import ModelCard

    _export(run, "--license", "cc0-1.0", "--out", "folder")
    scores = json.loads((run / "evaluation.json").read_text())
    card = ModelCard.load(workdir / "folder" / "README.md")
    assert (card.data.license, card.data.library_name) == ("cc0-1.0", "acgan")
    found = {one.metric_name: one for one in card.data.eval_results}
    overall = {name: one["value"] for name, one in scores["overall"].items() if one["value"] is not None}
    assert {name: one.metric_value for name, one in found.items()} == overall
    metric = next(name for name in found if name.startswith("fcd"))
    assert found[metric].metric_args["floor"] == scores["floor"][metric]["value"]
    assert found[metric].dataset_revision == scores["provenance"]["reference"]["fingerprint"]
    assert "| FCD (lower is better) |" in card.text
    assert "- Verdict: " in card.text
    assert f"| weights, SHA-256 | {scores['provenance']['generators'][0]['sha256']} |" in card.text


def test_the_card_tells_what_the_training_began_with_and_the_images_of_each_class(
    run: Path, workdir: Path
) -> None:
    counts = json.loads((run / "provenance.json").read_text())["data"]["images"]["train"]
    _export(run, "--out", "folder")
    text = (workdir / "folder" / "README.md").read_text(encoding="utf-8")
    assert "| label | class | training images |" in text
    for label, name in enumerate(counts):
        assert f"| {label} | {name} | {counts[name]:,} |" in text
    assert "started from" not in text
    begun = trained(
        workdir / "begun", {"train.total_nimg": 32, "monitor.num_per_class": 0}, "--init-from", str(run)
    )
    (begun / "provenance.json").write_text("{}")
    assert "the images of each class are left out" in _export(begun)
    text = (workdir / "begun-huggingface" / "README.md").read_text(encoding="utf-8")
    told = "the weights of digits-run (trained on digits, 320 images shown)"
    assert f"| started from | {told} |" in text
    assert f"It was trained by acgan on digits, from {told}; this is" in text
    assert "training images |" not in text


def test_without_a_licence_or_scores_the_card_says_so(workdir: Path) -> None:
    run = trained(workdir / "run", {"train.total_nimg": 32, "monitor.num_per_class": 0})
    assert "--license NAME does" in _export(run)
    text = (workdir / "run-huggingface" / "README.md").read_text()
    front = _front(workdir / "run-huggingface")
    assert not {"license", "model-index"} & front.keys()
    assert "No scores were measured of this state." in text
    assert "ask whoever published the weights" in text


def test_scores_of_another_state_and_damaged_ones_are_left_out(run: Path, workdir: Path) -> None:
    import shutil

    other = workdir / "other"
    shutil.copytree(run, other)
    file = other / "evaluation.json"
    file.write_text(file.read_text().replace('"nimg": 320', '"nimg": 321'))
    assert "warning: its scores are left out" in _export(other)
    shutil.copy(run / "evaluation.json", file)
    again = trained(workdir / "again", {"train.total_nimg": 32, "monitor.num_per_class": 0})
    shutil.copy(again / "generator.safetensors", other / "generator.safetensors")
    _export(other, "--force")
    assert "No scores were measured" in (workdir / "other-huggingface" / "README.md").read_text()


def test_names_that_format_a_page_do_not(workdir: Path) -> None:
    from run_helpers import digits_npz

    names = {"0": "<script>alert(1)</script>", "1": "a|b `c` **d**"}
    digits_npz(workdir / "data.npz", {"0": 30, "1": 30}, names=names)
    changes = {"data.source": "data.npz", "train.total_nimg": 32, "monitor.num_per_class": 0}
    run = trained(workdir / "run", changes)
    _export(run)
    text = (workdir / "run-huggingface" / "README.md").read_text()
    assert r"| 0 | \<script\>alert(1)\</script\> |" in text
    assert r"| 1 | a\|b \`c\` \*\*d\*\* |" in text


def test_a_local_folder_is_loaded_like_a_run(run: Path, classifier_run: Path, workdir: Path) -> None:
    _export(run, "--out", "one")
    _export(classifier_run, "--out", "two")
    expected = package.load_generator(run).sample(4)[0]
    assert np.array_equal(package.load_generator(workdir / "one").sample(4)[0], expected)
    found = package.load_classifier(workdir / "two")(expected)
    assert np.array_equal(found, package.load_classifier(classifier_run)(expected))
    result = acgan("sample", "one", "--out", "samples.npz", "-n", "2", "--device", "cpu")
    assert result.exit_code == 0, result.output
    with pytest.raises(UserError, match="holds a classifier; expected a generator"):
        package.load_generator(workdir / "two")
    assert "two-huggingface" in _export(workdir / "two")  # it can be exported itself


def test_the_card_of_a_classifier(classifier_run: Path, workdir: Path) -> None:
    _export(classifier_run, "--out", "folder")
    rows = [json.loads(line) for line in (classifier_run / "stats.jsonl").read_text().splitlines()]
    accuracy = [row["test/accuracy"] for row in rows if row.get("test/accuracy") is not None][-1]
    front = _front(workdir / "folder")
    assert front["pipeline_tag"] == "image-classification"
    assert front["model-index"][0]["results"][0]["metrics"] == [
        {"type": "accuracy", "name": "accuracy", "value": accuracy}
    ]
    assert not (workdir / "folder" / "samples.png").exists()


def test_a_flipped_bit_is_refused(run: Path, workdir: Path) -> None:
    _export(run, "--out", "folder")
    file = workdir / "folder" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        package.load_generator(workdir / "folder")


def test_pushed_and_loaded_from_the_hub(
    run: Path, classifier_run: Path, workdir: Path, tmp_path: Path, hub: Hub
) -> None:
    variables = hub.environment(tmp_path / "home")

    def command(*words: str) -> tuple[int, str]:
        child = Child(list(words), tmp_path / words[0], environment=variables)
        code = child.wait()
        return code, child.stdout + child.stderr

    code, said = command(
        *("export", str(run), "--format", "huggingface", "--out", "one", "--push", "ada/digits", "--private")
    )
    assert code == 0, said
    files = hub.repositories["ada/digits"]["main"]
    assert files == {entry.name: entry.read_bytes() for entry in (workdir / "one").iterdir()}
    assert hub.private == {"ada/digits"}
    assert hub.messages == ["generator, the last state, after 320 images shown"]
    assert f"uploaded: {hub.address}/ada/digits/commit/" in said
    assert 'acgan.load_generator("hf://ada/digits")' in files["README.md"].decode()
    commit = next(key for key in hub.repositories["ada/digits"] if key != "main")
    for place in ("hf://ada/digits", f"hf://ada/digits@{commit}"):
        code, said = command("sample", place, "--out", f"{place[-6:]}.npz", "-n", "2", "--device", "cpu")
        assert code == 0, said
        with np.load(workdir / f"{place[-6:]}.npz") as drawn:
            expected = package.load_generator(run).sample(20)[0].permute(0, 2, 3, 1).numpy()
            assert drawn["images"].shape == expected.shape
    code, said = command("evaluate", "hf://ada/digits", "--metrics", "accuracy", "--repeats", "1")
    assert code == 0, said
    assert "class accuracy" in said
    code, said = command("info", "hf://ada/digits")
    assert (code, "nimg: 320" in said) == (0, True)
    code, said = command(
        *("export", str(classifier_run), "--format", "huggingface", "--out", "two", "--push", "ada/judge")
    )
    assert code == 0, said
    assert hub.private == {"ada/digits"}
    code, said = command("export", "hf://ada/judge", "--format", "torchscript")
    assert code == 0, said
    assert (workdir / "judge.pt").is_file()
    # A second push replaces the files in a new commit.
    code, said = command(
        *("export", str(run), "--format", "huggingface", "--out", "one", "--force", "--push", "ada/digits")
    )
    assert code == 0, said
    assert len(hub.messages) == 3


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("hf://ada/nothing", "the hub has no such repository, or not for everyone"),
        ("hf://ada/one@v2", "there is no revision v2; expected a branch, tag or commit"),
        ("hf://ada/empty", "has no model.safetensors; expected a repository of `acgan export"),
        ("hf://ada", "names no repository of the hub; expected hf://user/name"),
        ("hf://ada/flip", "is damaged"),
    ],
)
def test_what_the_hub_does_not_have(
    run: Path, workdir: Path, tmp_path: Path, hub: Hub, place: str, told: str
) -> None:
    weights = (run / "generator.safetensors").read_bytes()
    flipped = weights[:-5] + bytes([weights[-5] ^ 1]) + weights[-4:]
    for name, files in {
        "one": {"model.safetensors": weights},
        "flip": {"model.safetensors": flipped},
        "empty": {"README.md": b"nothing"},
    }.items():
        hub.repositories[f"ada/{name}"] = {"main": files}
    child = Child(
        ["sample", place, "--out", "x.npz"], tmp_path / "log", environment=hub.environment(tmp_path / "home")
    )
    assert child.wait() == 1
    assert told in " ".join(child.stderr.split())


def test_a_hub_that_cannot_be_reached(run: Path, workdir: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        hub = Hub(f"http://127.0.0.1:{taken.getsockname()[1]}")
        variables = hub.environment(tmp_path / "home")
        child = Child(["sample", "hf://ada/one", "--out", "x.npz"], tmp_path / "log", environment=variables)
        assert child.wait() == 1
        assert "cannot be reached" in " ".join(child.stderr.split())


@pytest.mark.slow  # huggingface_hub tries again and again
def test_a_push_to_a_hub_that_cannot_be_reached(run: Path, workdir: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        variables = Hub(f"http://127.0.0.1:{taken.getsockname()[1]}").environment(tmp_path / "home")
        words = ["export", str(run), "--format", "huggingface", "--push", "ada/one"]
        child = Child(words, tmp_path / "push", environment=variables)
        assert child.wait() == 1
        assert "the hub did not take it" in " ".join(child.stderr.split())


def test_nothing_private_goes_to_a_public_repository(
    run: Path, workdir: Path, tmp_path: Path, hub: Hub
) -> None:
    hub.repositories["ada/digits"] = {"main": {}}
    words = ["export", str(run), "--format", "huggingface", "--push", "ada/digits", "--private"]
    child = Child(words, tmp_path / "log", environment=hub.environment(tmp_path / "home"))
    assert child.wait() == 1
    assert "--private: ada/digits is there already, and public" in " ".join(child.stderr.split())
    assert hub.repositories == {"ada/digits": {"main": {}}}
    hub.private.add("ada/digits")
    child = Child([*words, "--force"], tmp_path / "again", environment=hub.environment(tmp_path / "home"))
    assert child.wait() == 0, child.stderr
    assert "model.safetensors" in hub.repositories["ada/digits"]["main"]


def test_a_byte_that_changed_in_the_cache_is_fetched_anew(
    run: Path, workdir: Path, tmp_path: Path, hub: Hub
) -> None:
    weights = (run / "generator.safetensors").read_bytes()
    hub.repositories["ada/one"] = {"main": {"model.safetensors": weights}}

    def drawn(name: str) -> bytes:
        words = ["sample", "hf://ada/one", "--out", name, "-n", "2", "--device", "cpu"]
        child = Child(words, tmp_path / name, environment=hub.environment(tmp_path / "home"))
        assert child.wait() == 0, child.stderr
        return (workdir / name).read_bytes()

    before = drawn("one.png")
    (cached,) = (tmp_path / "home").rglob("model.safetensors")
    cached.resolve().write_bytes(weights[:-5] + bytes([weights[-5] ^ 1]) + weights[-4:])
    assert drawn("two.png") == before
    assert cached.read_bytes() == weights


def test_a_wrong_token_and_a_wrong_name_are_told(run: Path, workdir: Path, tmp_path: Path, hub: Hub) -> None:
    variables = hub.environment(tmp_path / "home", token=TOKEN[:-1])
    words = ["export", str(run), "--format", "huggingface", "--push", "ada/one"]
    child = Child(words, tmp_path / "log", environment=variables)
    assert child.wait() == 1
    assert "the hub did not take it" in " ".join(child.stderr.split())
    assert "expected user/name" in _export(run, "--push", "no name", code=1)
    assert not hub.repositories
