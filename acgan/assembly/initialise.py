"""Start of a training from other weights: copies tensors that fit and lists the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from acgan.atomic import sha256
from acgan.errors import RunError
from acgan.models import (
    IMAGENET_MEAN,
    OWN_AUX,
    AuxClassifier,
    Discriminator,
    advance_spectral_norm,
    class_columns,
    class_rows,
    load_weights,
    name_in_state,
    read_state_file,
)
from acgan.sampling import load_generator
from acgan.training.checkpoint import read_latest
from acgan.training.gan import Gan
from acgan.weights import (
    CLASSIFIER_FILE,
    GENERATOR_FILE,
    STARTER,
    ClassifierInfo,
    Starter,
    holds,
    is_foreign,
    read_starter,
)

_POWER_ITERATIONS = 15  # enough for the largest singular values of other weights


@dataclass(frozen=True)
class _Classes:
    """Class names of the copied weights (old) and of the new network."""

    old: Sequence[str]
    new: Sequence[str]

    @property
    def same(self) -> bool:
        return list(self.old) == list(self.new)

    def have_rows(self, old: Tensor, new: Tensor) -> bool:
        """True if both tensors have as many rows for each class, of one shape."""
        return old.shape[1:] == new.shape[1:] and len(old) * len(self.new) == len(new) * len(self.old)

    def shared(self) -> list[tuple[int, int]]:
        """(new, old) labels of each common class."""
        return [(label, self.old.index(name)) for label, name in enumerate(self.new) if name in self.old]


def first_weights(
    gan: Gan, class_names: Sequence[str], *, init_from: Path | None, starter: bool, chosen_form: bool = False
) -> tuple[str | None, dict[str, Any] | None]:
    """Give a new training its first weights, if they are not to be random.

    Args:
        gan: The new training.
        class_names: Its classes.
        init_from: What ``--init-from`` names; None for nothing.
        starter: Take the shipped starter if ``init_from`` is None and the starter fits.
        chosen_form: True if the user chose the size or the colours of the images.

    Returns:
        A report, and the provenance of the weights; None for each if the weights stay random.

    Raises:
        RunError: If the path holds no weights.
    """
    if init_from is not None:
        return initialise_gan(init_from, gan, class_names)
    if not starter:
        return None, None
    shipped = read_starter()
    if not _fits(shipped, gan):
        return _why_random(shipped, gan, chosen_form), None
    _, origin = _start_both(shipped, gan, class_names)
    return (
        f"model.starter: G and D start from networks trained on photographs ({', '.join(shipped.class_names)}); "
        "model.starter=false starts from random weights."
    ), origin


def _why_random(starter: Starter, gan: Gan, chosen_form: bool) -> str:
    """Why the starter is not taken; briefly if the user chose what it does not fit."""
    begin = "All weights start random: the trained ones that come with acgan (model.starter) are for"
    side, own_side = int(starter.provenance["config"]["data"]["resolution"]), gan.generator.resolution
    gray = gan.generator.image_channels == 1
    if side == own_side and not gray:
        return f"{begin} the networks of the recipe folder, and `model` was changed."
    if chosen_form:
        return f"{begin} colour images of {side} px."
    found = f"{'gray' if gray else 'colour'} images of {own_side} px"
    needed = [f"--set data.resolution={side}"] * (side != own_side) + ["--set data.channels=3"] * gray
    return (
        f"{begin} colour images of {side} px, and these are {found}. With few images trained weights "
        f"are a help; they need {' '.join(needed)}."
    )


def initialise_gan(path: Path, gan: Gan, class_names: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Give a new training, with these classes, the weights of a run or ``.safetensors`` file of a GAN or classifier.

    ``starter`` is the shipped starter, unless there is a file or folder of that name.

    The generator starts from the averaged weights. The discriminator starts from the run's last checkpoint; a
    generator's file has none. A classifier has weights only for the discriminator: those of the backbone for the
    trunk, and those of the main head for the ``AuxHead``.

    Tensors with the same name and shape are copied whole. If the classes differ, tensors with a row or a column for
    each class are copied only for common classes, matched by name.

    Returns:
        A report of the tensors that were taken and those that were not, and the provenance of the weights.

    Raises:
        RunError: If the path holds neither.
    """
    if path == Path(STARTER) and not path.exists():
        lines, origin = _start_both(read_starter(), gan, class_names)
        return _report(path, lines), origin
    if is_foreign(path):
        raise RunError(
            f"--init-from {path}: is no file of acgan's; expected a run directory, or the .safetensors file of a "
            "generator or classifier. A state dict from elsewhere names neither its network nor its classes; it can "
            "start a classifier (`acgan classify train`), whose run can start a GAN."
        )
    if holds(CLASSIFIER_FILE, path):
        classifier, classifier_info = CLASSIFIER_FILE.read(CLASSIFIER_FILE.find(path))
        report = _start_discriminator(classifier, classifier_info.class_names, gan.discriminator, class_names)
        return _report(path, [report, "generator: starts anew"]), _origin(path, classifier_info.provenance)
    # The checkpoint has the last discriminator, so the generator must be the last one too.
    source = load_generator(path, which="last" if path.is_dir() else None)
    classes = _Classes(source.class_names, class_names)
    lines = [_transfer("generator", source.generator.state_dict(), gan.generator, classes)]
    gan.ema.network.load_state_dict(gan.generator.state_dict())
    payload = read_latest(path / "checkpoints", lines.append) if path.is_dir() else None
    if payload is None:
        lines.append("discriminator: starts anew, there is no checkpoint with one")
    else:
        state = payload["state"]["discriminator"]
        lines.append(_transfer_to_discriminator(state, gan.discriminator, classes))
    return _report(path, lines), _origin(path, source.info.provenance)


