"""Silences pydicom, whose warnings and log quote headers that name patients; import before reading anything with it."""

import logging
import warnings

# Permanently, not just while a film is read: filters and levels are process-wide, and films are read in threads.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
