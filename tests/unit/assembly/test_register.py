"""Parts of one's own: they reach the configuration and the objects, and what does not fit is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from gan_helpers import CPU, TINY, gan_store
from torch.testing import assert_close
from toy_parts import (
    ALL,
    Dragan,
    LeastSquares,
    LeastSquaresConfig,
    Line,
    LineConfig,
    Pooled,
    Scaled,
    ScaledConfig,
    ScaledHead,
    Shrink,
    ShrinkConfig,
    register_all,
)

import acgan
from acgan import models
from acgan.api import EvaluateOptions
from acgan.assembly import build_gan
from acgan.config import RunConfig, list_keys, load, restore, to_yaml
from acgan.config.losses import (
    AdversarialConfig,
    BaseAdversarialConfig,
    BaseClassificationConfig,
    BasePenaltyConfig,
)
from acgan.data.sources.npz import NpzSource
from acgan.distributed import Ranks
from acgan.errors import ConfigError
from acgan.evaluation.measures import Found
from acgan.losses import CLASSIFICATION, AdversarialLoss
from acgan.metrics.catalogue import CatalogueEntry, PrintedScore
from acgan.runtime import FiniteGuard
from acgan.training.gan_loop import discriminator_step, generator_step

pytestmark = pytest.mark.usefixtures("registry")


# ---------------------------------------------------------------- what fits


def test_parts_are_configured_and_built_as_shipped_ones_are(tmp_path: Path) -> None:
    register_all()
    config = load(RunConfig, None, (*TINY[:1], *TINY[3:], *ALL))
    gan = build_gan(config, gan_store(), device=CPU, precision="float32", ranks=Ranks())
    assert type(gan.generator) is Line
    assert type(gan.discriminator.trunk) is Pooled
    assert gan.discriminator.aux_head.scale == 5
    assert (gan.objective.adversarial.target, gan.objective.classification.sharpness) == (0.9, 2.0)
    log = discriminator_step(gan, FiniteGuard(CPU), 0, 0)
    generator_step(gan, FiniteGuard(CPU), 0)
    assert {"adversarial", "class_real", "shrink", "dragan"} <= log.keys()
    assert_close(log["weighted/shrink"], 0.5 * log["shrink"])
    assert gan.schedules.penalty.at(0) == 1.0

    (tmp_path / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
    assert load(RunConfig, tmp_path / "config.yaml") == config
    assert restore(RunConfig, config.model_dump(mode="json"), "a file") == config


def test_they_are_listed_with_the_others() -> None:
    register_all()
    listed = {(info.key, info.type): info for info in list_keys(RunConfig)}
    sharpness = listed["loss.classification.sharpness", "float, above 0"]
    assert sharpness.meaning == "Factor of the logits in the loss."
    assert listed["model.generator.kind", "line"].default == "line"
    assert "--set loss.shrink='{}' switches it on" in listed["loss.shrink", "section | null"].meaning
    assert ("loss.adversarial.kind", "bce | hinge | wgan_gp | relativistic") in listed
    assert ("loss.adversarial.kind", "least_squares") in listed


def test_shipped_kinds_stay_as_they_are() -> None:
    plain = load(RunConfig, None, ["loss.adversarial.kind=hinge", "model.generator={kind: dcgan}"])
    register_all()
    assert (
        load(RunConfig, None, ["loss.adversarial.kind=hinge", "model.generator={kind: dcgan}"]).model_dump()
        == plain.model_dump()
    )
    assert load(RunConfig, None) == RunConfig()
    assert load(RunConfig, None, ["loss.shrink=null"]).loss.regularisers == {}
    assert type(RunConfig().loss.adversarial) is AdversarialConfig


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "loss.classification={kind: scald}",
            "expected one of cross_entropy, tac, adc, d2d_ce, scaled. Did you mean 'scaled'",
        ),
        (
            "loss.classification={kind: scaled, sharpnes: 1}",
            "unknown key loss.classification.sharpnes. Did you mean 'loss.classification.sharpness'?",
        ),
        (
            "loss.classification={kind: scaled, unit_norm: true}",
            "unknown key loss.classification.unit_norm for kind scaled; it belongs to cross_entropy, tac, adc.",
        ),
        ("loss.classification={kind: scaled, scale: 0}", "loss.classification.scale: found 0; "),
        ("loss.adversarial={kind: hinge, target: 1}", "for kind bce | hinge | wgan_gp | relativistic"),
        ("loss.adversarial.kind=hing", "relativistic, least_squares. Did you mean 'hinge'?"),
        ("loss.adversarial=least_squares", "as in {kind: least_squares}, of kind bce, hinge, wgan_gp,"),
        ("loss.shrnk={}", "unknown key loss.shrnk. Did you mean 'loss.shrink'?"),
        ("loss.shrink={wieght: 1}", "unknown key loss.shrink.wieght. Did you mean 'loss.shrink.weight'?"),
        ("loss.shrink={weight: -1}", "loss.shrink.weight: found -1; "),
        ("loss.shrink=true", "loss.shrink: found True; expected a section of keys"),
        ("train.micro_batch=8", "loss.penalty.kind dragan compares the images of a batch"),
    ],
)
def test_errors_are_those_of_shipped_parts(override: str, message: str) -> None:
    register_all()
    more = ("loss.penalty.kind=dragan",) if override.startswith("train") else ()
    with pytest.raises(ConfigError) as caught:
        load(RunConfig, None, [*more, override])
    assert message in str(caught.value)


def test_a_file_format(tmp_path: Path) -> None:
    acgan.register.data_source(".npz2", NpzSource)
    config = load(RunConfig, None, [f"data.source={tmp_path / 'shades.npz2'}"])
    assert acgan.register.registered_parts(config)["data.source"].kind == ".npz2"


def test_a_metric_is_measured_by_default() -> None:
    entry = CatalogueEntry((PrintedScore("toy", "toy score"),), frozenset({"features"}))
    acgan.register.metric("toy", lambda fake, real, context: Found({}, {}), entry)
    assert "toy" in EvaluateOptions().metrics
    EvaluateOptions(metrics=["toy"]).check()


# ---------------------------------------------------------------- what is refused


class TwoKindsConfig(BaseAdversarialConfig):
    """A toy section."""

    kind: Literal["one", "two"] = "one"
    target: float = 1.0
    """A number."""


class NoKindConfig(BaseAdversarialConfig):
    """A toy section."""

    target: float = 1.0
    """A number."""


class TakenConfig(BaseClassificationConfig):
    """A toy section."""

    head_keys = ("scale",)
    kind: Literal["adc"] = "adc"
    sharpness: float = 1.0
    """A number."""
    scale: float = 1.0
    """A number."""


class OtherKeysConfig(BaseAdversarialConfig):
    """A toy section."""

    kind: Literal["other_keys"] = "other_keys"
    aim: float = 1.0
    """A number."""


class UnfinishedPenaltyConfig(BasePenaltyConfig):
    """A toy section."""

    strength_key = "weight"
    kind: Literal["unfinished"] = "unfinished"
    weight: float = 1.0
    """A number."""
    noise: float = 1.0
    """A number."""


def _entry(score: str) -> CatalogueEntry:
    return CatalogueEntry((PrintedScore(score),), frozenset())


@pytest.mark.parametrize(
    ("what", "arguments", "message"),
    [
        ("adversarial_loss", (Scaled, LeastSquaresConfig), "found Scaled; expected a subclass of Adversar"),
        (
            "adversarial_loss",
            (LeastSquares, ScaledConfig),
            "found ScaledConfig; expected a subclass of BaseA",
        ),
        ("adversarial_loss", (LeastSquares(target=1), LeastSquaresConfig), "expected a subclass of Adversar"),
        (
            "adversarial_loss",
            (AdversarialLoss, LeastSquaresConfig),
            "found AdversarialLoss; .* all its methods",
        ),
        ("adversarial_loss", (LeastSquares, TwoKindsConfig), r"kind: found one \| two; expected one name"),
        ("adversarial_loss", (LeastSquares, NoKindConfig), "kind: found no name; expected one name"),
        ("adversarial_loss", (LeastSquares, OtherKeysConfig), "keywords aim, .*missing a required argument"),
        ("classification_loss", (Scaled, TakenConfig, ScaledHead), "the kind 'adc' is taken"),
        ("classification_loss", (Scaled, ScaledConfig), "head_outputs: found 'scaled', and no head has such"),
        ("classification_loss", (Scaled, ScaledConfig, models.AuxHead), "AuxHead: is made with .* scale"),
        ("classification_loss", (Scaled, ScaledConfig, Line), "found Line; expected a subclass of AuxHead"),
        ("penalty", (Dragan, UnfinishedPenaltyConfig), "UnfinishedPenaltyConfig: has no key of"),
        ("regulariser", ("lecam", Shrink, ShrinkConfig), "the key of loss 'lecam' is taken"),
        ("regulariser", ("a b", Shrink, ShrinkConfig), "expected a word"),
        ("generator", (Pooled, LineConfig), "found Pooled; expected a subclass of Generator"),
        ("trunk", (Pooled, LineConfig), "found LineConfig; expected a subclass of BaseDiscriminatorConfig"),
        ("data_source", (".zip", Path), "the ending '.zip' is taken"),
        ("data_source", ("zip", Path), "expected an ending, as in '.h5'"),
        ("metric", ("kid", len, _entry("toy")), "the metric 'kid' is taken"),
        ("metric", ("toy", len, _entry("recall")), "the score 'recall' is taken"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(
    what: str, arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        getattr(acgan.register, what)(*arguments)
    assert "scaled" not in CLASSIFICATION
    assert "scaled" not in models.AUX_HEADS
    assert not acgan.register._OWN


def test_a_part_is_registered_once() -> None:
    acgan.register.classification_loss(Scaled, ScaledConfig, ScaledHead)
    with pytest.raises(ConfigError, match="ScaledConfig: is the section of scaled; expected one of its own"):
        acgan.register.classification_loss(Scaled, ScaledConfig)

    class AgainConfig(ScaledConfig):
        """The same name in another class."""

    with pytest.raises(ConfigError, match="the head output 'scaled' is taken"):
        acgan.register.classification_loss(Scaled, AgainConfig, ScaledHead)
    with pytest.raises(ConfigError, match="the kind 'scaled' is taken"):
        acgan.register.classification_loss(Scaled, AgainConfig)