def initialise_classifier(
    path: Path, network: AuxClassifier, info: ClassifierInfo, warn: Callable[[str], None]
) -> tuple[str, dict[str, Any]]:
    """Give a new classifier the weights of another, or of a state dict from elsewhere.

    Args:
        path: A run directory, a ``.safetensors`` file, or a file with a state dict of the backbone's network.
        network: The new classifier.
        info: Its description.
        warn: Called with a message if a state dict may want images that are normalised in another way.

    Returns:
        A report of the tensors that were taken and those that were not, and the provenance of the weights.

    Raises:
        UserError: If the path holds a GAN, its images were normalised in another way, or a state dict does not fit.
    """
    if holds(GENERATOR_FILE, path):
        raise RunError(
            f"--init-from {path}: holds a GAN; its discriminator goes on as a classifier with "
            "--backbone discriminator:RUN."
        )
    if is_foreign(path):
        return _start_backbone(path, network, info, warn), {"path": str(path), "sha256": sha256(path)}
    source, old = CLASSIFIER_FILE.read(CLASSIFIER_FILE.find(path))
    if (list(old.mean), list(old.std)) != (list(info.mean), list(info.std)):
        raise RunError(
            f"--init-from {path}: its weights want images normalised by mean {list(old.mean)} and standard deviation "
            f"{list(old.std)}, and these are by {list(info.mean)} and {list(info.std)}; set model.backbone.pretrained "
            "as it was there."
        )
    classes = _Classes(old.class_names, info.class_names)
    line = _transfer("classifier", source.state_dict(), network, classes)
    return _report(path, [line]), _origin(path, old.provenance)


def _start_backbone(
    path: Path, classifier: AuxClassifier, info: ClassifierInfo, warn: Callable[[str], None]
) -> str:
    backbone = info.architecture["backbone"]
    kind, name = backbone["kind"], backbone.get("name")
    lines: list[str] = []
    load_weights(
        classifier.backbone,
        read_state_file(path),
        f"--init-from {path}",
        name=name or f"the backbone {kind}",
        last=classifier.replaced,
        say=lines.append,
    )
    # Inception v3 and GoogLeNet want images in [-1, 1], which is how they are normalised without pretrained weights.
    if kind == "torchvision" and name not in OWN_AUX and tuple(info.mean) != IMAGENET_MEAN:
        warn(
            f"--init-from {path}: images are normalised by mean {list(info.mean)} and standard deviation "
            f"{list(info.std)}, and most weights of {name} want them by those of ImageNet. If these do, give the file "
            "as model.backbone.weights instead, which normalises so."
        )
    remarks = [line.removeprefix(f"--init-from {path}: ") for line in lines]
    return _report(path, [*remarks, "backbone: took all tensors", "heads: start anew"])


