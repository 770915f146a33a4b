"""BatchNorm of a batch whose parts are computed at the same time. Shapes: N images, C channels."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from acgan.parallel import exchange, place_among_parts


def share_batch_statistics(network: nn.Module) -> None:
    """Let BatchNorm see the whole batch, when its parts are computed ``together``.

    Layers change their class and nothing else: names, state dict and the place in the network stay. BatchNorm of maps
    (``nn.BatchNorm2d``) is all that the networks of a configuration have; a test holds that against them.
    """
    for layer in network.modules():
        if type(layer) is nn.BatchNorm2d:
            layer.__class__ = _BatchNormOverParts


class _BatchNormOverParts(nn.BatchNorm2d):
    """BatchNorm (Ioffe & Szegedy 2015, algorithm 1) over the images of all parts.

    With n values x_i of a channel in all parts, mu = sum x_i / n and v = sum (x_i - mu)^2 / n::

        y_i = w (x_i - mu) / sqrt(v + eps) + b

    Each part has a number of values, their mean and their sum of squared deviations; these are exchanged and merged
    in the order of the parts (Chan, Golub, LeVeque 1983). Running statistics are updated once, with mu and
    n / (n - 1) v. Statistics are float32 or wider. Without parts it is torch's own layer.
    """

    def forward(self, x: Tensor) -> Tensor:
        _, parts = place_among_parts()
        uses_batch = self.training or (self.running_mean is None and self.running_var is None)
        if parts == 1 or not uses_batch:
            return super().forward(x)
        self._check_input_dim(x)
        mean, variance, count = _statistics_of_all_parts(x.detach())
        if self.training and self.track_running_stats:
            self._update_running(mean, variance * (count / (count - 1)))
        normalised: Tensor = _Normalise.apply(x, self.weight, self.bias, mean, variance, count, self.eps)
        return normalised

    def _update_running(self, mean: Tensor, unbiased_variance: Tensor) -> None:
        """As torch does, and by one part alone."""
        index, _ = place_among_parts()
        if index != 0 or self.running_mean is None or self.running_var is None:
            return
        factor = 0.0 if self.momentum is None else self.momentum
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if self.momentum is None:  # the mean over all batches
                factor = 1.0 / float(self.num_batches_tracked)
        for running, new in ((self.running_mean, mean), (self.running_var, unbiased_variance)):
            running.lerp_(new.to(running.dtype), factor)


def _statistics_of_all_parts(x: Tensor) -> tuple[Tensor, Tensor, int]:
    """Mean (C,), biased variance (C,) and number of the values of each channel.

    Few operations: each of them takes Python's lock, which the parts share.
    """
    wide = torch.promote_types(x.dtype, torch.float32)
    # Statistics have the type of the running ones, which are not wanted here.
    unused, unused_too = (None if wide == x.dtype else torch.empty(x.shape[1], dtype=wide) for _ in range(2))
    statistics = torch.batch_norm_update_stats(x, unused, unused_too, 0.0)
    own = torch.stack(statistics)  # (2, C): mean, biased variance
    counts, each = zip(*exchange((x.numel() // x.shape[1], own)), strict=True)
    count = sum(counts)
    shares = torch.tensor(counts, dtype=wide)[:, None] / count  # (P, 1)
    means, variances = torch.stack(each, dim=1)  # (P, C) each
    mean = (shares * means).sum(dim=0)
    return mean, (shares * (variances + (means - mean).square())).sum(dim=0), count


class _Normalise(torch.autograd.Function):
    """Normalisation by statistics that all parts were in.

    With the gradient g_i of y_i, z_i = (x_i - mu) / sqrt(v + eps), and sums over the values of all parts::

        dx_i = w / sqrt(v + eps) (g_i - sum_j g_j / n - z_i sum_j g_j z_j / n)

    The gradients of w and b are the part's own, sum g_i z_i and sum g_i: those of the parts add up to the batch's.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        count: int,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.count, ctx.eps, ctx.parts = count, eps, place_among_parts()[1]
        return F.batch_norm(x, mean, variance, weight, bias, False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "BatchNorm over parts of a batch has no second derivative (create_graph=True); compute the batch in "
                "one part."
            )
        if place_among_parts()[1] != ctx.parts:
            raise RuntimeError(
                f"BatchNorm over {ctx.parts} parts of a batch: the backward passes too must run together, in as many."
            )
        (gradient,), (x, weight, mean, variance) = gradients, ctx.saved_tensors
        _, weight_gradient, bias_gradient = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, mean, variance, None, None, False, ctx.eps, [False, True, True]
        )
        of_x = None
        if ctx.needs_input_grad[0]:
            each = exchange(torch.stack((bias_gradient, weight_gradient)))
            minus_means = torch.stack(each).sum(dim=0) / -ctx.count  # (2, C)
            scale = (variance + ctx.eps).rsqrt()
            if weight is not None:
                scale = scale * weight
            shifts, slopes = minus_means * scale
            # Two affine maps of channels, as which BatchNorm in eval mode is quick.
            none, one = torch.zeros_like(mean), torch.ones_like(mean)
            of_x = F.batch_norm(gradient, none, one, scale, shifts, False, eps=0.0)
            of_x += F.batch_norm(x, mean, variance, slopes, None, False, eps=ctx.eps)
        of_weight = weight_gradient if ctx.needs_input_grad[1] else None
        of_bias = bias_gradient if ctx.needs_input_grad[2] else None
        return of_x, of_weight, of_bias, None, None, None, None
