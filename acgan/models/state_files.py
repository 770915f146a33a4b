"""State dicts of other people: files read without running code, and the weights of a network found in them.

Trainings wrap weights in many ways: ``{"model": …, "optimizer": …}`` (torchvision's references), ``{"state_dict": …}``
with a prefix for each module around the network (Lightning), ``module.`` (data parallel), ``_orig_mod.``
(torch.compile), a running mean beside the weights (``model_ema``). The wrapping is found by the names of the network's
own tensors, whatever it is called.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from acgan.errors import UserError, first_line
from acgan.sealed import is_damaged

#: Names in torchvision's published files that its networks no longer have (DenseNets, vision transformers), and what
#: torch.compile and checkpointing put between the names of modules.
_OTHER_NAMES = (
    (re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12])\."), r"\1\2."),
    (re.compile(r"\.mlp\.linear_1\."), ".mlp.0."),
    (re.compile(r"\.mlp\.linear_2\."), ".mlp.3."),
    (re.compile(r"\b_(?:orig_mod|checkpoint_wrapped_module|fsdp_wrapped_module)\."), ""),
)
_DEPTH = 4  # of tables within tables
_NAMED = 3  # keys in a message
_MEAN = re.compile(r"(?:^|[._])(?:ema|averaged|swa)(?:[._]|$)")


@dataclass(frozen=True)
class WantedWeights:
    """The tensors that a network wants.

    Attributes:
        network: Its name, for messages.
        tensors: Its tensors, without those of the last layer.
        unused: Names of modules whose tensors are of no use: the last layer, auxiliary classifiers.
        fit: Changes tensors of the right names to the right shapes.
    """

    network: str
    tensors: Mapping[str, Tensor]
    unused: tuple[str, ...] = ()
    fit: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = dict


@dataclass(frozen=True)
class FoundWeights:
    """Tensors in a file, by the names that the network has for them.

    Attributes:
        place: Key of their table, dotted; empty for the file itself.
        prefix: Beginning that all names have in the file.
        tensors: Those that the network wants, if nothing is ``wrong``.
        wrong: What does not fit, in words.
        others: Names in the same table without the prefix.
        means: Running means of the weights, which would fit too and were not taken.
    """

    place: str
    prefix: str
    tensors: Mapping[str, Tensor]
    wrong: tuple[str, ...]
    others: tuple[str, ...]
    means: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"{self.place}.{self.prefix}".strip(".")


def read_state_file(file: str | Path) -> Any:
    """The tensors and plain values in a file (``.safetensors``, or of ``torch.save``); no code in it is run.

    Raises:
        UserError: If it cannot be read, or holds other objects than these.
    """
    file = Path(file)
    try:
        content, of_acgan = _read(file)
    except Exception as error:  # torch and pickle raise all sorts
        if kind := re.search(r"GLOBAL (\S+) was not an allowed global", str(error)):
            raise UserError(
                f"{file}: cannot be read as a state dict: besides tensors it holds Python objects ({kind[1]}), which "
                "could run any code when they are read. Save the weights alone where it was made, as "
                "torch.save(network.state_dict(), FILE) does."
            ) from None
        reason = first_line(error).partition(". ")[0]  # torch goes on to advise reading it without care
        raise UserError(
            f"{file}: cannot be read as a state dict ({reason}). Expected tensors by name, "
            "as torch.save(network.state_dict(), FILE) writes them."
        ) from None
    if of_acgan:
        raise UserError(
            f"{file}: is of a training of acgan's; expected a state dict from elsewhere. Start from the run directory, "
            "or its .safetensors file, with --init-from."
        )
    return content


def _read(file: Path) -> tuple[Any, bool]:
    """Content of a file, and True if acgan wrote it, which knows better how its images are normalised."""
    if file.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(file, framework="pt") as opened:
            names = opened.keys()
            named = "acgan" in (opened.metadata() or {})
            return {name: opened.get_tensor(name) for name in names}, named or is_damaged(file)
    content = torch.load(file, map_location="cpu", weights_only=True)
    meta = content.get("meta") if isinstance(content, Mapping) else None
    return content, isinstance(meta, Mapping) and "class_names" in meta and "state" in content


def find_weights(content: Any, wanted: WantedWeights, where: str) -> FoundWeights:
    """Find the tensors that a network wants, in whatever tables and under whatever prefix they are.

    A prefix or table is taken only if all wanted tensors are there, in their shapes.

    Args:
        content: What a file holds.
        wanted: Tensors of the network.
        where: The file, for messages.

    Raises:
        UserError: If they are not there, or are there more than once and differ.
    """
    if not isinstance(content, Mapping):
        raise UserError(f"{where}: expected a state dict, tensors by name, found {type(content).__name__}.")
    tables = dict(_tables(content))
    if not tables:
        keys = f"a table with {_some(map(str, content))}" if content else "an empty table"
        raise UserError(
            f"{where}: expected a state dict, tensors by name, found {keys}; no tensors have names."
        )
    tried = [
        _try(place, table, prefix, wanted)
        for place, table in tables.items()
        for prefix in _prefixes(table, wanted)
    ]
    fitting = [found for found in tried if not found.wrong]
    if not fitting:
        raise UserError(_misfit(min(tried, key=lambda found: len(found.wrong)), tables, wanted, where))
    chosen = [found for found in fitting if not _MEAN.search(found.path)] or fitting
    means = [found.path for found in fitting if _MEAN.search(found.path)] if chosen is not fitting else []
    first = chosen[0]
    if any(not _same(first.tensors, other.tensors) for other in chosen[1:]):
        places = " and ".join(repr(found.path) for found in chosen)
        raise UserError(
            f"{where}: holds weights of {wanted.network} {len(chosen)} times, at {places}, and they differ. Save "
            "those that you want by themselves, as torch.save(network.state_dict(), FILE) does."
        )
    return replace(first, means=tuple(means))


def describe(found: FoundWeights, network: str) -> str:
    """A remark on how the weights of a network were wrapped; empty for its plain state dict."""
    parts = []
    if found.place:
        parts.append(f"took the tensors in {found.place!r}")
    if found.prefix:
        parts.append(f"removed {found.prefix!r} from their names")
    if _MEAN.search(found.path):
        parts.append("a running mean of weights by its name")
    if found.means:
        parts.append(f"not the running mean in {', '.join(map(repr, found.means))}")
    if found.others:
        parts.append(f"left out what is not of {network}: {_some(found.others)}")
    return ", ".join(parts)


def _tables(
    content: Mapping[Any, Any], place: str = "", depth: int = 0
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Tables of tensors by name, each with its dotted key, from the outside in."""
    tensors = {
        key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)
    }
    if tensors:
        yield place, tensors
    for key, value in content.items() if depth < _DEPTH else ():
        if isinstance(key, str) and isinstance(value, Mapping):
            yield from _tables(value, f"{place}.{key}".strip("."), depth + 1)


