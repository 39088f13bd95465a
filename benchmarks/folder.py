"""Memory while ``cephkit predict`` goes through a folder of films, and what the same command costs a second time.

    python -m benchmarks.folder --checkpoint C.pth [--films 1000] [--work folder_benchmark]

Draws synthetic films first. One table on standard output.
"""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROWS = 11
CEPHKIT = [sys.executable, "-m", "cephkit"]


def draw(films: int, work: Path) -> Path:
    """A folder of ``films`` synthetic films."""
    folder, data = work / "films", work / "data"
    if not folder.exists():
        subprocess.run([*CEPHKIT, "synthesize", "--out", data, "--films", str(films), "--overwrite"], check=True)
        folder.mkdir(parents=True)
        for film in data.glob("*/Cephalograms/*"):
            shutil.move(film, folder / film.name)
    return folder


def watched(command: list[str], out: Path) -> tuple[list[tuple[float, int, float]], float]:
    """Runs ``command``; (seconds, results in ``out``, MiB of its memory) once a second, and how long it took."""
    started, seen = time.perf_counter(), []
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    memory = psutil.Process(process.pid)
    while process.poll() is None:
        done = len(list(out.glob("*.json"))) if out.exists() else 0
        try:
            seen.append((time.perf_counter() - started, done, memory.memory_info().rss / 2**20))
        except psutil.NoSuchProcess:
            break
        time.sleep(1)
    if process.returncode:
        raise SystemExit(f"cephkit predict ended with status {process.returncode}")
    return seen, time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--films", type=int, default=1000)
    parser.add_argument("--work", type=Path, default=Path("folder_benchmark"))
    options = parser.parse_args()
    films, out = draw(options.films, options.work), options.work / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [*CEPHKIT, "predict", str(films), "--checkpoint", str(options.checkpoint), "--device", "cpu"]
    # Synthetic films are none to a model of real ones; their points are kept all the same.
    command += ["--out", str(out), "--keep_doubtful"]
    seen, took = watched(command, out)
    print("| films done | memory, MiB |\n| --- | --- |")
    for step in range(ROWS):
        wanted = options.films * step // (ROWS - 1)
        _, done, memory = next((row for row in seen if row[1] >= wanted), seen[-1])
        print(f"| {done} | {memory:.0f} |")
    print(f"\npeak {max(row[2] for row in seen):.0f} MiB; {options.films / took:.2f} films/s, overlays included")
    _, again = watched(command, out)
    print(f"the same command again: {again:.1f} s, {took / again:.0f} times faster")


if __name__ == "__main__":
    main()
