"""Which extractor is chosen when, and what is said when none can be."""

import shutil
from pathlib import Path

import pytest

from acgan.atomic import sha256
from acgan.errors import RunError, UserError
from acgan.extracting import ClassifierExtractor, InceptionExtractor, choose_extractor
from acgan.predicting import shipped

DIGITS = "digits@738debee"

pytestmark = pytest.mark.usefixtures("empty_hub")


def quiet(message: str) -> None:
    """Takes the warning that weights are not the official ones."""


@pytest.fixture
def cached(empty_hub: Path, inception_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inception's weights are in the hub's cache."""
    shutil.copy(inception_weights, empty_hub / "pt_inception-2015-12-05-6726825d.pth")
    digits = sha256(inception_weights)[:8]
    monkeypatch.setattr("acgan.extracting.inception_weights.HUB_SHA256", digits)


def test_without_weights_it_is_the_datas_own() -> None:
    assert choose_extractor(None, data_name="digits").name == DIGITS
    assert choose_extractor(None, data_name="digits", class_names=("3", "5")).name == DIGITS


@pytest.mark.usefixtures("cached")
def test_with_weights_it_is_inception() -> None:
    assert isinstance(choose_extractor(None, data_name="digits"), InceptionExtractor)
    assert isinstance(choose_extractor(None, data_name="cats", dims=64), InceptionExtractor)


@pytest.mark.usefixtures("cached")
def test_inceptions_images_are_resized_as_is_asked_for() -> None:
    names = [
        choose_extractor(None, data_name="digits", resize=way).name for way in (None, "bilinear", "clean")
    ]
    assert names[:2] == ["", ""]
    assert names[2].startswith("inception-2048-clean@")


def test_a_file_of_weights_or_dims_are_a_wish_for_inception(inception_weights: Path) -> None:
    found = choose_extractor(None, data_name="digits", dims=64, weights=inception_weights, warn=quiet)
    assert found.name == f"inception-64@{sha256(inception_weights)[:8]}"
    for dims in (64, 2048):
        with pytest.raises(RunError, match="could not be fetched"):
            choose_extractor(None, data_name="digits", dims=dims)


def test_the_warning_goes_where_it_is_wanted(inception_weights: Path) -> None:
    heard: list[str] = []
    choose_extractor("inception", dims=64, weights=inception_weights, warn=heard.append)
    assert len(heard) == 1


def test_names_and_files_of_classifiers() -> None:
    assert choose_extractor("digits", data_name="mnist").name == DIGITS
    by_file = choose_extractor(str(shipped()["mnist"]), data_name="digits")
    assert isinstance(by_file, ClassifierExtractor)
    assert by_file.name.startswith("mnist@")


def test_a_folder_that_happens_to_have_the_name_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("digits").mkdir()
    Path("mnist").write_text("a list of digits")
    assert choose_extractor(None, data_name="digits", class_names=("3",)).name == DIGITS
    assert choose_extractor("digits").name == DIGITS
    assert choose_extractor("mnist").name.startswith("mnist@")
    shutil.copy(shipped()["mnist"], "digits/classifier.safetensors")
    assert choose_extractor("digits").size == (1, 32), "a run of that name is what is asked for"
    assert choose_extractor(None, data_name="digits", class_names=("3",)).name == DIGITS


@pytest.mark.parametrize(
    ("data_name", "class_names"), [(None, ()), ("cats", ("tabby",)), ("digits", ("3", "three"))]
)
def test_none_to_choose_says_both_ways_out(
    data_name: str | None, class_names: tuple[str, ...], empty_hub: Path, tmp_path: Path
) -> None:
    with pytest.raises(RunError) as caught:
        choose_extractor(None, data_name=data_name, class_names=class_names)
    text = str(caught.value)
    for part in (
        (tmp_path / "offline.pth").as_uri(),
        str(empty_hub / "pt_inception-2015-12-05-6726825d.pth"),
        "--weights",
        "acgan classify train --data SOURCE",
        "--extractor runs/classify-",
    ):
        assert part in text
    assert "\n" not in text
    assert text.index("--extractor inception") < text.index("classify train") < text.index("offline.pth")


def test_otherwise_is_taken_where_there_is_nothing_better(
    empty_hub: Path, inception_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mnist = str(shipped()["mnist"])
    for otherwise in ("mnist", mnist):
        assert choose_extractor(None, data_name="cats", otherwise=otherwise).name.startswith("mnist@")
    assert choose_extractor(None, data_name="digits", class_names=("3",), otherwise=mnist).name == DIGITS
    for otherwise in (None, "auto", "runs/no-longer-there"):
        with pytest.raises(RunError, match="no extractor"):
            choose_extractor(None, data_name="cats", otherwise=otherwise)


def test_inception_by_name_is_fetched_or_says_why_not(empty_hub: Path) -> None:
    with pytest.raises(RunError, match="could not be fetched"):
        choose_extractor("inception", data_name="digits")
    assert not list(empty_hub.iterdir())


def test_a_name_that_is_none() -> None:
    with pytest.raises(RunError, match=r"--extractor digit: .*Did you mean 'digits'\?") as caught:
        choose_extractor("digit")
    assert "inception" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"dims": 64}, "--dims 64"),
        ({"dims": 2048}, "--dims 2048"),
        ({"weights": Path("w.pth")}, "--weights w.pth"),
        ({"resize": "clean"}, "--resize clean"),
    ],
)
def test_what_is_inceptions_alone(options: dict, named: str) -> None:
    with pytest.raises(UserError, match=f"{named}.*digits"):
        choose_extractor("digits", **options)


def test_a_shipped_classifier_says_what_it_was_not_made_for() -> None:
    digits = ClassifierExtractor("digits")
    assert digits.unlike(("3", "5"), 1, 16) == []
    assert digits.unlike(("3", "cat"), 1, 32) == []
    assert digits.unlike(("cat", "dog"), 3, 64) == [
        "knows none of these classes",
        "sees no colours, which these images have",
        "sees 16 px of 64",
    ]


def test_only_a_shipped_classifier_that_knows_the_classes_is_named() -> None:
    for names, word in ((("cat", "tree"), None), (("3", "5"), "`--extractor digits`, which is shipped")):
        with pytest.raises(RunError) as error:
            choose_extractor(None, data_name="mine", class_names=names)
        assert (word is None) == (
            "shipped one" not in str(error.value) and "which is shipped" not in str(error.value)
        )
        assert word is None or word in str(error.value)