def _prefixes(table: Mapping[str, Tensor], wanted: WantedWeights) -> list[str]:
    """Beginnings of names that may be a prefix of all: none, and the one after which most names are wanted."""
    counts: Counter[str] = Counter()
    for key in map(_current_name, table):
        ends = [0, *(match.end() for match in re.finditer(r"\.", key))]
        counts.update(key[:end] for end in ends if key[end:] in wanted.tensors)
    # All that could be complete: "student." and "teacher." may be.
    needed = sum(not _is_optional(name) for name in wanted.tensors)
    complete = [prefix for prefix, number in counts.items() if number >= needed]
    return list(dict.fromkeys([*complete, *(prefix for prefix, _ in counts.most_common(1)), ""]))


def _try(place: str, table: Mapping[str, Tensor], prefix: str, wanted: WantedWeights) -> FoundWeights:
    unused = tuple(f"{module}." for module in wanted.unused)
    named = {_current_name(key): value for key, value in table.items()}
    inside = {key.removeprefix(prefix): value for key, value in named.items() if key.startswith(prefix)}
    tensors = wanted.fit({key: value for key, value in inside.items() if not key.startswith(unused)})
    wrong = [
        f"{key} ({_form(tensors.get(key), 'missing')}, expected {_form(wanted.tensors.get(key), 'none')})"
        for key in sorted(wanted.tensors.keys() | tensors.keys())
        if not _fits(tensors.get(key), wanted.tensors.get(key), optional=_is_optional(key))
    ]
    return FoundWeights(
        place, prefix, tensors, tuple(wrong), tuple(key for key in named if not key.startswith(prefix))
    )


def _fits(found: Tensor | None, own: Tensor | None, *, optional: bool) -> bool:
    if found is None or own is None:
        return own is not None and optional
    return found.shape == own.shape and found.is_floating_point() == own.is_floating_point()


def _is_optional(key: str) -> bool:
    return key.endswith("num_batches_tracked")  # absent from old files


def _form(tensor: Tensor | None, absent: str) -> str:
    """Shape, and the type where it is none of floating point."""
    if tensor is None:
        return absent
    kind = "" if tensor.is_floating_point() else f" {tensor.dtype}".replace("torch.", "")
    return f"{tuple(tensor.shape)}{kind}"


def _current_name(key: str) -> str:
    for other, current in _OTHER_NAMES:
        key = other.sub(current, key)
    return key


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())


def _some(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more


def _misfit(
    best: FoundWeights, tables: Mapping[str, Mapping[str, Tensor]], wanted: WantedWeights, where: str
) -> str:
    at = f" at {best.path!r}" if best.path else ""
    more = f" and {len(best.wrong) - _NAMED} more" if len(best.wrong) > _NAMED else ""
    return (
        f"{where}: not the weights of {wanted.network}{at}: {'; '.join(best.wrong[:_NAMED])}{more}. Its tensors are "
        f"{_some(tables[best.place])}; expected {_some(wanted.tensors)}. Name the network that they are of, or give "
        "them the names that this network has."
    )
