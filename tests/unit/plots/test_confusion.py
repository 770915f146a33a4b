"""Confusion matrices as pictures: sizes, shades, numbers and names."""

import time

import numpy as np
import pytest
from PIL import Image

from acgan.plots import confusion as confusion_module
from acgan.plots import confusion_picture


def _names(count: int) -> list[str]:
    return [f"class {index}" for index in range(count)]


def _pixels(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    return np.asarray(image, dtype=np.float64)


def _corners(image: Image.Image, count: int) -> np.ndarray:
    """(K, K) brightness of each cell near its corner, where no number stands; rows and columns as in the matrix."""
    pixels = _pixels(image).mean(axis=-1)
    cell = min(64, 1200 // count)
    frame = np.asarray([150, 158, 170])
    rows, columns = np.nonzero((_pixels(image) == frame).all(axis=-1))
    top, left = _frame_edge(rows, cell * count), _frame_edge(columns, cell * count)
    at = np.arange(count) * cell + min(3, cell - 1)
    return pixels[np.ix_(top + at, left + at)]


def _frame_edge(places: np.ndarray, side: int) -> int:
    """The first row or column within the frame: that of the most pixels in its colour is the frame itself."""
    found, counts = np.unique(places, return_counts=True)
    return int(found[counts > side].min()) + 1


def _differ(one: Image.Image, other: Image.Image) -> bool:
    return one.size != other.size or not np.array_equal(_pixels(one), _pixels(other))


@pytest.mark.parametrize("count", [1, 2, 3, 10, 20, 30, 75, 109, 110, 200, 999, 1000])
@pytest.mark.parametrize("name", ["x", "a name that is far too long to be written out at the axes " * 5])
def test_the_size_is_bounded(count: int, name: str) -> None:
    image = confusion_picture(np.eye(count, dtype=np.int64), [name] * count)
    assert min(min(64, 1200 // count) * count + 100, 1000) <= max(image.size) <= 1600


@pytest.mark.parametrize("count", [2, 10, 30, 200, 1000])
def test_the_diagonal_of_a_perfect_classifier_is_dark_and_the_rest_light(count: int) -> None:
    image = confusion_picture(np.eye(count, dtype=np.int64) * 7, _names(count))
    is_dark = _corners(image, count) < 80
    np.testing.assert_array_equal(is_dark, np.eye(count, dtype=bool))


def test_rows_are_true_and_columns_predicted() -> None:
    confusion = np.zeros((4, 4), dtype=np.int64)
    confusion[1, 3] = 5
    dark = np.argwhere(_corners(confusion_picture(confusion, _names(4)), 4) < 80)
    assert dark.tolist() == [[1, 3]]


def test_shades_follow_the_share_of_the_row() -> None:
    confusion = np.array([[0, 1, 9, 90], [0, 10, 90, 900], [50, 50, 50, 50], [0, 0, 0, 0]])
    shades = _corners(confusion_picture(confusion, _names(4)), 4)
    np.testing.assert_array_equal(shades[0], shades[1])
    assert (np.diff(shades[0]) < -5).all()
    assert np.ptp(shades[2]) == 0
    np.testing.assert_array_equal(shades[3], shades[0, 0])


@pytest.mark.parametrize(("count", "is_written"), [(2, True), (10, True), (20, True), (200, False)])
def test_numbers_stand_in_the_cells_while_they_fit(count: int, is_written: bool) -> None:
    # The same shares and recalls, and so only the numbers can differ.
    confusion = np.eye(count, dtype=np.int64)
    one = confusion_picture(confusion * 3, _names(count))
    other = confusion_picture(confusion * 4, _names(count))
    assert _differ(one, other) == is_written


def test_numbers_too_wide_for_their_cells_are_left_out() -> None:
    confusion = np.eye(20, dtype=np.int64) * 10**11
    assert not _differ(confusion_picture(confusion, _names(20)), confusion_picture(confusion * 2, _names(20)))


def test_recall_is_told_and_its_absence_too() -> None:
    # Cells and names apart, a strip at the right of each row.
    def strip(row: list[int]) -> np.ndarray:
        image = confusion_picture(np.array([row, [0, 8]]), ["a", "b"])
        return _pixels(image)[:, -128:]

    assert not np.array_equal(strip([8, 0]), strip([4, 4]))
    assert not np.array_equal(strip([6, 2]), strip([2, 6]))
    assert not np.array_equal(strip([0, 8]), strip([0, 0]))
    np.testing.assert_array_equal(strip([4, 4]), strip([2, 2]))


def _with_names(*names: str) -> Image.Image:
    return confusion_picture(np.eye(len(names), dtype=np.int64), names)


def test_names_are_written_while_they_fit() -> None:
    ones, others = ["a"] * 100, ["a"] * 99 + ["b"]
    assert _differ(_with_names(*ones), _with_names(*others))
    many, other_many = ones * 3, ones * 2 + others
    assert not _differ(_with_names(*many), _with_names(*other_many))


def test_long_names_are_shortened_at_their_end() -> None:
    start = "a dog of some breed that nobody could pronounce, "
    one, other = _with_names("cat", start + "brown"), _with_names("cat", start + "white")
    assert not _differ(one, other)
    assert _differ(one, _with_names("cat", "b" + start))


NOT_ASCII = [
    "Übergröße",
    "naïve",
    "łódź",
    "Лошадь",
    "犬",
    "عرب",
    "🐱",
    "e\u0301te\u0301",
    "\udcff",
    "",
    "a\nb\tc",
]


@pytest.mark.parametrize("name", NOT_ASCII)
@pytest.mark.parametrize("has_other_fonts", [True, False])
def test_names_of_any_script_are_told_apart(
    name: str, has_other_fonts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_other_fonts:
        monkeypatch.setattr(confusion_module, "_FONTS", (None,))
    assert _differ(_with_names("cat", name), _with_names("cat", "cat"))


@pytest.mark.parametrize("name", ["犬", "Лошадь", "عرب", "🐱", "\udcff", "\uffff", "", " \n"])
def test_names_that_no_font_can_write_are_numbered(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confusion_module, "_FONTS", (None, "no-such-font.ttf"))
    assert not _differ(_with_names(name, f"{name} cat {name} 猫"), _with_names("#0", "#1 cat"))


@pytest.mark.parametrize("fonts", [confusion_module._FONTS, (None,)])
def test_decomposed_letters_are_the_composed_ones(
    fonts: tuple[str | None, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confusion_module, "_FONTS", fonts)
    assert not _differ(_with_names("cafe\u0301", "b"), _with_names("café", "b"))


def test_a_thousand_classes_are_quick() -> None:
    confusion = np.random.default_rng(0).integers(0, 50, (1000, 1000))
    start = time.process_time()
    confusion_picture(confusion, _names(1000))
    assert time.process_time() - start < 5  # well below one, as a rule


@pytest.mark.parametrize(("shape", "names"), [((2, 3), 2), ((2, 2), 3), ((4,), 4), ((0, 0), 0)])
def test_names_and_counts_that_do_not_fit_are_refused(shape: tuple[int, ...], names: int) -> None:
    with pytest.raises(ValueError, match="class names, got"):
        confusion_picture(np.zeros(shape, dtype=np.int64), _names(names))


def test_the_counts_are_left_as_they_were() -> None:
    confusion = np.array([[3, 1], [0, 0]])
    confusion_picture(confusion, ["a", "b"])
    assert confusion.tolist() == [[3, 1], [0, 0]]
