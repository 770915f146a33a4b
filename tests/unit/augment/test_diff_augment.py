"""What every change of D's images promises, and those of DiffAugment one by one."""

import inspect
from collections import Counter

import numpy as np
import pytest
import torch

from acgan.augment import DISCRIMINATOR_AUGMENTATIONS, DiffAugment

BRIGHTNESS, SATURATION, CONTRAST, TRANSLATION, CUTOUT = range(5)
VALUES = 5  # after whether each is applied, their values
EVERY = [(name, part) for name, kind in DISCRIMINATOR_AUGMENTATIONS.items() for part in (*kind.PARTS, "all")]


def made(name, part="all"):
    kind = DISCRIMINATOR_AUGMENTATIONS[name]
    parts = kind.PARTS if part == "all" else [part]
    return kind(**{key: True if key == "mirror" else parts for key in inspect.signature(kind).parameters})


def noise(num, channels=3, height=16, width=None, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(num, channels, height, width or height, generator=generator, dtype=dtype) * 2 - 1


def uniform(num, kind, seed=1, dtype=torch.float32):
    return torch.rand(num, kind.num_draws, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def share(value, dtype=torch.float32):
    return torch.tensor(value, dtype=dtype)


every = pytest.mark.parametrize(("name", "part"), EVERY)


@every
@pytest.mark.parametrize(("channels", "side"), [(3, 16), (1, 28), (3, 50)])
def test_p_0_changes_nothing_but_by_rounding(name, part, channels, side):
    augment, images = made(name, part), noise(3, channels, side)
    result = augment(images, uniform(3, augment), share(0.0))
    torch.testing.assert_close(result, images, rtol=0, atol=1e-5)
    if name == "diff_augment":
        assert torch.equal(result, images)


@every
def test_p_is_the_probability_of_a_change(name, part):
    num = 1500
    augment, images = made(name, part), noise(1, 3, 16).expand(num, -1, -1, -1)
    draws = uniform(num, augment)
    changed = [
        ((augment(images, draws, share(p)) - images).abs().amax((1, 2, 3)) > 1e-4).float().mean().item()
        for p in (0.0, 0.3, 1.0)
    ]
    assert changed[0] == 0
    assert 0.2 < changed[1] < 0.995
    assert changed[2] > 0.8
    if part in ("translation", "cutout"):
        # The centre of all places changes nothing.
        unchanged = 1 / 25 if part == "translation" else 0
        assert changed[1:] == pytest.approx([0.3 * (1 - unchanged), 1 - unchanged], abs=0.035)


@every
@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_is_changed_by_its_own_draws_alone(name, part, channels):
    augment, images = made(name, part), noise(8, channels, 20)
    draws = uniform(8, augment)
    whole = augment(images, draws, share(0.7))
    for i in range(8):
        alone = augment(images[i : i + 1], draws[i : i + 1], share(0.7))
        torch.testing.assert_close(whole[i : i + 1], alone, rtol=0, atol=1e-5)


@every
@pytest.mark.parametrize(("channels", "dtype"), [(1, torch.float64), (3, torch.float32)])
def test_type_and_memory_format_stay(name, part, channels, dtype):
    augment, images = made(name, part), noise(4, channels, 16, 24, dtype=dtype)
    draws = uniform(4, augment, dtype=dtype)
    result = augment(images, draws, share(0.8))
    assert result.dtype == dtype
    assert result.shape == images.shape
    assert result.is_contiguous()
    last = augment(images.to(memory_format=torch.channels_last), draws, share(0.8))
    assert last.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(last, result, rtol=0, atol=1e-5)


@every
def test_gradients_flow_to_the_images(name, part):
    augment = made(name, part)
    images = noise(3, 3, 4, dtype=torch.float64).requires_grad_()
    draws = uniform(3, augment, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda images: augment(images, draws, share(0.8)), images, fast_mode=True)


@every
def test_nothing_waits_for_the_device(name, part):
    """On tensors without values, anything that reads one fails."""
    augment = made(name, part)
    images, draws, p = (tensor.to("meta") for tensor in (noise(2), uniform(2, augment), share(0.5)))
    assert augment(images, draws, p).shape == images.shape


@every
def test_global_random_state_is_neither_read_nor_moved(name, part):
    augment = made(name, part)
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    first = augment(noise(4), uniform(4, augment), share(0.8))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(augment(noise(4), uniform(4, augment), share(0.8)), first)


@every
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_draws_at_the_ends_are_finite(name, part, value):
    augment = made(name, part)
    draws = torch.full((2, augment.num_draws), value)
    result = augment(noise(2), draws, share(1.5))  # above 1, so that draws of 1 count too
    assert result.isfinite().all()


@pytest.mark.parametrize("name", DISCRIMINATOR_AUGMENTATIONS)
def test_all_parts_together_are_one_after_the_other(name):
    kind = DISCRIMINATOR_AUGMENTATIONS[name]
    augment, images = made(name), noise(64)
    draws = uniform(64, kind)
    together = augment(images, draws, share(0.1))
    one_by_one = images
    for part in kind.PARTS:
        one_by_one = made(name, part)(one_by_one, draws, share(0.1))
    alike = [torch.allclose(*pair, atol=1e-4) for pair in zip(together, one_by_one, strict=True)]
    assert sum(alike) > 48  # of ADA's groups, two interpolations blur more than their product does


@pytest.mark.parametrize("name", DISCRIMINATOR_AUGMENTATIONS)
def test_unknown_parts_are_refused(name):
    with pytest.raises(ValueError, match="blur"):
        made(name, "blur")


def only(operation, num, p_draw=0.0, **values):
    """Draws of DiffAugment that apply one operation, with these values by their number."""
    draws = torch.full((num, DiffAugment.num_draws), 0.999, dtype=torch.float64)
    draws[:, operation] = p_draw
    for name, value in values.items():
        draws[:, VALUES + int(name[1:])] = torch.as_tensor(value, dtype=torch.float64)
    return draws


def test_colors_are_those_of_the_formula():
    images, num = noise(6, 3, 16, dtype=torch.float64), 6
    draws = uniform(num, DiffAugment, dtype=torch.float64)
    p = 0.6
    result = DiffAugment(policy=["color"])(images, draws, share(p))
    for x, row, changed in zip(images.numpy(), draws.tolist(), result.numpy(), strict=True):
        b, s, c = row[5] - 0.5, 2 * row[6], row[7] + 0.5
        x = x + b if row[0] < p else x
        if row[1] < p:
            mean = (x[0] + x[1] + x[2]) / 3
            x = np.stack([mean + s * (x[i] - mean) for i in range(3)])
        if row[2] < p:
            mean = x.sum() / x.size
            x = mean + c * (x - mean)
        np.testing.assert_allclose(changed, x, rtol=0, atol=1e-12)


def test_color_by_hand():
    images = torch.tensor([0.6, 0.3, 0.0]).view(1, 3, 1, 1).expand(1, 3, 16, 16).contiguous()
    color = DiffAugment(policy=["color"])

    def changed(operation, value):
        draws = only(operation, 1, **{f"v{operation}": value}).float()
        return color(images, draws, share(0.5))[0, :, 3, 7].tolist()

    assert changed(BRIGHTNESS, 0.0) == pytest.approx([0.1, -0.2, -0.5])
    assert changed(BRIGHTNESS, 0.75) == pytest.approx([0.85, 0.55, 0.25])
    assert changed(SATURATION, 0.0) == pytest.approx([0.3, 0.3, 0.3])
    assert changed(SATURATION, 0.9) == pytest.approx([0.84, 0.3, -0.24], abs=1e-6)
    assert changed(CONTRAST, 0.0) == pytest.approx([0.45, 0.3, 0.15])
    assert changed(CONTRAST, 0.5) == pytest.approx([0.6, 0.3, 0.0])


def test_gray_images_have_no_saturation():
    images = noise(2, 1)
    assert torch.equal(
        DiffAugment(policy=["color"])(images, only(SATURATION, 2, v1=0.1).float(), share(0.5)), images
    )


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 16, 16), (3, 20, 28)])
def test_translation_moves_pixels_and_brings_in_zeros(channels, height, width):
    num = 400
    images = noise(num, channels, height, width)
    draws = uniform(num, DiffAugment)
    result = DiffAugment(policy=["translation"])(images, draws, share(1.0))
    most_down, most_right = round(height / 8 + 1e-9), round(width / 8 + 1e-9)
    met = Counter()
    for x, moved, row in zip(images.numpy(), result.numpy(), draws.tolist(), strict=True):
        down = int(row[8] * (2 * most_down + 1)) - most_down
        right = int(row[9] * (2 * most_right + 1)) - most_right
        expected = np.zeros_like(x)
        for i in range(max(0, down), min(height, height + down)):
            for j in range(max(0, right), min(width, width + right)):
                expected[:, i, j] = x[:, i - down, j - right]
        assert (moved == expected).all()
        met[down, right] += 1
    assert len(met) == (2 * most_down + 1) * (2 * most_right + 1)


