"""The page on which people check, correct, calibrate and measure landmarks: its server, and what it keeps on disk."""
