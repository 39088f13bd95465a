"""Landmarks out to other tools, and back."""
