"""Pages of the site that are made when it is built, and links from pages to files of the repository.

README.md and benchmarks/results.md become pages; commands, keys and the Python interface are listed from the code.
Links to other files of the repository become plain names, since the site does not hold them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|`[^`]*`)*)\]\(([^()\s]+)\)")
_HTML_LINK = re.compile(r'<a href="(?!https?:|#)([^"]*)">(.*?)</a>', re.DOTALL)
#: Files of the repository that are pages: their place in the site.
_PAGES = {"README.md": "index.md", "benchmarks/results.md": "benchmarks.md"}
_PYTHON = (
    *("acgan.api.gan.train", "acgan.api.classifier.train_classifier", "acgan.api.opening.TrainOptions"),
    *(
        "acgan.api.opening.TrainResult",
        "acgan.api.evaluate.evaluate",
        "acgan.api.evaluate_options.EvaluateOptions",
    ),
    *("acgan.sampling.sampler.load_generator", "acgan.sampling.sampler.ClassSampler"),
    *(
        "acgan.predicting.load_classifier",
        "acgan.predicting.ImageClassifier",
        "acgan.api.results.load_results",
    ),
    *("acgan.models.heads.AuxHead", "acgan.models.classifier.AuxClassifier"),
    *("acgan.models.discriminator.Discriminator", "acgan.models.generator.Generator"),
    *("acgan.losses.summed.SummedLoss", "acgan.assembly.register"),
)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    made = {
        **{place: (ROOT / name).read_text(encoding="utf-8") for name, place in _PAGES.items()},
        "reference/commands.md": commands_page(),
        "reference/keys.md": keys_page(),
        "reference/python.md": python_page(),
    }
    for place, text in made.items():
        files.append(File.generated(config, place, content=text))
    for picture in sorted((ROOT / "samples").glob("*.png")):
        files.append(File.generated(config, f"samples/{picture.name}", abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    """Let links lead to pages of the site, and name files that are not in it."""
    home = {place: name for name, place in _PAGES.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def led(found: re.Match[str]) -> str:
        bang, text, target = found.groups()
        if re.match(r"[a-z]+:|#", target):
            return found[0]
        place = _place(target, home)
        if place is None:
            return text
        return f"{bang}[{text}]({posixpath.relpath(place, posixpath.dirname(page.file.src_uri) or '.')})"

    def pictured(found: re.Match[str]) -> str:
        place = _place(found[1], home)
        return f'src="{found[1]}"' if place is None else f'src="{_up(page) + place}"'

    markdown = _HTML_LINK.sub(lambda found: found[2], markdown)
    markdown = re.sub(r'src="(?!https?:)([^"]*)"', pictured, markdown)
    return _outside_code(markdown, lambda text: _LINK.sub(led, text))


def _up(page: Page) -> str:
    """From a page's address to the top: each page is a folder."""
    return "../" * page.url.count("/")


def _place(target: str, home: str) -> str | None:
    """Place in the site that a link of a file of the repository leads to; None if that file is not in it."""
    path, _, anchor = target.partition("#")
    name = posixpath.normpath(posixpath.join(posixpath.dirname(home), path))
    anchor = f"#{anchor}" if anchor else ""
    if name in _PAGES:
        return _PAGES[name] + anchor
    if name.startswith("docs/") and (ROOT / name).is_file():
        return name.removeprefix("docs/") + anchor
    return name if name.startswith("samples/") and name.endswith(".png") else None


def _outside_code(markdown: str, change: Any) -> str:
    """Change what is not in a block of code."""
    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else change(part) for part in parts)


def commands_page() -> str:
    """Every command with its help."""
    from acgan.cli import main

    lines = ["# Commands", ""]
    for path, command in _commands(main, ("acgan",)):
        context = click.Context(command, info_name=" ".join(path), max_content_width=100)
        lines += [f"## {' '.join(path)}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group, info_name=path[-1])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


def keys_page() -> str:
    """Every key of a configuration."""
    from acgan.config import CONFIGS, list_keys

    lines = ["# Configuration", ""]
    titles = {"gan": "acgan train", "classify": "acgan classify train"}
    for task, title in titles.items():
        lines += [f"## {title}", "", "| key | type | default | meaning |", "|---|---|---|---|"]
        for key in list_keys(CONFIGS[task]):
            default = list(key.default) if isinstance(key.default, tuple) else key.default
            shown = "" if default in (None, "") else f"`{default}`"
            cells = (f"`{key.key}`", key.type, shown, key.meaning)
            lines.append(
                "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
            )
        lines.append("")
    return "\n".join(lines)


def python_page() -> str:
    """The Python interface, from docstrings."""
    lines = ["# Python", "", "`import acgan` has all of these names.", ""]
    return "\n".join([*lines, *(f"::: {name}\n" for name in _PYTHON)])
