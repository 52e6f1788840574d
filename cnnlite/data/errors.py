"""What goes wrong with data on disk."""


class DataError(ValueError):
    """A file does not hold what it should; the message names the file and what to do."""
