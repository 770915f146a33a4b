"""ONNX files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from acgan.export.border import Exportable
from acgan.extras import optional_package

#: Version of the operators: the newest that torch's exporter writes without converting.
OPSET = 20
_WHAT = "--format onnx"
_EXTRA = "export"
_ERRORS_ALONE = 3  # of onnxruntime's levels of logging


def check_onnx_packages() -> None:
    """Check, before work is done, that the packages are there.

    Raises:
        UserError: If one is missing.
    """
    for name in ("onnx", "onnxscript", "onnxruntime"):
        optional_package(name, _EXTRA, _WHAT)


def to_onnx(exported: Exportable, about: Mapping[str, str]) -> bytes:
    """The content of an ONNX file, the number of samples free.

    Args:
        exported: The network.
        about: Texts for ``metadata_props``.

    Raises:
        Exception: Of nearly any kind, if the network cannot be written so.
    """
    onnx = optional_package("onnx", _EXTRA, _WHAT)
    batch = torch.export.Dim("batch", min=1)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter's own code
        program: Any = torch.onnx.export(
            exported.network,
            exported.example,
            input_names=list(exported.inputs),
            output_names=[exported.output_name],
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
            dynamic_shapes=tuple({0: batch} for _ in exported.inputs),
        )
    model = program.model_proto
    _leave_out_traces(model.graph)
    for function in model.functions:
        _leave_out_traces(function)
    model.producer_name, model.producer_version = "acgan", about["acgan"]
    onnx.helper.set_model_props(model, dict(about))
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def onnx_runner(content: bytes) -> Callable[[Sequence[Tensor]], Tensor]:
    """A function that computes an ONNX file's results, by onnxruntime on the CPU."""
    runtime = optional_package("onnxruntime", _EXTRA, _WHAT)
    options = runtime.SessionOptions()
    options.log_severity_level = _ERRORS_ALONE
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]

    def run(inputs: Sequence[Tensor]) -> Tensor:
        given = {name: values.numpy() for name, values in zip(names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, given)[0])

    return run


def _leave_out_traces(graph: Any) -> None:
    """Remove what the exporter notes of the code that made each node: its files, by their folders on this machine."""
    for node in graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for one in (*getattr(graph, "input", ()), *getattr(graph, "output", ()), *graph.value_info):
        if hasattr(one, "metadata_props"):
            del one.metadata_props[:]
