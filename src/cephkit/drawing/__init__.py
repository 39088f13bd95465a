"""Landmarks, tracings and regions as pictures."""
