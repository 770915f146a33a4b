"""Confusion matrices as pictures: shades, numbers, names and recalls."""

import io

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from acgan.plots.confusion import confusion_picture
from acgan.plots.style import to_png


def _names(count: int) -> list[str]:
    return [f"class {index}" for index in range(count)]


def _figure(confusion: np.ndarray, names: list[str] | None = None) -> Figure:
    return confusion_picture(confusion, names or _names(len(confusion)), rows="true class", bars="recall")


def _texts(figure: Figure, axes: int = 0) -> dict[tuple[float, float], str]:
    """Texts by row and column."""
    parts = [figure.axes[0], *figure.axes[0].child_axes]
    return {text.get_position()[::-1]: text.get_text() for text in parts[axes].texts}


def _pixels(figure: Figure) -> np.ndarray:
    with Image.open(io.BytesIO(to_png(figure))) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float64)


def test_rows_are_true_and_columns_seen() -> None:
    confusion = np.array([[0, 1, 9], [5, 50, 45], [0, 0, 0]])
    figure = _figure(confusion)
    axes = figure.axes[0]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true class", "seen by the classifier")
    assert _texts(figure) == {place: str(number) for place, number in np.ndenumerate(confusion)}
    np.testing.assert_array_equal(axes.images[0].get_array(), [[0, 0.1, 0.9], [0.05, 0.5, 0.45], [0, 0, 0]])
    assert confusion.tolist() == [[0, 1, 9], [5, 50, 45], [0, 0, 0]]  # left as it was


def test_recall_is_told_and_its_absence_too() -> None:
    figure = _figure(np.array([[6, 2], [0, 0]]))
    assert list(_texts(figure, axes=1).values()) == ["75.0%", "no images"]
    assert [bar.get_width() for bar in figure.axes[0].child_axes[0].patches] == [0.75, 0]
    assert figure.axes[0].child_axes[0].get_title(loc="left") == "recall"


def test_of_samples_the_share_has_the_name_that_it_has_in_tables() -> None:
    """Recall is coverage of variety there."""
    figure = confusion_picture(np.eye(2, dtype=np.int64), ["a", "b"], rows="class asked for", bars="accuracy")
    assert figure.axes[0].child_axes[0].get_title(loc="left") == "accuracy"


@pytest.mark.parametrize("count", [2, 30, 200, 1000])
def test_the_diagonal_of_a_perfect_classifier_is_dark_and_the_rest_light(count: int) -> None:
    pixels = _pixels(_figure(np.eye(count, dtype=np.int64)))
    cell = min(64, 1200 // count)
    red = pixels[..., 0]
    dark = np.argwhere((red < 30) & (pixels[..., 2] > 100))  # dark blue, not ink
    top, left = dark.min(axis=0)
    offset = min(3, cell // 2)
    at = np.arange(count) * cell + offset
    np.testing.assert_array_equal(red[np.ix_(top + at, left + at)] < 30, np.eye(count, dtype=bool))


@pytest.mark.parametrize("count", [1, 3, 75, 110])
@pytest.mark.parametrize("name", ["x", "a name that is far too long to be written out at the axes"])
def test_the_size_is_bounded(count: int, name: str) -> None:
    height, width, _ = _pixels(_figure(np.zeros((count, count), dtype=np.int64), [name] * count)).shape
    assert max(height, width) <= 1600
    assert min(height, width) >= min(64, 1200 // count) * count + 40


@pytest.mark.parametrize(
    ("count", "largest", "is_written"),
    [(60, 9, True), (200, 9, False), (20, 9999, True), (20, 10**11, False)],
)
def test_numbers_stand_in_the_cells_while_they_fit(count: int, largest: int, is_written: bool) -> None:
    figure = _figure(np.eye(count, dtype=np.int64) * largest)
    assert len(figure.axes[0].texts) == (count**2 if is_written else 0)
    width = 1200 / count if count > 18 else 64
    renderer = figure.canvas.get_renderer()
    assert all(text.get_window_extent(renderer).width < width for text in figure.axes[0].texts[:: count + 1])


def _labels(names: list[str]) -> list[str]:
    axes = _figure(np.eye(len(names), dtype=np.int64), names).axes[0]
    rows, columns = (
        [tick.get_text() for tick in one] for one in (axes.get_yticklabels(), axes.get_xticklabels())
    )
    assert rows == columns
    return rows


def test_long_names_are_shortened_and_many_give_way_to_numbers() -> None:
    assert _labels(["a", "a name of twenty-four le", "a name of twenty-five let"]) == [
        "a",
        "a name of twenty-four le",
        "a name of twenty-five l…",
    ]
    assert _labels(_names(100)) == _names(100)
    assert "class" not in "".join(_labels(_names(200)))


def test_hostile_names_are_drawn_as_they_are() -> None:
    names = [
        "$x^2$",
        "$\\bad{",
        "a_b%",
        "two\nlines\t",
        "<b>",
        "猫",
        "🐱",
        "cafe\u0301",
        "\udc80",
        "\x00",
        " ",
        "",
    ]
    written = [
        "$x^2$",
        "$\\bad{",
        "a_b%",
        "two lines",
        "<b>",
        "猫",
        "🐱",
        "café",
        r"\udc80",
        r"\x00",
        "#10",
        "#11",
    ]
    assert _labels(names) == written
    confusion = np.eye(len(names), dtype=np.int64)
    _pixels(_figure(confusion, names))  # neither an error nor a warning
    one, other = ([name, "b"] for name in ("$x$", "x"))
    assert not np.array_equal(
        _pixels(_figure(confusion[:2, :2], one)), _pixels(_figure(confusion[:2, :2], other))
    )


def test_bytes_depend_on_the_input_alone() -> None:
    confusion, names = np.array([[3, 1], [0, 4]]), ["a", "猫"]
    expected = to_png(_figure(confusion, names))
    assert b"Software" not in expected
    users = {
        "font.size": 30,
        "savefig.dpi": 300,
        "image.cmap": "jet",
        "axes.facecolor": "red",
        "text.usetex": True,
    }
    with matplotlib.rc_context(users):
        assert to_png(_figure(confusion, names)) == expected
        assert matplotlib.rcParams["font.size"] == 30


@pytest.mark.parametrize(("shape", "names"), [((2, 3), 2), ((2, 2), 3), ((4,), 4), ((0, 0), 0)])
def test_names_and_counts_that_do_not_fit_are_refused(shape: tuple[int, ...], names: int) -> None:
    with pytest.raises(ValueError, match="class names, got"):
        confusion_picture(np.zeros(shape, dtype=np.int64), _names(names), rows="true class", bars="recall")
