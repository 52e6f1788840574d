from collections.abc import Callable
from typing import Any

import numpy as np

from cnnlite.post_ops import Kept, PostOps

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]
Array = np.ndarray

def fused_multiply_add() -> bool: ...
def paired_products() -> bool: ...
def instruction_set() -> str: ...
def record(
    function: Callable[[Array], Array], x: Array, kept: dict[Any, Any]
) -> Callable[[Array], Array]: ...

# tiled convolution: any kernel, stride, padding, dilation and groups
def conv2d_tiled_forward(
    x: Array,
    weight: Array,
    bias: Array | None,
    y: Array,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    post: PostOps = ...,
    argmax: Array | None = None,
) -> None: ...
def conv2d_tiled_input_gradient(
    dy: Array, weight: Array, dx: Array, stride: Pair, padding: Sides, dilation: Pair, groups: int
) -> None: ...
def conv2d_tiled_weight_gradient(
    x: Array,
    dy: Array,
    dweight: Array,
    dbias: Array | None,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    groups: int,
    kept: Kept = ...,
) -> None: ...

# depthwise: as many groups as channels
def conv2d_depthwise_forward(
    x: Array,
    weight: Array,
    bias: Array | None,
    y: Array,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    post: PostOps = ...,
) -> None: ...
def conv2d_depthwise_input_gradient(
    dy: Array, weight: Array, dx: Array, stride: Pair, padding: Sides, dilation: Pair
) -> None: ...
def conv2d_depthwise_weight_gradient(
    x: Array,
    dy: Array,
    dweight: Array,
    dbias: Array | None,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
) -> None: ...

# Winograd: 3x3, stride 1
def conv2d_winograd_forward(
    x: Array,
    weight: Array,
    bias: Array | None,
    y: Array,
    padding: Sides,
    groups: int,
    tile: int,
    post: PostOps = ...,
    argmax: Array | None = None,
    bfloat16: bool = False,
) -> None: ...
def conv2d_winograd_input_gradient(
    dy: Array,
    weight: Array,
    dx: Array,
    padding: Sides,
    groups: int,
    tile: int,
    kept: Kept = ...,
    bfloat16: bool = False,
) -> None: ...
def conv2d_winograd_weight_gradient(
    x: Array,
    dy: Array,
    dweight: Array,
    dbias: Array | None,
    padding: Sides,
    groups: int,
    tile: int,
    kept: Kept = ...,
    bfloat16: bool = False,
) -> None: ...

# products of linear layers
def linear_forward(
    x: Array, weight: Array, bias: Array | None, y: Array, post: PostOps = ...
) -> None: ...
def linear_input_gradient(dy: Array, weight: Array, dx: Array) -> None: ...
def linear_weight_gradient(x: Array, dy: Array, dweight: Array, dbias: Array | None) -> None: ...

# what is limited by memory
def relu_forward(x: Array, y: Array) -> None: ...
def relu_backward(dy: Array, y: Array, dx: Array) -> None: ...
def gelu_forward(x: Array, y: Array) -> None: ...
def gelu_backward(dy: Array, x: Array, dx: Array) -> None: ...
def exp(x: Array, y: Array) -> None: ...
def expm1(x: Array, y: Array) -> None: ...
def log(x: Array, y: Array) -> None: ...
def log1p(x: Array, y: Array) -> None: ...
def tanh(x: Array, y: Array) -> None: ...
def add(a: Array, b: Array, y: Array, post: PostOps = ...) -> None: ...
def sgd_step(
    param: Array,
    grad: Array,
    velocity: Array | None,
    lr: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
) -> None: ...
def max_pool2x2_forward(x: Array, y: Array, argmax: Array, relu: bool) -> None: ...
def max_pool2x2_backward(dy: Array, argmax: Array, dx: Array) -> None: ...
def windows_forward(
    x: Array,
    y: Array,
    kernel: Pair,
    stride: Pair,
    padding: Sides,
    dilation: Pair,
    mean: bool,
    count_padding: bool,
) -> None: ...
def batch_norm_forward(
    x: Array,
    y: Array,
    gamma: Array,
    beta: Array,
    mean: Array,
    inverse_std: Array,
    variance: Array | None,
    eps: float,
    train: bool,
    post: PostOps = ...,
    rest: Array | None = None,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    momentum: float = 0,
) -> None: ...
def batch_norm_backward(
    dy: Array,
    x: Array,
    dx: Array | None,
    gamma: Array,
    beta: Array,
    mean: Array,
    inverse_std: Array,
    dgamma: Array,
    dbeta: Array,
    train: bool,
    kept: Kept = ...,
    dsum: Array | None = None,
    rest: Array | None = None,
) -> None: ...
