"""``acgan explore`` in a real browser: draw, click, see, download; nothing goes outside, and nothing is left."""

from __future__ import annotations

import re
import shutil
import signal
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from run_helpers import Child, trained

from acgan.api.explore import explorers
from acgan.cli import main

sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright")
pytest.importorskip("gradio", reason="no Gradio: pip install 'acgan[explore]'")
CHROMIUM = shutil.which("chromium")
QUIET = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
WAIT_MSEC = 30_000


def _temporary_files_in(folder: Path) -> None:
    tempfile.tempdir = str(folder)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("explore")
    run, temporary = folder / "run", folder / "temporary"
    trained(run)
    temporary.mkdir()
    child = Child(["explore", str(run)], folder / "log", before=partial(_temporary_files_in, temporary))
    child.wait_for(
        lambda: (folder / "log.out").exists() and "Ctrl-C ends it" in child.stdout, timeout_sec=120
    )
    assert len(list(temporary.glob("acgan-explore-*"))) == 1
    yield re.findall(r"http://127\.0\.0\.1:\d+/", child.stdout)[0]
    child.send(signal.SIGTERM)  # a shell in the background may have SIGINT ignored
    assert child.wait() == 75, child.stderr
    assert "Traceback" not in child.stderr
    assert list(temporary.iterdir()) == []


@dataclass
class Visit:
    """A window on the page.

    Attributes:
        page: The page.
        requests: Addresses that it asked for.
        errors: What the browser's console told.
    """

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)

    @property
    def pictures(self) -> Any:
        return self.page.locator("button.thumbnail-lg:visible")

    def expect_pictures(self, count: int) -> None:
        sync_api.expect(self.pictures).to_have_count(count, timeout=WAIT_MSEC)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def warned(self, text: str) -> None:
        """Expect a warning, and close it."""
        toast = self.page.locator(".toast-body")
        sync_api.expect(toast).to_contain_text(text, timeout=WAIT_MSEC)
        self.page.locator(".toast-close").click()
        sync_api.expect(toast).to_have_count(0, timeout=WAIT_MSEC)

    def check_widths(self) -> None:
        """Nothing is cut: the page and each list of pictures are as wide and high as what is in them."""
        width = self.page.viewport_size["width"]
        assert self.page.evaluate("document.documentElement.scrollWidth") == width
        for box in (picture.bounding_box() for picture in self.pictures.all()):
            assert 0 <= box["x"] < box["x"] + box["width"] <= width
            assert box["width"] >= 90
        for grid in self.page.locator(".pictures .grid-wrap:visible").all():
            hidden = grid.evaluate("e => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight]")
            assert hidden == [0, 0]
            tops = grid.evaluate(
                "e => [...e.querySelectorAll('button.thumbnail-lg')].map(one => one.offsetTop)"
            )
            assert len(set(Counter(tops).values())) == 1, "rows are full"
            # Asked at once: the page may be scrolling.
            below = grid.evaluate(
                "e => e.getBoundingClientRect().bottom"
                " - [...e.querySelectorAll('button.thumbnail-lg')].pop().getBoundingClientRect().bottom"
            )
            assert 0 <= below < 20

    def expect_in_sight(self, text: str) -> None:
        """Expect that the page moves to a heading."""
        self.page.wait_for_function(
            """text => [...document.querySelectorAll("h3")].some(one => {
              const box = one.getBoundingClientRect();
              return one.offsetParent && one.textContent.includes(text) && 0 <= box.top && box.bottom < innerHeight;
            })""",
            arg=text,
            timeout=WAIT_MSEC,
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        yield found
        found.close()


@pytest.fixture
def visit(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[Visit]:
    """A visit with a window of a size; nothing may go outside, and nothing may fail in the browser."""
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    visit = Visit(page)
    page.goto(address)
    visit.expect_pictures(8)  # drawn without a click
    yield visit
    page.close()
    assert [url for url in visit.requests if not url.startswith((address, "data:", "blob:"))] == []
    assert visit.errors == []


@needs_browser
@pytest.mark.parametrize("visit", [(1000, 1200)], indirect=True)
def test_click_see_download(visit: Visit) -> None:
    page = visit.page
    page.get_by_label("3", exact=True).check()
    visit.press("Draw")
    visit.expect_pictures(16)
    assert "seen as" in visit.pictures.first.inner_text()
    visit.pictures.nth(9).click()
    visit.expect_pictures(32)  # eight around it, and eight training images
    visit.expect_in_sight("Samples around the clicked one, 3, image 1")
    assert "of 255 away" in visit.pictures.last.inner_text()
    for name, check in (("Arrays (npz)", as_arrays), ("Pictures (zip)", as_zip)):
        with page.expect_download() as caught:
            page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name)).first.click()
        check(Path(caught.value.path()))


