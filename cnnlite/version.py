"""The version, for all that must know it without knowing the whole package."""

__version__ = "0.1.0"
