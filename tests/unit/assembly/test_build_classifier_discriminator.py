"""A GAN's discriminator as the backbone of a classifier."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from build_helpers import NAMES, head_state, make_config, make_gan_run, make_store, place, refuse, task_of
from torch.testing import assert_close

from acgan.assembly.backbones import read_discriminator
from acgan.assembly.classifier import build_network
from acgan.config import ClassifierConfig
from acgan.errors import ConfigError, RunError, UserError
from acgan.models import AuxHead
from acgan.weights import build_classifier

# ---------------------------------------------------------------- discriminators


@pytest.mark.parametrize("kind", ["dcgan", "paper", "resnet"])
def test_a_discriminator_goes_on_as_a_classifier(kind: str, tmp_path: Path) -> None:
    section = "{kind: paper}" if kind == "paper" else f"{{kind: {kind}, spectral_norm: true, channels: 8}}"
    overrides = (f"model.discriminator={section}", "loss.penalty=null")
    resolution = 32 if kind == "paper" else 16
    store = make_store(resolution)
    make_gan_run(tmp_path / "run", 8, *overrides, store=store)
    discriminator, names = read_discriminator(tmp_path / "run")
    assert names == NAMES
    config = make_config(f"model.backbone={{kind: discriminator, run: {tmp_path / 'run'}}}")
    network, info = build_network(config, store, refuse, refuse)
    x = torch.rand(3, 1, resolution, resolution) * 2 - 1
    with torch.no_grad():
        assert_close(network.eval()(x), discriminator.eval()(x).aux.logits)
    assert info.architecture["backbone"]["kind"] == f"{kind}_trunk"


@pytest.mark.parametrize("why", ["other classes", "another order", "dropout"])
def test_the_main_head_starts_anew_where_the_discriminator_s_does_not_fit(
    why: str, places: dict[str, str]
) -> None:
    store = make_store()
    if why == "other classes":
        store = replace(store, class_names=("cat", "dog", "owl", "elk"))
    elif why == "another order":
        store = replace(store, class_names=("dog", "cat", "owl"))
    config = make_config(
        place("model.backbone={kind: discriminator, run: RUN_A}", places),
        f"model.dropout={0.2 if why == 'dropout' else 0}",
    )
    network, _ = build_network(config, store, refuse, refuse)
    discriminator, _ = read_discriminator(Path(places["RUN_A"]))
    old, new = discriminator.aux_head.classify.weight, network.heads["main"].classify.weight
    assert len(new) == store.num_classes
    assert not any(torch.equal(row, other) for row in new for other in old)
    assert network.heads["main"].dropout.probability == config.model.dropout


def test_a_discriminator_of_other_images_is_refused(places: dict[str, str]) -> None:
    config = make_config(place("model.backbone={kind: discriminator, run: RUN_A}", places))
    for store, found in ((make_store(32), "1 x 32 px"), (make_store(16, 3), "3 x 16 px")):
        with pytest.raises(
            ConfigError, match=f"takes 1 x 16 px, the images are {found}; set data.resolution"
        ):
            build_network(config, store, refuse, refuse)


@pytest.mark.parametrize(
    ("overrides", "side", "found"),
    [
        (
            (),
            30,
            r"its trunk resnet serves 16, 20, .* px, and the images are 30 px; .*the nearest are 28 and 32",
        ),
        (("model.discriminator.patch=4",), 16, "model.backbone: patch 4 of 16 px makes 4 x 4 patches"),
    ],
    ids=["side", "patches"],
)
def test_the_bare_trunk_is_refused_where_it_cannot_be_built(
    overrides: tuple[str, ...], side: int, found: str, tmp_path: Path
) -> None:
    make_gan_run(tmp_path / "run", 8, *overrides, store=make_store(32))
    config = make_config(f"model.backbone={{kind: discriminator, run: {tmp_path / 'run'}, trained: false}}")
    assert build_network(config, make_store(48), refuse, refuse)[1].resolution == 48
    with pytest.raises(ConfigError, match=found):
        build_network(config, make_store(side), refuse, refuse)


def test_a_discriminator_that_is_not_there(places: dict[str, str], tmp_path: Path) -> None:
    def config(run: Path) -> ClassifierConfig:
        return make_config(f"model.backbone={{kind: discriminator, run: {run}}}")

    with pytest.raises(RunError, match=r"no config\.yaml in it; expected a run directory of `acgan train`"):
        build_network(config(tmp_path), make_store(), refuse, refuse)
    text = (Path(places["RUN_A"]) / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(RunError, match="no checkpoint in it"):
        build_network(config(tmp_path), make_store(), refuse, refuse)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("model.aux={blok1: 0.3}",), "no layer 'blok1'.* Did you mean 'block1'"),
        (("model.freeze=until:blok1",), "no layer 'blok1'"),
        (("model.backbone={kind: torchvision, name: resnet81}",), "no backbone 'resnet81'"),
        (("model.backbone={kind: torchvision, weights: nowhere.pth}",), r"nowhere\.pth: cannot be read"),
    ],
)
def test_what_a_user_can_mend_is_told_as_such(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        task_of(make_config(*overrides))


@pytest.mark.parametrize("kind", ["tac", "adc"])
def test_a_head_beside_a_twin_goes_on_as_a_classifier(kind: str, tmp_path: Path) -> None:
    # Of TAC-GAN it is the classifier of real images, of ADC-GAN the logits of the real classes.
    spectral_norm = "model.discriminator.spectral_norm=true"
    make_gan_run(tmp_path / "run", 8, f"loss.classification.kind={kind}", spectral_norm)
    discriminator, _ = read_discriminator(tmp_path / "run")
    assert discriminator.aux_head.twin is not None
    config = make_config(f"model.backbone={{kind: discriminator, run: {tmp_path / 'run'}}}")
    network, _ = build_network(config, make_store(), refuse, refuse)
    assert head_state(network, make_store()).keys() == {"main"}
    x = torch.rand(3, 1, 16, 16) * 2 - 1
    with torch.no_grad():
        assert_close(network.eval()(x), discriminator.eval()(x).aux.logits)
    fresh = AuxHead(8, 3)
    assert network.heads["main"].state_dict().keys() == fresh.state_dict().keys()


@pytest.mark.parametrize(
    "overrides",
    [
        ("loss.classification.kind=d2d_ce",),
        ("loss.classification={kind: cross_entropy, unit_norm: true}",),
        ("loss.classification={kind: tac, unit_norm: true}",),
        ("loss.classification=null", "model.discriminator.projection=true"),
    ],
    ids=["d2d_ce", "unit norm", "tac with unit norm", "projection alone"],
)
def test_the_trunk_goes_on_without_a_head_whose_logits_are_not_of_the_features(
    overrides: tuple[str, ...], tmp_path: Path
) -> None:
    make_gan_run(tmp_path / "run", 8, *overrides)
    discriminator, _ = read_discriminator(tmp_path / "run")
    config = make_config(f"model.backbone={{kind: discriminator, run: {tmp_path / 'run'}}}")
    network, info = build_network(config, make_store(), refuse, refuse)
    assert_close(network.backbone.state_dict(), discriminator.trunk.state_dict(), rtol=0, atol=0)
    main = network.heads["main"]
    assert tuple(main.classify.weight.shape) == (len(NAMES), discriminator.trunk.feature_dim)
    assert main.classify.bias is not None
    assert not main.unit_norm
    if discriminator.aux_head is not None:
        old = {tuple(row.tolist()) for row in discriminator.aux_head.classify.weight}
        assert not old & {tuple(row.tolist()) for row in main.classify.weight}
    assert "projection" not in info.architecture["backbone"]
    # The file's description rebuilds it.
    twin = build_classifier(info.architecture)
    twin.load_state_dict(network.state_dict())
