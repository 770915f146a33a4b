"""The operations of adaptive discriminator augmentation, ADA (Karras et al. 2020)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from acgan.augment.base import DiscriminatorAugmentation


class AdaptiveAugment(DiscriminatorAugmentation):
    """Moves pixels, warps and changes colours, in this order, as strongly as p says.

    Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", appendix B: its first three
    groups and their distributions. The caller adapts p. The operations, each applied with probability p; n is
    standard normal:

    - ``blit``: flips left to right in half the cases; turns by 0°, 90°, 180° or 270°; moves by whole pixels,
      uniform up to 1/8 of the side either way, down and across.
    - ``geometry``: scales by 2^(0.2 n); rotates by an angle uniform in [-180°, 180°]; scales by 2^(0.2 n) across
      and by its inverse down; rotates once more; moves by n/8 of the side, down and across. Each rotation has the
      probability 1 - sqrt(1 - p), so that p is that of one or both.
    - ``color``: adds a brightness 0.2 n; multiplies by a contrast 2^(0.5 n); flips luma in half the cases; turns
      hues by an angle uniform in [-180°, 180°]; multiplies the distance from gray by 2^n. Gray images get the
      first three.

    The first two groups are one affine map and one bilinear interpolation, without the paper's wavelet filter, so
    images that shrink may alias. Edges are reflected, the edge's own pixels first. With p = 0, rounding of places
    changes images by less than 1e-4 in float32 up to 256 pixels. Second derivatives are those of ``grid_sample``, which
    older versions of PyTorch lack: a penalty on D's gradient is best taken at the changed images.

    The generator learns to draw unchanged images only while p is below 1, in practice below about 0.8 (the same
    paper): at p = 1, for example, every quarter turn is as likely as none.

    Args:
        groups: Groups that are switched on.
        mirror: ``blit`` flips images; not for letters and digits, which are other ones when mirrored.
    """

    PARTS: ClassVar[tuple[str, ...]] = ("blit", "geometry", "color")
    num_draws: ClassVar[int] = 28  # whether each of 13 operations is applied, then their 15 values

    def __init__(self, *, groups: Sequence[str], mirror: bool):
        super().__init__(groups)
        self.mirror = mirror

    def _change(self, images: Tensor, draws: Tensor, p: Tensor) -> Tensor:
        chance, values = draws[:, :13], draws[:, 13:]
        on = chance < p
        if self.parts & {"blit", "geometry"}:
            origin = _Origin(images)
            # Traced back from the result to the image, so that the last operation comes first.
            if "geometry" in self.parts:
                rotated = chance[:, 6:8] < 1 - (1 - p).sqrt()
                _trace_geometry(origin, on[:, 3:6], rotated, values[:, 4:10])
            if "blit" in self.parts:
                _trace_blit(origin, on[:, :3], values[:, :4], mirror=self.mirror)
            images = origin.sample(images)
        if "color" in self.parts:
            images = _recolor(images, on[:, 8:], values[:, 10:])
        return images


class _Origin:
    """Map from pixels of the result to places in the image, both in pixels right of and below the centre.

    Pixel (a, b) of the result is taken from (x·(a, b, 1), y·(a, b, 1)) of the image, x and y (n, 3). There are no
    products of matrices, nor affine_grid, because a GPU or autocast may multiply matrices in fewer bits.
    """

    def __init__(self, images: Tensor):
        self.height, self.width = images.shape[2:]
        zero, one = images.new_zeros(len(images)), images.new_ones(len(images))
        self.x = torch.stack((one, zero, zero), dim=1)
        self.y = torch.stack((zero, one, zero), dim=1)

    def move(self, right: Tensor, down: Tensor) -> None:
        """Undo a move by these numbers of pixels, (n,) each."""
        self.x[:, 2] -= right
        self.y[:, 2] -= down

    def scale(self, across: Tensor, down: Tensor) -> None:
        """Undo a scaling by these factors, (n,) each."""
        self.x = self.x / across[:, None]
        self.y = self.y / down[:, None]

    def turn(self, cosine: Tensor, sine: Tensor) -> None:
        """Undo a counter-clockwise rotation by an angle with this cosine and sine, (n,) each."""
        cosine, sine = cosine[:, None], sine[:, None]
        self.x, self.y = cosine * self.x - sine * self.y, sine * self.x + cosine * self.y

    def sample(self, images: Tensor) -> Tensor:
        """The result (n, C, H, W)."""
        right, down = (
            torch.arange(side, device=images.device, dtype=images.dtype) - (side - 1) / 2
            for side in (self.width, self.height)
        )
        from_x, from_y = (
            row[:, 0, None, None] * right + row[:, 1, None, None] * down[:, None] + row[:, 2, None, None]
            for row in (self.x, self.y)
        )
        places = torch.stack((from_x * (2 / self.width), from_y * (2 / self.height)), dim=-1)
        return F.grid_sample(images, places, mode="bilinear", padding_mode="reflection", align_corners=False)


def _trace_geometry(origin: _Origin, on: Tensor, rotated: Tensor, values: Tensor) -> None:
    """Undo the move, the second rotation, the scaling by two factors, the first rotation and the uniform scaling.

    ``on`` (n, 3) is for all but the rotations; ``rotated`` (n, 2) in order of the rotations; ``values`` (n, 6).
    """
    normal = _normal(values[:, :4])
    scale, aniso = torch.where(on[:, :2], torch.exp2(normal[:, :2] * 0.2), 1.0).unbind(1)
    right, down = torch.where(on[:, 2:], normal[:, 2:] * 0.125, 0.0).unbind(1)
    angle = torch.where(rotated, (2 * values[:, 4:] - 1) * math.pi, 0.0)
    (cosine, cosine_after), (sine, sine_after) = angle.cos().unbind(1), angle.sin().unbind(1)
    origin.move(right * origin.width, down * origin.height)
    origin.turn(cosine_after, sine_after)
    origin.scale(aniso, 1 / aniso)
    origin.turn(cosine, sine)
    origin.scale(scale, scale)


def _trace_blit(origin: _Origin, on: Tensor, values: Tensor, *, mirror: bool) -> None:
    """Undo the move by whole pixels, the quarter turns and the flip; ``on`` is (n, 3), ``values`` (n, 4)."""
    right, down = torch.where(on[:, 2:], (2 * values[:, 2:] - 1) * 0.125, 0.0).unbind(1)
    origin.move((right * origin.width).round(), (down * origin.height).round())
    # A draw just below 1 may have been rounded to 1 on its way here.
    quarters = torch.where(on[:, 1], (4 * values[:, 1]).floor().clamp(max=3), 0.0)
    # Cosines and sines are exact, unlike those of multiples of pi / 2.
    origin.turn((quarters - 2).abs() - 1, 1 - (quarters - 1).abs())
    if mirror:
        one = torch.ones_like(quarters)
        origin.scale(torch.where(on[:, 0] & (values[:, 0] < 0.5), -one, one), one)


def _recolor(images: Tensor, on: Tensor, values: Tensor) -> Tensor:
    """Brightness, contrast, luma flip, hue and saturation.

    Each keeps the axis of grays, and acts alike in all directions of the plane across it. So does their product:
    its matrix has only three different entries, and on the axis it is one factor.
    """
    normal = _normal(values)
    brightness = torch.where(on[:, 0], normal[:, 0] * 0.2, 0.0)
    contrast = torch.where(on[:, 1], torch.exp2(normal[:, 1] * 0.5), 1.0)
    axis = torch.where(on[:, 2] & (values[:, 2] < 0.5), -contrast, contrast)
    hue = torch.where(on[:, 3], (2 * values[:, 3] - 1) * math.pi, 0.0)
    plane = torch.where(on[:, 4], torch.exp2(normal[:, 4]), 1.0) * contrast

    def by_image(value: Tensor) -> Tensor:
        return value[:, None, None, None]

    if images.shape[1] == 1:
        return by_image(axis) * (images + by_image(brightness))
    cosine, sine = plane * hue.cos(), plane * hue.sin() / math.sqrt(3)
    common = (axis - cosine) / 3  # exactly 0 where nothing is applied
    # Each channel itself, the next one in the circle of red, green and blue, and the previous one.
    return (
        by_image(cosine + common) * images
        + by_image(common - sine) * images.roll(-1, 1)
        + by_image(common + sine) * images.roll(1, 1)
        + by_image(axis * brightness)
    )


def _normal(uniform: Tensor) -> Tensor:
    """Standard normal values from uniform draws in [0, 1], finite for 0 and 1 too."""
    most = 1 - torch.finfo(uniform.dtype).eps
    return torch.erfinv((2 * uniform - 1).clamp(-most, most)) * math.sqrt(2)
