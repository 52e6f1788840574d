"""The course's conv_classifier.py: a network from a list of dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnlite.checks.arrays import Array
from cnnlite.checks.numbers import shown
from cnnlite.compat.cs7643.greeting import greeter
from cnnlite.compat.cs7643.modules.chain import Chain, cut
from cnnlite.compat.cs7643.modules.convolution import Conv2D
from cnnlite.compat.cs7643.modules.linear import Linear
from cnnlite.compat.cs7643.modules.max_pool import MaxPooling
from cnnlite.compat.cs7643.modules.module import Learning
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
        self._steps: list[Any] = []
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
        self._steps = cut(self.modules)
        for step in self._steps:
            x = step.forward(x)
        return self.criterion.forward(x, y)

    def backward(self) -> None:
        """Set dx, and dw and db where there are weights, of all modules.

        Those dx that the others do not need are computed when they are read: that of the network's
        own input, and of what runs together with a convolution.

        Raises:
            RuntimeError: there was no forward before.
        """
        self.criterion.backward()
        dout = self.criterion.dx
        for number in reversed(range(len(self._steps))):
            step = self._steps[number]
            if isinstance(step, Chain | Learning):
                step.backward(dout, need_dx=number > 0)
            else:
                step.backward(dout)
            if number:
                dout = step.conv.dx if isinstance(step, Chain) else step.dx


def _made(settings: Mapping[str, Any], kinds: Mapping[str, type]) -> Any:
    if not isinstance(settings, Mapping):
        raise TypeError(f"ConvNet: a module is {shown(settings)}, expected a dict with 'type'")
    kind = settings.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(
            f"ConvNet: type is {shown(kind)}, expected one of {', '.join(map(repr, kinds))}"
        )
    return kinds[kind](**{key: value for key, value in settings.items() if key != "type"})
