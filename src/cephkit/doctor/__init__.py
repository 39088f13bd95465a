"""``cephkit doctor``: the checklist before a run, for this machine and this data set."""