def test_translation_by_hand():
    images = torch.zeros(1, 1, 32, 32)
    images[0, 0, 10, 20] = 1
    move = DiffAugment(policy=["translation"])
    for down, right, place in ((0.0, 0.999, (6, 24)), (0.999, 0.0, (14, 16)), (0.5, 0.5, (10, 20))):
        result = move(images, only(TRANSLATION, 1, v3=down, v4=right).float(), share(0.5))
        assert torch.nonzero(result[0, 0]).tolist() == [list(place)]


@pytest.mark.parametrize(("height", "width"), [(16, 16), (18, 26)])
def test_cutout_is_a_square_of_half_the_side(height, width):
    num = 600
    images = noise(num, 3, height, width) + 3
    draws = uniform(num, DiffAugment)
    result = DiffAugment(policy=["cutout"])(images, draws, share(1.0))
    # Odd squares are centred on a pixel, even ones between two, or at an edge.
    places = [size + 1 - (size // 2) % 2 for size in (height, width)]
    met = Counter()
    for x, cut, row in zip(images.numpy(), result.numpy(), draws.tolist(), strict=True):
        top, left = (int(row[10 + i] * places[i]) - size // 4 for i, size in enumerate((height, width)))
        expected = x.copy()
        expected[:, max(0, top) : top + height // 2, max(0, left) : left + width // 2] = 0
        assert (cut == expected).all()
        met[top] += 1
    assert len(met) == places[0]
    middle = DiffAugment(policy=["cutout"])(images[:1], only(CUTOUT, 1, v5=0.5, v6=0.5).float(), share(0.5))
    assert (middle == 0).sum() == 3 * (height // 2) * (width // 2)


@pytest.mark.parametrize("operation", range(5))
def test_each_operation_has_its_own_probability(operation):
    """A draw below p applies it, one above does not, whatever the others are."""
    images, augment = noise(2), DiffAugment(policy=DiffAugment.PARTS)
    for draw, applied in ((0.29, True), (0.31, False)):
        draws = only(operation, 2, p_draw=draw, v0=0.1, v1=0.1, v2=0.1, v3=0.1, v4=0.1, v5=0.4, v6=0.4)
        assert torch.equal(augment(images, draws.float(), share(0.3)), images) != applied
