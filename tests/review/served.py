"""``cephkit review`` as a process of its own, asked over its socket."""

import http.client
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
START = """
import sys
from pathlib import Path

from cephkit.cli import main
from cephkit.review import app

app.STATIC = Path(sys.argv[1])
sys.exit(main(["review", "--no_browser", *sys.argv[2:]]))
"""


class Served:
    """A server with a page of one line; its address is known once this is made.

    Args:
        page: a folder for the page.
        arguments: of the command.
    """

    def __init__(self, page: Path, *arguments: object) -> None:
        page.mkdir(exist_ok=True)
        (page / "index.html").write_text("<title>the page</title>", encoding="utf-8")
        command = [sys.executable, "-c", START, str(page), *map(str, arguments)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
        )
        assert self.process.stdout is not None
        self.screen = self.process.stdout
        self.lines: list[str] = []
        self.port, self.token = 0, ""
        for line in self.screen:
            self.lines.append(line.rstrip("\n"))
            if found := re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]+)\n", line):
                self.port, self.token = int(found[1]), found[2]
                break

    def ask(self, path: str, content: Any = None) -> tuple[int, Any]:
        """Return status and JSON of an answer; with ``content`` the request is a POST."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Cookie": f"cephkit_{self.port}={self.token}", "Origin": f"http://127.0.0.1:{self.port}"}
        try:
            body = None if content is None else json.dumps(content)
            connection.request("GET" if body is None else "POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(60)
        self.screen.close()

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Ask it to end; return its status and what it printed since."""
        self.process.send_signal(number)
        said = self.screen.read()
        status = self.process.wait(60)
        self.screen.close()
        return status, said
