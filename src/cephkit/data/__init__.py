"""Films, labels and the store that feeds them to a run."""
