"""Figures of reports: text stays text, colours are the page's, and nothing in a name acts."""

import re
from html.parser import HTMLParser

import numpy as np

from acgan.report.figures import bars_figure, lines_figure, matrix_figure, reliability_figure

HOSTILE = '<script>alert(1)</script> & "$x^2$'
STEERING = "a\u202eb\x1b[31m"


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_colours_are_variables_of_the_page_and_no_others() -> None:
    svg = lines_figure(
        "score", {"a": ((1, 2.0), (5, 1.0)), "b": ((1, 3.0), (5, 3.5))}, alt="x", best=(5, 1.0),
        marks={"resumed": (3,), "warning": (4,)}, limit=("limit", 2.0),
    )  # fmt: skip
    colours = set(re.findall(r"(?:fill|stroke): ([^;\"]+)", svg))
    assert {"var(--ink)", "var(--c1)", "var(--c2)", "var(--bad)", "var(--muted)"} <= colours
    assert all(colour == "none" or colour.startswith("var(--") for colour in colours), colours


def test_a_figure_has_its_words_and_its_text_is_text() -> None:
    svg = bars_figure("Recall", {"cat": 0.5, "dog": 1.0}, {"cat": 0.75}, alt="cat 0.5, dog 1")
    assert 'role="img" aria-label="cat 0.5, dog 1"' in svg
    tags = _Tags(svg)
    for word in ("cat", "dog", "Recall", "real images"):
        assert word in tags.text


def test_names_are_inert() -> None:
    names = [HOSTILE, STEERING]
    figures = [
        bars_figure(HOSTILE, dict.fromkeys(names, 0.5), dict.fromkeys(names, 0.6), alt=HOSTILE + STEERING),
        matrix_figure(np.eye(2, dtype=int), names, rows="true", alt=HOSTILE),
        lines_figure(STEERING, {HOSTILE: ((1, 1.0),)}, alt=STEERING),
    ]
    for svg in figures:
        assert svg is not None
        assert "script" not in _Tags(svg).names
        assert not {"\u202e", "\x1b"} & set(svg)
    assert r"a\u202eb\x1b[31m" in _Tags(figures[0]).text
    assert "$x^2$" in _Tags(figures[0]).text


def test_names_of_definitions_differ_between_figures() -> None:
    one, other = (lines_figure("t", {"a": ((1, 1.0), (2, 2.0))}, alt="t") for _ in range(2))
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for svg, defined in zip((one, other), ids, strict=True):
        assert set(re.findall(r'(?:url\(#|xlink:href="#)([^)"]+)', svg)) == defined


def test_a_matrix_has_its_counts_and_many_classes_have_none() -> None:
    svg = matrix_figure(np.array([[7, 0], [3, 42]]), ["a", "b"], rows="class asked for", alt="m")
    assert svg is not None
    for text in ("7", "3", "42", "class asked for"):
        assert text in _Tags(svg).text
    assert matrix_figure(np.eye(31, dtype=int), [str(k) for k in range(31)], rows="", alt="") is None


def test_calibration_counts_the_images_of_each_bin() -> None:
    confidence = np.array([0.95] * 30 + [0.55] * 4)
    svg = reliability_figure(confidence, np.ones(34, bool), bins=15, alt="c")
    assert {"30", "4"} <= set(_Tags(svg).text.split())
