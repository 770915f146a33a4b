"""Pages: order, escapes, and nothing that is fetched."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError

from acgan.report.judgement import Advice
from acgan.report.page import Page
from acgan.report.section import Cell, Section, TextTable

HOSTILE = '"><img src=x onerror=alert(1)>{{ 7*7 }}\u202e\x1b[31m'


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def _page(text: str) -> Page:
    table = TextTable(text, ("class", text), ((Cell(text), Cell("0.5", 0.5)),), (Cell("all"), Cell("1", 1.0)))
    sections = [
        Section("settings", "The configuration", {"table": table}, "compared_settings"),
        Section("commands", text, {"commands": [Advice(text, text)]}),
    ]
    return Page(text, (text,), sections, [text])


def test_names_are_inert_wherever_they_stand() -> None:
    html = _page(HOSTILE).html()
    assert not {"\u202e", "\x1b"} & set(html)
    page = _Page(html)
    assert not [tag for tag, attributes in page.tags if tag == "img" or "onerror" in attributes]
    assert page.text.count('"><img src=x onerror=alert(1)>{{ 7*7 }}\\u202e\\x1b[31m') >= 8


def test_sections_keep_their_order_and_headings() -> None:
    page = _Page(_page("words").html())
    assert [a["id"] for tag, a in page.tags if tag == "section"] == ["settings", "commands", "missing"]
    assert [tag for tag, _ in page.tags if tag in ("h1", "h2", "h3")] == ["h1", "h2", "h2", "h2"]
    links = [a["href"] for tag, a in page.tags if tag == "a"]
    assert links == ["#main", "#settings", "#commands"]
    html = next(attributes for tag, attributes in page.tags if tag == "html")
    assert html["lang"] == "en"
    assert [tag for tag, _ in page.tags].count("caption") == 1


def test_nothing_is_fetched() -> None:
    html = _page("words").html()
    assert "http" not in html.replace("http-equiv", "")
    policy = next(a for tag, a in _Page(html).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"] is not None
    assert policy["content"].startswith("default-src 'none'")


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        Page("t", (), [Section("commands", "Commands", {})], []).html()


def test_headings_and_dashes_of_numbers_stand_above_and_below_them() -> None:
    rows = (
        (Cell("cat"), Cell("0.50", 0.5), Cell("x")),
        (Cell("a long name of a class"), Cell("–"), Cell("y")),
    )
    section = _page("words").sections[0]
    table = TextTable("t", ("class", "score", "word"), rows)
    values = {**section.values, "table": table}
    page = _Page(Page("t", (), [replace(section, values=values)], []).html())
    assert [a.get("class") for tag, a in page.tags if tag == "th"] == [None, "number", None, None, "long"]
    cells = [(a.get("class"), a.get("data-order")) for tag, a in page.tags if tag == "td"]
    assert cells == [("number", "0.5"), (None, None), ("number", None), (None, None)]


def test_options_of_commands_do_not_break_at_hyphens() -> None:
    commands = (Advice("do", "acgan evaluate x --metrics cas"),)
    html = Page("t", (), [Section("commands", "Commands", {"commands": commands})], []).html()
    assert 'acgan evaluate x <span class="word">--metrics</span> cas</code>' in html
