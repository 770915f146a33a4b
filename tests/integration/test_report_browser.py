"""Reports in headless Chromium: at any width, light and dark, without a request, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_helpers import chromium

WIDTHS = (360, 768, 1280)
#: Ratios of the luminance of every text to that of its background, as WCAG 2.1 defines them; by colours, the lowest.
_CONTRASTS = """() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const part = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const found = parts(getComputedStyle(one).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
  };
  const seen = {};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest("script, style")) continue;
    const style = getComputedStyle(element);
    const colour = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(parts(colour)), light(behind(element.closest("svg") ?? element))];
    seen[`${colour} on ${behind(element)}`] = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }
  return seen;
}"""


@pytest.fixture(scope="module")
def file(reported: Path) -> Path:
    """The report of an evaluated run."""
    return reported / "report.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_at_any_width_without_errors_or_requests(browser: Any, file: Path, scheme: str) -> None:
    for width in WIDTHS:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        told: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message, told=told: told.append(message.text))
        page.on("pageerror", lambda error, told=told: told.append(str(error)))
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(file.as_uri())
        assert told == []
        assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        broken = "[...document.images].filter(one => one.complete && !one.naturalWidth).length"
        assert page.evaluate(broken) == 0
        verdict = page.locator(".verdict").bounding_box()
        assert verdict["y"] + verdict["height"] < 900  # on the first screen
        contrasts = page.evaluate(_CONTRASTS)
        assert len(contrasts) > 4
        assert {pair: ratio for pair, ratio in contrasts.items() if ratio < 4.5} == {}
        page.close()


def test_the_page_is_dark_where_the_reader_wants_that(browser: Any, file: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(file.as_uri())
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        ink = page.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
        colours.append([sum(map(int, re.findall(r"\d+", one)[:3])) for one in (background, ink)])
        page.close()
    light, dark = colours
    assert light[0] > light[1]
    assert dark[0] < dark[1]


def test_a_walk_is_walked_by_keyboard(browser: Any, file: Path) -> None:
    page = browser.new_page()
    page.goto(file.as_uri())
    slider, picture = page.locator(".walk input").first, page.locator(".walk .film img").first
    before = picture.bounding_box()["x"]
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator(".walk output").first.inner_text() == "3 of 17"
    step = page.locator(".walk .film").first.bounding_box()["width"]
    assert before - picture.bounding_box()["x"] == pytest.approx(2 * step, rel=0.02)
    page.keyboard.press("End")
    assert page.locator(".walk output").first.inner_text() == "17 of 17"
    page.close()


def test_tables_are_sorted_by_their_headings(browser: Any, file: Path) -> None:
    page = browser.new_page()
    page.goto(file.as_uri())
    table = page.locator("#diversity table")
    heading = table.locator("th", has_text="real images covered")
    cells = "rows => rows.map(row => Number(row.cells[1].dataset.order))"
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    up = table.locator("tbody tr").evaluate_all(cells)
    heading.locator("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert table.locator("tbody tr").evaluate_all(cells) == sorted(up, reverse=True)
    assert up == sorted(up)
    page.close()


def test_narrow_pages_say_where_there_is_more_and_break_no_option(browser: Any, file: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(file.as_uri())
    page.locator("#provenance details, #classes details").evaluate_all(
        "all => all.forEach(one => one.open = true)"
    )
    boxes = page.locator(".scroll:has(> table)").evaluate_all(
        "all => all.map(one => [one.scrollWidth > one.clientWidth, one.classList.contains('cut')])"
    )
    assert [True, True] in boxes
    assert all(wide == told for wide, told in boxes)
    lines = page.locator(".command .word").evaluate_all("all => all.map(one => one.getClientRects().length)")
    assert set(lines) == {1}
    page.close()


def test_numbers_stand_below_their_headings(browser: Any, file: Path) -> None:
    page = browser.new_page()
    page.goto(file.as_uri())
    aligned = page.locator("#classes table").last.evaluate(
        "table => [...table.rows].map(row => [...row.cells].slice(1).map(cell => getComputedStyle(cell).textAlign))"
    )
    assert {one for row in aligned for one in row} == {"right"}
    page.close()


@pytest.mark.parametrize("width", [820, 1440])
def test_two_charts_stand_beside_each_other(browser: Any, file: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(file.as_uri())
    first, second = page.locator("#diversity figure").all()[:2]
    a, b = first.bounding_box(), second.bounding_box()
    assert a["y"] == b["y"]
    room = page.locator("#diversity").bounding_box()["width"]
    assert b["x"] + b["width"] - a["x"] > 0.9 * room
    page.close()


def test_the_first_tab_skips_to_the_content(browser: Any, file: Path) -> None:
    page = browser.new_page()
    page.goto(file.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.close()


def test_it_is_read_without_scripts(browser: Any, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator(".verdict").is_visible()
    assert not page.locator(".player").first.is_visible()
    assert page.locator(".walk img").first.is_visible()
    context.close()
