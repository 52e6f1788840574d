"""What goes wrong with data on disk."""


class DataError(ValueError):
    """A file does not hold what it should; the message names the file and what to do."""


class DataChanged(DataError):
    """A file is not the one that was listed; the message names it."""


class DownloadError(OSError):
    """A download did not finish; the message says why, and that it can be continued."""
