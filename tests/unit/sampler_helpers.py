"""Small generators of every kind, for the tests that sample."""

import inspect

import torch

from acgan.models import GENERATORS
from acgan.sampling import ClassSampler
from acgan.weights import GeneratorInfo

SMALL = {
    "channels": 4,
    "max_channels": 8,
    "class_dim": 4,
    "patch": 1,
    "modulation": "norm",
    "mapping_layers": 0,
    "attention": [],
    "skip_z": True,
    "spectral_norm": True,
}
CLASSES = ("cat", "dog", "1")


def make_sampler(kind="resnet", image_channels=3, class_names=CLASSES, seed=0, **changes):
    """A small generator of a kind whose images differ visibly, although nothing trained it."""
    family = GENERATORS[kind]
    own = {name: SMALL[name] for name in inspect.signature(family).parameters if name in SMALL} | changes
    keywords = dict(
        latent_dim=8,
        num_classes=len(class_names),
        resolution=min(family.resolutions),
        image_channels=image_channels,
        **own,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator = family(**keywords)
        with torch.no_grad():
            for parameter in generator.parameters():
                if parameter.ndim > 1:
                    parameter.normal_(std=parameter[0].numel() ** -0.5)
            generator.train()
            for _ in range(15):  # gives BatchNorm its running statistics
                generator(torch.randn(8, 8), torch.randint(len(class_names), (8,)))
    return ClassSampler(generator, GeneratorInfo({"kind": kind, **keywords}, tuple(class_names), {"nimg": 7}))
