"""One call of every compiled kernel, on images enough for several threads and several pieces."""

from collections.abc import Callable

import numpy as np

from cnnlite import _ext
from cnnlite.post_ops import RELU, Kept

NO_KERNELS = {
    "compiler", "empty", "fused_multiply_add", "get_num_threads", "instruction_set",
    "multithreaded", "paired_products", "record", "set_num_threads",
}  # fmt: skip
NAMES = sorted(set(_ext.__all__) - NO_KERNELS)

Call = Callable[[], list[np.ndarray]]


def calls(images: int, dtype: type = np.float32) -> dict[str, Call]:
    """Return for each kernel a function that runs it and returns the arrays that it wrote.

    Args:
        images: the batch; an image has 16 x 32 x 32 numbers, for the pools 16 x 33 x 33.
        dtype: float32 or float64.
    """
    rng = np.random.default_rng(0)

    def reals(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(dtype)

    def new(*shape: int) -> np.ndarray:
        return np.full(shape, 77, dtype)

    def positions(*shape: int) -> np.ndarray:
        return np.full(shape, -1, np.int32)

    def bytes_(*shape: int) -> np.ndarray:
        return np.full(shape, 77, np.uint8)

    shape = (images, 16, 32, 32)
    half = (images, 16, 16, 16)
    x, dy, y = reals(*shape), reals(*shape), np.abs(reals(*shape))
    weight, bias = reals(16, 16, 3, 3), reals(16)
    single, where = reals(16, 1, 3, 3), ((1, 1), (1, 1, 1, 1), (1, 1), 1)
    padding, pooled = (1, 1, 1, 1), reals(*half)
    odd = reals(images, 16, 33, 33)
    window = ((3, 3), (2, 2), (1, 1, 1, 1), (1, 1))
    seventeen = (images, 16, 17, 17)
    argmax, argmax2 = positions(*seventeen), bytes_(*half)
    _ext.max_pool2d_forward(odd, new(*seventeen), argmax, *window)
    _ext.max_pool2x2_forward(x, new(*half), argmax2, False)
    cols = reals(images, 144, 1024)
    patch = ((3, 3), (1, 1), (1, 1, 1, 1), (1, 1))
    flat, matrix = reals(images * 16, 1024), reals(128, 1024)
    outs, plane = reals(images * 16, 128), reals(images, 16, 1024)
    gamma, beta, mean, std = reals(16), reals(16), reals(16), np.abs(reals(16))
    param, velocity = reals(images * 16384), reals(images * 16384)
    pixels = rng.integers(0, 256, (images, 16, 32, 32), dtype=np.uint8)
    top, left = rng.integers(0, 9, (2, images), dtype=np.int32)
    flip = rng.integers(0, 2, images, dtype=np.uint8)
    index, scale, shift = rng.permutation(images), *np.float32(rng.random((2, 16, 32, 32)))

    def run(name: str, arguments: Callable[[], tuple], *written: int) -> Call:
        def call() -> list[np.ndarray]:
            given = arguments()
            getattr(_ext, name)(*given)
            return [given[i] for i in written]

        return call

    def dw() -> np.ndarray:
        return new(16, 16, 3, 3)

    table: dict[str, tuple] = {
        "add": (lambda: (x, dy, new(*shape), RELU), 2),
        "avg_pool2d_backward": (lambda: (reals_17, new(*odd.shape), *window[:3], True), 1),
        "avg_pool2d_forward": (lambda: (odd, new(*seventeen), *window[:3], True), 1),
        "batch_norm_backward": (
            lambda: (
                plane, plane, new(*plane.shape), gamma, beta, mean, std, new(16), new(16), True,
                Kept("relu"),
            ),
            2, 7, 8,
        ),
        "batch_norm_forward": (
            lambda: (
                plane, new(*plane.shape), gamma, beta, new(16), new(16), new(16), 1e-5, True, RELU,
            ),
            1, 4, 5, 6,
        ),
        "col2im": (lambda: (cols, new(*shape), *patch), 1),
        "conv2d_depthwise_forward": (lambda: (x, single, bias, new(*shape), *where[:3], RELU), 3),
        "conv2d_depthwise_input_gradient": (lambda: (dy, single, new(*shape), *where[:3]), 2),
        "conv2d_depthwise_weight_gradient": (
            lambda: (x, dy, new(16, 1, 3, 3), new(16), *where[:3]), 2, 3,
        ),
        "conv2d_tiled_forward": (lambda: (x, weight, bias, new(*shape), *where, RELU), 3),
        "conv2d_tiled_input_gradient": (lambda: (dy, weight, new(*shape), *where), 2),
        "conv2d_tiled_weight_gradient": (lambda: (x, dy, dw(), new(16), *where), 2, 3),
        "conv2d_winograd_forward": (
            lambda: (x, weight, bias, new(*shape), padding, 1, 4, RELU), 3,
        ),
        "conv2d_winograd_input_gradient": (lambda: (dy, weight, new(*shape), padding, 1, 4), 2),
        "conv2d_winograd_weight_gradient": (
            lambda: (x, dy, dw(), new(16), padding, 1, 4), 2, 3,
        ),
        "crop_flip": (lambda: (pixels, np.ones_like(pixels), top, left, flip, 4), 1),
        "crop_flip_normalize": (
            lambda: (pixels, index, top, left, flip, 4, scale, shift, new(*shape)), 8,
        ),
        **{
            name: (lambda: (y, new(*shape)), 1)
            for name in ("exp", "expm1", "log", "log1p", "tanh")
        },
        "gelu_backward": (lambda: (dy, x, new(*shape)), 2),
        "gelu_forward": (lambda: (x, new(*shape)), 1),
        "im2col": (lambda: (x, new(*cols.shape), *patch), 1),
        "linear_forward": (lambda: (flat, matrix, beta_128, new(*outs.shape), RELU), 3),
        "linear_input_gradient": (lambda: (outs, matrix, new(*flat.shape)), 2),
        "linear_weight_gradient": (lambda: (flat, outs, new(*matrix.shape), new(128)), 2, 3),
        "max_pool2d_backward": (lambda: (reals_17, argmax, new(*odd.shape)), 2),
        "max_pool2d_forward": (
            lambda: (odd, new(*seventeen), positions(*seventeen), *window), 1, 2,
        ),
        "max_pool2x2_backward": (lambda: (pooled, argmax2, new(*shape)), 2),
        "max_pool2x2_forward": (lambda: (x, new(*half), bytes_(*half), True), 1, 2),
        "relu_backward": (lambda: (dy, y, new(*shape)), 2),
        "relu_forward": (lambda: (x, new(*shape)), 1),
        "sgd_step": (
            lambda: (param.copy(), param, velocity.copy(), 0.1, 0.9, 1e-3, True), 0, 2,
        ),
        "split_planes": (
            lambda: (colours, bytes_(3, len(colours)), np.ones((2, 3), np.uint64)), 1, 2,
        ),
        "windows_forward": (lambda: (odd, new(*seventeen), *window, False, False), 1),
        "zero_pad_shortcut_backward": (lambda: (wider, new(*odd.shape), 2), 1),
        "zero_pad_shortcut_forward": (lambda: (odd, new(*wider.shape), 2), 1),
    }  # fmt: skip
    colours = pixels.reshape(-1, 4)
    wider = reals(images, 20, 17, 17)
    reals_17, beta_128 = reals(*seventeen), reals(128)
    return {name: run(name, *row) for name, row in table.items()}
