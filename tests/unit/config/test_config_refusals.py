"""What is explained when it does not fit."""

from pathlib import Path

import pytest
from config_helpers import changed, load_text

from acgan.config import ClassifierConfig, RunConfig, load
from acgan.config.listing import list_keys
from acgan.errors import ConfigError
from acgan.sides import MAX_SIDE, MIN_SIDE, RESOLUTIONS

# ---------------------------------------------------------------- what does not fit


@pytest.mark.parametrize(
    ("override", "key", "suggestion"),
    [
        ("train.bach_size=3", "train.bach_size", "train.batch_size"),
        ("trian.batch_size=3", "trian", "train"),
        ("model.generator.chanels=3", "model.generator.chanels", "model.generator.channels"),
        ("model.generator={kind: dcgan, chanels: 3}", "model.generator.chanels", "model.generator.channels"),
        ("loss.penalty.gama=1", "loss.penalty.gama", "loss.penalty.gamma"),
        ("total_nimg=400", "total_nimg", "train.total_nimg"),
        ("totl_nimg=400", "totl_nimg", "train.total_nimg"),
        ("lr=1", "lr", "optim.generator.lr"),
        ("train.resolution=32", "train.resolution", "data.resolution"),
        ("optim.generator.learning=1", "optim.generator.learning", None),
    ],
)
def test_unknown_keys_are_refused_with_a_suggestion(override: str, key: str, suggestion: str | None) -> None:
    with pytest.raises(ConfigError) as caught:
        changed(override)
    message = str(caught.value)
    assert message.startswith(f"--set: unknown key {key}.")
    assert "`acgan config` lists all keys" in message
    assert (f"Did you mean '{suggestion}'" in message) if suggestion else ("Did you mean" not in message)


