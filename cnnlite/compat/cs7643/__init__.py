"""CS 7643's homework 2, part 1: ``from cnnlite.compat.cs7643.modules import ConvNet``."""
