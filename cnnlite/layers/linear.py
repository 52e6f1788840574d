"""The fully connected layer."""

import math
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnnlite import initializers
from cnnlite.checks.arrays import allocate, float_dtype
from cnnlite.checks.numbers import count, flag
from cnnlite.functional import linear_backward, linear_forward
from cnnlite.layers.base import Grads
from cnnlite.layers.fuse import Fusible
from cnnlite.post_ops import PostOps
from cnnlite.random import RngLike, init_generator

__all__ = ["Linear"]


class Linear(Fusible):
    """y = x @ weight.T + bias; `torch.nn.Linear`.

    params: weight (out_features, in_features), bias (out_features,).

    Args:
        in_features, out_features: numbers of inputs and outputs of one example.
        bias: whether to add a number to each output.
        dtype: np.float32 or np.float64.
        rng: where the first weights come from: U(-b, b), b = 1 / sqrt(in_features), as in PyTorch.

    Raises:
        TypeError, ValueError: an argument is out of range.
    """

    takes: ClassVar = frozenset({("relu",), ("gelu",), ("silu",)})
    new_dx: ClassVar = True

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        dtype: npt.DTypeLike = np.float32,
        rng: RngLike = None,
    ) -> None:
        self.in_features = count("Linear", "in_features", in_features)
        self.out_features = count("Linear", "out_features", out_features)
        bias = flag("Linear", "bias", bias)
        dtype, rng = float_dtype("Linear", dtype), init_generator(rng, "Linear")
        shape = (self.out_features, self.in_features)
        weight = allocate("Linear", "weight", shape, dtype, axes="out_features, in_features")
        self.params["weight"] = initializers.kaiming_uniform(weight, a=math.sqrt(5), rng=rng)
        if bias:
            bound = 1 / math.sqrt(self.in_features)
            self.params["bias"] = initializers.uniform(
                allocate("Linear", "bias", (self.out_features,), dtype), -bound, bound, rng
            )

    def forward_post(
        self, x: np.ndarray, train: bool, rng: RngLike, post: PostOps
    ) -> tuple[np.ndarray, Any]:
        return linear_forward(x, self.params["weight"], self.params.get("bias"), post)

    def backward_post(
        self, dy: np.ndarray, cache: Any, need_dx: bool
    ) -> tuple[np.ndarray | None, Grads, None]:
        dx, dweight, dbias = linear_backward(dy, cache, need_dx)
        grads: Grads = {"weight": dweight} if dbias is None else {"weight": dweight, "bias": dbias}
        return dx, grads, None

    def multiply_adds(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> int:
        return math.prod(y_shape) * self.in_features

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={'bias' in self.params}"
        )
