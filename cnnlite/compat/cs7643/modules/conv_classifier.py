"""The course's conv_classifier.py: a network from a list of dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnlite.checks.arrays import Array
from cnnlite.checks.numbers import shown
from cnnlite.compat.cs7643.greeting import greeter
from cnnlite.compat.cs7643.modules.convolution import Conv2D
from cnnlite.compat.cs7643.modules.linear import Linear
from cnnlite.compat.cs7643.modules.max_pool import MaxPooling
from cnnlite.compat.cs7643.modules.relu import ReLU
from cnnlite.compat.cs7643.modules.softmax_ce import SoftmaxCrossEntropy

__all__ = ["ConvNet", "hello_do_you_copy"]

hello_do_you_copy = greeter("conv_classifier.py")

KINDS = {"Conv2D": Conv2D, "Linear": Linear, "MaxPooling": MaxPooling, "ReLU": ReLU}


class ConvNet:
    """Modules one after another, and a loss.

    Args:
        modules: for each a dict of its "type", "Conv2D", "Linear", "MaxPooling" or "ReLU", and its
            arguments by name.
        criterion: {"type": "SoftmaxCrossEntropy"}.

    Attributes:
        modules: the modules, in order.
        criterion: the loss.

    Raises:
        TypeError, ValueError: a type is unknown, or an argument is missing or out of range.
    """

    def __init__(self, modules: Sequence[Mapping[str, Any]], criterion: Mapping[str, Any]) -> None:
        self.modules: list[Any] = [_made(module, KINDS) for module in modules]
        self.criterion: Any = _made(criterion, {"SoftmaxCrossEntropy": SoftmaxCrossEntropy})

    def forward(self, x: Any, y: Any) -> tuple[Array, float]:
        """Return the classes' probabilities (N, C), and the loss.

        Args:
            x: examples (N, ...).
            y: the right classes (N,).

        Raises:
            TypeError, ValueError: x or y do not fit.
        """
        for module in self.modules:
            x = module.forward(x)
        return self.criterion.forward(x, y)

    def backward(self) -> None:
        """Set dx, and dw and db where there are weights, of all modules.

        The gradient of the network's own input is computed when it is read.

        Raises:
            RuntimeError: there was no forward before.
        """
        self.criterion.backward()
        dout = self.criterion.dx
        for module in reversed(self.modules[1:]):
            module.backward(dout)
            dout = module.dx
        for first in self.modules[:1]:
            if isinstance(first, Conv2D | Linear):
                first.backward(dout, need_dx=False)
            else:
                first.backward(dout)


def _made(settings: Mapping[str, Any], kinds: Mapping[str, type]) -> Any:
    kind = settings.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(
            f"ConvNet: type is {shown(kind)}, expected one of {', '.join(map(repr, kinds))}"
        )
    return kinds[kind](**{key: value for key, value in settings.items() if key != "type"})
