"""Names of scores on the command line."""

from __future__ import annotations

import click

from acgan.metrics.catalogue import CATALOGUE, full_title, plain_name, printed_scores


class ScoreNames(click.ParamType):
    """Names of metrics (``prdc``) or of single scores (``recall``), with commas between, as names of scores."""

    name = "metrics"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        from acgan.errors import did_you_mean

        scores = printed_scores()
        known = {
            **{name: (name,) for name in scores},
            **{key: tuple(one.name for one in entry.scores) for key, entry in CATALOGUE.items()},
        }
        chosen = [part.strip() for part in str(value).split(",") if part.strip()]
        for name in chosen:
            if name not in known:
                self.fail(
                    f"{name!r} is no metric.{did_you_mean(name, known)} Expected {', '.join(CATALOGUE)}, or a score of "
                    "one, as in recall.",
                    param,
                    ctx,
                )
        if not chosen:
            self.fail(f"expected at least one of {', '.join(CATALOGUE)}.", param, ctx)
        return tuple(dict.fromkeys(score for name in chosen for score in known[name]))


def titles(metrics: list[str]) -> dict[str, str]:
    """Titles for a table by metric; the extractor follows where a title is that of two."""
    plain = [full_title(metric) for metric in metrics]
    return {
        metric: found if plain.count(found) == 1 else f"{found} {metric.removeprefix(plain_name(metric))}"
        for metric, found in zip(metrics, plain, strict=True)
    }