def _fits(starter: Starter, gan: Gan) -> bool:
    """True if the starter has every tensor of both networks; classes may differ."""
    pairs = [(starter.generator, gan.generator), (starter.discriminator, gan.discriminator)]
    for state, network in pairs:
        of_classes = class_rows(network) | class_columns(network)
        own = network.state_dict()
        if own.keys() != state.keys():
            return False
        if any(state[key].shape != own[key].shape for key in own.keys() - of_classes):
            return False
    return True


def _start_both(starter: Starter, gan: Gan, class_names: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    classes = _Classes(starter.class_names, class_names)
    lines = [
        _transfer("generator", starter.generator, gan.generator, classes),
        _transfer_to_discriminator(starter.discriminator, gan.discriminator, classes),
    ]
    gan.ema.network.load_state_dict(gan.generator.state_dict())
    return lines, _origin(Path(STARTER), starter.provenance)


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
    return _transfer_to_discriminator(state, discriminator, _Classes(old_names, class_names))


def _transfer_to_discriminator(
    state: Mapping[str, Tensor], discriminator: Discriminator, classes: _Classes
) -> str:
    """Copy the tensors that fit, also plain weights into layers with spectral normalisation."""
    own, named = discriminator.state_dict(), {}
    for key, tensor in state.items():
        named[name_in_state(key, own)] = tensor
    line = _transfer("discriminator", named, discriminator, classes)
    for _ in range(_POWER_ITERATIONS):
        advance_spectral_norm(discriminator)
    return line


def _report(path: Path, lines: Sequence[str]) -> str:
    return f"--init-from {path}:\n" + "\n".join(f"  {line}" for line in lines)


def _origin(path: Path, provenance: Mapping[str, Any]) -> dict[str, Any]:
    known = {key: provenance.get(key) for key in ("data", "data_fingerprint", "nimg", "seed")}
    return {"path": str(path), **known}


def _transfer(name: str, source: Mapping[str, Tensor], network: nn.Module, classes: _Classes) -> str:
    """Copy the tensors that fit into a network, and return a report that calls the network by ``name``."""
    own, taken, remarks = network.state_dict(), 0, []
    rows, columns = class_rows(network), class_columns(network)
    part = f"of {len(classes.shared())} of {len(classes.new)} classes"
    for key, tensor in own.items():
        old = source.get(key)
        if old is None:
            remarks.append(f"{key} {tuple(tensor.shape)}")
        elif key in rows and not classes.same and classes.have_rows(old, tensor):
            _copy_rows(old, tensor, classes)
            taken += 1
            remarks.append(f"{key} (only the rows {part})")
        elif key in columns and not classes.same and len(old) == len(tensor):
            _copy_columns(old, tensor, classes)
            taken += 1
            remarks.append(f"{key} (only the columns {part})")
        elif old.shape == tensor.shape:
            tensor.copy_(old)
            taken += 1
        else:
            remarks.append(f"{key} {tuple(tensor.shape)} (there {tuple(old.shape)})")
    text = f"{name}: took {taken} of {len(own)} tensors"
    return f"{text}; not taken: {', '.join(remarks)}" if remarks else text


def _copy_rows(old: Tensor, new: Tensor, classes: _Classes) -> None:
    """Copy the rows of shared classes; a layer of 2K outputs has two of each class, K apart."""
    old_rows, rows = old.unflatten(0, (-1, len(classes.old))), new.unflatten(0, (-1, len(classes.new)))
    for label, old_label in classes.shared():
        rows[:, label] = old_rows[:, old_label]


def _copy_columns(old: Tensor, new: Tensor, classes: _Classes) -> None:
    """Copy the last columns, which belong to the classes; and the others if their number is the same."""
    others, old_others = new.shape[1] - len(classes.new), old.shape[1] - len(classes.old)
    if others == old_others:
        new[:, :others] = old[:, :others]
    for label, old_label in classes.shared():
        new[:, others + label] = old[:, old_others + old_label]
