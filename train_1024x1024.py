"""The guide's command: ``cephkit train`` under the guide's name, with the guide's flags and defaults."""

import sys

from cephkit.cli import main

# Loader workers on Windows import this file again: without the guard each would start a training of its own.
if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
