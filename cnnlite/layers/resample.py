"""Upsampling."""

from typing import Any, ClassVar

from cnnlite.checks.numbers import IntPair
from cnnlite.checks.windows import as_stored
from cnnlite.functional.resample import (
    Scale,
    check_settings,
    interpolate_backward,
    interpolate_forward,
)
from cnnlite.layers.pair import PairLayer

__all__ = ["Upsample"]


class Upsample(PairLayer):
    """Images of another size; `torch.nn.Upsample`.

    Args:
        size: height and width of the output, or an int for both.
        scale_factor: instead of it a positive number, or one for the height and one for the width.
        mode: "nearest", or "bilinear".
        align_corners: for "bilinear", whether the centres of the corners stay corners.

    Raises:
        TypeError, ValueError: an argument is out of range, or size and scale_factor are both given
            or both left out.
    """

    operation: ClassVar = (interpolate_forward, interpolate_backward)
    settings: ClassVar = ("size", "scale_factor", "mode", "align_corners")

    def __init__(
        self,
        size: IntPair | None = None,
        scale_factor: Scale | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        settings = check_settings(size, scale_factor, mode, align_corners)
        self.size: Any = None if size is None else as_stored(size)
        self.scale_factor: Any = settings.scales
        if settings.scales and not isinstance(scale_factor, tuple | list):
            self.scale_factor = settings.scales[0]
        self.mode = mode
        self.align_corners = None if align_corners is None else settings.align_corners

    def extra_repr(self) -> str:
        name = "size" if self.scale_factor is None else "scale_factor"
        return f"{name}={getattr(self, name)}, mode={self.mode!r}"
