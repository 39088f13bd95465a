"""What leaves cephkit in other formats: models and landmarks for other programs."""
