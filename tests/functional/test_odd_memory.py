"""Every operation takes every one of its arrays from any place in memory, with the same bits."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnnlite.functional as F
from cnnlite.catalogue import LAYERS, Entry
from tests.entries import like_images, pairs

Array = np.ndarray[Any, Any]
Place = Callable[[Array], Array]


def at_an_odd_address(array: Array) -> Array:
    """A writable view that begins one byte into a buffer, as if it came from a file or a packet."""
    buffer = bytearray(b"\0" + array.tobytes())
    view = np.frombuffer(buffer, array.dtype, offset=1).reshape(array.shape)
    assert array.size == 0 or not view.flags.aligned
    return view


def every_second(array: Array) -> Array:
    """A view with a gap behind each number."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


def odd_and_every_second(array: Array) -> Array:
    return at_an_odd_address(np.repeat(array, 2, axis=-1))[..., ::2]


def turned(array: Array) -> Array:
    """A view whose last axis is first in memory."""
    return np.moveaxis(np.moveaxis(array, -1, 0).copy(), 0, -1)


def backwards(array: Array) -> Array:
    return array[::-1].copy()[::-1]


PLACES: list[Place] = [at_an_odd_address, every_second, odd_and_every_second, turned, backwards]

SHAPES = {
    "x": (3, 8, 9, 10), "weight": (16, 8, 3, 3), "bias": (16,), "grouped": (16, 2, 3, 2),
    "single": (16, 1, 3, 3), "rows": (5, 24), "matrix": (7, 24), "seven": (7,), "gamma": (8,),
    "beta": (8,), "mean": (8,), "variance": (8,), "gamma_row": (9, 10), "beta_row": (9, 10),
    "scores": (30, 70), "targets": (30, 70), "class_weight": (70,), "cols": (3, 8 * 9, 7 * 8),
}  # fmt: skip

Arrays = dict[str, Array]
Forward = Callable[[Arrays], tuple[Array, Any]]


def conv(weight: str = "weight", bias: str | None = "bias", **options: Any) -> Forward:
    return lambda a: F.conv2d_forward(
        a["x"], a[weight], a[bias] if bias else None, **{"padding": 1, **options}
    )


def batch_norm(train: bool) -> Forward:
    names = ("x", "gamma", "beta", "mean", "variance")
    return lambda a: F.batch_norm_forward(*(a[name] for name in names), train)


FORWARD: dict[str, Forward] = {
    "conv2d naive": conv(algorithm="naive"),
    "conv2d im2col": conv(algorithm="im2col", stride=2),
    "conv2d tiled": conv(algorithm="tiled", dilation=2, bias=None),
    "conv2d tiled grouped": conv("grouped", algorithm="tiled", groups=4),
    "conv2d depthwise": conv("single", algorithm="depthwise", groups=8),
    "conv2d winograd": conv(algorithm="winograd"),
    "max_pool2d 2x2": lambda a: F.max_pool2d_forward(a["x"], 2),
    "max_pool2d": lambda a: F.max_pool2d_forward(a["x"], 3, 2, 1),
    "avg_pool2d": lambda a: F.avg_pool2d_forward(a["x"], 3, 2, 1),
    "linear": lambda a: F.linear_forward(a["rows"], a["matrix"], a["seven"]),
    "batch_norm train": batch_norm(True),
    "batch_norm": batch_norm(False),
    "layer_norm": lambda a: F.layer_norm_forward(a["x"], (9, 10), a["gamma_row"], a["beta_row"]),
    "group_norm": lambda a: F.group_norm_forward(a["x"], 2, a["gamma"], a["beta"]),
    "dropout": lambda a: F.dropout_forward(a["x"], 0.4, True, np.random.default_rng(2)),
    "cross_entropy": lambda a: F.cross_entropy_forward(
        a["scores"], a["labels"], a["class_weight"], label_smoothing=0.1
    ),
    "focal_loss": lambda a: F.focal_loss_forward(a["scores"], a["labels"], 2.0, a["class_weight"]),
    "hinge_loss": lambda a: F.hinge_loss_forward(a["scores"], a["labels"]),
    "nll_loss": lambda a: F.nll_loss_forward(a["scores"], a["labels"], a["class_weight"]),
    "cross_entropy of probabilities": lambda a: F.cross_entropy_forward(
        a["scores"], np.abs(a["targets"]), a["class_weight"]
    ),
    "cross_entropy of places": lambda a: F.cross_entropy_forward(a["x"], a["places"]),
    "mse_loss": lambda a: F.mse_loss_forward(a["scores"], a["targets"]),
    "l1_loss": lambda a: F.l1_loss_forward(a["scores"], a["targets"]),
    "smooth_l1_loss": lambda a: F.smooth_l1_loss_forward(a["scores"], a["targets"]),
    "huber_loss": lambda a: F.huber_loss_forward(a["scores"], a["targets"]),
    "kl_div": lambda a: F.kl_div_forward(a["scores"], a["targets"], log_target=True),
    "binary_cross_entropy_with_logits": lambda a: F.binary_cross_entropy_with_logits_forward(
        a["scores"], a["targets"], a["scores"], "mean", a["class_weight"]
    ),
    "sigmoid_focal_loss": lambda a: F.sigmoid_focal_loss_forward(
        a["scores"], np.sign(np.abs(a["targets"])), reduction="mean"
    ),
    **{name: lambda a, forward=forward: forward(a["x"]) for name, (forward, _) in pairs().items()},
}


