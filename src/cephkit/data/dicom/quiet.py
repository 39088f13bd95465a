"""Import this before anything is read with pydicom: its warnings and its log quote headers, which name patients."""

import logging
import warnings

# For good, not while a film is read: filters and levels belong to the process, and films are read in threads.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
warnings.filterwarnings("ignore", module=r"pydicom(\.|$)")
