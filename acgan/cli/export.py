"""``acgan export``."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from acgan.cli.options import Count, UserPath, seed_option, which_option
from acgan.cli.output import echo
from acgan.errors import Interrupted
from acgan.signals import signals_heard

if TYPE_CHECKING:
    from acgan.api.export import ExportResult


@click.command()
@click.argument("run", metavar="RUN_OR_FILE", type=UserPath())
@click.option(
    "--format",
    "export_format",
    type=click.Choice(["onnx", "torchscript", "huggingface", "projector"]),
    required=True,
    help="ONNX file, TorchScript file, a folder as the Hugging Face hub has them, or the discriminator's features of "
    "samples and held-out images for TensorBoard's projector.",
)
@click.option(
    "--out",
    metavar="PATH",
    type=UserPath(),
    help="File or folder to write.  [default: in this folder, the run's name with .onnx, .pt or -huggingface; for the "
    "projector RUN/tensorboard/projector]",
)
@which_option
@click.option(
    "--output",
    type=click.Choice(["uint8", "float", "probabilities", "logits"]),
    help="Of a file, what the network gives: of a generator uint8 [default] or float in [-1, 1], of a classifier "
    "probabilities [default] or logits.",
)
@click.option(
    "--for",
    "caller",
    type=click.Choice(["torch-fidelity"]),
    help="Of a generator's file: one input in place of two, latents and then a normal number for each class, the "
    "largest of which chooses the class; RGB images.",
)
@click.option(
    "--license",
    "licence",
    metavar="NAME",
    help="Of a folder: licence of the weights for the model card, as the hub names it, such as apache-2.0.",
)
@click.option(
    "--push",
    metavar="USER/NAME",
    help="Of a folder: upload it to this repository of the hub, too (pip install 'acgan[hub]').",
)
@click.option(
    "--private", is_flag=True, help="Of --push: a new repository is private; a public one is refused."
)
@click.option(
    "-n",
    "num_per_class",
    metavar="N",
    type=Count(min=1),
    help="For the projector: samples of each class, and as many held-out images.  [default: 100]",
)
@seed_option("For the projector: seed of the samples.")
@click.option("--force", is_flag=True, help="Replace the file, or a folder that `acgan export` wrote.")
@click.option("--quiet", is_flag=True, help="Say nothing but warnings.")
def command(export_format: str, quiet: bool, **options: Any) -> None:
    """Export a trained generator or classifier for other programs.

    RUN_OR_FILE is a run directory of `acgan train` or `acgan classify train`, its .safetensors file, hf://user/name, or
    a shipped classifier's name. A file of ONNX or TorchScript needs no acgan. It is compared with acgan's own results
    for 100 samples before it is written, and refused if they differ. docs/export.md has snippets for the other side.
    """
    _check(export_format, options)
    if export_format == "projector":
        _export_projector(quiet, options)
        return
    del options["num_per_class"], options["seed"]
    from acgan.api.export import export_run

    with _stopped_by_signals() as check:
        result = export_run(
            options.pop("run"),
            export_format,  # type: ignore[arg-type]  # click has checked it
            warn=lambda message: echo(f"warning: {message}", err=True),
            check=check,
            for_fidelity=options.pop("caller") is not None,
            **options,
        )
    if not quiet:
        _tell(result, options["licence"])


@contextmanager
def _stopped_by_signals() -> Iterator[Callable[[], None]]:
    """Let signals stop the export, and give a function that raises for one that a library took for an error of its own.

    Exporters catch errors of any kind, and try another way.
    """
    heard: list[int] = []

    def check() -> None:
        if signal.SIGINT in heard:
            raise KeyboardInterrupt
        if heard:
            name = signal.Signals(heard[0]).name
            raise Interrupted(f"{name}: stopped; nothing was written.", exit_code=75)

    def stop(number: int) -> None:
        heard.append(number)
        check()

    with signals_heard(stop):
        yield check


def _export_projector(quiet: bool, options: dict[str, Any]) -> None:
    from acgan.api.projector import PER_CLASS, export_projector

    result = export_projector(
        options["run"],
        options["out"],
        num_per_class=options["num_per_class"] or PER_CLASS,
        seed=options["seed"],
        which=options["which"],
        force=options["force"],
        say=lambda message: None if quiet else echo(message),
        warn=lambda message: echo(f"warning: {message}", err=True),
    )
    if not quiet:
        echo(
            f"{result.out}: {result.features:,} features of D for {result.generated:,} samples and "
            f"{result.held_out:,} held-out images"
        )
        echo(f"To look at them: tensorboard --logdir {shlex.quote(str(result.out.parent))}, Projector.")


def _check(export_format: str, options: dict[str, Any]) -> None:
    """Refuse options that do not go together."""
    for name, option, formats in (
        ("output", "--output", ("onnx", "torchscript")),
        ("caller", "--for", ("onnx", "torchscript")),
        ("licence", "--license", ("huggingface",)),
        ("push", "--push", ("huggingface",)),
        ("num_per_class", "-n", ("projector",)),
    ):
        if options[name] is not None and export_format not in formats:
            raise click.UsageError(f"{option} goes with --format {' or '.join(formats)}. Leave it out.")
    if options["private"] and options["push"] is None:
        raise click.UsageError("--private goes with --push.")


def _tell(result: ExportResult, licence: str | None) -> None:
    source = result.source
    size = sum(result.num_bytes.values())
    echo(f"exported {source.file}, a {source.product}: {source.state}")
    if result.agreement is not None:
        echo(f"output {result.output}; {result.agreement}")
    if len(result.num_bytes) > 1:
        for name, number in result.num_bytes.items():
            echo(f"  {name}: {number:,} bytes")
    echo(f"{result.out}: {size:,} bytes in {result.took_sec:.1f} s")
    if result.agreement is None and licence is None:
        echo("The model card names no licence; --license NAME does.")
    if result.commit is not None:
        echo(f"uploaded: {result.commit}")
