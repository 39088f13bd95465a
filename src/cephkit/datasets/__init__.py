"""Data sets in the layouts of their publishers and of other tools: one file per layout."""
