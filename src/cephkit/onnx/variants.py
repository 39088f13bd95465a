"""Variants of smaller files: weights in half precision, or convolutions in 8 bits. Decoding is the same."""

import contextlib
import copy
import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray
from torch import Tensor, nn

from cephkit.onnx.assemble import Proto

Variant = Literal["float32", "float16", "int8"]
Feeds = Iterable[Mapping[str, NDArray[Any]]]


class Halved(nn.Module):
    """A network in half precision whose input and output are float32."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = copy.deepcopy(network).half()

    def forward(self, images: Tensor, *others: Tensor) -> Tensor:
        maps: Tensor = self.network(images.half(), *others)
        return maps.float()

    def with_signature(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """As ``LandmarkModel.with_signature``."""
        maps, signatures = self.network.with_signature(images.half())
        return maps.float(), signatures.float()


def quantised(part: Proto, feeds: Feeds) -> Proto:
    """Quantise the convolutions of ``part`` to 8 bits, except those at the ends of its networks.

    Args:
        part: a model with convolutions.
        feeds: its inputs for some films, from which the range of the activations is measured.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Films(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter(feeds)

        def get_next(self) -> Mapping[str, NDArray[Any]] | None:
            return next(self.left, None)

    if not any(node.op_type == "Conv" for node in part.graph.node):
        return part
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "part.onnx"
        quantize_static(  # which empties its argument
            copy.deepcopy(part), path, Films(), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"],
            per_channel=True, weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,
            nodes_to_exclude=ends(part),
        )  # fmt: skip
        return onnx.load(path)


def ends(part: Proto) -> list[str]:
    """Name the first two convolutions and the last of each network in ``part``.

    They cause most of the error of 8 bits: the first read the film's grey values, the last draws the maps.
    """
    networks: list[list[str]] = [[]]
    for node in part.graph.node:
        if node.op_type == "GridSample":  # it takes crops: the next network begins
            networks.append([])
        elif node.op_type == "Conv":
            networks[-1].append(node.name)
    return [name for network in networks for name in dict.fromkeys((*network[:2], *network[-1:]))]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the quantiser's advice, which does not apply to parts of a model."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
