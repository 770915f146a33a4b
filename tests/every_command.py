"""All commands, for tests that walk them."""

from __future__ import annotations

from collections.abc import Iterator

import click

from acgan.cli import main


def _leaves(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


#: Each command that does work by its name, such as ``classify predict``.
LEAVES = dict(_leaves(main))
