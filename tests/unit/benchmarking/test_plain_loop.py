"""The plain loop: the losses, the steps and the images are acgan's, to the rounding of float32."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from gan_helpers import CPU, gan_store, tiny_gan
from torch import Tensor, nn

from acgan.benchmarking.pictures import write_pictures
from acgan.benchmarking.plain_loader import PictureDataset, endless_batches
from acgan.benchmarking.plain_loop import PlainLoop
from acgan.runtime import FiniteGuard
from acgan.training.gan import Gan
from acgan.training.gan_loop import discriminator_step, generator_step
from acgan.training.step import joined
from acgan.types import ImageStore

BATCH = slice(0, 8)
OBJECTIVES: dict[str, tuple[str, ...]] = {
    "default": (),
    "penalty of the objective": (
        "loss.classification={kind: adc, weight_d: 1.0, weight_g: 0.5}",
        "loss.penalty={kind: zero_centered, on: [real, fake], of: objective, gamma: 0.5, every: 3}",
    ),
    "hinge and spectral norm": (
        "loss.adversarial.kind=hinge",
        "loss.penalty=null",
        "model.discriminator.spectral_norm=true",
    ),
    "paper": (
        "loss.adversarial.kind=bce",
        "loss.classification={kind: cross_entropy, on_fake: true, weight_d: 0.7, weight_g: 1.3}",
        "loss.penalty=null",
    ),
    "no class loss": (
        "loss.classification=null",
        "model.discriminator.projection=true",
        "loss.penalty={kind: zero_centered, on: [real], gamma: 2.0}",
    ),
    "style": ("model.generator.modulation=style", "loss.classification={kind: tac}"),
}


def first_batch(gan: Gan, files: list[tuple[Path, int]]) -> tuple[Tensor, Tensor]:
    """The images of acgan's first batch, as the plain loop reads them from files."""
    pictures = PictureDataset(files, mirror=False)
    rows = [pictures[index] for index in gan.feed.order.indices(0, gan.batch_size)]
    return torch.stack([image for image, _ in rows]), torch.tensor([label for _, label in rows])


def latents(gan: Gan, purpose: str) -> Tensor:
    return gan.latents(purpose, joined(next(gan.micro_batches(0))))


def close(found: dict[str, float], logged: dict[str, Tensor]) -> None:
    assert {name: logged[name].item() for name in found} == pytest.approx(found, rel=1e-4, abs=1e-6)


def apart(network: nn.Module, other: nn.Module) -> float:
    """The largest difference of two networks' parameters."""
    pairs = zip(network.parameters(), other.parameters(), strict=True)
    return max((a - b).abs().max().item() for a, b in pairs)


@pytest.mark.parametrize("changes", OBJECTIVES.values(), ids=list(OBJECTIVES))
def test_its_first_steps_have_the_losses_and_the_weights_of_ours(
    changes: tuple[str, ...], tmp_path: Path
) -> None:
    # A large eps of Adam keeps steps in proportion to gradients; otherwise rounding may turn the smallest around.
    gan = tiny_gan(*changes, "optim.discriminator.eps=0.01", "optim.generator.eps=0.01")
    plain, guard = PlainLoop(gan), FiniteGuard(CPU)
    x, y = first_batch(gan, write_pictures(gan_store(), tmp_path / "pictures", 99))
    before = PlainLoop(gan)

    ours = discriminator_step(gan, guard, 0, 0)
    found = plain.discriminator_step(
        x, y, latents(gan, "latents/D"), penalty=gan.objective.penalty is not None
    )
    assert found.keys() == set(ours) & found.keys()
    assert len(found) == sum(f"weighted/{name}" in ours for name in ours), "all terms"
    close(found, ours)
    moved = apart(gan.discriminator, before.discriminator)
    assert moved > 1e-5
    assert apart(gan.discriminator, plain.discriminator) < 0.02 * moved

    ours = generator_step(gan, guard, 0)
    found = plain.generator_step(x, y, latents(gan, "latents/G"))
    assert len(found) == sum(f"weighted/{name}" in ours for name in ours)
    close(found, ours)
    moved = apart(gan.generator, before.generator)
    assert moved > 1e-5
    assert apart(gan.generator, plain.generator) < 0.02 * moved

    gan.ema.half_life_nimg = plain.half_life = 16.0
    gan.ema.ramp_up = None
    gan.ema.update(gan.generator, 8, 8)
    plain.average(8)
    moved = apart(gan.ema.network, before.generator)
    assert moved > 1e-5
    assert apart(gan.ema.network, plain.mean) < 0.02 * moved


def test_without_the_penalty_only_that_is_left_out(tmp_path: Path) -> None:
    gan = tiny_gan()
    x, y = first_batch(gan, write_pictures(gan_store(), tmp_path / "pictures", 99))
    z = latents(gan, "latents/D")
    found = [PlainLoop(gan).discriminator_step(x, y, z, penalty=due) for due in (True, False)]
    assert found[0].keys() - found[1].keys() == {"r1", "r2"}
    assert {name: found[0][name] for name in found[1]} == pytest.approx(found[1])


