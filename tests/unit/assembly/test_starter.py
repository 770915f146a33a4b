"""``model.starter`` and ``--init-from starter``: which weights are taken, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gan_helpers import CPU, gan_store

from acgan.assembly import build_gan
from acgan.assembly.initialise import first_weights
from acgan.config import RunConfig, load
from acgan.config.recipes import recipes
from acgan.distributed import Ranks
from acgan.errors import RunError
from acgan.models import class_columns, class_rows
from acgan.training.gan import Gan
from acgan.types import ImageStore
from acgan.weights import STARTER, read_starter

PHOTOS = gan_store(64, channels=3, num=6)


def folder_gan(store: ImageStore = PHOTOS, *overrides: str) -> Gan:
    config = load(RunConfig, recipes()["folder"], overrides)
    return build_gan(config, store, device=CPU, precision="float32", ranks=Ranks())


def states(gan: Gan) -> dict[str, torch.Tensor]:
    networks = {"generator": gan.generator, "discriminator": gan.discriminator, "ema": gan.ema.network}
    return {
        f"{part}.{name}": tensor.clone()
        for part, network in networks.items()
        for name, tensor in network.state_dict().items()
    }


def test_the_recipe_folder_starts_from_it_but_for_its_classes() -> None:
    gan, starter = folder_gan(), read_starter()
    before = states(gan)
    report, origin = first_weights(gan, PHOTOS.class_names, init_from=None, starter=True)
    assert report is not None
    assert report.startswith("model.starter: G and D start from networks trained on photographs (airplane, ")
    assert "model.starter=false" in report
    assert origin is not None
    assert origin["path"] == STARTER
    for network, state in ((gan.generator, starter.generator), (gan.discriminator, starter.discriminator)):
        of_classes = class_rows(network) | class_columns(network)
        own = network.state_dict()
        assert of_classes
        assert own.keys() == state.keys()
        for name in own.keys() - of_classes:
            assert torch.equal(own[name], state[name].to(own[name].dtype)), name
    after = states(gan)
    for name in class_rows(gan.generator):
        assert torch.equal(after[f"generator.{name}"], before[f"generator.{name}"]), "classes of its own"
    assert all(
        torch.equal(after[f"ema.{name}"], after[f"generator.{name}"]) for name in gan.generator.state_dict()
    )


def test_a_class_of_the_same_name_is_taken_too() -> None:
    store = ImageStore(PHOTOS.images, PHOTOS.labels, ("dog", "lamp", "cat"), PHOTOS.fingerprint)
    gan, starter = folder_gan(store), read_starter()
    first_weights(gan, store.class_names, init_from=None, starter=True)
    own = gan.generator.state_dict()["embed.weight"]
    for label, name in ((0, "dog"), (2, "cat")):
        old = starter.generator["embed.weight"][starter.class_names.index(name)]
        assert torch.equal(own[label], old.float())


OURS = "All weights start random: the trained ones that come with acgan (model.starter) are for "
WHY = "colour images of 64 px, and these are {}. With few images trained weights are a help; they need {}."
CHANGED = "the networks of the recipe folder, and `model` was changed."


@pytest.mark.parametrize(
    ("store", "overrides", "why"),
    [
        (
            gan_store(32, channels=3, num=6),
            [],
            WHY.format("colour images of 32 px", "--set data.resolution=64"),
        ),
        (gan_store(64, channels=1, num=6), [], WHY.format("gray images of 64 px", "--set data.channels=3")),
        (
            gan_store(32, channels=1, num=6),
            [],
            WHY.format("gray images of 32 px", "--set data.resolution=64 --set data.channels=3"),
        ),
        (gan_store(32, channels=3, num=6), ["data.resolution=32"], "colour images of 64 px."),
        (PHOTOS, ["model.latent_dim=32"], CHANGED),
        (PHOTOS, ["model.discriminator.channels=16"], CHANGED),
        (PHOTOS, ["model.discriminator.projection=true"], CHANGED),
    ],
    ids=["32 px", "gray", "both", "chosen", "another G", "another D", "projection"],
)
def test_other_networks_start_from_random_weights_and_say_so(
    store: ImageStore, overrides: list[str], why: str
) -> None:
    gan = folder_gan(store, *overrides)
    before = states(gan)
    given = load(RunConfig, recipes()["folder"], overrides).data.names_form
    report, origin = first_weights(gan, store.class_names, init_from=None, starter=True, chosen_form=given)
    assert report == OURS + why
    assert origin is None
    after = states(gan)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_switched_off_nothing_is_taken_and_nothing_said() -> None:
    gan = folder_gan()
    before = states(gan)
    assert first_weights(gan, PHOTOS.class_names, init_from=None, starter=False) == (None, None)
    after = states(gan)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_by_hand_it_gives_what_fits_and_lists_the_rest() -> None:
    store = gan_store(32, channels=3, num=6)
    gan = folder_gan(store)
    report, origin = first_weights(gan, store.class_names, init_from=Path(STARTER), starter=False)
    assert report is not None
    assert report.startswith("--init-from starter:\n  generator: took ")
    assert "not taken: " in report
    assert origin is not None


def test_a_run_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(STARTER).mkdir()
    with pytest.raises(RunError, match=r"starter: no generator\.safetensors in it"):
        first_weights(folder_gan(), PHOTOS.class_names, init_from=Path(STARTER), starter=True)
