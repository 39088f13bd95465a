"""Errors that a user can act on: the command line prints them without a traceback."""


class CephkitError(Exception):
    """What is wrong, where, and what to do; the message is shown to the user as it is."""


class FilmError(CephkitError):
    """A film that cannot be read."""


class LabelError(CephkitError):
    """A label file that cannot be used."""


class DataError(CephkitError):
    """A data set that cannot be used as it is."""


class CheckpointError(CephkitError):
    """A checkpoint that is torn, foreign, or does not fit what is asked of it."""


class SettingsError(CephkitError):
    """Settings that contradict each other or name something unknown."""
