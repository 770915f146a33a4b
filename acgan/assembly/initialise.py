"""Starting a training from another run's weights: what fits is taken, the rest is listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from acgan.errors import RunError
from acgan.models import AuxClassifier, Discriminator, advance_spectral_norm
from acgan.sampling import load_generator
from acgan.training.checkpoint import read_latest
from acgan.training.gan import Gan
from acgan.weights import CLASSIFIER_FILE, GENERATOR_FILE, ClassifierInfo, holds

_POWER_ITERATIONS = 15  # until the largest singular values of weights from elsewhere are known

#: Parts of networks whose tensors have a row per class.
_PER_CLASS = ("embed", "classify", "twin")


def initialise_gan(path: Path, gan: Gan, class_names: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Give a new training's networks the weights of a run (or of a generator file, which has no discriminator).

    A classifier's start the discriminator: its backbone the trunk, its main head the ``AuxHead``. The generator
    starts from the mean of its weights. Tensors that fit in name and shape are taken whole; those with a row a
    class, of other classes, row by row for the classes that both have by name.

    Args:
        path: A run directory or a ``.safetensors`` file of a GAN or of a classifier.
        gan: The new training.
        class_names: Of the new training.

    Returns:
        What was taken and what was not, for people; and where the weights come from, for provenance.
    """
    if holds(CLASSIFIER_FILE, path):
        classifier, classifier_info = CLASSIFIER_FILE.read(CLASSIFIER_FILE.find(path))
        report = _start_discriminator(classifier, classifier_info.class_names, gan.discriminator, class_names)
        return _report(path, [report, "generator: starts anew"]), _origin(path, classifier_info.provenance)
    # The discriminator's is the last state, and they go together.
    source = load_generator(path, which="last" if path.is_dir() else None)
    rows, sizes = _shared_classes(source.class_names, class_names)
    lines = [_transfer("generator", source.generator.state_dict(), gan.generator, rows, sizes)]
    gan.ema.network.load_state_dict(gan.generator.state_dict())
    payload = read_latest(path / "checkpoints", lines.append) if path.is_dir() else None
    if payload is None:
        lines.append("discriminator: starts anew, there is no checkpoint with one")
    else:
        state = payload["state"]["discriminator"]
        lines.append(_transfer_to_discriminator(state, gan.discriminator, rows, sizes))
    return _report(path, lines), _origin(path, source.info.provenance)


def initialise_classifier(
    path: Path, network: AuxClassifier, info: ClassifierInfo
) -> tuple[str, dict[str, Any]]:
    """Give a new classifier the weights of another.

    Args:
        path: A run directory of a classifier, or its ``.safetensors`` file.
        network: The new classifier.
        info: About it.

    Returns:
        What was taken and what was not, for people; and where the weights come from, for provenance.

    Raises:
        RunError: If it is not one, or its images were normalised otherwise.
    """
    if holds(GENERATOR_FILE, path):
        raise RunError(
            f"--init-from {path}: holds a GAN; its discriminator goes on as a classifier with "
            "--backbone discriminator:RUN."
        )
    source, old = CLASSIFIER_FILE.read(CLASSIFIER_FILE.find(path))
    if (list(old.mean), list(old.std)) != (list(info.mean), list(info.std)):
        raise RunError(
            f"--init-from {path}: its weights want images normalised by mean {list(old.mean)} and standard deviation "
            f"{list(old.std)}, and these are by {list(info.mean)} and {list(info.std)}; set model.backbone.pretrained "
            "as it was there."
        )
    rows, sizes = _shared_classes(old.class_names, info.class_names)
    line = _transfer("classifier", source.state_dict(), network, rows, sizes)
    return _report(path, [line]), _origin(path, old.provenance)