@needs_browser
@pytest.mark.parametrize("visit", [(390, 844), (820, 1180), (1440, 900)], indirect=True)
def test_no_picture_is_cut(visit: Visit) -> None:
    visit.check_widths()
    visit.page.get_by_role("tab", name="Path").click()
    visit.expect_pictures(10)
    visit.check_widths()
    captions = visit.pictures.all_inner_texts()
    assert [re.findall(r"\d+%", caption)[0] for caption in captions[:4]] == ["0%", "11%", "22%", "33%"]
    visit.press("Draw the path")
    visit.expect_in_sight("Path of 0 from image 0 to image 1, seed 0")
    visit.pictures.last.click()
    visit.expect_pictures(26)
    visit.expect_in_sight("Samples around the clicked one")
    visit.check_widths()
    visit.page.get_by_role("tab", name="Mix of classes").click()
    visit.expect_pictures(8)
    visit.check_widths()
    # What stood beside samples of another tab is gone.
    headings = visit.page.locator("h3:visible").all_inner_texts()
    assert headings == ["Mix of 50% 0, 50% 1, seed 0"]


@needs_browser
@pytest.mark.parametrize("visit", [(390, 844)], indirect=True)
def test_fields_that_hold_anything(visit: Visit) -> None:
    page = visit.page
    seed = page.get_by_label("Seed", exact=False).first
    seed.fill("5")
    visit.press("Draw")
    visit.expect_in_sight("Samples of 0, seed 5")
    for typed in ("-3", "1.5", "1e300"):
        seed.fill(typed)
        visit.press("Draw")
        visit.warned("Seed: found")
    seed.fill("")
    visit.press("Draw")
    visit.expect_in_sight("Samples of 0, seed 0")
    number = page.get_by_label("number input for Images of each class")
    # Counts change each time: a click is lost while the answer to one before is on its way.
    for typed, count in (("", 1), ("9e9", 64), ("-5", 1)):
        number.fill(typed)
        visit.press("Draw")
        visit.expect_pictures(count)
    number.fill("2")
    page.get_by_label("0", exact=True).first.uncheck()
    visit.press("Draw")
    visit.warned("Choose a class.")
    page.get_by_role("tab", name="Path").click()
    page.get_by_label("From image number").fill("64")
    visit.press("Draw the path")
    visit.warned("From image number: found 64; expected a whole number from 0 to 63.")
    page.get_by_label("From image number").fill("")
    visit.press("Draw the path")
    visit.expect_in_sight("Path of 0 from image 0 to image 1, seed 0")
    visit.pictures.first.click()
    visit.expect_pictures(26)
    number = page.get_by_label("number input for How far they are from it")
    for typed in ("", "7", "-1"):
        number.fill(typed)
        number.press("Tab")
    page.get_by_role("tab", name="Mix of classes").click()
    visit.expect_pictures(8)
    for place in (1, 2):
        page.get_by_label(f"number input for Share {place}").fill("0")
    visit.press("Draw the mix")
    visit.warned("every share is 0")
    sync_api.expect(page.locator(".toast-body")).to_have_count(0)


def as_arrays(file: Path) -> None:
    with np.load(file) as arrays:
        assert len(arrays["images"]) == 16
        assert arrays["shares"].argmax(axis=1).tolist() == [0] * 8 + [3] * 8


def as_zip(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        assert len(archive.namelist()) == 17
        assert "sampler.json" in archive.namelist()


def test_remarks_on_training_images_are_counted(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    for name in ("cat", "dog"):
        for number in range(12):
            file = tmp_path / "photos" / name / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draws.integers(0, 256, (16, 16), dtype=np.uint8)).save(file)
    for name in ("a.png", "b.png"):
        (tmp_path / "photos" / "cat" / name).write_bytes(b"broken")
    run = trained(
        tmp_path / "run", {"data.on_error": "skip"}, "--data", str(tmp_path / "photos"), "--max-time", "1"
    )
    said: list[str] = []
    (explorer,) = explorers([run], say=said.append)
    assert explorer.compares
    assert not explorer.judges
    (counted,) = [line for line in said if "its training told" in line]
    assert re.search(r"told \d+ remarks on its images", counted)
    assert f"`acgan train {run} --dry-run` tells them again" in counted
    assert "broken" not in "".join(said)
    assert "skipped" not in "".join(said)


def test_what_is_no_run() -> None:
    result = CliRunner().invoke(main, ["explore", "nothing"])
    assert result.exit_code == 1
    assert "nothing" in result.output
