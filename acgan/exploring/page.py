"""The page of ``acgan explore``, on Gradio: loopback only, without telemetry and requests to the outside."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before the import, which asks

import gradio as gr

from acgan.exploring.answers import PATH_IMAGES, Answers
from acgan.exploring.explorer import Explorer
from acgan.exploring.fields import MOST_IMAGES
from acgan.showing import shown

_LOOPBACK = "127.0.0.1"
_MIXED = 4  # classes of a mix
_MOST_BOXES = 30  # of classes; more are found by typing
_COLUMNS = 8
_LEAST_DISTANCE = 0.05
# Gradio cuts images to squares, lays captions over them, and gives any number of them one height and fixed columns.
# Here there are all columns, half of them or two, the most whose pictures are 90 px wide, so that rows are full: the
# factor makes a switch of `min` and `max`.
_CSS = """
img {image-rendering: pixelated}
.column {scroll-margin-top: 12px}
.head {gap: 12px}
.pictures .grid-wrap {height: auto !important; min-height: 0 !important; max-height: none !important}
.pictures .grid-container {
  --all: calc((100% - (var(--grid-cols) - 1) * var(--spacing-lg)) / var(--grid-cols) - 1px);
  --half: calc((100% - (var(--grid-cols) / 2 - 1) * var(--spacing-lg)) * 2 / var(--grid-cols) - 1px);
  --two: calc((100% - var(--spacing-lg)) / 2 - 1px);
  --by-half: max(var(--half), min(var(--two), (90px - var(--half)) * 9999));
  --side: max(var(--all), min(var(--by-half), (90px - var(--all)) * 9999));
  grid-template: none / repeat(auto-fill, minmax(var(--side), 1fr)) !important;
  grid-auto-rows: auto !important
}
.thumbnail-lg {aspect-ratio: auto !important; height: auto !important; display: block !important}
.thumbnail-lg img {width: 100% !important; height: auto !important}
.caption-label {
  position: static !important; max-width: 100% !important; white-space: pre-line !important;
  overflow-wrap: anywhere
}
"""
#: Brings what a click shows into sight, if it begins in the lower part of the window or outside of it.
_LOOK = """() => setTimeout(() => {{
  const found = document.getElementById("{name}"), top = found?.getBoundingClientRect().top;
  if (found?.offsetParent && (top < 0 || top > 0.6 * innerHeight)) found.scrollIntoView({{behavior: "smooth"}});
}}, 150)"""

#: Gradio sends what was typed beside a slider before it bounds it.
_BOUNDED = f"(sample, distance, seed) => [sample, Math.min(1, Math.max({_LEAST_DISTANCE}, distance)), seed]"


def build_page(explorers: Sequence[Explorer], folder: Path) -> gr.Blocks:
    """The page, with a tab for each generator; its pictures and downloads lie in a folder."""
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "pictures")  # Gradio leaves them where they are
    with gr.Blocks(title="acgan explore", analytics_enabled=False) as page:
        gr.Markdown("# acgan explore\nAll images here are generated, but those called training images.")
        for number, explorer in enumerate(explorers):
            downloads = folder / str(number)
            downloads.mkdir()
            with gr.Tab(shown(explorer.name)):
                _tab(page, Answers(explorer, downloads), number)
    return page  # type: ignore[no-any-return]


def launch(page: gr.Blocks, port: int | None, *, opened: bool) -> str:
    """Show the page to this machine alone, and return its address.

    Raises:
        OSError: If the port cannot be used.
    """
    # Gradio's own themes fetch their fonts.
    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
        block_info_text_color="*neutral_600",  # the theme's own is too faint on white
        block_info_text_color_dark="*neutral_300",
    )
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


def _tab(page: gr.Blocks, answers: Answers, number: int) -> None:
    explorer = answers.explorer
    names = [(shown(name), label) for label, name in enumerate(explorer.sampler.class_names)]
    if not explorer.judges:
        gr.Markdown(
            "No classifier judges the samples of this generator. Start `acgan explore` with `--classifier`, and the "
            "page says below each sample what the classifier sees in it."
        )
    seed, truncation = _settings_fields()
    with gr.Tab("Classes") as classes_tab:
        of_classes = [*_class_fields(names, judged=explorer.judges), seed, truncation]
        by_class = gr.Button("Draw", variant="primary")
    with gr.Tab("Mix of classes") as mix_tab:
        of_mix = [seed, truncation, *_mix_fields(names)]
        mixed = gr.Button("Draw the mix", variant="primary")
    with gr.Tab("Path") as path_tab:
        of_path = [*_path_fields(names), seed, truncation]
        walked = gr.Button("Draw the path", variant="primary")
    drawn, picked = gr.State([]), gr.State(None)
    with gr.Column(elem_id=f"samples-{number}"):
        told = gr.Markdown("### Samples", latex_delimiters=[])
        gallery = _gallery("Samples")
        with gr.Row():
            downloads = [
                gr.DownloadButton(name, interactive=False, min_width=90)
                for name in ("Page (PNG)", "Arrays (npz)", "Pictures (zip)")
            ]
    with gr.Column(elem_id=f"around-{number}", visible=False) as beside:
        told_around = gr.Markdown(latex_delimiters=[])
        distance = _distance_field()
        around = _gallery("Samples around it")
        told_near = gr.Markdown(latex_delimiters=[])
        near = _gallery("Nearest training images", visible=explorer.compares)

    samples = [drawn, told, gallery, *downloads, beside]
    for answer, inputs, button, tab in (
        (answers.draw, of_classes, by_class, classes_tab),
        (answers.mix, of_mix, mixed, mix_tab),
        (answers.path, of_path, walked, path_tab),
    ):
        clicked = button.click(answer, inputs, samples, api_visibility="private")
        clicked.then(None, js=_LOOK.format(name=f"samples-{number}"), api_visibility="private")
        tab.select(answer, inputs, samples, api_visibility="private")
    page.load(answers.draw, of_classes, samples, api_visibility="private")
    found = [told_around, around, told_near, near, beside]
    clicked = gallery.select(answers.pick, drawn, picked, api_visibility="private")
    clicked = clicked.then(answers.look, [picked, distance, seed], found, api_visibility="private")
    clicked.then(None, js=_LOOK.format(name=f"around-{number}"), api_visibility="private")
    distance.release(answers.look, [picked, distance, seed], found, js=_BOUNDED, api_visibility="private")


def _settings_fields() -> tuple[gr.Number, gr.Slider]:
    with gr.Row():
        return gr.Number(
            0,
            label="Seed",
            info="A whole number. The same seed gives the same images again, another seed gives others.",
        ), gr.Slider(
            0.1,
            1,
            1,
            step=0.05,
            label="Truncation",
            info="Factor of the random numbers that an image is made from. Smaller: more typical, less diverse.",
        )


def _class_fields(names: list[tuple[str, int]], *, judged: bool) -> list[gr.Component]:
    return [
        gr.CheckboxGroup(names, value=[0], label="Classes")
        if len(names) <= _MOST_BOXES
        else gr.Dropdown(
            names, value=[0], label="Classes", multiselect=True, info="Type a part of a name to find it."
        ),
        gr.Slider(1, MOST_IMAGES, 8, step=1, label="Images of each class"),
        gr.Slider(
            0,
            1,
            0,
            step=0.05,
            visible=judged,
            label="Least probability of the class",
            info="Only images whose class the classifier gives this probability or more. They are less diverse.",
        ),
    ]


def _mix_fields(names: list[tuple[str, int]]) -> list[gr.Component]:
    gr.Markdown(
        f"Shares of up to {_MIXED} classes. The generator knows a class by a list of numbers (its embedding), and a "
        "mix has the mean of these lists. It was not trained for that: a mix may look like either class, or like none."
    )
    count = gr.Slider(1, MOST_IMAGES, 8, step=1, label="Images")
    chosen, shares = [], []
    for place in range(min(_MIXED, len(names))):
        with gr.Row():
            chosen.append(gr.Dropdown(names, value=place, label=f"Class {place + 1}", min_width=120))
            shares.append(
                gr.Slider(0, 1, float(place < 2), step=0.05, label=f"Share {place + 1}", min_width=140)
            )
    return [count, *chosen, *shares]


def _path_fields(names: list[tuple[str, int]]) -> list[gr.Component]:
    gr.Markdown(
        f"{PATH_IMAGES} images on the way from one image of a class to another. Each image is made from random "
        "numbers, its latent, and the way leads from one latent to the other."
    )
    which = f"A whole number from 0 to {MOST_IMAGES - 1}."
    with gr.Row():
        return [
            gr.Dropdown(names, value=0, label="Class", min_width=120),
            gr.Number(0, label="From image number", info=which, min_width=120),
            gr.Number(1, label="To image number", info=which, min_width=120),
        ]


def _distance_field() -> gr.Slider:
    return gr.Slider(
        _LEAST_DISTANCE,
        1,
        0.3,
        step=0.05,
        label="How far they are from it",
        info="Share of the latent (the random numbers that an image is made from) that is drawn anew. Near 0 the "
        "images look like the clicked one, at 1 they have only its class.",
    )


def _gallery(label: str, *, visible: bool = True) -> gr.Gallery:
    return gr.Gallery(
        label=label,
        show_label=False,
        visible=visible,
        columns=_COLUMNS,
        height="auto",
        object_fit="contain",
        preview=False,
        allow_preview=False,
        buttons=[],
        format="png",
        elem_classes="pictures",
    )