def test_the_keys_of_another_kind_are_unknown() -> None:
    of_another = r"unknown key loss\.penalty\.gamma for kind gradient_penalty; it belongs to zero_centered\."
    with pytest.raises(ConfigError, match=of_another):
        changed("loss.penalty.kind=gradient_penalty", "loss.penalty.gamma=1")
    with pytest.raises(ConfigError, match=r"key model\.generator\.max_channels for kind dcgan; .* resnet\."):
        changed("model.generator={kind: dcgan, max_channels: 8}")
    with pytest.raises(
        ConfigError, match=r"unit_norm for kind d2d_ce; it belongs to cross_entropy, tac, adc\."
    ):
        changed("loss.classification={kind: d2d_ce, unit_norm: true}")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "augment=ada",
            "found 'ada'; expected a section of keys, as in {kind: ada}, of kind diff_augment, ada.",
        ),
        (
            "model.generator=dcgn",
            "as in {kind: paper}, of kind paper, dcgan, resnet, biggan. Did you mean 'dcgan'?",
        ),
        ("loss.lecam=true", "loss.lecam: found True; expected a section of keys, as in {weight: 0.3}"),
        ("augment.policy=[color]", "augment.kind: found None; expected one of diff_augment, ada."),
        (
            "loss.adversarial.kind=wgan",
            "found 'wgan'; expected one of bce, hinge, wgan_gp, relativistic. Did you mean 'wgan_gp'?",
        ),
        ("loss.penalty.on=[]", "loss.penalty.on: found []; expected 1 or more in the list."),
        ("loss.penalty.on=[real, real]", "loss.penalty.on: found ['real', 'real']; expected each side once."),
    ],
)
def test_values_of_another_shape_are_answered_with_what_is_expected(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        changed(override)
    assert message in str(caught.value)


def test_a_loss_across_the_batch_takes_the_whole_batch_at_once() -> None:
    d2d = "loss.classification.kind=d2d_ce"
    with pytest.raises(ConfigError, match=r"train\.micro_batch: null"):
        changed(d2d, "train.batch_size=64", "train.micro_batch=32")
    assert changed(d2d, "train.batch_size=64", "train.micro_batch=64").train.micro_batch == 64


def test_an_unknown_kind_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"model\.generator\.kind: found 'stylegan'; expected one of paper, dcgan"
    ):
        changed("model.generator.kind=stylegan")
    with pytest.raises(ConfigError, match=r"loss\.adversarial\.kind: found 'lsgan'; .*bce, hinge"):
        changed("loss.adversarial.kind=lsgan")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", "-1"),
        ("seed", "1.5"),
        ("data.resolution", "30"),
        ("data.channels", "2"),
        ("data.fit", "stretch"),
        ("data.on_error", "ignore"),
        ("data.mirror", "maybe"),
        ("data.group", "p(\\d+"),
        ("data.group", "''"),
        ("data.test_share", "1.0"),
        ("data.test_share", "-0.1"),
        ("model.latent_dim", "0"),
        ("model.generator.channels", "0"),
        ("model.discriminator.max_channels", "-3"),
        ("loss.classification.weight_d", "-0.5"),
        ("loss.penalty.gamma", "0"),
        ("loss.penalty.gamma", "nan"),
        ("loss.penalty.on", "[]"),
        ("loss.penalty.on", "[real, generated]"),
        ("loss.penalty.every", "0"),
        ("optim.generator.lr", "0"),
        ("optim.generator.lr", "inf"),
        ("optim.generator.lr", "fast"),
        ("optim.discriminator.betas", "[0.5, 1.0]"),
        ("optim.discriminator.betas", "[0.5]"),
        ("optim.discriminator.eps", "0"),
        ("train.total_nimg", "0"),
        ("train.batch_size", "null"),
        ("train.batch_size", "many"),
        ("train.d_steps", "0"),
        ("train.ema_half_life_nimg", "-1"),
        ("train.ema_ramp_up", "0"),
        ("train.precision", "fp16"),
        ("train.portions", "0"),
        ("train.portions", "1025"),
        ("train.threads", "0"),
        ("train.threads", "1025"),
        ("every.log_nimg", "0"),
        ("monitor.num_per_class", "-1"),
        ("monitor.max_duplicates", "0"),
        ("monitor.min_coverage", "1"),
    ],
)
def test_values_out_of_range_are_refused_by_key_and_value(key: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        changed(f"{key}={value}")
    first = str(caught.value).splitlines()[0]
    assert first.startswith(f"--set: {key}: found ")


@pytest.mark.parametrize(
    ("side", "near"), [(8, "is 16"), (30, "are 28 and 32"), (299, "are 256 and 320"), (1024, "is 512")]
)
def test_a_side_that_no_gan_has(side: int, near: str) -> None:
    with pytest.raises(ConfigError) as caught:
        changed(f"data.resolution={side}")
    assert str(caught.value) == (
        f"--set: data.resolution: found {side}; expected 16 to 512, 4, 5, 6 or 7 times a power of two; the nearest "
        f"{near}."
    )


@pytest.mark.parametrize("side", [7, 1025, 0])
def test_a_side_that_no_classifier_has(side: int) -> None:
    with pytest.raises(ConfigError, match=f"data.resolution: found {side}; "):
        load(ClassifierConfig, None, [f"data.resolution={side}"])


def test_sides_that_are_taken() -> None:
    for side in RESOLUTIONS:
        assert changed(f"data.resolution={side}").data.resolution == side
    for side in (MIN_SIDE, 75, 224, 299, MAX_SIDE):
        assert load(ClassifierConfig, None, [f"data.resolution={side}"]).data.resolution == side
    meanings = [key.meaning for key in list_keys(RunConfig) if key.key == "data.resolution"]
    for bound in (RESOLUTIONS[0], RESOLUTIONS[-1], MIN_SIDE, MAX_SIDE):
        assert f"{bound}" in meanings[0]


def test_a_value_out_of_range_is_refused_within_a_section_that_was_given_whole() -> None:
    with pytest.raises(ConfigError, match=r"loss\.classification\.label_smoothing: found 1"):
        changed("loss.classification={kind: cross_entropy, label_smoothing: 1.0}")


def test_all_problems_are_told_at_once_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, "train: {batch_size: 0, d_stepz: 1}\nseed: -1")
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{tmp_path / 'recipe.yaml'}: ") for line in lines)
    assert all(any(key in line for line in lines) for key in ("train.batch_size", "train.d_stepz", "seed"))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["loss.adversarial.kind=wgan_gp"], "wgan_gp.*expected loss.penalty: {kind: gradient_penalty}"),
        (["loss.adversarial.kind=wgan_gp", "loss.penalty=null"], "wgan_gp.*gradient_penalty"),
        (["model.discriminator.kind=paper"], "BatchNorm; expected loss.penalty: null, or .*kind: resnet"),
        (["model.discriminator.kind=dcgan"], "BatchNorm; .*model.discriminator.spectral_norm: true"),
        (
            ["model.discriminator.kind=paper", "loss.penalty.kind=gradient_penalty"],
            "model.discriminator.kind paper mixes",
        ),
        (["train.micro_batch=5", "train.batch_size=12"], "micro_batch 5 does not divide train.batch_size 12"),
        (["loss.classification.weight_g=0"], "weight_d 1 and weight_g 0, .*G learns nothing of the class"),
        (
            ["loss.classification={kind: d2d_ce, weight_d: 0}"],
            "weight_d 0 and weight_g 0.5, .*expected both above 0",
        ),
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        changed(*overrides)


@pytest.mark.parametrize(
    "overrides",
    [
        ["loss.adversarial.kind=wgan_gp", "loss.penalty.kind=gradient_penalty"],
        ["model.discriminator.kind=paper", "loss.penalty=null"],
        ["model.discriminator={kind: dcgan, spectral_norm: true}"],
        ["model.discriminator.kind=dcgan", "loss.penalty=null"],
        ["model.generator.kind=paper"],
        ["train.micro_batch=4", "train.batch_size=12"],
        ["loss.classification.weight_g=0", "model.discriminator.projection=true"],
    ],
)
def test_parts_that_fit_are_taken(overrides: list[str]) -> None:
    changed(*overrides)


def test_configurations_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().train.batch_size = 3  # type: ignore[misc]


@pytest.mark.parametrize(("num", "fine"), [(0, True), (1, False), (19, False), (20, True)])
def test_a_monitor_that_would_see_too_little_is_refused(num: int, fine: bool) -> None:
    if fine:
        assert changed(f"monitor.num_per_class={num}").monitor.num_per_class == num
        return
    with pytest.raises(
        ConfigError, match=rf"monitor\.num_per_class: found {num}; expected 20 or more, .* or 0"
    ):
        changed(f"monitor.num_per_class={num}")


def test_letters_of_class_names_are_composed() -> None:
    """macOS writes those of folders in parts, and a shell hands them on so."""
    assert changed("data.classes=[cafe\u0301]").data.classes == ["caf\u00e9"]
