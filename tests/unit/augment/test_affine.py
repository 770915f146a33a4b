"""Random changes of training images."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from torch.nn import functional as F

from acgan.augment import Augmentation

MIRROR, DOWN, RIGHT, ANGLE, ZOOM, BRIGHTNESS, CONTRAST, SATURATION, ERASE_DOWN, ERASE_RIGHT = range(10)
OFF = Augmentation(mirror=False, shift=0, rotate_deg=0, zoom=0, erase=0, color=0)
EXACT = {"mirror": True, "shift": 0.125, "erase": 0.25, "color": 0.3}
WARP = {"mirror": True, "shift": 0.125, "rotate_deg": 15, "zoom": 0.2}
ALL = {**EXACT, **WARP}


def only(**values):
    return replace(OFF, **values)


def noise(num, channels=3, height=16, width=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(num, channels, height, width or height, generator=generator) * 2 - 1


def uniform(num, seed=1):
    return torch.rand(num, Augmentation.NUM_DRAWS, generator=torch.Generator().manual_seed(seed))


def middle(num, **columns):
    """Draws that change nothing but what is named: none of ``only`` mirrors, and one half is no change."""
    draws = torch.full((num, Augmentation.NUM_DRAWS), 0.5)
    for name, values in columns.items():
        draws[:, globals()[name]] = torch.as_tensor(values, dtype=torch.float32)
    return draws


def test_nothing_on_is_the_images_themselves():
    images = noise(4)
    assert OFF(images, uniform(4)) is images


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("most", [1, 4, 12])
def test_shift_moves_pixels_by_the_drawn_offset(most, channels):
    height, width = 12, 16
    most_right = most * width // height
    offsets = list(itertools.product(range(-most, most + 1), range(-most_right, most_right + 1)))
    images = noise(len(offsets), channels, height, width)
    draws = middle(
        len(offsets),
        DOWN=[(down + most + 0.5) / (2 * most + 1) for down, _ in offsets],
        RIGHT=[(right + most_right + 0.5) / (2 * most_right + 1) for _, right in offsets],
    )
    result = only(shift=most / height)(images, draws)
    padding = ((0, 0), (height, height), (width, width))
    for image, moved, (down, right) in zip(images, result, offsets, strict=True):
        padded = np.pad(image.numpy(), padding, mode="symmetric")
        top, left = height - down, width - right
        assert (moved.numpy() == padded[:, top : top + height, left : left + width]).all()


def test_shift_moves_a_known_pixel():
    images = torch.full((1, 1, 32, 32), -1.0)
    images[0, 0, 10, 20] = 1
    for down, right, place in ((0.0, 0.999, (6, 24)), (0.999, 0.0, (14, 16)), (0.5, 0.5, (10, 20))):
        result = only(shift=0.125)(images, middle(1, DOWN=down, RIGHT=right))
        assert torch.nonzero(result[0, 0] == 1).tolist() == [list(place)]


def test_shift_is_uniform_over_all_offsets():
    num, most = 40_000, 2
    images = torch.zeros(num, 1, 16, 16)
    images[:, :, 8, 8] = 1
    places = only(shift=most / 16)(images, uniform(num)).reshape(num, -1).argmax(1)
    table = torch.bincount(places, minlength=256).view(16, 16)
    inner = table[8 - most : 9 + most, 8 - most : 9 + most].double()
    assert inner.sum() == num  # nothing further away
    expected = num / inner.numel()
    chi_square = ((inner - expected) ** 2 / expected).sum()
    assert chi_square < 24 + 5 * 48**0.5  # 24 degrees of freedom: mean 24, variance 48


@pytest.mark.parametrize(
    ("share", "came_from"), [(0.29, [79, 21]), (0.125, [62, 38]), (0.009, [50, 50]), (1, [49, 49])]
)
def test_shift_is_up_to_a_share(share, came_from):
    images = torch.arange(100.0).expand(2, 1, 100, 100) / 100  # a column's value says where it came from
    result = only(shift=share)(images, middle(2, RIGHT=[0, 1 - 2**-24]))
    assert (result[:, 0, 0, 50] * 100).round().tolist() == came_from


def test_mirror_takes_half_of_the_images():
    images = noise(10_000, 1, 2)
    draws = uniform(10_000)
    result = only(mirror=True)(images, draws)
    mirrored = draws[:, MIRROR] < 0.5
    assert torch.equal(result[mirrored], images[mirrored].flip(3))
    assert torch.equal(result[~mirrored], images[~mirrored])
    assert abs(mirrored.float().mean() - 0.5) < 0.02


@pytest.mark.parametrize("rest", [{"shift": 0.25}, WARP])
def test_mirror_comes_first(rest):
    images = noise(20)
    draws = uniform(20)
    draws[:, MIRROR] = 0
    mirrored = only(**{**rest, "mirror": True})(images, draws)
    expected = only(**{**rest, "mirror": False})(images.flip(3), draws)
    assert torch.allclose(mirrored, expected, atol=1e-5)


def test_quarter_turns():
    images = noise(3)
    result = only(rotate_deg=90)(images, middle(3, ANGLE=[1, 0, 0.5]))
    expected = [torch.rot90(images[0], 1, (1, 2)), torch.rot90(images[1], -1, (1, 2)), images[2]]
    assert torch.allclose(result, torch.stack(expected), atol=1e-5)


def test_quarter_turn_of_an_oblong():
    images = noise(1, 3, 16, 32)
    result = only(rotate_deg=90)(images, middle(1, ANGLE=1))
    assert torch.allclose(result[..., 8:24], torch.rot90(images[..., 8:24], 1, (2, 3)), atol=1e-5)


def test_zoom_to_half():
    images = noise(1, 3, 8)
    result = only(zoom=0.5)(images, middle(1, ZOOM=0))
    # Each pixel is the mean of a square of four; outside of the middle 4 x 4 they come back, reflected.
    halves = torch.tensor([1, 0, 0, 1, 2, 3, 3, 2])
    expected = F.avg_pool2d(images, 2)[:, :, halves][:, :, :, halves]
    assert torch.allclose(result, expected, atol=1e-5)


def test_zoom_is_uniform_about_one():
    draws = uniform(4000)
    ramp = torch.linspace(-1, 1, 16).repeat(16, 1).expand(4000, 1, 16, 16)  # its slope is 1 / the factor
    result = only(zoom=0.25)(ramp, draws)
    factors = (ramp[:, 0, 8, 8] - ramp[:, 0, 8, 7]) / (result[:, 0, 8, 8] - result[:, 0, 8, 7])
    quantiles = torch.quantile(factors, torch.tensor([0, 0.25, 0.5, 0.75, 1]))
    assert torch.allclose(quantiles, torch.tensor([0.75, 0.875, 1, 1.125, 1.25]), atol=0.02)


@pytest.mark.parametrize(("degrees", "factor", "down", "right"), [(20, 1.2, 3, -2), (-20, 0.9, -2, 1)])
def test_rotation_zoom_and_shift_are_those_of_torchvision(degrees, factor, down, right):
    images = torch.zeros(1, 3, 32, 32)
    images[:, :, 11:21, 11:21] = noise(1, 3, 10)  # what is reflected is 0 as well
    draws = middle(
        1,
        ANGLE=(degrees / 40 + 1) / 2,
        ZOOM=((factor - 1) / 0.25 + 1) / 2,
        DOWN=(down + 4.5) / 9,
        RIGHT=(right + 4.5) / 9,
    )
    result = only(shift=0.125, rotate_deg=40, zoom=0.25)(images, draws)
    expected = torchvision.transforms.functional.affine(
        images,
        angle=-degrees,  # clockwise there
        translate=[right, down],
        scale=factor,
        shear=[0.0],
        interpolation=torchvision.transforms.InterpolationMode.BILINEAR,
    )
    assert expected.std() > 0.05
    assert torch.allclose(result, expected, atol=1e-4)


def test_shift_is_the_same_with_and_without_interpolation():
    images, draws = noise(50, 3, 12, 16), uniform(50)
    draws[:, ANGLE] = 0.5
    exact = only(mirror=True, shift=0.5)(images, draws)
    assert torch.allclose(only(mirror=True, shift=0.5, rotate_deg=9)(images, draws), exact, atol=1e-5)


@pytest.mark.parametrize(("share", "side"), [(0.5, 4), (0.375, 3), (0.01, 1), (1, 8)])
def test_erase_sets_a_square_about_the_drawn_pixel(share, side):
    centres = list(itertools.product(range(8), range(8)))
    draws = middle(
        64, ERASE_DOWN=[(y + 0.5) / 8 for y, _ in centres], ERASE_RIGHT=[(x + 0.5) / 8 for _, x in centres]
    )
    images = noise(64, 3, 8)
    expected = images.clone()
    for image, (y, x) in zip(expected, centres, strict=True):
        top, left = y - side // 2, x - side // 2
        image[:, max(top, 0) : top + side, max(left, 0) : left + side] = 0
    assert torch.equal(only(erase=share)(images, draws), expected)


def test_erase_is_uniform_over_pixels_and_comes_after_colors():
    num = 20_000
    images = torch.ones(num, 1, 4, 8)
    result = only(erase=0.25, color=0.5)(images, uniform(num))
    erased = result == 0
    assert (erased.sum((1, 2, 3)) == 1).all()
    counts = erased.sum(0).flatten().double()
    chi_square = ((counts - num / 32) ** 2 / (num / 32)).sum()
    assert chi_square < 31 + 5 * 62**0.5


def test_brightness_is_added_and_contrast_multiplied():
    images = noise(4, 1)
    draws = middle(4, BRIGHTNESS=[1, 0, 0.5, 0.75], CONTRAST=[0.5, 0.5, 0, 1])
    expected = torch.stack([images[0] + 0.4, images[1] - 0.4, images[2] * 0.6, images[3] * 1.4 + 0.2]).clamp(
        -1, 1
    )
    assert torch.allclose(only(color=0.4)(images, draws), expected, atol=1e-6)
    assert expected.max() == 1


def test_brightness_and_contrast_are_uniform():
    draws = uniform(10_000)
    dark = only(color=0.3)(torch.zeros(10_000, 1, 2, 2), draws)[:, 0, 0, 0]
    factors = (only(color=0.3)(torch.full((10_000, 1, 2, 2), 0.5), draws)[:, 0, 0, 0] - dark) / 0.5
    steps = torch.linspace(0, 1, 5)
    assert torch.allclose(torch.quantile(dark, steps), -0.3 + 0.6 * steps, atol=0.01)
    assert torch.allclose(torch.quantile(factors, steps), 0.7 + 0.6 * steps, atol=0.02)
    assert abs(torch.corrcoef(torch.stack([dark, factors]))[0, 1]) < 0.05


def test_saturation_is_that_of_torchvision():
    images = noise(3) * 0.6
    result = only(color=0.5)(images, middle(3, SATURATION=[0, 0.5, 1]))
    for image, changed, factor in zip(images, result, (0.5, 1, 1.5), strict=True):
        expected = torchvision.transforms.functional.adjust_saturation((image + 1) / 2, factor) * 2 - 1
        assert torch.allclose(changed, expected, atol=1e-3)
    gray = noise(3, 1)
    draws = middle(3, SATURATION=[0, 0.5, 1])
    assert torch.equal(only(color=0.5)(gray, draws), gray)
    assert torch.allclose(only(color=0.5)(gray.expand(-1, 3, -1, -1), draws), gray, atol=1e-6)


@pytest.mark.parametrize("on", [EXACT, WARP, ALL])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("channels", "memory_format"), [(1, torch.contiguous_format), (3, torch.channels_last)]
)
def test_form_is_kept(on, dtype, memory_format, channels):
    images = noise(6, channels).to(dtype, memory_format=memory_format)
    images[0], images[1] = -1, 1
    before, draws = images.clone(), uniform(6)
    result = only(**on)(images, draws)
    assert result.shape == images.shape
    assert result.dtype == dtype
    assert result.stride() == images.stride()
    assert result.abs().max() <= 1 + 1e-6
    assert torch.equal(images, before)
    assert not torch.equal(result, images)
    plain = only(**on)(before.to(torch.float64).contiguous(), draws)
    precision = {torch.float32: 1e-5, torch.float64: 1e-12}.get(dtype, 0.02)
    assert torch.allclose(result.double(), plain, atol=precision)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("on", [*({name: EXACT[name]} for name in EXACT), EXACT])
def test_split_batch_gives_the_same_bytes(on, channels):
    images, draws = noise(37, channels, 17, 19), uniform(37)
    whole = only(**on)(images, draws)
    for size in (1, 5, 36):
        parts = map(only(**on), images.split(size), draws.split(size))
        assert torch.equal(torch.cat(list(parts)), whole)
    order = torch.randperm(37)
    assert torch.equal(only(**on)(images[order], draws[order]), whole[order])


def test_split_batch_gives_nearly_the_same_where_interpolated():
    images, draws = noise(37), uniform(37)
    parts = map(only(**ALL), images.split(5), draws.split(5))
    assert torch.allclose(torch.cat(list(parts)), only(**ALL)(images, draws), atol=1e-6)


def test_each_draw_matters_and_only_to_its_own_image():
    images, draws = noise(2), middle(2)
    draws[:, MIRROR] = 0.6
    before = only(**ALL)(images, draws)
    for column in range(Augmentation.NUM_DRAWS):
        others = draws.clone()
        others[0, column] = 0.2
        after = only(**ALL)(images, others)
        assert (after[0] - before[0]).abs().max() > 1e-3
        assert torch.equal(after[1], before[1])


@pytest.mark.parametrize("left_out", list(EXACT))
def test_switching_one_off_leaves_the_others(left_out):
    images, draws = noise(200).abs() + 0.1, uniform(200)
    rest = {name: value for name, value in EXACT.items() if name != left_out}
    with_it, without = only(**EXACT)(images, draws), only(**rest)(images, draws)
    if left_out == "erase":
        kept = with_it != 0
        assert torch.equal(with_it[kept], without[kept])
    else:  # the same square is erased
        assert torch.equal(with_it == 0, without == 0)
        assert not torch.equal(with_it, without)


def test_draw_rounded_to_one_stays_inside():
    images, draws = noise(1), torch.ones(1, Augmentation.NUM_DRAWS)
    nearly = torch.full_like(draws, 1 - 2**-24)
    exact = only(mirror=True, shift=1, erase=0.25)
    assert torch.equal(exact(images, draws), exact(images, nearly))


def test_host_never_waits():
    # Tensors on this device have no values, so whatever would read one fails.
    images = torch.empty(5, 3, 16, 16, device="meta")
    draws = torch.empty(5, Augmentation.NUM_DRAWS, device="meta")
    for on in (EXACT, WARP, ALL):
        assert only(**on)(images, draws).shape == images.shape


@pytest.mark.parametrize(
    "bad", [{"shift": -0.1}, {"shift": 1.5}, {"rotate_deg": -1}, {"zoom": 1}, {"erase": 2}, {"color": 1.1}]
)
def test_values_out_of_range(bad):
    with pytest.raises(ValueError, match="out of its range"):
        only(**bad)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("on", [EXACT, WARP, ALL])
def test_same_on_a_gpu(on):
    images, draws = noise(20), uniform(20)
    there = images.cuda().contiguous(memory_format=torch.channels_last)
    result = only(**on)(there, draws.cuda())
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(result.cpu(), only(**on)(images, draws), atol=1e-4)
