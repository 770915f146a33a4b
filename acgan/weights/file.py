"""Files of trained networks: weights, and a JSON text in the metadata that describes them.

The text holds the architecture, class names, value range and provenance, so that the file alone is enough. It also has
the check of the file, see ``acgan.sealed``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from torch import Tensor, nn

from acgan.atomic import best_name
from acgan.errors import RunError, UnknownKindError, UnregisteredError, UserError, bounded, did_you_mean
from acgan.file_kinds import odd_kind
from acgan.own_parts import OwnPart, recorded_parts
from acgan.sealed import SEALED_FORMAT, read_description
from acgan.weights.hub import HUB_WEIGHTS, HubPlace
from acgan.weights.tensors import description_of, read_tensors, write_tensors

_FORMATS = (1, SEALED_FORMAT)  # that are read
_REMEDY = "The file was changed, or another version of acgan wrote it: use that one, or train again."
_LONGEST = 400  # letters of an error in a message
#: What a constructor may raise that is handed values of any kind and size.
_NOT_BUILT = (LookupError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError, MemoryError)


class Info(Protocol):
    """Metadata of a file: a dataclass of plain values."""

    @property
    def architecture(self) -> dict[str, Any]: ...
    @property
    def provenance(self) -> dict[str, Any]: ...
    @property
    def class_names(self) -> tuple[str, ...]: ...


def state_in_words(info: Info) -> str:
    """The state of the training that made a file."""
    nimg = info.provenance.get("nimg")
    if not isinstance(nimg, int):
        return "a state that does not say after how many images"
    which = "last" if info.provenance.get("score") is None else "best"
    return f"the {which} state, after {nimg:,} images shown"


SomeInfo = TypeVar("SomeInfo", bound=Info)
_Network = TypeVar("_Network", bound=nn.Module)


#: The command that scores each kind of network.
_COMMANDS = {"generator": "acgan evaluate", "classifier": "acgan classify evaluate"}


@dataclass(frozen=True)
class WeightsFile(Generic[SomeInfo, _Network]):
    """A kind of file.

    Attributes:
        product: Kind of network, in a word.
        name: Name of the file in a run directory.
        command: Command that makes one.
        info: Class of its metadata.
        build: Builds the network of an architecture, with any weights.
    """

    product: str
    name: str
    command: str
    info: type[SomeInfo]
    build: Callable[[Mapping[str, Any]], _Network]

    def save(self, file: Path, network: _Network, info: SomeInfo, dtype: torch.dtype | None = None) -> None:
        """Write a file.

        Args:
            file: Path of the file.
            network: _Network with the weights.
            info: Metadata.
            dtype: Type of the floating-point tensors; None keeps it.
        """
        tensors = {
            name: _converted(tensor.detach().cpu(), dtype).contiguous()
            for name, tensor in network.state_dict().items()
        }
        values = {"product": self.product, **asdict(info)}  # type: ignore[call-overload]
        write_tensors(file, tensors, values)

    def read(self, file: Path) -> tuple[_Network, SomeInfo]:
        """Build the network of a file.

        Raises:
            RunError: If it is not one.
        """
        text, tensors = self._open(file)
        info = self._parsed(text, file)
        network = self._fill(info, tensors, file)
        for name, tensor in tensors.items():
            if not tensor.isfinite().all():
                raise RunError(
                    f"{file}: has weights that are NaN or infinite ({name}); expected finite numbers. The training "
                    f"that made them went wrong, or another tool wrote them: `{self.command}` anew."
                )
        return network, info

    def read_info(self, file: Path) -> SomeInfo:
        """The metadata of a file; its network is not built.

        Raises:
            RunError: If it is not one.
        """
        return self._parsed(self._open(file)[0], file)

    def _open(self, file: Path) -> tuple[str | None, dict[str, Tensor]]:
        """Its description and tensors."""
        try:
            return read_tensors(file, self._remedy_of_damage)
        except (SafetensorError, OSError) as error:
            raise RunError(
                f"{file}: not a safetensors file, or not a whole one ({bounded(error, _LONGEST)}); expected a "
                f"{self.name} of `{self.command}`. If it is one, it is damaged. {self._remedy_of_damage}"
            ) from None

    def find(self, path: Path, which: str | None = None) -> Path:
        """Find the file of a run directory or path, or fetch that of the Hugging Face hub.

        Args:
            path: A run directory, a folder of `acgan export --format huggingface`, a file, or ``hf://user/name``.
            which: ``best``, ``last``, or None for the best if there is one, else the last; only for run directories.

        Raises:
            RunError: If there is none.
        """
        place = HubPlace.named_by(path)
        if place is not None:
            path = place.fetch()
        if kind := odd_kind(path):
            raise RunError(
                f"{path}: is {kind}; expected a run directory of `{self.command}` or a .safetensors file."
            )
        if path.is_file():
            if which is not None:
                raise RunError(
                    f"{path}: is a file, and {which} chooses among those of a run; name the run directory, or leave "
                    "the choice out."
                )
            return path
        if not path.exists():
            siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
            raise RunError(
                f"{path}: no such run or file; expected a run directory of `{self.command}` or a .safetensors file."
                f"{did_you_mean(path.name, siblings)}"
            )
        best, last = path / best_name(self.name), path / self.name
        shared = path / HUB_WEIGHTS
        if which is None and shared.is_file() and not (best.exists() or last.exists()):
            return shared
        file = last if which == "last" or (which is None and not best.exists()) else best
        if not file.exists():
            other = next((one for one in _COMMANDS if one != self.product and _has(one, path)), None)
            if other is not None and not _has(self.product, path):
                raise RunError(f"{path}: {self._is_other(other)}")
            raise RunError(f"{path}: no {file.name} in it. {self._remedy(path, file)}")
        if kind := odd_kind(file):
            raise RunError(f"{file}: is {kind}; expected a file of `{self.command}`. Copy the run again.")
        return file

    def _is_other(self, product: object) -> str:
        """Remark on a file or run of another kind."""
        is_known = isinstance(product, str) and product in _COMMANDS
        of_others = f" `{_COMMANDS[str(product)]}` is for {product}s." if is_known else ""
        return (
            f"holds a {bounded(product)}; expected a {self.name} of `{self.command}`, or its run.{of_others}"
        )

    @property
    def _remedy_of_damage(self) -> str:
        return (
            f"Take another copy. A run's last one is written anew from its checkpoint by `{self.command} RUN`; in "
            "place of a damaged best one, take the last one."
        )

    def _remedy(self, path: Path, missing: Path) -> str:
        runs = sorted(str(found.parent) for found in path.glob(f"*/{self.name}"))
        if runs:
            return f"Name one of the runs in it: {', '.join(runs[:5])}."
        if missing.name == self.name:
            return (
                "A run has one from its first checkpoint on (every.checkpoint_nimg), or once it is stopped."
            )
        return "A run has one where it was scored (data.validation_share, evaluate.extractor); take the last one."

    def _parsed(self, text: str | None, file: Path) -> SomeInfo:
        if text is None:
            raise RunError(f"{file}: has no acgan metadata; expected a {self.name} of `{self.command}`.")
        try:
            values = read_description(text)
            found, product = values.pop("format"), values.pop("product")
            if found in _FORMATS and product == self.product:
                # JSON knows no tuples.
                plain = {
                    key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
                }
                return _checked(self.info(**{**plain, "class_names": tuple(values["class_names"])}))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise RunError(
                f"{file}: its acgan metadata is damaged ({bounded(repr(error), _LONGEST)}). {self._remedy_of_damage}"
            ) from None
        if product != self.product:
            raise RunError(f"{file}: {self._is_other(product)}")
        raise RunError(
            f"{file}: format {bounded(repr(found))}; this version of acgan reads formats "
            f"{' and '.join(map(str, _FORMATS))}. Use the version that wrote it."
        )

    def _fill(self, info: SomeInfo, tensors: Mapping[str, Tensor], file: Path) -> _Network:
        """The network that the metadata describes, holding the tensors; the global random state stays as it is."""
        shapes = None
        with contextlib.suppress(*_NOT_BUILT, UserError), torch.device("meta"):
            # First without memory: an architecture that is not the file's may ask for more than there is.
            shapes = self.build(dict(info.architecture))
        if shapes is not None:
            self._check_fits(shapes, info, tensors, file)
        try:
            with torch.random.fork_rng(devices=[]):  # initial weights draw from it, only to be overwritten
                network = self.build(dict(info.architecture))
        except UnknownKindError as error:
            raise _not_there(error, recorded_parts(file.parent, info.provenance), file) from None
        except (*_NOT_BUILT, UserError) as error:
            raise RunError(
                f"{file}: its architecture cannot be built ({bounded(repr(error), _LONGEST)}). {_REMEDY}"
            ) from None
        self._check_fits(network, info, tensors, file)
        network.load_state_dict(tensors)
        return network

    def _check_fits(
        self, network: _Network, info: SomeInfo, tensors: Mapping[str, Tensor], file: Path
    ) -> None:
        expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        expected["class_names"], found["class_names"] = (network.num_classes,), (len(info.class_names),)
        for name in sorted(expected | found):
            if expected.get(name) != found.get(name):
                shapes = f"found {found.get(name, 'none')}, expected {expected.get(name, 'none')}"
                raise RunError(f"{file}: does not fit its architecture: {bounded(name)}: {shapes}. {_REMEDY}")


def _checked(info: SomeInfo) -> SomeInfo:
    """The metadata, whose values are of the types that its class says.

    Raises:
        ValueError: They are not.
    """
    try:
        return TypeAdapter(type(info)).validate_python(vars(info))
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _converted(tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    """A tensor in another type, if it is of floating point and no number in it becomes infinite."""
    converted = tensor.to(dtype) if tensor.is_floating_point() else tensor
    return tensor if converted.isinf().any() else converted


def _not_there(error: UnknownKindError, parts: Mapping[str, OwnPart], file: Path) -> UserError:
    """The error for a network that cannot be built, with its script if that is on record."""
    for part in parts.values():
        if error.kind.removesuffix("_trunk") == part.kind:
            return UnregisteredError(f"{file}: {part.is_missing}", part.script)
    return RunError(
        f"{file}: its architecture cannot be built ({error}). One of your own is known once its script is imported: "
        "`acgan --import SCRIPT.py …`; else another version of acgan wrote it: use that one, or train again."
    )


def _has(product: str, folder: Path) -> bool:
    """True if a run directory has a file of this kind of network."""
    return any((folder / name(f"{product}.safetensors")).is_file() for name in (str, best_name))


def holds(kind: WeightsFile[Any, Any], path: Path) -> bool:
    """True if a run directory or exported folder contains, or a file is, this kind of file."""
    if not path.is_file():
        shared = path / HUB_WEIGHTS
        return (path / kind.name).is_file() or (shared.is_file() and holds(kind, shared))
    try:
        return bool(read_description(description_of(path) or "{}").get("product") == kind.product)
    except (SafetensorError, OSError, ValueError, AttributeError):  # the last of JSON that is no object
        return False
