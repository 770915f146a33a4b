"""Networks that are exported, and what the new files tell of them: classes, form and provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acgan.atomic import best_name, sha256
from acgan.code_version import code_version
from acgan.predicting import ImageClassifier, load_classifier, shipped
from acgan.reading import to_json
from acgan.sampling import ClassSampler, load_generator
from acgan.weights import CLASSIFIER_FILE, GENERATOR_FILE, HubPlace, holds, state_in_words


@dataclass(frozen=True)
class ExportSource:
    """A network that is to be exported, and its file.

    Attributes:
        name: Name of the run, for new files and the model card.
        file: The file of weights.
        sha256: Its digest.
        trained: The network, on the CPU.
    """

    name: str
    file: Path
    sha256: str
    trained: ClassSampler | ImageClassifier

    @classmethod
    def found_at(cls, path: Path, which: str | None) -> ExportSource:
        """Read the network of a run directory, file or repository of the hub, or a shipped classifier by its name.

        Raises:
            UserError: If there is none, or it is damaged.
        """
        place = HubPlace.named_by(path)
        local = path if place is None else place.fetch()
        if not local.exists():
            local = shipped().get(str(path), local)
        kind = CLASSIFIER_FILE if local.exists() and holds(CLASSIFIER_FILE, local) else GENERATOR_FILE
        file = kind.find(local, which)
        digest = sha256(file)
        trained = load_classifier(file) if kind is CLASSIFIER_FILE else load_generator(file)
        name = place.repository.partition("/")[2] if place is not None else _name(path)
        return cls(name, file, digest, trained)

    @property
    def product(self) -> str:
        """``generator`` or ``classifier``."""
        return GENERATOR_FILE.product if isinstance(self.trained, ClassSampler) else CLASSIFIER_FILE.product

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Origin of the weights."""
        return self.trained.info.provenance

    @property
    def state(self) -> str:
        """The state of its training, in words."""
        return state_in_words(self.trained.info)

    def describe(self) -> dict[str, Any]:
        """Plain values: classes, form of inputs, and provenance."""
        info, trained = self.trained.info, self.trained
        values: dict[str, Any] = {
            "acgan": code_version(),
            "product": self.product,
            "name": self.name,
            "class_names": list(info.class_names),
        }
        if isinstance(trained, ClassSampler):
            channels, resolution, _ = trained.image_shape
            values |= {
                "latent_dim": trained.generator.latent_dim,
                "resolution": resolution,
                "channels": channels,
                "normalisation": trained.info.normalisation,
            }
        else:
            values |= {"resolution": trained.info.resolution, "channels": trained.info.channels}
        return {
            **values,
            "architecture": info.architecture,
            "state": self.state,
            "weights_sha256": self.sha256,
            "provenance": dict(self.provenance),
        }

    def as_texts(self, output: str) -> dict[str, str]:
        """``describe`` as texts by key, for formats that hold nothing else; what is no text is JSON."""
        return {
            key: value if isinstance(value, str) else to_json(value, indent=None)
            for key, value in {**self.describe(), "output": output}.items()
        }


def _name(path: Path) -> str:
    resolved = path.resolve()
    if not path.is_file():
        return resolved.name or "model"
    usual = {kind.name for kind in (GENERATOR_FILE, CLASSIFIER_FILE)}
    of_run = usual | {best_name(name) for name in usual}
    return (resolved.parent.name if path.name in of_run else path.stem) or "model"
