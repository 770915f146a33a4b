"""``acgan explore`` in a real browser: draw, click, see, download; nothing goes outside."""

from __future__ import annotations

import re
import shutil
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from run_helpers import Child, trained

from acgan.cli import main

pytest.importorskip("gradio", reason="no Gradio: pip install 'acgan[explore]'")
sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright")
CHROMIUM = shutil.which("chromium")
QUIET = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("explore")
    run = folder / "run"
    trained(run)
    child = Child(["explore", str(run)], folder / "log")
    child.wait_for(
        lambda: (folder / "log.out").exists() and "Ctrl-C ends it" in child.stdout, timeout_sec=120
    )
    yield re.findall(r"http://127\.0\.0\.1:\d+/", child.stdout)[0]
    child.send(signal.SIGTERM)  # a shell in the background may have SIGINT ignored
    assert child.wait() == 75, child.stderr
    assert "Traceback" not in child.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_click_see_download(address: str, tmp_path: Path) -> None:
    requests: list[str] = []
    errors: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        page = browser.new_page(viewport={"width": 1000, "height": 1200})
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.goto(address)
        page.get_by_label("3", exact=True).check()
        page.get_by_role("button", name="Draw", exact=True).click()
        samples = page.locator("button.thumbnail-lg")
        sync_api.expect(samples).to_have_count(16, timeout=30_000)
        assert "seen as" in samples.first.inner_text()
        samples.nth(9).click()
        # Eight around it, and eight training images.
        sync_api.expect(samples).to_have_count(32, timeout=30_000)
        assert "of 255 away" in samples.last.inner_text()
        for name, check in (("Arrays (npz)", as_arrays), ("Pictures (zip)", as_zip)):
            with page.expect_download() as caught:
                page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name)).first.click()
            check(Path(caught.value.path()))
        browser.close()
    outside = [url for url in requests if not url.startswith((address, "data:", "blob:"))]
    assert outside == []
    assert errors == []


def as_arrays(file: Path) -> None:
    with np.load(file) as arrays:
        assert len(arrays["images"]) == 16
        assert arrays["shares"].argmax(axis=1).tolist() == [0] * 8 + [3] * 8


def as_zip(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        assert len(archive.namelist()) == 16


def test_what_is_no_run() -> None:
    result = CliRunner().invoke(main, ["explore", "nothing"])
    assert result.exit_code == 1
    assert "nothing" in result.output
