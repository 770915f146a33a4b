"""The page: sections in one HTML file that needs nothing else."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from acgan.code_version import code_version
from acgan.report.section import Section
from acgan.showing import shown_lines

_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        title: Its title.
        lines: Facts below the title.
        sections: Its sections, in order.
        missing: What could not be read or shown, in sentences.
    """

    title: str
    lines: tuple[str, ...]
    sections: Sequence[Section]
    missing: Sequence[str]

    def html(self) -> str:
        """The whole file."""
        template = _environment().get_template("page.html")
        date = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        return template.render(page=self, version=code_version(), date=date)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    environment.globals["include_file"] = _file
    environment.filters["quoted"] = lambda path: shlex.quote(str(path))
    return environment


def _harmless(value: Any) -> Any:
    """Text with an escape for what steers a page; it is escaped for HTML after this."""
    return shown_lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _file(name: str) -> Markup:
    """A style sheet or script of our own, as it is."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))  # ours
