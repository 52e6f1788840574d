"""Draws windows, and says to the judge what our spellings of padding mean."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import assume

from tests.judge.cases import Maker

Sides = tuple[int, int, int, int]


class Window(NamedTuple):
    """Kernel, stride, padding and dilation as they are given to us, and what they mean."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: Any
    sides: Sides  # top, bottom, left, right
    size: tuple[int, int]  # of an image on which at least one window fits

    @property
    def symmetric(self) -> bool:
        """Whether PyTorch's own padding can say it."""
        return self.sides[0] == self.sides[1] and self.sides[2] == self.sides[3]

    @property
    def fits_pytorch(self) -> bool:
        """Whether PyTorch pools with this padding: half a kernel at most, also of a dilated one.

        Some of its paths allow half of what a dilated kernel spans, as we do, and some do not.
        """
        return all(side <= k // 2 for k, side in zip(self.kernel, self.sides[::2], strict=True))


def draw_window(make: Maker, pooling: bool = False, dilated: bool = True) -> Window:
    """A window of any kind; a pooling window's padding is at most half of what it spans."""
    kernel = make.one_of((3, 3), (1, 1), (2, 2), None) or (make.size(1, 5), make.size(1, 5))
    stride = make.one_of((1, 1), (2, 2), None) or (make.size(1, 3), make.size(1, 4))
    dilation = (make.size(1, 3), make.size(1, 2)) if dilated and make.one_of(0, 0, 1) else (1, 1)
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    most = [span // 2 if pooling else 3 for span in spans]
    rows, columns = (make.size(0, m) for m in most)
    kind = make.one_of("number", "pair", "sides", "valid", "same")
    if kind == "same" and stride == (1, 1):
        rows, columns = spans[0] - 1, spans[1] - 1
        padding: Any = "same"
        sides = (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)
    elif kind == "sides":
        sides = (rows, make.size(0, most[0]), columns, make.size(0, most[1]))
        padding = (sides[:2], sides[2:])
    elif kind == "pair":
        sides, padding = (rows, rows, columns, columns), (rows, columns)
    elif kind == "number":
        padding = min(rows, columns)
        sides = (padding,) * 4
    else:
        sides, padding = (0, 0, 0, 0), "valid"
    least = [max(1, spans[axis] - sum(sides[2 * axis : 2 * axis + 2])) for axis in (0, 1)]
    size = (least[0] + make.size(0, 9), least[1] + make.size(0, 9))
    return Window(kernel, stride, dilation, padding, sides, size)


def padded(torch: Any, x: Any, sides: Sides, value: float = 0.0, mode: str = "constant") -> Any:
    """x with padding written out."""
    top, bottom, left, right = sides
    options = {"value": value} if mode == "constant" else {}
    return torch.nn.functional.pad(x, (left, right, top, bottom), mode=mode, **options)


def padding_mode(make: Maker, w: Window) -> str:
    """Draw how an image is padded that has enough pixels for it."""
    mode = make.one_of("zeros", "zeros", "zeros", "circular", "reflect", "replicate")
    if mode in ("circular", "reflect"):
        rows, columns = (size - (mode == "reflect") for size in w.size)
        assume(max(w.sides[:2]) <= rows and max(w.sides[2:]) <= columns)
    return mode