def test_images_are_augmented_as_d_sees_them_in_both_steps() -> None:
    gan = tiny_gan("augment={kind: diff_augment, policy: [translation]}")
    seen: list[tuple[Tensor, Tensor]] = []

    class Darker:
        num_draws = 3

        def __call__(self, images: Tensor, draws: Tensor, p: Tensor) -> Tensor:
            assert draws.shape == (8, 3)
            seen.append((draws, p))
            return images - 1

    assert gan.augmenter is not None
    gan.augmenter = SimpleNamespace(transform=Darker(), p=lambda nimg: torch.tensor(0.5))  # type: ignore[assignment]
    plain, inputs = PlainLoop(gan), []
    plain.discriminator.register_forward_pre_hook(lambda _, given: inputs.append(given[0].detach()))
    x, y, z = torch.zeros(8, 1, 16, 16), torch.zeros(8, dtype=torch.int64), torch.zeros(8, 5)
    plain.discriminator_step(x, y, z, penalty=False)
    assert torch.equal(inputs[0], x - 1)
    assert len(seen) == 2
    assert torch.equal(seen[0][0], seen[1][0]), "the images of a pair are changed alike"
    plain.generator_step(x, y, z)
    assert len(seen) == 4
    assert inputs[-1].min() < -1.5


def test_nothing_of_acgans_speed_is_in_it() -> None:
    gan = tiny_gan(precision="bf16")
    plain = PlainLoop(gan)
    for optimizer in (plain.optim_generator, plain.optim_discriminator):
        assert {key: optimizer.param_groups[0][key] for key in ("foreach", "fused")} == {
            "foreach": False,
            "fused": False,
        }
    own = gan.optim_discriminator.param_groups[0]
    for key in ("lr", "betas", "eps"):
        assert plain.optim_discriminator.param_groups[0][key] == own[key]
    dtypes: list[torch.dtype] = []
    for module in plain.discriminator.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda _, __, out: dtypes.append(out.dtype))
    x, y, z = torch.zeros(8, 1, 16, 16), torch.zeros(8, dtype=torch.int64), torch.zeros(8, 5)
    plain.discriminator_step(x, y, z, penalty=True)
    assert set(dtypes) == {torch.float32}
    assert next(gan.discriminator.parameters()).grad is None, "it works on copies"


# Its images.


def test_pictures_are_the_images_and_labels_of_the_store(tmp_path: Path) -> None:
    for channels in (1, 3):
        store = gan_store(channels=channels)
        files = write_pictures(store, tmp_path / str(channels), 99)
        assert len(files) == len(store)
        for row, (image, label) in enumerate(PictureDataset(files, mirror=False)):  # type: ignore[arg-type]
            expected = torch.from_numpy(store.images[row]).float() / 127.5 - 1
            torch.testing.assert_close(image, expected, atol=1e-6, rtol=0)
            assert label == store.labels[row]


def test_fewer_pictures_come_from_all_over_the_store(tmp_path: Path) -> None:
    files = write_pictures(gan_store(), tmp_path / "pictures", 4)
    assert [file.name for file, _ in files] == [f"{row:08}.png" for row in (0, 8, 15, 23)]


def test_batches_are_whole_and_endless_and_each_epoch_has_each_picture(tmp_path: Path) -> None:
    store = gan_store()
    files = write_pictures(store, tmp_path / "pictures", 99)
    batches = endless_batches(files, 8, mirror=False, balance=False)
    for _ in range(2):
        epoch = torch.cat([next(batches)[0] for _ in range(3)])
        sums = epoch.sum(dim=(1, 2, 3)).sort().values
        expected = (torch.from_numpy(store.images).float() / 127.5 - 1).sum(dim=(1, 2, 3)).sort().values
        torch.testing.assert_close(sums, expected)
    images, labels = next(endless_batches(files[:3], 8, mirror=False, balance=False))
    assert (len(images), len(labels)) == (8, 8), "more than there are pictures"


def test_processes_that_load_ahead_load_the_same(tmp_path: Path) -> None:
    files = write_pictures(gan_store(), tmp_path / "pictures", 99)
    found = []
    for workers in (0, 1):
        torch.manual_seed(1)
        batches = endless_batches(files, 8, mirror=False, balance=False, workers=workers)
        found.append([next(batches)[0].sum(dim=(1, 2, 3)) for _ in range(4)])
        batches.close()  # type: ignore[attr-defined]
    torch.testing.assert_close(
        torch.cat(found[0][:3]).sort().values, torch.cat(found[1][:3]).sort().values, rtol=0, atol=0
    )


def test_mirrored_and_balanced_batches(tmp_path: Path) -> None:
    images = np.zeros((40, 1, 8, 8), np.uint8)
    images[:, :, :, 0] = 255
    labels = np.array([0] * 36 + [1] * 4)
    store = ImageStore(images, labels, ("many", "few"), "0" * 32)
    files = write_pictures(store, tmp_path / "pictures", 99)
    torch.manual_seed(0)
    batches = endless_batches(files, 40, mirror=True, balance=True)
    drawn = [next(batches) for _ in range(5)]
    x, y = torch.cat([one[0] for one in drawn]), torch.cat([one[1] for one in drawn])
    assert 0.4 < y.float().mean() < 0.6
    left, right = (x[:, 0, 0, column] for column in (0, 7))
    assert torch.equal(left, -right)
    assert 0.4 < (left > 0).float().mean() < 0.6
    plain = next(endless_batches(files, 40, mirror=False, balance=False))
    assert (plain[0][:, 0, 0, 0] == 1).all()
    assert plain[1].sum() == 4