def by_its_layer(entry: Entry) -> Forward:
    """An operation with the first of the layer's examples, of so many channels as that has."""
    example = entry.examples[0]

    def forward(a: Arrays) -> tuple[Array, Any]:
        x = like_images(entry, a["x"][:, : example.shape[1]])
        return entry.make(example, x.dtype).forward(x, rng=2)

    return forward


FORWARD |= {
    entry.operation: by_its_layer(entry)
    for entry in LAYERS.values()
    if entry.operation and entry.operation not in {name.split()[0] for name in FORWARD}
}


def arrays(dtype: type, place: Place = np.copy) -> Arrays:
    rng = np.random.default_rng(0)
    made = {name: rng.standard_normal(shape).astype(dtype) for name, shape in SHAPES.items()}
    made |= {name: np.abs(made[name]) for name in ("variance", "class_weight")}
    made["labels"], made["places"] = rng.integers(0, 70, 30), rng.integers(0, 8, (3, 9, 10))
    return {name: place(array) for name, array in made.items()}


def run(name: str, given: Arrays, place: Place = np.copy) -> list[Any]:
    """The output, all gradients, and what a train pass changes of its arguments."""
    y, cache = FORWARD[name](given)
    backward = getattr(F, f"{name.split()[0]}_backward")
    if type(y) is float:  # a loss
        gradients = backward(cache)
    else:
        dy = np.random.default_rng(3).standard_normal(y.shape).astype(y.dtype)
        gradients = backward(place(dy), cache)
    found = [y, *(gradients if type(gradients) is tuple else (gradients,))]
    return [*found, given["mean"], given["variance"]]


def test_every_operation_is_here() -> None:
    operations = {name for name in F.__all__ if name.endswith("_forward")}
    assert operations == {f"{name.split()[0]}_forward" for name in FORWARD}
    others = {n for n in F.__all__ if n[0].islower() and not n.endswith(("_forward", "_backward"))}
    assert others == {"im2col", "col2im"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FORWARD)
def test_any_place_in_memory(name: str, dtype: type, place: Place) -> None:
    expected = run(name, arrays(dtype))
    for got, want in zip(run(name, arrays(dtype, place), place), expected, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_patches(dtype: type, place: Place) -> None:
    plain, odd = arrays(dtype), arrays(dtype, place)
    np.testing.assert_array_equal(F.im2col(odd["x"], 3), F.im2col(plain["x"], 3))
    np.testing.assert_array_equal(
        F.col2im(odd["cols"], (9, 10), 3), F.col2im(plain["cols"], (9, 10), 3)
    )
