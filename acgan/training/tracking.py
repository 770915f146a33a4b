"""Records of a run: ``stats.jsonl``, TensorBoard, and ticks for listeners."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from acgan.atomic import disk_errors_name, write_text
from acgan.distributed import Ranks, average_over_ranks
from acgan.sealed import damage_of_line, read_lines, sealed_line
from acgan.showing import shown, shown_lines

#: Page of TensorBoard's custom scalars: what matters of a training. Scalars by patterns of their names.
_LAYOUT = {
    "training": {
        "score on validation images, lower is better": ["Multiline", [r"f[ci]d\d+k_val.*"]],
        "losses": ["Multiline", ["^[DG]/adversarial$", "^train/loss_main$"]],
        "share of images whose class is told right": [
            "Multiline",
            ["^D/class_accuracy_(real|fake)$", "^(train|test|validation)/accuracy"],
        ],
        "coverage of real images, by class": ["Multiline", ["^monitor/coverage/"]],
        "near-duplicates, by class": ["Multiline", ["^monitor/duplicates/"]],
        "images a second": ["Multiline", ["^time/images_per_sec$"]],
    }
}
_EVENTS = re.compile(r"events\.out\.tfevents\.(\d+)(.*)")


@dataclass(frozen=True)
class Tick:
    """News for listeners, at every log interval.

    Attributes:
        nimg: Images shown so far.
        total_nimg: Images at the end of the training.
        stats: Means since the last tick, by name (``D/adversarial``, ``G/gradient_norm``, …).
        images_per_sec: Real images shown per second since the last tick, interruptions left out.
        messages: Remarks for people: a collapse, a checkpoint passed over.
        evaluated: Findings of the evaluations since the last tick, by name.
    """

    nimg: int
    total_nimg: int
    stats: Mapping[str, float] = field(default_factory=dict)
    images_per_sec: float = 0.0
    messages: tuple[str, ...] = ()
    evaluated: Mapping[str, float] = field(default_factory=dict)


Listener = Callable[[Tick], None]


class IntervalMeans:
    """Means of scalars that stay on the device until they are read."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Count scalars in, by name."""
        for name, value in values.items():
            value = value.detach().double() if value.device.type != "mps" else value.detach().float()
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._counts[name] = self._counts.get(name, 0) + 1

    def read(self, ranks: Ranks) -> dict[str, float]:
        """The means over steps and ranks, in one transfer, and start again."""
        if not self._sums:
            return {}
        means = torch.stack([self._sums[name] / self._counts[name] for name in self._sums])
        result = dict(zip(self._sums, average_over_ranks(means, ranks).tolist(), strict=True))
        self._sums, self._counts = {}, {}
        return result

    def state_dict(self, ranks: Ranks) -> dict[str, tuple[Tensor, int]]:
        """Means over ranks of the sums, for an exact resume within an interval."""
        return {
            name: (average_over_ranks(value.clone(), ranks).cpu(), self._counts[name])
            for name, value in self._sums.items()
        }

    def load_state_dict(self, state: Mapping[str, tuple[Tensor, int]], device: torch.device) -> None:
        self._sums = {name: value.to(device) for name, (value, _) in state.items()}
        self._counts = {name: count for name, (_, count) in state.items()}


