"""Open hostile files, each in a process of its own, and say what came of it, in how long and with how much memory.

    python -m tests.data.hostile_run FILE ...

One line of JSON per file. A process of its own so that peaks are apart and a crash is seen as one; forked, so that
everything is imported once.
"""

import json
import os
import resource
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

SECONDS = 2
WALL_SECONDS = 30


def open_one(path: Path) -> dict[str, str]:
    """What opening ``path`` says: outcome, and the message with reason and remedy."""
    from cephkit.data.opened import open_film
    from cephkit.errors import FilmError

    try:
        open_film(path)
    except FilmError as error:
        return {"outcome": "refused", "message": str(error), "reason": error.text, "remedy": error.remedy}
    except BaseException:
        return {"outcome": "another error", "message": traceback.format_exc()}
    return {"outcome": "opened", "message": ""}


def measured(path: Path) -> dict[str, Any]:
    """``open_one`` in a fork of this process, with its peak memory in MB and its seconds of processor time."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        signal.alarm(WALL_SECONDS)
        os.write(write_end, json.dumps(open_one(path)).encode()[:60_000])
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        output = pipe.read()
    _, status, usage = os.wait4(child, 0)
    result = json.loads(output) if output else {"outcome": f"ended by signal {os.WTERMSIG(status)}", "message": ""}
    unit = 1 if sys.platform == "darwin" else 1024
    return result | {
        "file": path.name,
        "peak_mb": round(usage.ru_maxrss * unit / 1e6),
        "seconds": round(usage.ru_utime + usage.ru_stime, 3),
    }


if __name__ == "__main__":
    import cephkit.data.opened  # noqa: F401  before the forks, for all of them

    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))  # a bomb that goes off does not take the machine along
    for name in sys.argv[1:]:
        print(json.dumps(measured(Path(name))), flush=True)
