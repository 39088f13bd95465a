"""Tasks: what one network learns. A task owns augmentation, targets and criterion."""
