"""Accounts for a step: which bytes are alive at every operation, and what each operation costs."""

import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

BLOCK_BYTES = 512
"""PyTorch's CUDA allocator hands out memory in multiples of this."""

INPUT, ACTIVATIONS, TEMPORARIES = "input", "activations", "temporaries"
PHASES = (INPUT, ACTIVATIONS, TEMPORARIES)
"""Who made a tensor: the way into the network and the loss, the network's forward pass, the backward pass."""

_CONVOLUTIONS = (torch.ops.aten.convolution, torch.ops.aten.convolution_backward)

Row = tuple[int, ...]


def block_bytes(nbytes: int) -> int:
    """``nbytes`` as the CUDA allocator rounds them up."""
    return -(-nbytes // BLOCK_BYTES) * BLOCK_BYTES


@dataclass(frozen=True)
class Timeline:
    """What happened at each of the N operations of a step, as int64 arrays."""

    live: NDArray[np.int64]
    """(N, 3) bytes alive when the operation ends, in the order of ``PHASES``; without weights and gradients."""
    gradients: NDArray[np.int64]
    """(N,) bytes of the weights' gradients finished so far."""
    workspace: NDArray[np.int64]
    """(N,) bytes that a convolution reads and writes; 0 for other operations."""
    flops: NDArray[np.int64]
    """(N,) floating-point operations of convolutions and matrix products."""
    moved: NDArray[np.int64]
    """(N,) bytes read and written."""

    @property
    def table(self) -> NDArray[np.int64]:
        """(N, 7), all columns."""
        rest = (self.gradients, self.workspace, self.flops, self.moved)
        return np.column_stack((self.live, *rest))

    @classmethod
    def from_table(cls, table: NDArray[np.int64]) -> "Timeline":
        """The timeline with this ``table``."""
        split = len(PHASES)
        return cls(table[:, :split], *(table[:, split + column] for column in range(4)))


class Ledger(TorchDispatchMode):
    """Keeps account of every tensor made while it is active: fake tensors or real ones.

    A tensor's bytes count from the operation that makes its storage until the last reference to the storage is
    gone, as in the CUDA allocator. What an operation allocates and frees internally is not counted.

    ``torch.distributed._tools.mem_tracker.MemTracker`` finds the same peaks, but not the course of the memory, from
    which the peak of any batch follows, nor what the operations cost.

    Args:
        known: tensors whose storages do not count, such as weights.
    """

    def __init__(self, known: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.phase = INPUT
        """Who makes the tensors to come; one of ``PHASES``."""
        self._live = dict.fromkeys(PHASES, 0)
        self._gradients = 0
        self._storages: dict[int, Any] = {}
        self._rows: list[Row] = []
        for tensor in known:
            self._enter(tensor, counts=False)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        made = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        for tensor in made:
            self._enter(tensor)
        if func.is_view or not made:
            return out
        moved = sum(leaf.nbytes for leaf in (*tree_leaves((args, kwargs)), *made) if isinstance(leaf, Tensor))
        packet = func.overloadpacket
        flops = flop_registry[packet](*args, **kwargs, out_val=out) if packet in flop_registry else 0
        self._write(moved if packet in _CONVOLUTIONS else 0, flops, moved)
        return out

    def note(self, nbytes: int) -> None:
        """Write down work that is not traced, with ``nbytes`` alive while it lasts."""
        self._live[self.phase] += nbytes
        self._write(0, 0, nbytes)
        self._live[self.phase] -= nbytes

    @contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        """Count the gradients of the weights of ``model`` as they are finished."""

        def finished(weight: Tensor) -> None:
            self._gradients += block_bytes(weight.nbytes)

        hooks = [weight.register_post_accumulate_grad_hook(finished) for weight in model.parameters()]
        yield
        for hook in hooks:
            hook.remove()

    def timeline(self) -> Timeline:
        """What was written down so far."""
        return Timeline.from_table(np.array(self._rows, dtype=np.int64).reshape(-1, len(PHASES) + 4))

    def _write(self, workspace: int, flops: int, moved: int) -> None:
        self._rows.append((*self._live.values(), self._gradients, workspace, flops, moved))

    def _enter(self, tensor: Tensor, counts: bool = True) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._storages:
            return
        nbytes = block_bytes(storage.nbytes()) if counts else 0
        phase = self.phase
        self._live[phase] += nbytes

        def gone(_: Any) -> None:
            del self._storages[key]
            self._live[phase] -= nbytes

        # A storage's Python object lives as long as the storage itself, whoever holds it.
        self._storages[key] = weakref.ref(storage, gone)
