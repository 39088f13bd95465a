"""Landmarks out to other tools and back, and models as ONNX."""
