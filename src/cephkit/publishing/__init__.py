"""A trained model as a folder that can be handed on: weights, settings, ONNX, and a card that says what it is."""
