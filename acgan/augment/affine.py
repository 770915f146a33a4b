"""Random changes of whole batches of images, on the device, for classifiers and for D's consistency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

_LUMA = (0.299, 0.587, 0.114)  # shares of red, green and blue in the gray of a colour


@dataclass(frozen=True)
class Augmentation:
    """Changes images at random; the change of an image depends only on its own row of draws.

    The order is: mirror, rotate and zoom about the centre, shift, change colours, erase. A batch that is split
    gives the same images. Edges are reflected, the edge's own pixels first.

    Attributes:
        mirror: Flip left to right with probability 1/2.
        shift: Move by whole pixels, up to this share of the side either way, down and across, in [0, 1].
        rotate_deg: Rotate by an angle uniform in [-rotate_deg, rotate_deg] degrees; more is counter-clockwise.
        zoom: Scale by a factor uniform in [1 - zoom, 1 + zoom], in [0, 1); above 1 is larger.
        erase: Set a square to mid-gray, 0. Its side is this share of the image's, in [0, 1]; its centre is any pixel,
            so that a part of it may lie outside; 0 erases nothing.
        color: c in [0, 1]: multiply saturation (of RGB images) and contrast (about mid-gray) by factors uniform in
            [1 - c, 1 + c], and add a brightness uniform in [-c, c].
    """

    mirror: bool
    shift: float
    rotate_deg: float
    zoom: float
    erase: float
    color: float

    #: Uniform draws per image; the same number always, so that switching one change does not alter the others.
    NUM_DRAWS: ClassVar[int] = 10

    def __post_init__(self) -> None:
        shares = (self.shift, self.zoom, self.erase, self.color)
        if not all(0 <= share <= 1 for share in shares) or self.zoom == 1 or self.rotate_deg < 0:
            raise ValueError(f"a value is out of its range: {self}")

    def __call__(self, images: Tensor, draws: Tensor) -> Tensor:
        """Change images; return the same tensor if nothing is switched on.

        Args:
            images: (n, C, H, W) float in [-1, 1].
            draws: (n, NUM_DRAWS) uniform in [0, 1), on the images' device.

        Returns:
            (n, C, H, W) in [-1, 1], of the same type and memory format.
        """
        changed = images
        if self.rotate_deg or self.zoom:
            changed = self._warp(changed, draws)
        elif self.mirror or self.shift:
            changed = self._move(changed, draws)
        if self.color:
            changed = self._recolor(changed, draws[:, 5:8])
        if self.erase:
            changed = self._erase(changed, draws[:, 8:])
        if changed.stride() != images.stride():
            changed = torch.empty_like(images).copy_(changed)
        return changed

    def _mirrored(self, draws: Tensor) -> Tensor:
        return (draws[:, 0] < 0.5) & self.mirror

    def _offsets(self, draws: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Pixels by which each image moves down and right, (n,) int64 each."""
        # The small addition corrects rounded products: 0.29 * 100 is 28.999….
        most = [math.floor(self.shift * side + 1e-6) for side in (height, width)]
        down, right = (uniform_whole(draws[:, 1 + i], 2 * most[i] + 1) - most[i] for i in range(2))
        return down, right

    def _move(self, images: Tensor, draws: Tensor) -> Tensor:
        """Mirror and shift, by copying pixels."""
        num, channels, height, width = images.shape
        down, right = self._offsets(draws, height, width)
        rows = _reflect(torch.arange(height, device=images.device) - down[:, None], height)
        columns = _reflect(torch.arange(width, device=images.device) - right[:, None], width)
        columns = torch.where(self._mirrored(draws)[:, None], width - 1 - columns, columns)
        places = (rows[:, :, None] * width + columns[:, None, :]).view(num, 1, -1)
        flat = images.reshape(num, channels, -1)
        return flat.gather(2, places.expand(-1, channels, -1)).view(images.shape)

    def _warp(self, images: Tensor, draws: Tensor) -> Tensor:
        """Mirror, rotate, zoom and shift, in one interpolation."""
        height, width = images.shape[2:]
        # Places need more bits than half precision has.
        dtype = torch.promote_types(images.dtype, torch.float32)
        uniform = draws.to(dtype)
        angle = (2 * uniform[:, 3] - 1) * math.radians(self.rotate_deg)
        scale = 1 + (2 * uniform[:, 4] - 1) * self.zoom
        cosine, sine = (part[:, None, None] for part in (angle.cos() / scale, angle.sin() / scale))
        # The place that each pixel of the result is taken from, in pixels from the centre. affine_grid multiplies
        # matrices, which a GPU or autocast may do in fewer bits.
        y, x = (
            (torch.arange(side, device=images.device, dtype=dtype) - (side - 1) / 2) - offset[:, None]
            for side, offset in zip((height, width), self._offsets(draws, height, width), strict=True)
        )
        y, x = y[:, :, None], x[:, None, :]
        from_x, from_y = cosine * x - sine * y, sine * x + cosine * y
        from_x = torch.where(self._mirrored(draws)[:, None, None], -from_x, from_x)
        places = torch.stack((from_x * (2 / width), from_y * (2 / height)), dim=-1)
        return F.grid_sample(
            images.to(dtype), places, mode="bilinear", padding_mode="reflection", align_corners=False
        ).to(images.dtype)

    def _recolor(self, images: Tensor, draws: Tensor) -> Tensor:
        factors = (2 * draws - 1) * self.color
        brightness, contrast, saturation = factors.to(images.dtype)[:, :, None, None, None].unbind(1)
        if images.shape[1] == 3:
            # Channel by channel, not as a sum over a dimension: its rounding may depend on the batch's size.
            red, green, blue = (images[:, i : i + 1] * _LUMA[i] for i in range(3))
            gray = red + green + blue
            images = gray + (images - gray) * (1 + saturation)
        return (images * (1 + contrast) + brightness).clamp_(-1, 1)

    def _erase(self, images: Tensor, draws: Tensor) -> Tensor:
        height, width = images.shape[2:]
        side = max(1, round(self.erase * min(height, width)))
        inside = []
        for i, size in enumerate((height, width)):
            first = uniform_whole(draws[:, i], size) - side // 2
            distance = torch.arange(size, device=images.device) - first[:, None]
            inside.append((distance >= 0) & (distance < side))
        square = inside[0][:, None, :, None] & inside[1][:, None, None, :]
        return torch.where(square, torch.zeros((), dtype=images.dtype, device=images.device), images)


def uniform_whole(draws: Tensor, count: int) -> Tensor:
    """Uniform whole numbers in [0, count), int64, from uniform draws."""
    # A draw just below 1 may have been rounded to 1 on its way here.
    return (draws * count).long().clamp_(max=count - 1)


def _reflect(places: Tensor, size: int) -> Tensor:
    """Bring places in [-size, 2 size) into [0, size), reflected at the outer edges of the outermost pixels."""
    places = torch.where(places < 0, -1 - places, places)
    return torch.where(places >= size, 2 * size - 1 - places, places)
