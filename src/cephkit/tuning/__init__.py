"""A search for better settings of ``cephkit train``: what to try, the trials, and their report."""