def _start_discriminator(
    classifier: AuxClassifier,
    old_names: Sequence[str],
    discriminator: Discriminator,
    class_names: Sequence[str],
) -> str:
    state = {
        key.replace("heads.main.", "aux_head.").replace("backbone.", "trunk.", 1): tensor
        for key, tensor in classifier.state_dict().items()
    }
    rows, sizes = _shared_classes(old_names, class_names)
    return _transfer_to_discriminator(state, discriminator, rows, sizes)


def _transfer_to_discriminator(
    state: Mapping[str, Tensor],
    discriminator: Discriminator,
    rows: Mapping[int, int],
    sizes: tuple[int, int],
) -> str:
    """Copy what fits, also plain weights into layers that are spectrally normalised."""
    own, named = discriminator.state_dict(), {}
    for key, tensor in state.items():
        # A spectrally normalised layer keeps its weight under another name.
        original = key.removesuffix("weight") + "parametrizations.weight.original"
        named[original if original in own else key] = tensor
    line = _transfer("discriminator", named, discriminator, rows, sizes)
    for _ in range(_POWER_ITERATIONS):
        advance_spectral_norm(discriminator)
    return line


def _shared_classes(old: Sequence[str], new: Sequence[str]) -> tuple[dict[int, int], tuple[int, int]]:
    """Old row by new row for classes that both have by name, and the numbers of classes."""
    rows = {row: old.index(name) for row, name in enumerate(new) if name in old}
    return rows, (len(old), len(new))


def _report(path: Path, lines: Sequence[str]) -> str:
    return f"--init-from {path}:\n" + "\n".join(f"  {line}" for line in lines)


def _origin(path: Path, provenance: Mapping[str, Any]) -> dict[str, Any]:
    known = {key: provenance.get(key) for key in ("data", "data_fingerprint", "nimg", "seed")}
    return {"path": str(path), **known}


def _transfer(
    name: str,
    source: Mapping[str, Tensor],
    network: nn.Module,
    rows: Mapping[int, int],
    sizes: tuple[int, int],
) -> str:
    """Copy what fits into a network.

    Args:
        name: The network's, for the report.
        source: Tensors by name.
        network: Changed in place.
        rows: Old row by new row, for tensors with a row per class.
        sizes: Number of classes, old and new.
    """
    same_classes = (
        sizes[0] == sizes[1] and all(old == new for new, old in rows.items()) and len(rows) == sizes[0]
    )
    taken, left = 0, []
    own = network.state_dict()
    columns = getattr(network, "class_columns", ())
    for key, tensor in own.items():
        old = source.get(key)
        if (
            old is not None
            and _layer(key) in _PER_CLASS
            and not same_classes
            and old.shape[1:] == tensor.shape[1:]
        ):
            for new_row, old_row in rows.items():
                tensor[new_row] = old[old_row]
            taken += 1
            left.append(f"{key} (only the rows of {len(rows)} of {sizes[1]} classes)")
        elif old is not None and key in columns and not same_classes and len(old) == len(tensor):
            latent_dim = tensor.shape[1] - sizes[1]
            if old.shape[1] - sizes[0] == latent_dim:
                tensor[:, :latent_dim] = old[:, :latent_dim]
            for new_row, old_row in rows.items():
                tensor[:, latent_dim + new_row] = old[:, old.shape[1] - sizes[0] + old_row]
            taken += 1
            left.append(f"{key} (only the columns of {len(rows)} of {sizes[1]} classes)")
        elif old is not None and old.shape == tensor.shape:
            tensor.copy_(old)
            taken += 1
        else:
            left.append(
                f"{key} {tuple(tensor.shape)}" + (f" (there {tuple(old.shape)})" if old is not None else "")
            )
    text = f"{name}: took {taken} of {len(own)} tensors"
    return f"{text}; not taken: {', '.join(left)}" if left else text


def _layer(key: str) -> str:
    """The last name of the layer that a tensor belongs to; a parametrised weight lies deeper than a plain one."""
    layer = key.partition(".parametrizations.")[0] if ".parametrizations." in key else key.rpartition(".")[0]
    return layer.rpartition(".")[2]
