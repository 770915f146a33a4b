"""Given samples in the place of a generator."""

import numpy as np
import torch

from acgan.sampling import GivenSamples
from acgan.types import ImageStore


def samples_of(counts: tuple[int, ...]) -> GivenSamples:
    """Images that tell their class and number: (class, number) in the first two pixels."""
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.zeros((len(labels), 1, 2, 2), np.uint8)
    images[:, 0, 0, 0] = labels
    images[:, 0, 0, 1] = np.concatenate([np.arange(count) for count in counts])
    mixed = np.random.default_rng(0).permutation(len(labels))
    return GivenSamples(ImageStore(images[mixed], labels[mixed], tuple("abc"[: len(counts)]), "f"))


def numbers(samples: GivenSamples, counts: dict[int, int], seed: int) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {label: [] for label in counts}
    for label, start, images in samples.stream_classes(counts, seed=seed):
        assert start == len(found[label])
        assert (images[:, 0, 0, 0] == label).all()
        found[label] += images[:, 0, 0, 1].tolist()
    return found


def test_each_image_comes_once_in_an_order_of_the_seed() -> None:
    samples = samples_of((200, 3))
    all_of_them = numbers(samples, {0: 200, 1: 3}, 0)
    assert sorted(all_of_them[0]) == list(range(200))
    assert sorted(all_of_them[1]) == [0, 1, 2]
    assert numbers(samples, {0: 50}, 0)[0] == all_of_them[0][:50]
    assert numbers(samples, {0: 50}, 1)[0] != all_of_them[0][:50]


def test_an_image_is_that_of_the_stream() -> None:
    samples = samples_of((300, 4))
    stream = torch.cat([images for _, _, images in samples.stream_classes({0: 280}, seed=3)])
    assert all(torch.equal(samples.image(0, place, seed=3), stream[place]) for place in (0, 17, 279))


def test_what_is_there_is_told() -> None:
    samples = samples_of((5, 2, 0))
    assert [samples.available(label) for label in range(3)] == [5, 2, 0]
    assert (samples.image_shape, samples.class_names, dict(samples.origin)) == (
        (1, 2, 2),
        ("a", "b", "c"),
        {},
    )
