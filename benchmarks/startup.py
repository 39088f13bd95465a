"""How long commands take to answer, fastest of five: ``python -m benchmarks.startup``."""

import subprocess
import sys
import time

COMMANDS = (["--help"], ["--version"], ["train", "--help"], ["evaluate", "--help"], ["predict", "--help"])


def main() -> None:
    """Measure and print."""
    print("| command | s |\n| --- | --- |")
    for command in COMMANDS:
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-m", "cephkit", *command], capture_output=True, check=True)
            seconds.append(time.perf_counter() - started)
        print(f"| cephkit {' '.join(command)} | {min(seconds):.2f} |")


if __name__ == "__main__":
    main()
