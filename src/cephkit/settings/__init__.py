"""Settings: the options that commands share, the rules their values obey, and where they are read from."""
