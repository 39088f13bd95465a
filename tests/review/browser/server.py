"""``cephkit review`` as a process of its own."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

LONGEST_START_S = 120
"""Importing everything takes long where other tests run beside."""
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/\?token=[\w-]+")


class ReviewServer:
    """A running ``cephkit review``; leaving the context ends it.

    Args:
        arguments: of the command, but for --out, --port and --no_browser.
        out: the folder of its results.
    """

    def __init__(self, *arguments: object, out: Path) -> None:
        self.arguments, self.out, self.port, self.address = [*map(str, arguments), "--out", str(out)], out, 0, ""
        self.lines: list[str] = []
        """What it has printed so far."""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> "ReviewServer":
        """Start it, again on the same port if it ran before, and wait for its address.

        Raises:
            RuntimeError: it ended, or printed no address.
        """
        command = [sys.executable, "-m", "cephkit", "review", *self.arguments, "--port", str(self.port), "--no_browser"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", env=environment
        )
        printed: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(self.process, printed), daemon=True).start()
        end = time.monotonic() + LONGEST_START_S
        while True:
            try:
                line = printed.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise RuntimeError(f"no address after {LONGEST_START_S} s; printed:\n{self.printed}") from None
            if (found := ADDRESS.search(line)) is not None:
                self.address, self.port = found[0], int(found[1])
                return self
            if not line:
                raise RuntimeError(f"ended with status {self.process.wait()}; printed:\n{self.printed}")

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return "".join(self.lines)

    def journal(self, film: str) -> Path:
        """Where it keeps the edits of ``film``."""
        return self.out / "journal" / f"{film}.jsonl"

    def edits(self, film: str) -> list[dict[str, Any]]:
        """Return the lines of the journal of ``film`` that are edits; none if there is no journal."""
        path = self.journal(film)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines[1:]]

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Press Ctrl-C; return the status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def pause(self) -> None:
        """Let it answer nothing until ``resume``."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after ``pause``."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self) -> "ReviewServer":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def _read(self, process: "subprocess.Popen[str]", printed: "queue.Queue[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.lines.append(line)
            printed.put(line)
        printed.put("")
