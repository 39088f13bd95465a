"""``cephkit doctor``: the check list before a run, on this machine and with this data set."""
