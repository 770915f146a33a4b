"""``acgan config``: every key with its meaning, and the recipes."""

from __future__ import annotations

import click


@click.command()
@click.argument("recipe", required=False)
def command(recipe: str | None) -> None:
    """List every key of a configuration with its type, default and meaning.

    With RECIPE (a shipped recipe's name or a YAML path), print that recipe resolved: defaults filled in.
    """
    from acgan.config import RunConfig, list_keys, load, to_yaml
    from acgan.config.recipes import find_recipe, recipes

    if recipe is not None:
        click.echo(to_yaml(load(RunConfig, find_recipe(recipe))), nl=False)
        return
    for key in list_keys(RunConfig):
        default = "" if key.default is None else f" = {key.default}"
        click.echo(click.style(key.key, bold=True) + f": {key.type}{default}")
        click.echo(f"    {key.meaning}")
    click.echo("\nRecipes (`acgan config RECIPE` prints one, `acgan train RECIPE` trains it):")
    for name, file in recipes().items():
        click.echo("  " + click.style(f"{name:<18}", bold=True) + load(RunConfig, file).description)