class Tracker:
    """Writes ``stats.jsonl`` and TensorBoard events of a run; on ranks other than the first, nothing.

    Args:
        directory: The run directory.
        nimg: Images shown so far; records beyond it are of lost work and are removed.
        active: True if this process writes.

    Attributes:
        damage: Messages on records that were damaged, and are left out from now on.
    """

    def __init__(self, directory: Path, *, nimg: int, active: bool):
        self._file, self._events = directory / "stats.jsonl", directory / "tensorboard"
        self._writer: SummaryWriter | None = None
        self._quiet = contextlib.ExitStack()
        self.damage: list[str] = []
        if active:
            self.damage = truncate_records(self._file, nimg)
            _make_room_at_the_end(self._events)
            self._quiet.enter_context(_writers_quiet())
            with disk_errors_name(self._events):
                self._writer = SummaryWriter(str(self._events), purge_step=nimg + 1)
                self._writer.add_custom_scalars(_LAYOUT)

    def scalars(self, nimg: int, stats: Mapping[str, float], untracked: Mapping[str, float]) -> None:
        """Record scalars.

        Args:
            nimg: Images shown so far.
            stats: Functions of seed and data alone: a resumed run writes the same.
            untracked: Scalars that depend on clock and machine.
        """
        if self._writer is None:
            return
        with disk_errors_name(self._events):
            for name, value in {**stats, **untracked}.items():
                self._writer.add_scalar(shown(name), value, nimg)
        with disk_errors_name(self._file), open(self._file, "a", encoding="utf-8") as handle:
            handle.write(sealed_line({"nimg": nimg, **stats, **untracked}))

    def text(self, name: str, text: str, nimg: int) -> None:
        """Record a text in TensorBoard, indented: its page takes others for Markdown, with links and pictures."""
        if self._writer is not None:
            lines = shown_lines(text).splitlines()
            with disk_errors_name(self._events):
                self._writer.add_text(name, "".join(f"    {line}\n" for line in lines), nimg)

    def picture(self, name: str, file: Path, nimg: int) -> None:
        """Record a PNG in TensorBoard, as it is encoded in its file."""
        if self._writer is not None:
            with Image.open(file) as opened:
                width, height, channels = *opened.size, len(opened.getbands())
            encoded = Summary.Image(
                width=width, height=height, colorspace=channels, encoded_image_string=file.read_bytes()
            )
            with disk_errors_name(self._events):
                summary = Summary(value=[Summary.Value(tag=name, image=encoded)])
                self._writer._get_file_writer().add_summary(summary, nimg)

    def flush(self) -> None:
        """Write out what is buffered."""
        if self._writer is not None:
            with disk_errors_name(self._events):
                self._writer.flush()

    def close(self) -> None:
        """Write out what is buffered, and end."""
        if self._writer is not None:
            with self._quiet, disk_errors_name(self._events):
                self._writer.close()


@contextlib.contextmanager
def _writers_quiet() -> Iterator[None]:
    """Context in which TensorBoard's thread prints no traceback: its error reaches the next call of the writer."""
    before = threading.excepthook

    def hook(failed: threading.ExceptHookArgs) -> None:
        if type(failed.thread).__module__.partition(".")[0] != "tensorboard":
            before(failed)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


def record_scores(
    directory: Path,
    nimg: int,
    values: Mapping[str, float],
    *,
    settings: Mapping[str, bool | int | float | str],
    measured: Mapping[str, float],
) -> None:
    """Add scores to the TensorBoard record of a run.

    They go to a folder of their own: TensorBoard reads no older file after a newer one, so it would miss the rest of a
    running training.

    Args:
        directory: The run directory.
        nimg: Images shown to the generator that was scored.
        values: Scalars by name.
        settings: Configuration of the run, for the table of hyperparameters.
        measured: Scores of that table.
    """
    folder = directory / "tensorboard" / "evaluate"
    _make_room_at_the_end(folder)
    with SummaryWriter(str(folder)) as writer:
        for name, value in values.items():
            writer.add_scalar(shown(name), value, nimg)
        plain = {name: shown(value) if isinstance(value, str) else value for name, value in settings.items()}
        for summary in hparams(plain, dict(measured)):
            writer._get_file_writer().add_summary(summary, nimg)


def _make_room_at_the_end(directory: Path) -> None:
    """Let the next event file be the last one: TensorBoard orders them by name, and so by the second of creation.

    Where a file is of the present second, the next one is waited for. Where files are of later ones, as the clock was
    set back, they are renamed to seconds before the present one, the oldest first: so a kill leaves them in order.
    """
    stamped = [
        (found, file)
        for file in directory.glob("events.out.tfevents.*")
        if (found := _EVENTS.match(file.name))
    ]
    files = sorted((int(found[1]), file, found[2]) for found, file in stamped)
    ahead = files[-1][0] + 1 - time.time() if files else 0
    if 0 < ahead <= 1:
        time.sleep(ahead)
    if ahead <= 1:
        return
    latest, moves = int(time.time()) - 1, []
    for second, file, rest in reversed(files):
        if second <= latest:
            break
        moves.append((file, file.with_name(f"events.out.tfevents.{latest:010}{rest}")))
        latest -= 1
    for file, name in reversed(moves):
        file.rename(name)


def truncate_records(file: Path, nimg: int) -> list[str]:
    """Keep the lines up to ``nimg``; a last line cut short by a kill goes as well.

    Returns:
        Messages on damaged lines among them, which go.
    """
    kept: list[str] = []
    messages: list[str] = []
    lost = False
    for line in read_lines(file):
        if line.record is not None and line.record["nimg"] <= nimg:
            kept.append(f"{line.text}\n")
        elif line.record is not None:
            lost = True
        elif not lost:
            messages.append(f"{damage_of_line(file, line)}; it was left out, and the others stay")
    if file.exists():
        write_text(file, "".join(kept))
    return messages
