"""Assembles the traced parts of a model into one ONNX graph."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_map

OPSET = 20
"""Version of ONNX's operators."""
Proto = Any
"""Messages of the onnx package, which has no types."""


def traced(module: nn.Module, examples: tuple[Any, ...], inputs: Sequence[str], outputs: Sequence[str]) -> Proto:
    """Trace ``module`` into an ONNX model with a free batch, the first dimension of every input and output.

    Args:
        module: in eval mode, on the CPU.
        examples: its arguments: tensors or tuples of them, of more than one film, since torch.export would fix a batch
            of one at one.
        inputs: names of these tensors.
        outputs: names of its results.
    """
    batch = tree_map(lambda tensor: {0: torch.export.Dim.DYNAMIC}, examples)
    with _silence():
        program = torch.onnx.export(
            module, examples, dynamo=True, opset_version=OPSET, dynamic_shapes=batch,
            input_names=list(inputs), output_names=list(outputs), verbose=False,
        )  # fmt: skip
    assert program is not None
    model = program.model_proto
    strip(model)
    enlarge_by_factors(model)
    return model


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress the exporter's progress and its advice on what it does itself."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            log.setLevel(level)


def strip(model: Proto) -> None:
    """Remove the exporter's records of where the code lies on this machine."""
    del model.metadata_props[:]
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        for message in (graph, *graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output):
            del message.metadata_props[:]
            message.ClearField("doc_string")
        graphs += [attribute.g for node in graph.node for attribute in node.attribute if attribute.HasField("g")]


def enlarge_by_factors(model: Proto) -> None:
    """Resize by whole factors instead of to sizes, where both agree: onnxruntime has fast code for factors only."""
    from onnx import helper, numpy_helper

    graph = model.graph
    sides = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim[2:]]
        for value in (*graph.value_info, *graph.input, *graph.output)
    }
    for node in graph.node:
        if node.op_type != "Resize" or len(node.input) < 4:
            continue
        before, after = sides.get(node.input[0], []), sides.get(node.output[0], [])
        if len(before) != 2 or len(after) != 2 or any(a % b if b else True for a, b in zip(after, before, strict=True)):
            continue
        factors = numpy_helper.from_array(
            np.array([1, 1, after[0] // before[0], after[1] // before[1]], np.float32), f"{node.name}/factors"
        )
        graph.initializer.append(factors)
        new = helper.make_node("Resize", [node.input[0], "", factors.name], node.output, node.name)
        new.attribute.extend(attribute for attribute in node.attribute if attribute.name != "keep_aspect_ratio_policy")
        node.CopyFrom(new)


def looped(start: Proto, body: Proto, end: Proto, state: Sequence[str], inputs: Sequence[str]) -> Proto:
    """Join three models into one: ``start``, then ``body`` in a loop, then ``end``.

    Args:
        start: inputs -> ``state``.
        body: inputs, ``state`` -> whether to continue, ``state``.
        end: inputs, ``state`` or parts of either -> the outputs.
        state: names of the tensors that the loop carries.
        inputs: names of the model's inputs, the same in each part.
    """
    import onnx
    from onnx import TensorProto, helper

    _rename(start.graph, "start/", {name: name for name in inputs} | {name: f"begin/{name}" for name in state})
    # The body of a loop can use names from around it.
    _rename(body.graph, "trial/", {name: name for name in inputs})
    outputs = {output.name for output in end.graph.output}
    kept = {name: name for name in (*inputs, *outputs)} | {name: f"final/{name}" for name in state}
    _rename(end.graph, "answer/", kept)
    carried = [value for value in body.graph.input if value.name not in inputs]
    loop = helper.make_graph(
        body.graph.node,
        "trial",
        [
            helper.make_tensor_value_info("trial/count", TensorProto.INT64, []),
            helper.make_tensor_value_info("trial/continue", TensorProto.BOOL, []),
            *carried,
        ],
        body.graph.output,
        body.graph.initializer,
        value_info=body.graph.value_info,
    )
    yes = helper.make_tensor("start/yes", TensorProto.BOOL, [], [True])
    node = helper.make_node(
        "Loop", ["", yes.name, *(f"begin/{name}" for name in state)], [f"final/{name}" for name in state], body=loop
    )
    given = {value.name: value for part in (start, end) for value in part.graph.input}
    graph = helper.make_graph(
        [*start.graph.node, node, *end.graph.node],
        "cephkit",
        [given[name] for name in inputs],
        end.graph.output,
        [*start.graph.initializer, yes, *end.graph.initializer],
        value_info=[*start.graph.value_info, *end.graph.value_info],
    )
    parts = (start, body, end)
    opsets = {opset.domain: opset for part in parts for opset in part.opset_import}
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=list(opsets.values()), ir_version=max(part.ir_version for part in parts)
    )
    return model


def _rename(graph: Proto, prefix: str, kept: Mapping[str, str]) -> None:
    """Prefix every name in ``graph``, but replace those in ``kept`` as it says."""

    def new(name: str) -> str:
        return kept.get(name, prefix + name) if name else ""

    for node in graph.node:
        node.name = prefix + node.name
        node.input[:] = [new(name) for name in node.input]
        node.output[:] = [new(name) for name in node.output]
    for value in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        value.name = new(value.name)
