"""The files that the live page is made of, besides those of every page."""
