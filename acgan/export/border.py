"""Networks as other programs see them: images are uint8, or float in [-1, 1]; nothing has to be known of acgan.

Shapes: N images, Z latents, K classes, C channels, H x W pixels.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, cast

import torch
from torch import Tensor, nn

from acgan.models import Generator
from acgan.plots.grid import to_uint8
from acgan.predicting import ImageClassifier
from acgan.runtime import Draws
from acgan.sampling import ClassSampler
from acgan.sampling.sampler import CHUNK, class_latents

GeneratorOutput: TypeAlias = Literal["uint8", "float"]
ClassifierOutput: TypeAlias = Literal["probabilities", "logits"]
#: Outputs that can be chosen, the default first.
GENERATOR_OUTPUTS: tuple[GeneratorOutput, ...] = ("uint8", "float")
CLASSIFIER_OUTPUTS: tuple[ClassifierOutput, ...] = ("probabilities", "logits")
#: Samples that an exported file is compared by.
COMPARED = 100
_BLOBS = 4  # pixels a side of the pictures that classifiers are compared by, before they are enlarged


class GeneratorAtBorder(nn.Module):
    """Images (N, C, H, W) of latents z (N, Z) float32 and labels y (N,) int64."""

    def __init__(self, generator: Generator, output: GeneratorOutput):
        super().__init__()
        self.generator = generator
        self.as_uint8 = output == "uint8"

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        images: Tensor = self.generator(z, y)
        return to_uint8(images) if self.as_uint8 else images


class GeneratorOfNoise(nn.Module):
    """Images (N, 3, H, W) uint8 of noise (N, Z + K): the largest of the last K numbers chooses the class.

    Of independent numbers of one distribution each is the largest as often as any other: classes are equally frequent.
    """

    def __init__(self, generator: Generator):
        super().__init__()
        self.generator = generator

    def forward(self, noise: Tensor) -> Tensor:
        z, choice = noise.split(
            [self.generator.latent_dim, self.generator.num_classes], dim=1
        )  # (N, Z), (N, K)
        return to_uint8(self.generator(z, choice.argmax(dim=1))).expand(-1, 3, -1, -1)


class ClassifierAtBorder(nn.Module):
    """Probabilities, or logits, (N, K) of images (N, C, H, W) uint8."""

    def __init__(self, classifier: ImageClassifier, output: ClassifierOutput):
        super().__init__()
        self.classifier = classifier
        self.as_probabilities = output == "probabilities"

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier.network(self.classifier.normalised(images))
        return logits.softmax(dim=1) if self.as_probabilities else logits


class Exportable:
    """A network that is to be exported, with what it is compared by.

    Args:
        trained: The generator or classifier, on the CPU.
        output: One of ``GENERATOR_OUTPUTS`` or ``CLASSIFIER_OUTPUTS``.
        for_fidelity: Of a generator with the output ``uint8``: the signature that torch-fidelity calls, see
            ``GeneratorOfNoise``.

    Attributes:
        network: The network, in eval mode and float32.
        inputs: ``COMPARED`` inputs by name, the same for the same network.
        expected: What acgan itself makes of them.
        output_name: Name of the output.
    """

    def __init__(self, trained: ClassSampler | ImageClassifier, output: str, *, for_fidelity: bool = False):
        self.output = output
        self.inputs: Mapping[str, Tensor]
        plain = cast(Any, copy.deepcopy(trained)).to(memory_format=torch.contiguous_format).float()
        self.network: nn.Module
        if isinstance(trained, ClassSampler):
            z, y = _latents_and_labels(trained)
            self.inputs, self.output_name = {"z": z, "y": y}, "images"
            self.network = GeneratorAtBorder(plain.generator, cast(GeneratorOutput, output)).eval()
            if output == "uint8":
                self.expected = torch.cat(
                    list(trained.draw_each(zip(z.split(CHUNK), y.split(CHUNK), strict=True)))
                )
            else:
                with torch.no_grad():
                    self.expected = torch.cat(
                        [trained(*pair) for pair in zip(z.split(CHUNK), y.split(CHUNK), strict=True)]
                    )
            if for_fidelity:
                choice = nn.functional.one_hot(y, len(trained.class_names)).to(z.dtype)
                self.inputs = {"noise": torch.cat((z, choice), dim=1)}
                self.network = GeneratorOfNoise(plain.generator).eval()
                self.expected = self.expected.expand(-1, 3, -1, -1)
        else:
            images = _pictures(trained)
            self.inputs, self.output_name = {"images": images}, output
            self.network = ClassifierAtBorder(plain, cast(ClassifierOutput, output)).eval()
            logits = trained.logits(images)
            self.expected = logits.softmax(dim=1) if output == "probabilities" else logits

    @property
    def example(self) -> tuple[Tensor, ...]:
        """Inputs of three samples, to trace the network with."""
        return tuple(values[:3] for values in self.inputs.values())


def _latents_and_labels(sampler: ClassSampler) -> tuple[Tensor, Tensor]:
    """Latents and labels of ``sampler.sample(COMPARED)``: the classes take turns."""
    classes = len(sampler.class_names)
    y = torch.arange(COMPARED) % classes
    chunks: dict[tuple[int, int], Tensor] = {}
    rows = []
    for place, label in enumerate(y.tolist()):
        number, row = divmod(place // classes, CHUNK)
        if (label, number) not in chunks:
            chunks[label, number] = class_latents(sampler.generator, label, number, seed=0, truncation=1.0)
        rows.append(chunks[label, number][row])
    return torch.stack(rows), y


def _pictures(classifier: ImageClassifier) -> Tensor:
    """Blurred patches of all colours (N, C, H, W) uint8: no data is at hand, and noise looks the same everywhere."""
    info = classifier.info
    blobs = Draws(0).normal((COMPARED, info.channels, _BLOBS, _BLOBS), "export")
    side = (info.resolution, info.resolution)
    return to_uint8(nn.functional.interpolate(blobs, side, mode="bilinear"))
