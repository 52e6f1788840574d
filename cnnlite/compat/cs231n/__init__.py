"""CS231n's assignments 1 and 2, 2018 to 2026: ``from cnnlite.compat.cs231n.layers import *``."""
