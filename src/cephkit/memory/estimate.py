"""Predicts bytes on the card, line by line: what a trace measures, and what must be assumed."""

from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from torch._subclasses import FakeTensorMode

from cephkit.memory import GIB
from cephkit.memory.ledger import PHASES, Timeline, block_bytes
from cephkit.memory.recover import Recompute
from cephkit.memory.trace import Workload, fake_model, trace_training, trace_validation

CARD_BYTES_PER_S = 608e9 * 0.75
"""Memory traffic of the guide's card, an RTX 3070 Ti, of which simple kernels reach about three quarters."""
HALF_FLOPS_PER_S = 43.5e12 * 0.5
"""Half-precision arithmetic of its tensor cores with float32 sums, of which convolutions reach about half."""
FLOAT_FLOPS_PER_S = 21.7e12 * 0.6
"""Its float32 arithmetic outside tensor cores."""
LAUNCH_S = 8e-6
"""Least time of an operation: PyTorch needs it to start one. It is what makes small micro-batches inefficient."""
UPDATE_MOVES = 8
"""Times that clipping and AdamW read or write each weight."""

Part = Recompute | Literal["validation"]
"""What is traced: training with a way of recomputation, or validation."""


@dataclass(frozen=True)
class Assumptions:
    """What no trace can measure. All of it can be measured on a card and given as an option."""

    context_gib: float = 0.45
    """GiB of CUDA itself (driver, kernels, libraries), before the first tensor."""
    desktop_gib: float = 0.8
    """GiB that the desktop, browser and other programs hold on the card."""
    workspace: float = 1.0
    """Scratch memory of a convolution, as a share of what it reads and writes: cuDNN may copy all to another layout."""
    fragmentation: float = 0.08
    """Memory that PyTorch's allocator holds without using it (2 to 20 MiB segments, gaps), as a share of the rest."""


@dataclass(frozen=True)
class Memory:
    """Bytes at the peak of one setting. The lines from ``weights`` to ``fragmentation`` are the peak's."""

    weights: int
    """Weights, buffers, and the loop's copy of the running statistics."""
    gradients: int
    """Gradients of the weights at the moment of the peak."""
    optimizer: int
    """AdamW's two averages."""
    ema: int
    """The averaged network."""
    inputs: int
    """Films, targets, loss and the augmentation's work."""
    activations: int
    """What the forward pass made and the backward pass still needs."""
    temporaries: int
    """What the backward pass made: gradients of activations, activations computed again; or the optimiser's work."""
    workspace: int
    """Convolution workspace (assumed)."""
    fragmentation: int
    """Held by the allocator without use (assumed)."""
    context: int
    """CUDA context (assumed)."""
    desktop: int
    """Desktop and other programs (assumed)."""
    peak_of: str
    """Where the peak is: ``training``, ``update`` (the optimiser's) or ``validation``."""
    training_peak: int
    """Tensors at the peak of forward and backward pass, weights included; no workspace."""
    update_peak: int
    """The same for the optimiser step."""
    validation_peak: int
    """The same for validation, gradients gone."""

    @property
    def allocated(self) -> int:
        """What ``torch.cuda.max_memory_allocated`` should return."""
        return (
            self.weights + self.gradients + self.optimizer + self.ema + self.inputs + self.activations
            + self.temporaries + self.workspace
        )  # fmt: skip

    @property
    def process(self) -> int:
        """What the training process takes on the card: the above, fragmentation and CUDA."""
        return self.allocated + self.fragmentation + self.context

    @property
    def card(self) -> int:
        """What is taken on the card in all."""
        return self.process + self.desktop

    def to_dict(self) -> dict[str, Any]:
        """Plain types, bytes."""
        return asdict(self) | {"allocated": self.allocated, "process": self.process, "card": self.card}


