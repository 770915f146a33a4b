"""Products of trainings, a generator or a classifier: samples, scores and files during a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from acgan.assembly.gan import architecture
from acgan.config import AnyConfig, ClassifierConfig, RunConfig
from acgan.evaluation import CollapseMonitor, ValidationScore
from acgan.own_parts import OwnPart, to_record
from acgan.plots.grid import to_uint8
from acgan.plots.page import ClassPage
from acgan.predicting import ImageClassifier
from acgan.sampling import ClassSampler, grid
from acgan.signals import StopSignal
from acgan.training.classifier_loop import ClassifierTask
from acgan.training.gan import Gan, settled
from acgan.types import Dataset, Evaluation, ImageStore, Score
from acgan.weights import CLASSIFIER_FILE, GENERATOR_FILE, ClassifierInfo, GeneratorInfo, save_generator

_IMAGES_A_CLASS, _TRAINING_IMAGES = 10, 100


@dataclass(frozen=True)
class Provenance:
    """The origin of a trained network, for its file: whatever is equal where the weights are.

    Date, machine and places are in the run's ``provenance.json`` and ``data.json``, so that equal trainings write equal
    files.
    """

    config: AnyConfig
    dataset: Dataset
    source_fingerprint: str  # of the source's training images, before a part is chosen or held out
    precision: str
    code: Sequence[str]  # versions and commits of acgan that trained, in order
    init_from: dict[str, Any] | None  # origin of the first weights; None if they are random
    parts: Mapping[str, OwnPart] = field(default_factory=dict)  # those that scripts registered

    def at(self, nimg: int, score: Score | None = None) -> dict[str, Any]:
        """Plain values after ``nimg`` images, with the score of a run's best generator."""
        return {
            "acgan": ", then ".join(self.code),
            "torch": torch.__version__,
            "data": self.dataset.name,
            "data_fingerprint": self.dataset.train.fingerprint,
            "source_fingerprint": self.source_fingerprint,
            "nimg": nimg,
            "score": asdict(score) if score is not None else None,
            "seed": self.config.seed,
            "precision": self.precision,
            "init_from": self.init_from,
            **to_record(self.parts, folders=False),
            "config": self._config(),
        }

    def _config(self) -> dict[str, Any]:
        """The configuration, with the range that was found: other images are brought to it too."""
        config = self.config.model_dump(mode="json")
        if self.dataset.report is not None and self.dataset.report.black_white is not None:
            config["data"]["range"] = list(self.dataset.report.black_white)
        return config


class GanProduct:
    """A generator: the running mean of G's weights, with BatchNorm statistics for sampling."""

    file_name = GENERATOR_FILE.name
    remedy = "Lower optim.*.lr or raise loss.penalty"

    def __init__(
        self,
        config: RunConfig,
        gan: Gan,
        store: ImageStore,
        provenance: Provenance,
        monitor: CollapseMonitor | None,
        score: ValidationScore | None,
    ):
        self._gan, self._provenance = gan, provenance
        self._monitor, self._score = monitor, score
        self._standing_nimg = config.train.standing_nimg
        self._info = GeneratorInfo(architecture(config, store), store.class_names)
        self._sampler = ClassSampler(gan.ema.network, self._info)

    def sample(self) -> Tensor:
        """A page (C, H, W) uint8 with images of each class, from the same latents every time."""
        return grid(self._current(), _IMAGES_A_CLASS)

    def evaluate(self, share: float, stop: StopSignal) -> Evaluation | None:
        """The monitor's findings and the score; None if there is neither."""
        if self._monitor is None and self._score is None:
            return None
        sampler = self._current()
        found = self._monitor.look(sampler, share, stop) if self._monitor is not None else Evaluation({})
        if self._score is None:
            return found
        score = self._score.of(sampler, stop)
        return replace(found, score=score, remarks=(*found.remarks, self._score.in_words(score, stop)))

    def look(self, share: float, stop: StopSignal) -> Evaluation | None:
        """The monitor's findings; None without a monitor."""
        return self._monitor.look(self._current(), share, stop) if self._monitor is not None else None

    def export(self, path: Path, nimg: int, score: Score | None) -> None:
        """Write the generator's file."""
        generator = self._current().generator
        save_generator(path, generator, replace(self._info, provenance=self._provenance.at(nimg, score)))

    def _current(self) -> ClassSampler:
        """The sampler with the current generator."""
        self._sampler.generator = settled(self._gan, self._standing_nimg)
        return self._sampler


class ClassifierProduct:
    """A classifier, scored on the validation images, or on the test images if there are none."""

    file_name = CLASSIFIER_FILE.name
    remedy = "Lower optim.lr"

    def __init__(
        self,
        config: ClassifierConfig,
        task: ClassifierTask,
        info: ClassifierInfo,
        dataset: Dataset,
        provenance: Provenance,
    ):
        self._task, self._info, self._provenance = task, info, provenance
        self._weights_dtype = torch.float16 if config.train.half_weights else None
        self._classifier = ImageClassifier(
            task.network, info, precision="bf16" if task.precision == "bf16" else "float32"
        )
        held_out = dataset.validation
        self._watched = ("test", dataset.test) if held_out is None else ("validation", held_out)

    def sample(self) -> Tensor:
        """Training images (C, H, W) uint8 as the network sees them: the first batch."""
        size = min(self._task.feed.batch_size, _TRAINING_IMAGES)
        images = to_uint8(self._task.batch(0, slice(0, size)).images.cpu())
        return ClassPage.planned(["as trained on"], size, images.shape[-1]).draw(images)

    def evaluate(self, share: float, stop: StopSignal) -> Evaluation | None:
        """Loss and accuracy on held-out images; None if there are none."""
        split, store = self._watched
        if not len(store):
            return None
        logits = self._classifier.logits(store.images, stop).float()
        labels = torch.from_numpy(store.labels)
        loss = torch.nn.functional.cross_entropy(logits, labels).item()
        accuracy = (logits.argmax(dim=1) == labels).float().mean().item()
        return Evaluation({f"{split}/loss": loss, f"{split}/accuracy": accuracy})

    def look(self, share: float, stop: StopSignal) -> Evaluation | None:
        """None: a classifier's losses say it."""
        return None

    def export(self, path: Path, nimg: int, score: Score | None) -> None:
        """Write the classifier's file; ``score`` is None, because classifiers have no best state."""
        info = replace(self._info, provenance=self._provenance.at(nimg, score))
        CLASSIFIER_FILE.save(path, self._task.network, info, self._weights_dtype)
