"""What a training step keeps in memory, and how to keep less of it."""

GIB = 2**30
"""Bytes."""
