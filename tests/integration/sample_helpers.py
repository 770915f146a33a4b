"""Helpers of the tests of ``acgan sample``: a small generator, the command, and what it should draw."""

import torch
from click.testing import CliRunner

from acgan.cli import main
from acgan.models import GENERATORS
from acgan.sampling import load_generator
from acgan.weights import GeneratorInfo, save_generator

CLASSES = ("cat", "Cat", "../dog", "con")
FOLDERS = ("cat", "Cat-2", "___dog", "_con")


def make_run(directory, channels=3, class_names=CLASSES, provenance=None):
    """A run directory with a small generator, whose images differ visibly although nothing trained it."""
    keywords = {
        "latent_dim": 8,
        "num_classes": len(class_names),
        "resolution": 16,
        "image_channels": channels,
    }
    keywords |= {"channels": 4, "max_channels": 8, "class_dim": 4}
    keywords |= {"patch": 1, "modulation": "norm", "mapping_layers": 0, "attention": []}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = GENERATORS["resnet"](**keywords)
        with torch.no_grad():
            for parameter in generator.parameters():
                if parameter.ndim > 1:
                    parameter.normal_(std=parameter[0].numel() ** -0.5)
    directory.mkdir(parents=True)
    info = GeneratorInfo(
        {"kind": "resnet", **keywords}, class_names, {"nimg": 7, "data": "pets", **(provenance or {})}
    )
    save_generator(directory / "generator.safetensors", generator, info)
    return directory


def acgan_sample(*arguments, exit_code=0):
    result = CliRunner().invoke(main, ["sample", *map(str, arguments), "--device", "cpu"])
    assert result.exit_code == exit_code, result.output
    return result.output


def drawn(run, label, count, **options):
    """(count, H, W, C) as the Python interface draws them."""
    portions = load_generator(run).stream(label, count, **options)
    return torch.cat([images for _, images in portions]).permute(0, 2, 3, 1).numpy()


def tree(folder):
    """All files below a folder, with their bytes."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}
