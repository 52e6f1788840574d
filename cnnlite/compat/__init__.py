"""Course code's names on our layers: notebooks and tests run with one changed import.

`cs231n` is Stanford's CS231n, `cs7643` Georgia Tech's CS 7643; docs/use/compat.md has their
conventions.
"""
