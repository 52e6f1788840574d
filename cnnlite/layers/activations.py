"""Activation functions: each element by itself."""

from typing import Any

import numpy as np

from cnnlite import functional as F
from cnnlite.checks.numbers import choice, real
from cnnlite.functional.gelu import APPROXIMATIONS
from cnnlite.layers.base import Grads, Layer
from cnnlite.random import RngLike

__all__ = [
    "ELU", "GELU", "Hardswish", "LeakyReLU", "Mish", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softsign",
    "Tanh",
]  # fmt: skip


class ReLU(Layer):
    """y = max(x, 0); `torch.nn.ReLU`."""

    post_op = "relu"

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.relu_forward(x)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.relu_backward(dy, cache) if need_dx else None), {}


class LeakyReLU(Layer):
    """y = x where x > 0, else negative_slope * x; `torch.nn.LeakyReLU`.

    Args:
        negative_slope: the slope to the left of zero.

    Raises:
        TypeError, ValueError: the slope is not a finite number.
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = real("LeakyReLU", "negative_slope", negative_slope)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.leaky_relu_forward(x, self.negative_slope)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.leaky_relu_backward(dy, cache) if need_dx else None), {}

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)); `torch.nn.Sigmoid`."""

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.sigmoid_forward(x)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.sigmoid_backward(dy, cache) if need_dx else None), {}


class Tanh(Layer):
    """y = tanh(x); `torch.nn.Tanh`."""

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.tanh_forward(x)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.tanh_backward(dy, cache) if need_dx else None), {}


class Softsign(Layer):
    """y = x / (1 + |x|); `torch.nn.Softsign`."""

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.softsign_forward(x)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.softsign_backward(dy, cache) if need_dx else None), {}


class SiLU(Layer):
    """y = x * sigmoid(x), also called swish; `torch.nn.SiLU`."""

    post_op = "silu"

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.silu_forward(x)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.silu_backward(dy, cache) if need_dx else None), {}


class GELU(Layer):
    """y = x * P(Z <= x) for a standard normal Z; `torch.nn.GELU`.

    Args:
        approximate: "none", or "tanh" for the approximation by a hyperbolic tangent.

    Raises:
        ValueError: another approximation.

    Source:
        Hendrycks and Gimpel, "Gaussian error linear units", 2016, section 2.
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = choice("GELU", "approximate", approximate, APPROXIMATIONS)

    @property
    def post_op(self) -> str | None:
        """The exact function can follow another layer in its pass over memory."""
        return "gelu" if self.approximate == "none" else None

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.gelu_forward(x, self.approximate)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.gelu_backward(dy, cache) if need_dx else None), {}

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class ReLU6(Layer):
    """y = min(max(x, 0), 6); `torch.nn.ReLU6`."""

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.relu6_forward(x)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.relu6_backward(dy, cache) if need_dx else None), {}


class Hardswish(Layer):
    """y = x * min(max(x + 3, 0), 6) / 6; `torch.nn.Hardswish`."""

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.hardswish_forward(x)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.hardswish_backward(dy, cache) if need_dx else None), {}


class ELU(Layer):
    """y = x where x > 0, else alpha * (exp(x) - 1); `torch.nn.ELU`.

    Args:
        alpha: minus the limit to the left.

    Raises:
        TypeError, ValueError: alpha is not a finite number.

    Source:
        Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by
        exponential linear units (ELUs)", ICLR 2016, equation 15.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = real("ELU", "alpha", alpha)

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.elu_forward(x, self.alpha)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.elu_backward(dy, cache) if need_dx else None), {}

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class Mish(Layer):
    """y = x * tanh(log(1 + exp(x))); `torch.nn.Mish`."""

    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        return F.mish_forward(x)

    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        return (F.mish_backward(dy, cache) if need_dx else None), {}
