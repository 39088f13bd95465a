"""``python -m cephkit``."""

import sys

from cephkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
