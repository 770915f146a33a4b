"""Batches: the order of the images, and their way from the store to the networks."""

from __future__ import annotations

import numpy as np
import torch

from acgan.runtime import Draws, send
from acgan.types import Batch, ImageStore

BLOCK = 256  # images that stay neighbours in the store
WINDOW = 1024  # blocks shuffled together: 262,144 images


class BlockShuffle:
    """An endless stream of 0 … size-1, shuffled anew each epoch; any part can be computed directly.

    Contiguous blocks of 256 ids are permuted, and then the ids within each window of 1,024 permuted blocks.
    Each epoch visits each id once; up to 262,144 ids this is a full shuffle. Beyond that, images near in time
    come from few places of the store (which matters to a memory-mapped one), and no more than a window of ids
    is ever held, so a billion images are no problem.

    Args:
        size: Number of ids.
        draws: The run's draws.
        purpose: Names the stream; streams with other names are independent.
    """

    def __init__(self, size: int, draws: Draws, purpose: str):
        self._size = size
        self._draws = draws
        self._purpose = purpose
        # Place and ids in one value: portions of a batch ask from several threads.
        self._cached: tuple[tuple[int, int] | None, np.ndarray] = (None, np.empty(0, dtype=np.int64))

    def indices(self, position: int, count: int) -> np.ndarray:
        """The (count,) int64 ids from ``position`` of the stream on."""
        parts = [np.empty(0, dtype=np.int64)]
        while count > 0:
            epoch, offset = divmod(position, self._size)
            window, start = divmod(offset, BLOCK * WINDOW)
            part = self._window(epoch, window)[start : start + count]
            parts.append(part)
            position += len(part)
            count -= len(part)
        return np.concatenate(parts)

    def _window(self, epoch: int, window: int) -> np.ndarray:
        place, ids = self._cached
        if place == (epoch, window):
            return ids
        epoch_draws = self._draws.generator(f"{self._purpose} blocks", epoch)
        # Blocks start elsewhere in each epoch; a short one comes last.
        shift = epoch_draws.integers(self._size)
        whole, rest = divmod(self._size, BLOCK)
        blocks = epoch_draws.permutation(whole)
        if rest:
            blocks = np.append(blocks, whole)
        blocks = blocks[window * WINDOW : (window + 1) * WINDOW]
        places = (blocks[:, None] * BLOCK + np.arange(BLOCK)).ravel()
        ids = (places[places < self._size] + shift) % self._size
        ids = self._draws.generator(f"{self._purpose} window", epoch, window).permutation(ids)
        self._cached = (epoch, window), ids
        return ids


class BalancedShuffle:
    """An endless stream in which every class has the same share, whatever its number of images.

    Position p lies in round p // K. Each round visits each of the K classes that have images once, in random
    order, and the r-th visit to a class takes the r-th image of that class's own endless shuffle.

    Args:
        labels: (N,) int64.
        draws: The run's draws.
        purpose: Names the stream.
    """

    _ROUNDS = 256  # drawn at once

    def __init__(self, labels: np.ndarray, draws: Draws, purpose: str):
        by_class = np.argsort(labels, kind="stable")
        self._members = np.split(by_class, np.flatnonzero(np.diff(labels[by_class])) + 1)
        self._streams = [
            BlockShuffle(len(members), draws, f"{purpose} of class {labels[members[0]]}")
            for members in self._members
        ]
        self._draws = draws
        self._purpose = purpose
        self._cached = -1, np.empty((0, len(self._members)), dtype=np.int64)

    def indices(self, position: int, count: int) -> np.ndarray:
        """The (count,) int64 indices from ``position`` of the stream on."""
        num_classes = len(self._members)
        positions = np.arange(position, position + count)
        classes = self._classes(positions)
        out = np.empty(count, dtype=np.int64)
        for number in np.unique(classes):
            slots = np.flatnonzero(classes == number)
            # A class is visited once a round, so its visits here are consecutive ones.
            visits = self._streams[number].indices(int(positions[slots[0]]) // num_classes, len(slots))
            out[slots] = self._members[number][visits]
        return out

    def _classes(self, positions: np.ndarray) -> np.ndarray:
        rounds, slots = np.divmod(positions, len(self._members))
        out = np.empty(len(positions), dtype=np.int64)
        for drawn in np.unique(rounds // self._ROUNDS):
            here = rounds // self._ROUNDS == drawn
            out[here] = self._drawn(int(drawn))[rounds[here] % self._ROUNDS, slots[here]]
        return out

    def _drawn(self, number: int) -> np.ndarray:
        """The orders (ROUNDS, K) of the classes in some rounds."""
        cached, orders = self._cached
        if cached == number:
            return orders
        ordered = np.tile(np.arange(len(self._members)), (self._ROUNDS, 1))
        orders = self._draws.generator(f"{self._purpose} of classes", number).permuted(ordered, axis=1)
        self._cached = number, orders
        return orders


class BatchOrder:
    """The order of images: a function of (seed, position in the stream) alone.

    Callers pass a batch's position, so checkpoints need no state of it, and ranks and micro-batches take slices.

    Args:
        labels: (N,) int64, N > 0.
        seed: The run's seed.
        balance: Gives every class, instead of every image, the same share of the stream.
    """

    def __init__(self, labels: np.ndarray, *, seed: int, balance: bool):
        draws = Draws(seed)
        self._stream: BalancedShuffle | BlockShuffle
        if balance:
            self._stream = BalancedShuffle(labels, draws, "order")
        else:
            self._stream = BlockShuffle(len(labels), draws, "order")

    def indices(self, position: int, count: int) -> np.ndarray:
        """The (count,) int64 indices into the store from ``position`` of the stream on."""
        return self._stream.indices(position, count)


class DeviceImages:
    """Gathers and normalises whole batches on the device.

    Args:
        store: The images.
        device: Device of the batches.
        max_bytes_on_device: A GPU gets the whole store if it is no larger; else each batch is copied.
    """

    def __init__(self, store: ImageStore, *, device: torch.device, max_bytes_on_device: int):
        self._store = store
        self._device = device
        self._memory_format = torch.channels_last if device.type == "cuda" else torch.contiguous_format
        self._labels = torch.from_numpy(store.labels).to(device)
        self._images: torch.Tensor | None = None
        if device.type != "cpu" and store.images.nbytes <= max_bytes_on_device:
            self._images = torch.from_numpy(store.images[:]).to(device)  # [:] checks what is mapped

    def batch(self, indices: np.ndarray, flip: np.ndarray | None) -> Batch:
        """The images at some indices.

        Args:
            indices: (n,) int64 into the store.
            flip: (n,) bool, true for images to mirror left to right; None mirrors none.

        Returns:
            Images (n, C, H, W) float32 in [-1, 1], in channels-last memory on a GPU, and labels (n,) int64.
        """
        chosen = send(torch.from_numpy(indices), self._device)
        if self._images is not None:
            images = self._images.index_select(0, chosen)
        else:
            images = send(torch.from_numpy(self._store.images[indices]), self._device)
        if flip is not None:
            mirrored = send(torch.from_numpy(flip), self._device)[:, None, None, None]
            images = torch.where(mirrored, images.flip(3), images)
        images = images.to(torch.float32, memory_format=self._memory_format)
        return Batch(images.div_(127.5).sub_(1), self._labels.index_select(0, chosen))

    def labels(self, indices: np.ndarray) -> torch.Tensor:
        """The labels (n,) int64 of the images at some indices (n,)."""
        return self._labels.index_select(0, send(torch.from_numpy(indices), self._device))
