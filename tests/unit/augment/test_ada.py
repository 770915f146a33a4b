"""The operations of ADA, against per-image references in float64; what all share is with DiffAugment's."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import torch

from acgan.augment import AdaptiveAugment

FLIP, QUARTER, SHIFT, SCALE, ANISO, DRIFT, ROTATE, ROTATE_AFTER = range(8)
BRIGHTNESS, CONTRAST, LUMA, HUE, SATURATION = range(8, 13)
COUNTS = {FLIP: 1, QUARTER: 1, SHIFT: 2, SCALE: 1, ANISO: 1, DRIFT: 2, ROTATE: 1, ROTATE_AFTER: 1}
COUNTS.update(dict.fromkeys(range(8, 13), 1))
FIRST = {operation: 13 + sum(COUNTS[i] for i in range(operation)) for operation in COUNTS}
EVERY = AdaptiveAugment(groups=AdaptiveAugment.PARTS, mirror=True)


def noise(num, channels=3, height=16, width=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.rand(num, channels, height, width or height, generator=generator, dtype=torch.float64) * 2 - 1
    )


def uniform(num, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(num, AdaptiveAugment.num_draws, generator=generator, dtype=torch.float64)


def only(num=1, **operations):
    """Draws that apply these operations, with these values."""
    draws = torch.full((num, AdaptiveAugment.num_draws), 0.999, dtype=torch.float64)
    for name, values in operations.items():
        operation = globals()[name]
        draws[:, operation] = 0
        values = torch.as_tensor(values, dtype=torch.float64).reshape(-1, COUNTS[operation])
        draws[:, FIRST[operation] : FIRST[operation] + COUNTS[operation]] = values
    return draws


def apply(images, draws, p=0.5, **options):
    augment = AdaptiveAugment(**{"groups": AdaptiveAugment.PARTS, "mirror": True, **options})
    return augment(images, draws.to(images.dtype), torch.tensor(p, dtype=images.dtype))


def close(actual, expected, atol=1e-9):
    torch.testing.assert_close(actual, torch.as_tensor(np.ascontiguousarray(expected)), rtol=0, atol=atol)


def normal(draw):
    return NormalDist().inv_cdf(draw)


def affine(row, p, height, width, mirror=True):
    """From places in the image to places in the result, from the centre, right and down, (3, 3)."""

    def value(operation, i=0):
        return row[FIRST[operation] + i]

    def moved(right, down):
        return np.array([[1, 0, right], [0, 1, down], [0, 0, 1]])

    def scaled(across, down):
        return np.diag([across, down, 1.0])

    def turned(angle):  # counter-clockwise as seen, with down positive
        c, s = math.cos(angle), math.sin(angle)
        return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

    once = 1 - math.sqrt(1 - p)
    matrix = np.eye(3)
    if row[FLIP] < p and value(FLIP) < 0.5 and mirror:
        matrix = scaled(-1, 1) @ matrix
    if row[QUARTER] < p:
        matrix = turned(math.pi / 2 * math.floor(4 * value(QUARTER))) @ matrix
    if row[SHIFT] < p:
        right, down = (round((2 * value(SHIFT, i) - 1) / 8 * side) for i, side in enumerate((width, height)))
        matrix = moved(right, down) @ matrix
    if row[SCALE] < p:
        factor = 2 ** (0.2 * normal(value(SCALE)))
        matrix = scaled(factor, factor) @ matrix
    if row[ROTATE] < once:
        matrix = turned(math.pi * (2 * value(ROTATE) - 1)) @ matrix
    if row[ANISO] < p:
        factor = 2 ** (0.2 * normal(value(ANISO)))
        matrix = scaled(factor, 1 / factor) @ matrix
    if row[ROTATE_AFTER] < once:
        matrix = turned(math.pi * (2 * value(ROTATE_AFTER) - 1)) @ matrix
    if row[DRIFT] < p:
        matrix = (
            moved(*(normal(value(DRIFT, i)) / 8 * side for i, side in enumerate((width, height)))) @ matrix
        )
    return matrix


def warped(x, matrix):
    """Pixel by pixel, bilinear, from an image continued by its mirror images in all directions."""
    height, width = x.shape[1:]
    inverse = np.linalg.inv(matrix)
    around = np.pad(x, ((0, 0), (6 * height, 6 * height), (6 * width, 6 * width)), mode="symmetric")
    result = np.empty_like(x)
    for i in range(height):
        for j in range(width):
            right, down, _ = inverse @ [j - (width - 1) / 2, i - (height - 1) / 2, 1]
            row, column = down + (height - 1) / 2 + 6 * height, right + (width - 1) / 2 + 6 * width
            top, left = math.floor(row), math.floor(column)
            e, f = row - top, column - left
            a, b, c, d = (around[:, top + k, left + m] for k in range(2) for m in range(2))
            result[:, i, j] = (1 - e) * ((1 - f) * a + f * b) + e * ((1 - f) * c + f * d)
    return result


def recolored(x, row, p):
    """By 4x4 matrices of homogeneous colours, one after the other."""
    value = {operation: row[FIRST[operation]] for operation in range(8, 13)}
    axis = np.ones(3) / math.sqrt(3)
    project, matrix = np.outer(axis, axis), np.eye(4)

    def then(linear, offset=(0, 0, 0)):
        step = np.eye(4)
        step[:3, :3], step[:3, 3] = linear, offset
        return step @ matrix

    if row[BRIGHTNESS] < p:
        matrix = then(np.eye(3), [0.2 * normal(value[BRIGHTNESS])] * 3)
    if row[CONTRAST] < p:
        matrix = then(np.eye(3) * 2 ** (0.5 * normal(value[CONTRAST])))
    if row[LUMA] < p and value[LUMA] < 0.5:
        matrix = then(np.eye(3) - 2 * project)
    if row[HUE] < p:
        angle = math.pi * (2 * value[HUE] - 1)
        cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)
        matrix = then(math.cos(angle) * np.eye(3) + (1 - math.cos(angle)) * project + math.sin(angle) * cross)
    if row[SATURATION] < p:
        matrix = then(project + (np.eye(3) - project) * 2 ** normal(value[SATURATION]))
    return np.einsum("ij,jhw->ihw", matrix[:3, :3], x) + matrix[:3, 3, None, None]


@pytest.mark.parametrize("groups", [["blit"], ["geometry"], ["blit", "geometry"]])
@pytest.mark.parametrize(("height", "width", "mirror"), [(8, 8, True), (6, 9, False)])
def test_places_are_those_of_the_affine_map(groups, height, width, mirror):
    num, p = 24, 0.7
    images, draws = noise(num, 2, height, width), uniform(num)
    result = apply(images, draws, p, groups=groups, mirror=mirror)
    off = {"blit": range(3), "geometry": range(3, 8)}
    for x, row, changed in zip(images.numpy(), draws.tolist(), result, strict=True):
        for group in off.keys() - set(groups):
            for operation in off[group]:
                row[operation] = 1
        close(changed, warped(x, affine(row, p, height, width, mirror)))


def test_colors_are_those_of_the_matrices():
    num, p = 40, 0.6
    images, draws = noise(num, 3, 4), uniform(num)
    result = apply(images, draws, p, groups=["color"])
    for x, row, changed in zip(images.numpy(), draws.tolist(), result, strict=True):
        close(changed, recolored(x, row, p), atol=1e-12)


def test_gray_images_are_recolored_like_gray_colors():
    images, draws = noise(40, 1, 4), uniform(40)
    result = apply(images, draws, 0.6, groups=["color"])
    torch.testing.assert_close(
        result.expand(-1, 3, -1, -1), apply(images.expand(-1, 3, -1, -1), draws, 0.6, groups=["color"])
    )


@pytest.mark.parametrize("side", [16, 28])
def test_quarter_turns_and_flips_only_move_pixels(side):
    images = noise(1, 3, side)
    x = images[0].numpy()
    for k in range(4):
        close(apply(images, only(QUARTER=(k + 0.5) / 4))[0], np.rot90(x, k, axes=(1, 2)))
    close(apply(images, only(QUARTER=1.0))[0], np.rot90(x, 3, axes=(1, 2)))  # a draw below 1, rounded
    close(apply(images, only(FLIP=0.49))[0], x[:, :, ::-1])
    close(apply(images, only(FLIP=0.51))[0], x)
    close(apply(images, only(FLIP=0.1, QUARTER=0.3))[0], np.rot90(x[:, :, ::-1], axes=(1, 2)))
    if side == 16:  # in float32 and to the bit
        turned = apply(images.float(), only(QUARTER=0.3))
        assert torch.equal(turned, images.float().rot90(1, dims=(2, 3)))


def test_shifts_are_whole_pixels_and_edges_are_mirrored():
    images = noise(1, 1, 16)
    x = images[0].numpy()
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2)), mode="symmetric")
    for right, down in ((0.0, 1.0), (0.3, 0.5), (0.74, 0.13)):
        i, j = (round((2 * draw - 1) * 2) for draw in (down, right))
        result = apply(images, only(SHIFT=(right, down)))[0]
        close(result, padded[:, 2 - i : 18 - i, 2 - j : 18 - j])
    wide = noise(1, 1, 16, 104)
    close(apply(wide, only(SHIFT=(0.0, 0.5)))[..., :-13], wide[..., 13:])  # an eighth


def test_a_rotation_is_counter_clockwise_and_scaling_about_the_centre():
    images = torch.full((1, 1, 33, 33), -1.0, dtype=torch.float64)
    images[0, 0, 16, 26] = 1  # ten to the right of the centre
    up = apply(images, only(ROTATE=0.75))[0, 0]
    assert divmod(up.argmax().item(), 33) == (6, 16)
    one_sigma = NormalDist().cdf(1 / 0.2 * math.log2(1.5))
    far = apply(images, only(SCALE=one_sigma))[0, 0]
    assert divmod(far.argmax().item(), 33) == (16, 31)
    across = apply(images, only(ANISO=one_sigma))[0, 0]
    assert divmod(across.argmax().item(), 33) == (16, 31)
    moved = apply(images, only(DRIFT=(0.5, NormalDist().cdf(8 * 8 / 33))))[0, 0]
    assert divmod(moved.argmax().item(), 33) == (24, 26)


def test_colors_by_hand():
    images = torch.tensor([0.6, 0.3, 0.0], dtype=torch.float64).view(1, 3, 1, 1)

    def changed(**operations):
        return apply(images, only(**operations), groups=["color"]).flatten().tolist()

    one_sigma = NormalDist().cdf(1)
    assert changed(BRIGHTNESS=one_sigma) == pytest.approx([0.8, 0.5, 0.2])
    assert changed(CONTRAST=NormalDist().cdf(2)) == pytest.approx([1.2, 0.6, 0.0])
    assert changed(LUMA=0.2) == pytest.approx([0.0, -0.3, -0.6])
    assert changed(LUMA=0.7) == pytest.approx([0.6, 0.3, 0.0])
    assert changed(SATURATION=one_sigma) == pytest.approx([0.9, 0.3, -0.3])
    # A third of the circle makes red green, green blue and blue red.
    assert changed(HUE=0.5 + 1 / 3) == pytest.approx([0.0, 0.6, 0.3])
    assert changed(BRIGHTNESS=one_sigma, CONTRAST=NormalDist().cdf(2)) == pytest.approx([1.6, 1.0, 0.4])


def test_without_mirror_nothing_else_changes():
    images, draws = noise(64), uniform(64)
    draws[:, FIRST[FLIP]] = 0.7  # of no flip
    assert torch.equal(apply(images, draws, mirror=False), apply(images, draws, mirror=True))
    assert torch.equal(apply(images[:1], only(FLIP=0.1), mirror=False), images[:1])


SHARES = dict.fromkeys(["SCALE", "ANISO", "DRIFT", "BRIGHTNESS", "CONTRAST", "HUE", "SATURATION"], 0.3)
SHARES.update(FLIP=0.15, LUMA=0.15, QUARTER=0.225, SHIFT=0.3 * 3 / 4, ROTATE=1 - math.sqrt(0.7))


@pytest.mark.parametrize(("operation", "expected"), SHARES.items())
def test_p_is_the_share_of_images_that_an_operation_changes(operation, expected):
    num = 3000
    images, draws = noise(1, 3, 8).expand(num, -1, -1, -1), uniform(num)
    chance = globals()[operation]
    draws[:, [i for i in range(13) if i != chance]] = 1
    changed = (apply(images, draws, 0.3) - images).abs().amax((1, 2, 3)) > 1e-6
    assert changed.double().mean().item() == pytest.approx(expected, abs=0.03)


def test_p_is_the_share_of_images_that_either_rotation_changes():
    num = 3000
    images, draws = noise(1, 3, 8).expand(num, -1, -1, -1), uniform(num)
    draws[:, [i for i in range(13) if i not in (ROTATE, ROTATE_AFTER)]] = 1
    changed = (apply(images, draws, 0.3) - images).abs().amax((1, 2, 3)) > 1e-6
    assert changed.double().mean().item() == pytest.approx(0.3, abs=0.03)


def test_float32_is_as_exact_as_said():
    images, draws = noise(6, 1, 200).float(), uniform(6)
    for p in (0.0, 1.0):
        single = apply(images, draws.float(), p)
        double = apply(images.double(), draws.float().double(), p)
        torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-4 if p == 0 else 1e-2)