@dataclass(frozen=True)
class Estimator:
    """Predicts any micro-batch, accumulation and recomputation of a workload from a few traces.

    Every operation's bytes and arithmetic are a constant and a share of the batch; so two traces give, operation by
    operation, the course of any batch, and its peak wherever that moves to.
    """

    workload: Workload
    assumptions: Assumptions = Assumptions()
    traced: tuple[int] | tuple[int, int] = (1, 2)
    """Micro-batches that are traced: two that follow each other, or one; then every other is traced when asked for."""

    def memory(self, batch: int, accumulation: int, recompute: Recompute) -> Memory:
        """The peak of training with this setting, validation included.

        Args:
            batch: films per forward pass.
            accumulation: forward passes per optimiser step.
            recompute: see ``cephkit.memory.recompute``.

        Raises:
            SettingsError: there is no such network, or it has nothing to recompute.
        """
        weight_bytes, buffer_bytes = _static(self.workload)
        weights = weight_bytes + 2 * buffer_bytes
        ema = (weight_bytes + buffer_bytes) * self.workload.use_ema
        kept = weights + 2 * weight_bytes + ema
        training = self._timeline(recompute, batch)
        validation = self._timeline("validation", batch)
        gradients = np.full_like(training.gradients, weight_bytes) if accumulation > 1 else training.gradients
        # peak_of -> gradients, live tensors in the order of PHASES, workspace, at the worst moment.
        moments = {
            "training": self._worst(training, gradients),
            "update": (weight_bytes, 0, 0, weight_bytes, 0),  # AdamW's roots of the second average, all at once
            "validation": self._worst(validation, np.zeros_like(validation.gradients)),
        }
        peak_of = max(moments, key=lambda name: sum(moments[name]))
        held, inputs, activations, temporaries, workspace = moments[peak_of]
        # The workspace counts where it decides, not in the bare peaks.
        bare = {
            "training": kept + int((training.live.sum(axis=1) + gradients).max()),
            "update": kept + sum(moments["update"]),
            "validation": kept + int(validation.live.sum(axis=1).max()),
        }
        assumed = self.assumptions
        return Memory(
            weights=weights, gradients=held, optimizer=2 * weight_bytes, ema=ema, inputs=inputs,
            activations=activations, temporaries=temporaries, workspace=workspace,
            fragmentation=int(assumed.fragmentation * (kept + sum(moments[peak_of]))),
            context=int(assumed.context_gib * GIB), desktop=int(assumed.desktop_gib * GIB), peak_of=peak_of,
            training_peak=bare["training"], update_peak=bare["update"], validation_peak=bare["validation"],
        )  # fmt: skip

    def film_seconds(self, batch: int, accumulation: int, recompute: Recompute) -> float:
        """Seconds a film, roughly, on the guide's card; made for comparing settings.

        Each operation takes the longest of its arithmetic, its memory traffic, and ``LAUNCH_S``.
        """
        timeline = self._timeline(recompute, batch)
        flops_per_s = HALF_FLOPS_PER_S if self.workload.mixed_precision else FLOAT_FLOPS_PER_S
        seconds = np.maximum(timeline.flops / flops_per_s, timeline.moved / CARD_BYTES_PER_S)
        one_pass = float(np.maximum(seconds, LAUNCH_S).sum())
        update = UPDATE_MOVES * _static(self.workload)[0] / CARD_BYTES_PER_S
        return (one_pass * accumulation + update) / (batch * accumulation)

    def flops(self, batch: int, recompute: Recompute) -> int:
        """Floating-point operations of a forward and backward pass, recomputation included."""
        return int(self._timeline(recompute, batch).flops.sum())

    def _worst(self, timeline: Timeline, gradients: Any) -> tuple[int, ...]:
        """Gradients, live bytes by phase and workspace at the operation that needs most."""
        workspace = (timeline.workspace * self.assumptions.workspace).astype(np.int64)
        at = int((timeline.live.sum(axis=1) + gradients + workspace).argmax())
        live = (int(timeline.live[at, column]) for column in range(len(PHASES)))
        return (int(gradients[at]), *live, int(workspace[at]))

    def _timeline(self, part: Part, batch: int) -> Timeline:
        workload = replace(self.workload, use_ema=False)  # which only adds a line
        timelines = _traces(workload, part, self.traced)
        if batch in self.traced:
            return timelines[self.traced.index(batch)]
        first, second = timelines[0].table, timelines[-1].table
        if len(self.traced) == 1 or len(first) != len(second):  # one trace, or a single film goes another way
            return _traces(workload, part, (batch,))[0]
        return Timeline.from_table(first + (batch - self.traced[0]) * (second - first))


@lru_cache(maxsize=32)
def _static(workload: Workload) -> tuple[int, int]:
    """Bytes of weights and of buffers."""
    with FakeTensorMode():
        model = fake_model(workload)
    weights = sum(block_bytes(weight.nbytes) for weight in model.parameters())
    return weights, sum(block_bytes(buffer.nbytes) for buffer in model.buffers())


@lru_cache(maxsize=32)
def _traces(workload: Workload, part: Part, batches: tuple[int, ...]) -> list[Timeline]:
    if part == "validation":
        return trace_validation(workload, batches)
    return trace_training(workload, batches, part)
