"""Landmarks: what they are called, where they lie, and the schemas that list them."""
