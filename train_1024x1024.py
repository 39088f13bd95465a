"""The guide's command: ``cephkit train`` under the guide's name, with the guide's flags and defaults."""

import sys
from functools import partial

from cephkit.cli import run
from cephkit.commands.train import main

# Loader workers on Windows import this file again: without the guard each would start a training of its own.
if __name__ == "__main__":
    sys.exit(run(partial(main, device="cuda"), sys.argv[1:]))
