"""Registering parts of one's own from one's own script, each with its section of the configuration.

It is ``acgan.register``. A part is known in the process that registered it: from a script, whatever is called after;
from the command line, by ``acgan --import SCRIPT.py COMMAND``. A run records the script, and nothing imports it because
of that.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from acgan.config import AnyConfig, ClassifierConfig
from acgan.config.base import BaseConfig, Kinds, fields_of
from acgan.config.classifier import DiscriminatorBackboneConfig
from acgan.config.listing import kinds_of
from acgan.config.losses import (
    ADVERSARIAL_KINDS,
    CLASSIFICATION_KINDS,
    PENALTY_KINDS,
    BaseAdversarialConfig,
    BaseClassificationConfig,
    BasePenaltyConfig,
    BaseRegulariserConfig,
    LossConfig,
)
from acgan.config.networks import DISCRIMINATOR_KINDS, GENERATOR_KINDS, BaseDiscriminatorConfig
from acgan.data.load import FILE_SOURCES, Source
from acgan.data.options import ReadOptions
from acgan.errors import ConfigError, UnregisteredError
from acgan.evaluation.measures import METRICS, Metric
from acgan.losses import ADVERSARIAL, CLASSIFICATION, PENALTIES, AdversarialLoss, ClassificationLoss, Penalty
from acgan.metrics.catalogue import CATALOGUE, CatalogueEntry, printed_scores
from acgan.models import AUX_HEADS, BACKBONES, GENERATORS, TRUNKS, AuxHead, Generator, Trunk
from acgan.own_parts import OwnPart, recorded_parts
from acgan.training.regularisers import REGULARISERS, Regulariser

#: Parts by the class of their section, data sources by their ending.
_OWN: dict[object, OwnPart] = {}
_SOURCE, _TRUNK = "data.source", "model.discriminator"


def adversarial_loss(loss: type[AdversarialLoss], section: type[BaseAdversarialConfig]) -> None:
    """Register an adversarial loss, for ``loss.adversarial``.

    Args:
        loss: The class.
        section: Its section, whose ``kind`` names it; the other keys are the keywords of the class.
    """
    _check_classes(loss, AdversarialLoss, section, BaseAdversarialConfig)
    _check_keywords(loss, section, section.part_keys())
    _enter(ADVERSARIAL, ADVERSARIAL_KINDS, loss, section)


def classification_loss(
    loss: type[ClassificationLoss],
    section: type[BaseClassificationConfig],
    head: type[AuxHead] | None = None,
) -> None:
    """Register a class loss, for ``loss.classification``.

    Args:
        loss: The class.
        section: Its section, whose ``kind`` names it; the other keys are the keywords of the class, but for the weights
            and those in ``head_keys``, which are the head's.
        head: The head with the output that the loss names in ``head_outputs``; None for one that is there.
    """
    _check_classes(loss, ClassificationLoss, section, BaseClassificationConfig)
    _check_keywords(loss, section, section.part_keys())
    outputs = loss.head_outputs
    if head is None and outputs not in AUX_HEADS:
        raise ConfigError(
            f"{loss.__name__}.head_outputs: found {outputs!r}, and no head has such an output; expected one of "
            f"{', '.join(AUX_HEADS)}, or a head of your own beside the loss."
        )
    if head is not None:
        _check_class(head, AuxHead)
        _check_free("head output", outputs, AUX_HEADS)
    _check_keywords(head or AUX_HEADS[outputs], section, section.head_keys, "in_channels", "num_classes")
    _enter(CLASSIFICATION, CLASSIFICATION_KINDS, loss, section)
    if head is not None:
        AUX_HEADS[outputs] = head


def penalty(part: type[Penalty], section: type[BasePenaltyConfig]) -> None:
    """Register a penalty of D, for ``loss.penalty``.

    Args:
        part: The class.
        section: Its section, whose ``kind`` names it, with ``of``, ``every`` and the key of the strength; the other
            keys are the keywords of the class.
    """
    _check_classes(part, Penalty, section, BasePenaltyConfig)
    needed = ("of", "every", getattr(section, "strength_key", "strength_key"))
    if missing := [key for key in needed if key not in section.model_fields]:
        raise ConfigError(
            f"{section.__name__}: has no key {missing[0]}; expected of, every, and a strength that strength_key names."
        )
    _check_keywords(part, section, section.part_keys())
    _enter(PENALTIES, PENALTY_KINDS, part, section)


def regulariser(key: str, part: type[Regulariser], section: type[BaseRegulariserConfig]) -> None:
    """Register a regulariser of D, which a configuration switches on by its own key of ``loss``.

    Args:
        key: The key.
        part: The class.
        section: Its section, whose keys are the keywords of the class.
    """
    _check_classes(part, Regulariser, section, BaseRegulariserConfig)
    if not key.isidentifier():
        raise ConfigError(f"register.regulariser: found {key!r}; expected a word, which is a key of loss.")
    _check_free("key of loss", key, fields_of(LossConfig))
    _check_keywords(part, section, section.model_fields, "around")
    REGULARISERS[key] = part
    LossConfig.registered[key] = FieldInfo(
        annotation=section, default=None, description=inspect.getdoc(section)
    )
    _OWN[section] = _by_caller(key)


def generator(network: type[Generator], section: type[BaseConfig]) -> None:
    """Register a generator, for ``model.generator``.

    Args:
        network: The class.
        section: Its section, whose ``kind`` names it; the other keys are keywords of the class.
    """
    _check_classes(network, Generator, section, BaseConfig)
    shape = {"latent_dim", "num_classes", "resolution", "image_channels"}
    _check_keywords(network, section, section.part_keys() | shape)
    _enter(GENERATORS, GENERATOR_KINDS, network, section)


def trunk(network: type[Trunk], section: type[BaseDiscriminatorConfig]) -> None:
    """Register a discriminator's trunk, for ``model.discriminator``; a classifier can have it as its backbone.

    Args:
        network: The class.
        section: Its section, whose ``kind`` names it; the other keys but ``projection`` are keywords of the class.
    """
    _check_classes(network, Trunk, section, BaseDiscriminatorConfig)
    _check_keywords(network, section, section.part_keys() | {"resolution", "image_channels"})
    _enter(TRUNKS, DISCRIMINATOR_KINDS, network, section)
    BACKBONES[f"{kinds_of(section)[0]}_trunk"] = network


def data_source(ending: str, source: Callable[[Path, ReadOptions], Source]) -> None:
    """Register a format of files, which ``data.source`` and ``--data`` then take.

    Args:
        ending: Ending of the files, such as ``.h5``.
        source: Makes the ``Source`` of a file.
    """
    if not ending.startswith(".") or ending != ending.lower():
        raise ConfigError(f"register.data_source: found {ending!r}; expected an ending, as in '.h5'.")
    _check_free("ending", ending, FILE_SOURCES)
    FILE_SOURCES[ending] = source
    _OWN[ending] = _by_caller(ending)


def metric(key: str, function: Metric, entry: CatalogueEntry) -> None:
    """Register a metric of evaluations, which is measured unless others are chosen.

    Args:
        key: What ``--metrics`` takes.
        function: Computes it from samples and reference.
        entry: Its scores and what it needs.
    """
    _check_free("metric", key, CATALOGUE)
    for score in entry.scores:
        _check_free("score", score.name, printed_scores())
    METRICS[key], CATALOGUE[key] = function, entry


def registered_parts(config: AnyConfig) -> dict[str, OwnPart]:
    """The registered parts of a configuration, by the key of their section."""
    found = dict(_walk(config, ""))
    if (ending := _ending(config)) in _OWN:
        found[_SOURCE] = _OWN[ending]
    backbone = config.model.backbone if isinstance(config, ClassifierConfig) else None
    if isinstance(backbone, DiscriminatorBackboneConfig):
        of_run = recorded_parts(Path(backbone.run))
        if _TRUNK in of_run:
            found["model.backbone"] = of_run[_TRUNK]
    return found


def check_source(config: AnyConfig, directory: Path, provenance: Mapping[str, Any] | None = None) -> None:
    """Check that the format of a run's data is known.

    Args:
        config: Its configuration.
        directory: The run directory, or the folder of its file.
        provenance: That of the file.

    Raises:
        UnregisteredError: If the run records a script that was not imported.
    """
    part = recorded_parts(directory, provenance).get(_SOURCE)
    if part is not None and part.kind == _ending(config) and part.kind not in FILE_SOURCES:
        raise UnregisteredError(f"{directory}: {_SOURCE}: {part.is_missing}", part.script)


def _ending(config: AnyConfig) -> str:
    return Path(config.data.source).suffix.lower()


def _walk(section: BaseModel, prefix: str) -> Iterable[tuple[str, OwnPart]]:
    for name in fields_of(type(section)):
        value = getattr(section, name, None)
        if type(value) in _OWN:
            yield f"{prefix}{name}", _OWN[type(value)]
        if isinstance(value, BaseModel):
            yield from _walk(value, f"{prefix}{name}.")


def _enter(table: dict[str, Any], kinds: Kinds, part: type, section: type[BaseConfig]) -> None:
    """Enter a part and its section under their kind."""
    named = kinds_of(section)
    if len(named) != 1:
        raise ConfigError(
            f"{section.__name__}.kind: found {' | '.join(named) or 'no name'}; expected one name, as in "
            'kind: Literal["mine"].'
        )
    (kind,) = named
    _check_free("kind", kind, table)
    table[kind] = part
    kinds.sections.append(section)
    _OWN[section] = _by_caller(kind)


def _check_classes(part: type, base: type, section: type[BaseModel], section_base: type[BaseModel]) -> None:
    _check_class(part, base)
    _check_class(section, section_base)
    if section in _OWN:
        raise ConfigError(
            f"{section.__name__}: is the section of {_OWN[section].kind}; expected one of its own."
        )


def _check_class(found: object, base: type) -> None:
    if not (isinstance(found, type) and issubclass(found, base) and not inspect.isabstract(found)):
        name = found.__name__ if isinstance(found, type) else repr(found)
        raise ConfigError(
            f"register: found {name}; expected a subclass of {base.__name__} ({base.__module__}), with all its methods."
        )


def _check_free(what: str, name: str, taken: Collection[str]) -> None:
    if name in taken:
        raise ConfigError(f"register: the {what} {name!r} is taken; expected none of {', '.join(taken)}.")


def _check_keywords(part: type, section: type[BaseModel], keys: Collection[str], *first: str) -> None:
    """Check that a class takes the keys of its section, after its first arguments."""
    try:
        inspect.signature(part).bind(*first, **dict.fromkeys(keys))
    except TypeError as error:
        raise ConfigError(
            f"{part.__name__}: is made with the keywords {', '.join(sorted(keys)) or 'none'}, as {section.__name__} "
            f"has keys, and that fails: {error}."
        ) from None


def _by_caller(kind: str) -> OwnPart:
    """A part of the module that called this one."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals["__name__"] == __name__:
        frame = frame.f_back
    assert frame is not None
    module, file = frame.f_globals["__name__"], frame.f_globals.get("__file__")
    if module == "__main__" and file is not None:
        module = Path(file).stem
    return OwnPart(kind, module, str(Path(file).resolve()) if file is not None else None)
