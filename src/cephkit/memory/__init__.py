"""What a training step keeps in memory, and how to keep less of it."""
