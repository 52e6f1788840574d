"""Which rung of the ladder "auto" takes, by shape: a table of measurements, never the clock.

`python -m benchmarks.ladder` measures every rung on the shapes of the zoo and prints what this
table should say.  That it is committed, not measured where it runs, keeps the bits of a network
the same on every run.
"""

from __future__ import annotations

from typing import NamedTuple

from cnnlite.functional._conv_geometry import ConvGeometry


class Passes(NamedTuple):
    """A rung of the ladder for each of the three products of a convolution."""

    forward: str
    input_gradient: str
    weight_gradient: str


TILED = Passes("tiled", "tiled", "tiled")
WINOGRAD = Passes("winograd", "winograd", "winograd")

# Fewer channels than this on either side, and Winograd's transforms cost more than they save.
WINOGRAD_CHANNELS = 16


def choose(geometry: ConvGeometry) -> Passes:
    """Returns the rungs that "auto" stands for."""
    channels = min(geometry.in_channels, geometry.out_channels) // geometry.groups
    small = (geometry.kernel, geometry.stride, geometry.dilation) == ((3, 3), (1, 1), (1, 1))
    return WINOGRAD if small and channels >= WINOGRAD_CHANNELS else TILED
