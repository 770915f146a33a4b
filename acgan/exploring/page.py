"""The page of ``acgan explore``, on Gradio: loopback only, without telemetry and requests to the outside."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before the import, which asks

import gradio as gr
import numpy as np
from PIL import Image

from acgan.exploring.explorer import DrawnSample, Explorer, pixels
from acgan.showing import shown

_LOOPBACK = "127.0.0.1"
_SIDE = 128  # to which images are enlarged
_MOST = 64  # images of a class
_AROUND, _NEIGHBOURS, _FRAMES = 8, 8, 10
_CSS = """
img {image-rendering: pixelated}
.thumbnail-lg {aspect-ratio: auto !important; height: auto !important; display: block !important}
.thumbnail-lg img {width: 100% !important; height: auto !important}
.caption-label {position: static !important; max-width: 100% !important; white-space: normal !important}
"""  # captions below whole images, where Gradio cuts images to squares and lays captions over them


def build_page(explorers: Sequence[Explorer]) -> gr.Blocks:
    """The page, with a tab for each generator."""
    with gr.Blocks(title="acgan explore", analytics_enabled=False) as page:
        gr.Markdown("# acgan explore\nAll images here are generated, but those called training images.")
        for explorer in explorers:
            with gr.Tab(shown(explorer.name)):
                _tab(explorer)
    return page  # type: ignore[no-any-return]


def launch(page: gr.Blocks, port: int | None, *, opened: bool) -> str:
    """Show the page to this machine alone, and return its address.

    Raises:
        OSError: If the port cannot be used.
    """
    # Gradio's own themes fetch their fonts.
    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    _, address, _ = page.launch(
        server_name=_LOOPBACK,
        server_port=port,
        share=False,
        inbrowser=opened,
        quiet=True,
        prevent_thread_lock=True,
        show_error=True,
        footer_links=[],
        ssr_mode=False,
        theme=theme,
        css=_CSS,
    )
    return str(address)


def _tab(explorer: Explorer) -> None:
    names = [(shown(name), label) for label, name in enumerate(explorer.sampler.class_names)]
    drawn = gr.State([])
    with gr.Row():
        seed = gr.Number(0, label="Seed", precision=0, minimum=0)
        truncation = gr.Slider(
            0.1, 1, 1, step=0.05, label="Truncation: smaller is more typical and less diverse"
        )
        count = gr.Slider(1, _MOST, 8, step=1, label="Images of each class")
    with gr.Tab("Classes"):
        classes = gr.CheckboxGroup(names, value=[0], label="Classes")
        least = gr.Slider(
            0,
            1,
            0,
            step=0.05,
            visible=explorer.judges,
            label="Keep images whose class the classifier gives this probability or more",
        )
        by_class = gr.Button("Draw", variant="primary")
    with gr.Tab("Mix of classes"):
        shares = [gr.Slider(0, 1, float(label < 2), step=0.05, label=name) for name, label in names[:20]]
        mixed = gr.Button("Draw the mix", variant="primary")
    with gr.Tab("Path"):
        with gr.Row():
            of_class = gr.Dropdown(names, value=0, label="Class")
            first = gr.Number(0, label="From image number", precision=0, minimum=0, maximum=_MOST - 1)
            second = gr.Number(1, label="to image number", precision=0, minimum=0, maximum=_MOST - 1)
        walked = gr.Button("Draw the path", variant="primary")
    gr.Markdown("### Samples\nClick one to see samples around it and its nearest training images.")
    gallery = _gallery("Samples")
    told = gr.Markdown()
    with gr.Row():
        as_page = gr.DownloadButton("Page (PNG)", interactive=False)
        as_npz = gr.DownloadButton("Arrays (npz)", interactive=False)
        as_zip = gr.DownloadButton("Pictures (zip)", interactive=False)
    distance = gr.Slider(0.05, 1, 0.3, step=0.05, label="Distance of the samples around it")
    gr.Markdown("### Samples around it")
    around = _gallery("Samples around it")
    gr.Markdown("### Nearest training images of its class, in pixels")
    near = _gallery("Nearest training images")
    if not explorer.compares:
        gr.Markdown("The training images are not at hand, so none are shown beside samples.")

    shown_things = [drawn, gallery, told, as_page, as_npz, as_zip]
    folder = Path(tempfile.mkdtemp(prefix="acgan-explore-"))

    def show(samples: list[DrawnSample], remark: str = "") -> list[Any]:
        if not samples:
            off = gr.DownloadButton(interactive=False)
            return [[], [], remark or "Nothing was drawn.", off, off, off]
        files = _write(explorer, samples, folder)
        downloads = [gr.DownloadButton(value=str(file), interactive=True) for file in files]
        return [samples, [_labelled(one) for one in samples], remark, *downloads]

    def draw(labels: list[int], seed: int, truncation: float, count: int, least: float) -> list[Any]:
        if not labels:
            return show([], "Choose a class.")
        samples = explorer.draw(labels, int(count), seed=int(seed), truncation=truncation, least=least)
        missing = int(count) * len(labels) - len(samples)
        remark = f"The classifier is sure of too few: {missing} are missing." if missing else ""
        return show(samples, remark)

    def mix(seed: int, truncation: float, count: int, *shares: float) -> list[Any]:
        if not any(shares):
            return show([], "Give a class a share above 0.")
        parts = dict(enumerate(shares))
        return show(explorer.mix(parts, int(count), seed=int(seed), truncation=truncation))

    def walk(label: int, first: int, second: int, seed: int, truncation: float) -> list[Any]:
        ends = (int(first), int(second))
        return show(explorer.path(label, *ends, _FRAMES, seed=int(seed), truncation=truncation))

    def look(samples: list[DrawnSample], distance: float, seed: int, clicked: gr.SelectData) -> list[Any]:
        sample = samples[int(clicked.index)]
        others = explorer.around(sample, _AROUND, distance, seed=int(seed))
        found = explorer.neighbours(sample, _NEIGHBOURS)
        neighbours = [(_enlarged(one.image), f"{one.distance:.1f} of 255 away") for one in found]
        return [[_labelled(one) for one in others], neighbours]

    by_class.click(draw, [classes, seed, truncation, count, least], shown_things, api_visibility="private")
    mixed.click(mix, [seed, truncation, count, *shares], shown_things, api_visibility="private")
    walked.click(walk, [of_class, first, second, seed, truncation], shown_things, api_visibility="private")
    gallery.select(look, [drawn, distance, seed], [around, near], api_visibility="private")


def _gallery(label: str) -> gr.Gallery:
    return gr.Gallery(
        label=label,
        show_label=False,
        columns=8,
        height="auto",
        object_fit="contain",
        preview=False,
        allow_preview=False,
        format="png",
    )


def _labelled(sample: DrawnSample) -> tuple[Image.Image, str]:
    return _enlarged(sample.image), shown(sample.verdict or sample.name)


def _enlarged(image: Any) -> Image.Image:
    array = pixels(image)
    factor = max(1, _SIDE // len(array))
    return Image.fromarray(np.repeat(np.repeat(array, factor, axis=0), factor, axis=1))


def _write(explorer: Explorer, samples: list[DrawnSample], folder: Path) -> list[Path]:
    """The files to download; those of the last drawing are replaced."""
    files = [folder / name for name in ("samples.png", "samples.npz", "samples.zip")]
    Image.fromarray(pixels(explorer.page(samples))).save(files[0])
    files[1].write_bytes(explorer.as_npz(samples))
    files[2].write_bytes(explorer.as_zip(samples))
    return files
