"""``acgan completion``."""

from __future__ import annotations

import click

from acgan.cli.output import echo

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands and options in SHELL, when the Tab key is pressed.

    \b
    bash   acgan completion bash >> ~/.bashrc
    zsh    acgan completion zsh >> ~/.zshrc
    fish   acgan completion fish > ~/.config/fish/completions/acgan.fish
    """  # noqa: D301  (click wants the backspace itself)
    from click.shell_completion import get_completion_class

    completion = get_completion_class(shell)
    assert completion is not None
    echo(completion(ctx.find_root().command, {}, "acgan", "_ACGAN_COMPLETE").source())
