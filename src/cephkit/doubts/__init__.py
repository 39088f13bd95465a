"""The page of doubtful labels, and the table behind it."""
