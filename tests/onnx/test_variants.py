"""Less precision in a network: smaller, and nearly the same maps."""

import numpy as np
import pytest
import torch
from torch import nn

from cephkit.onnx.assemble import traced
from cephkit.onnx.variants import Halved, ends, quantised

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def network() -> nn.Module:
    torch.manual_seed(0)
    inner = [layer for _ in range(4) for layer in (nn.Conv2d(32, 32, 3, padding=1), nn.ReLU())]
    return nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), *inner, nn.Conv2d(32, 2, 1)).eval()


@pytest.mark.parametrize(("variant", "size", "error"), [("float16", 0.6, 0.005), ("int8", 0.7, 0.05)])
def test_a_network_of_less_precision(variant: str, size: float, error: float) -> None:
    model, images = network(), torch.rand(2, 1, 24, 24)
    whole = traced(model, (images,), ["images"], ["maps"])
    feeds = [{"images": torch.rand(1, 1, 24, 24).numpy()} for _ in range(4)]
    halved = variant == "float16"
    small = traced(Halved(model), (images,), ["images"], ["maps"]) if halved else quantised(whole, feeds)
    assert small.ByteSize() < size * whole.ByteSize()
    session = onnxruntime.InferenceSession(small.SerializeToString(), providers=["CPUExecutionProvider"])
    (maps,) = session.run(None, {"images": images.numpy()})
    with torch.no_grad():
        wanted = model(images).numpy()
    assert maps.dtype == np.float32
    assert 0 < np.abs(maps - wanted).max() < error * np.abs(wanted).max()
    convolutions = [node.name for node in whole.graph.node if node.op_type == "Conv"]
    assert ends(whole) == [*convolutions[:2], convolutions[-1]]
