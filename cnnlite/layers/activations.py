"""Activation functions: each element by itself."""

from typing import ClassVar

from cnnlite import functional as F
from cnnlite.checks.numbers import choice, real
from cnnlite.functional.gelu import APPROXIMATIONS
from cnnlite.layers.pair import PairLayer

__all__ = [
    "ELU", "GELU", "Hardswish", "LeakyReLU", "Mish", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softsign",
    "Tanh",
]  # fmt: skip


class ReLU(PairLayer):
    """y = max(x, 0); `torch.nn.ReLU`."""

    operation: ClassVar = (F.relu_forward, F.relu_backward)
    post_op = "relu"


class LeakyReLU(PairLayer):
    """y = x where x > 0, else negative_slope * x; `torch.nn.LeakyReLU`.

    Args:
        negative_slope: the slope to the left of zero.

    Raises:
        TypeError, ValueError: the slope is not a finite number.
    """

    operation: ClassVar = (F.leaky_relu_forward, F.leaky_relu_backward)
    settings: ClassVar = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = real("LeakyReLU", "negative_slope", negative_slope)


class Sigmoid(PairLayer):
    """y = 1 / (1 + exp(-x)); `torch.nn.Sigmoid`."""

    operation: ClassVar = (F.sigmoid_forward, F.sigmoid_backward)


class Tanh(PairLayer):
    """y = tanh(x); `torch.nn.Tanh`."""

    operation: ClassVar = (F.tanh_forward, F.tanh_backward)


class Softsign(PairLayer):
    """y = x / (1 + |x|); `torch.nn.Softsign`."""

    operation: ClassVar = (F.softsign_forward, F.softsign_backward)


class SiLU(PairLayer):
    """y = x * sigmoid(x), also called swish; `torch.nn.SiLU`."""

    operation: ClassVar = (F.silu_forward, F.silu_backward)
    post_op = "silu"


class GELU(PairLayer):
    """y = x * P(Z <= x) for a standard normal Z; `torch.nn.GELU`.

    Args:
        approximate: "none", or "tanh" for the approximation by a hyperbolic tangent.

    Raises:
        ValueError: another approximation.

    Source:
        Hendrycks and Gimpel, "Gaussian error linear units", 2016, section 2.
    """

    operation: ClassVar = (F.gelu_forward, F.gelu_backward)
    settings: ClassVar = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = choice("GELU", "approximate", approximate, APPROXIMATIONS)

    @property
    def post_op(self) -> str | None:
        """The exact function can follow another layer in its pass over memory."""
        return "gelu" if self.approximate == "none" else None

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class ReLU6(PairLayer):
    """y = min(max(x, 0), 6); `torch.nn.ReLU6`."""

    operation: ClassVar = (F.relu6_forward, F.relu6_backward)


class Hardswish(PairLayer):
    """y = x * min(max(x + 3, 0), 6) / 6; `torch.nn.Hardswish`."""

    operation: ClassVar = (F.hardswish_forward, F.hardswish_backward)


class ELU(PairLayer):
    """y = x where x > 0, else alpha * (exp(x) - 1); `torch.nn.ELU`.

    Args:
        alpha: minus the limit of y as x goes to minus infinity.

    Raises:
        TypeError, ValueError: alpha is not a finite number.

    Source:
        Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by
        exponential linear units (ELUs)", ICLR 2016, equation 15.
    """

    operation: ClassVar = (F.elu_forward, F.elu_backward)
    settings: ClassVar = ("alpha",)

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = real("ELU", "alpha", alpha)


class Mish(PairLayer):
    """y = x * tanh(log(1 + exp(x))); `torch.nn.Mish`."""

    operation: ClassVar = (F.mish_forward, F.mish_backward)
