"""Random changes to training films."""
