"""The files that students begin with, NAME.py.txt; a package, so that the wheel carries them."""
