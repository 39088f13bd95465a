"""Notices when the driver silently begins to use system memory instead of the card's: steps take many times as long."""

import statistics
from collections import deque

JUMP = 3.0
"""Times the usual step."""
FULL = 0.95
"""Share of the card in use from which memory can be the reason."""
FEWEST_STEPS = 5
"""Fewer do not show how long a step usually takes."""
REMEDY = (
    "the card's memory is full and steps take {times:.0f} times as long: the driver has begun to use system memory. "
    "On Windows set 'CUDA - Sysmem Fallback Policy' to 'Prefer No Sysmem Fallback' in the NVIDIA control panel, close "
    "what else uses the card, or use --recompute block or a smaller --batch_size"
)


class SpillWatch:
    """Compares every step with the ones before."""

    def __init__(self) -> None:
        self._usual: deque[float] = deque(maxlen=20)
        self._warned = False

    def step(self, seconds: float, used_share: float) -> str | None:
        """A warning about a step of this length with this share of the card in use; given once."""
        usual = statistics.median(self._usual) if len(self._usual) >= FEWEST_STEPS else None
        if usual is not None and seconds > JUMP * usual:
            if used_share >= FULL and not self._warned:
                self._warned = True
                return REMEDY.format(times=seconds / usual)
            return None  # a pause of another kind, which does not count as a usual step either
        self._usual.append(seconds)
        return None
