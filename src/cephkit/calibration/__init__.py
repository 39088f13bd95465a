"""Fits calibrations of expected errors and of bias to films with a truth."""
