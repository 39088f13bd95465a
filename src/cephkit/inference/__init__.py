"""A trained model on films."""
