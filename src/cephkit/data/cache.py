"""Where decoded films, and what is known of films, are kept from one run to the next."""

from pathlib import Path

import platformdirs


def cache_folder(cache_dir: Path | None) -> Path:
    """Return ``cache_dir``; None: the user's cache folder."""
    return Path(cache_dir) if cache_dir is not None else platformdirs.user_cache_path("cephkit")


def film_cache(cache_dir: Path | None) -> Path:
    """Return the folder of hashes and canvases in ``cache_folder``."""
    return cache_folder(cache_dir) / "films"
