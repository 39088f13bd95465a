"""What a checkpoint records of the data that its weights have seen, in its own run and in those before."""

from typing import Any

from cephkit.checkpoint import Checkpoint
from cephkit.data.prepare import PreparedData
from cephkit.datasets.origins import DATA_SETS, STARTED_FROM, DataOrigin, origins_of, recorded


def origins(data: PreparedData, checkpoint: Checkpoint | None, continues: bool) -> dict[str, Any]:
    """Return the settings that record it.

    Args:
        data: of this run.
        checkpoint: that it resumes; None: it starts anew.
        continues: whether it is the same run.
    """
    before: list[DataOrigin] = []
    if checkpoint is not None:
        own = [] if continues else recorded(checkpoint.config)
        before = [*own, *recorded(checkpoint.config, STARTED_FROM)]
    kept = [origin.to_dict() for origin in before]
    return {DATA_SETS: [origin.to_dict() for origin in origins_of(data)], **({STARTED_FROM: kept} if kept else {})}
