"""Errors in millimetres, and their tables."""
