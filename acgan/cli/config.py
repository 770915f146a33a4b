"""``acgan config``: every key with its meaning, and the recipes."""

from __future__ import annotations

import click

from acgan.cli.output import echo


@click.command()
@click.argument("recipe", required=False)
@click.option("--classify", is_flag=True, help="Of classifiers (`acgan classify train`) instead of GANs.")
def command(recipe: str | None, classify: bool) -> None:
    """List every key of a configuration with its type, default and meaning, and the recipes.

    With RECIPE (a shipped recipe's name, a YAML path or a run directory), print it resolved: defaults filled in.
    """
    from acgan.config import CONFIGS, list_keys, load, to_yaml
    from acgan.config.recipes import COMMANDS, find_recipe, recipes

    task = "classify" if classify else "gan"
    if recipe is not None:
        echo(to_yaml(load(CONFIGS[task], find_recipe(recipe, task))), nl=False)
        return
    for key in list_keys(CONFIGS[task]):
        # As YAML has it: a list.
        value = list(key.default) if isinstance(key.default, tuple) else key.default
        default = "" if value is None else f" = {value}"
        click.echo(click.style(key.key, bold=True) + f": {key.type}{default}")
        click.echo(f"    {key.meaning}")
    for task, command_line in COMMANDS.items():
        option = " --classify" if task == "classify" else ""
        click.echo(f"\nRecipes of `{command_line}` (`acgan config{option} RECIPE` prints one):")
        width = max(map(len, recipes(task))) + 2
        for name, file in recipes(task).items():
            click.echo(
                "  " + click.style(name.ljust(width), bold=True) + load(CONFIGS[task], file).description
            )
