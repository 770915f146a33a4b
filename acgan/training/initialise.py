"""Starting a training from another run's weights: what fits is taken, the rest is listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from acgan.sampling import load_generator
from acgan.training.checkpoint import read_latest
from acgan.training.gan_loop import Gan

#: Tensors with a row a class, by the beginning of their names.
_PER_CLASS = ("embed.", "aux_head.classify.")


def initialise_from(path: Path, gan: Gan, class_names: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Give a new training's networks the weights of a run (or of a generator file, which has no discriminator).

    The generator starts from the mean of its weights. Tensors that fit in name and shape are taken whole; those
    with a row a class, of other classes, row by row for the classes that both have by name.

    Args:
        path: A run directory or a ``.safetensors`` file.
        gan: The new training.
        class_names: Of the new training.

    Returns:
        What was taken and what was not, for people; and where the weights come from, for provenance.
    """
    source = load_generator(path)
    rows = {
        new: source.class_names.index(name)
        for new, name in enumerate(class_names)
        if name in source.class_names
    }
    sizes = (len(source.class_names), len(class_names))
    lines = [_transfer("generator", source.generator.state_dict(), gan.generator, rows, sizes)]
    gan.ema.network.load_state_dict(gan.generator.state_dict())
    payload = read_latest(path / "checkpoints", lines.append) if path.is_dir() else None
    if payload is None:
        lines.append("discriminator: starts anew, there is no checkpoint with one")
    else:
        state = payload["state"]["discriminator"]
        lines.append(_transfer("discriminator", state, gan.discriminator, rows, sizes))
    origin: dict[str, Any] = {"path": str(path)}
    for key in ("data", "data_fingerprint", "nimg", "seed"):
        origin[key] = source.info.provenance.get(key)
    return f"--init-from {path}:\n" + "\n".join(f"  {line}" for line in lines), origin


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
        rows: Old row by new row, for tensors with a row a class.
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
            and key.startswith(_PER_CLASS)
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
