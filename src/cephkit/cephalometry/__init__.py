"""Angles, distances and ratios of a face, with their uncertainty and what the literature compares them to."""
