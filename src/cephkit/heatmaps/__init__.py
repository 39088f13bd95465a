"""From points to heatmaps and back."""
