"""A generator of cases for every operation of `cnnlite.functional`: what PyTorch says it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import assume

import cnnlite.functional as F
from cnnlite.catalogue import Entry
from cnnlite.post_ops import ACTIVATIONS, NO_POST_OPS, PostOps
from tests.entries import PLAIN, pair_of, sizes, theirs
from tests.judge.cases import Case, Maker, tensor
from tests.judge.loss_cases import (
    ELEMENTWISE,
    cross_entropy,
    elementwise,
    focal_loss,
    hinge_loss,
    nll_loss,
)
from tests.judge.windows import draw_window, padded, padding_mode


def im2col(make: Maker) -> Case:
    w = draw_window(make)
    x = make.normal(make.size(1, 3), make.size(1, 4), *w.size)

    def judge(torch: Any, x: Any) -> Any:
        x = padded(torch, x, w.sides)
        return torch.nn.functional.unfold(x, w.kernel, w.dilation, 0, w.stride)

    def backward(dy: Any, _: Any) -> Any:
        return F.col2im(dy, w.size, w.kernel, w.stride, w.padding, w.dilation)

    return Case(
        (x,),
        lambda x: (F.im2col(x, w.kernel, w.stride, w.padding, w.dilation), None),
        backward,
        judge,
    )


def col2im(make: Maker) -> Case:
    w = draw_window(make)
    assume(w.symmetric)
    n, c = make.size(1, 3), make.size(1, 3)
    shape = F.im2col(np.zeros((n, c, *w.size)), w.kernel, w.stride, w.padding, w.dilation).shape
    top, _, left, _ = w.sides
    return Case(
        (make.normal(*shape),),
        lambda x: (F.col2im(x, w.size, w.kernel, w.stride, w.padding, w.dilation), None),
        lambda dy, _: F.im2col(dy, w.kernel, w.stride, w.padding, w.dilation),
        lambda torch, x: torch.nn.functional.fold(
            x, w.size, w.kernel, w.dilation, (top, left), w.stride
        ),
    )


def followed(torch: Any, y: Any, post: PostOps) -> Any:
    """An output after an addend and an activation."""
    y = y if post.addend is None else y + post.addend
    return y if post.activation is None else getattr(torch.nn.functional, post.activation)(y)


def conv2d(make: Maker) -> Case:
    w, groups = draw_window(make), make.one_of(1, 1, 2, 3)
    channels, filters = (groups * make.size(1, most) for most in (18 // groups, 20 // groups))
    mode = padding_mode(make, w)
    ladder = ["auto", "naive", "im2col", "tiled"]
    if w.kernel == (3, 3) and w.stride == w.dilation == (1, 1) and max(w.sides) <= 2:
        ladder += ["winograd"] * 4
    if groups == channels:
        ladder += ["depthwise"] * 4
    algorithm = make.one_of(*ladder)
    post = make.one_of(NO_POST_OPS, NO_POST_OPS, *(PostOps(activation=a) for a in ACTIVATIONS))
    x = make.normal(make.one_of(0, 1, 2, 3, 5), channels, *w.size)
    weight = make.normal(filters, channels // groups, *w.kernel)

    def forward(x: Any, weight: Any, bias: Any) -> Any:
        return F.conv2d_forward(
            x, weight, bias, w.stride, w.padding, w.dilation, groups, mode, algorithm, post
        )

    def judge(torch: Any, x: Any, weight: Any, bias: Any) -> Any:
        if len(x):
            x = padded(torch, x, w.sides, mode="constant" if mode == "zeros" else mode)
        else:
            x = padded(torch, x, w.sides)
        y = torch.nn.functional.conv2d(x, weight, bias, w.stride, 0, w.dilation, groups)
        return followed(torch, y, post)

    return Case((x, weight, make.maybe(make.normal(filters))), forward, F.conv2d_backward, judge)


def conv1d(make: Maker) -> Case:
    w, groups = draw_window(make), make.one_of(1, 1, 2, 3)
    channels, filters = (groups * make.size(1, most) for most in (18 // groups, 20 // groups))
    (_, kernel), (_, stride), (_, dilation), (_, length) = w.kernel, w.stride, w.dilation, w.size
    ends = w.sides[2:]
    padding = w.padding if w.padding in ("same", "valid") else make.one_of(ends, (ends,))
    assume(padding != "same" or stride == 1)
    mode = make.one_of("zeros", "zeros", "circular")
    assume(mode == "zeros" or max(ends) <= length)
    algorithm = make.one_of("auto", "naive", "im2col", "tiled")
    post = make.one_of(NO_POST_OPS, NO_POST_OPS, *(PostOps(activation=a) for a in ACTIVATIONS))
    x = make.normal(make.one_of(0, 1, 2, 3, 5), channels, length)
    weight = make.normal(filters, channels // groups, kernel)

    def forward(x: Any, weight: Any, bias: Any) -> Any:
        return F.conv1d_forward(
            x, weight, bias, stride, padding, dilation, groups, mode, algorithm, post
        )

    def judge(torch: Any, x: Any, weight: Any, bias: Any) -> Any:
        how = mode if mode != "zeros" and len(x) else "constant"
        x = torch.nn.functional.pad(x, ends, how)
        y = torch.nn.functional.conv1d(x, weight, bias, stride, 0, dilation, groups)
        return followed(torch, y, post)

    return Case((x, weight, make.maybe(make.normal(filters))), forward, F.conv1d_backward, judge)


def conv_transpose2d(make: Maker) -> Case:
    w, groups = draw_window(make), make.one_of(1, 1, 2, 3)
    channels, filters = (groups * make.size(1, most) for most in (12 // groups, 12 // groups))
    limits = [max(s, d) for s, d in zip(w.stride, w.dilation, strict=True)]
    more = tuple(make.size(0, limit - 1) for limit in limits)
    size = tuple(make.size(1, 7) for _ in limits)
    whole = [
        (n - 1) * s + d * (k - 1) + 1
        for n, s, d, k in zip(size, w.stride, w.dilation, w.kernel, strict=True)
    ]
    top, bottom, left, right = w.sides
    rows, columns = whole[0] + more[0] - top - bottom, whole[1] + more[1] - left - right
    assume(min(rows, columns) >= 1)
    algorithm = make.one_of("auto", "naive", "im2col", "tiled")
    post = make.one_of(NO_POST_OPS, NO_POST_OPS, *(PostOps(activation=a) for a in ACTIVATIONS))
    x = make.normal(make.one_of(0, 1, 2, 3), channels, *size)
    weight = make.normal(channels, filters // groups, *w.kernel)

    def forward(x: Any, weight: Any, bias: Any) -> Any:
        return F.conv_transpose2d_forward(
            x, weight, bias, w.stride, w.padding, more, groups, w.dilation, algorithm, post
        )

    def judge(torch: Any, x: Any, weight: Any, bias: Any) -> Any:
        # Without padding and with as much more as there is: then what we are to have is cut out.
        y = torch.nn.functional.conv_transpose2d(
            x, weight, None, w.stride, 0, more, groups, w.dilation
        )
        y = y[:, :, top : top + rows, left : left + columns]
        return followed(torch, y if bias is None else y + bias[:, None, None], post)

    bias = make.maybe(make.normal(filters))
    return Case((x, weight, bias), forward, F.conv_transpose2d_backward, judge)


def max_pool2d(make: Maker) -> Case:
    w, ceil = draw_window(make, pooling=True), make.one_of(False, True)
    assume(w.fits_pytorch if w.symmetric else not ceil)
    shape = make.size(1, 3), make.size(1, 4), *w.size
    x = make.one_of(make.normal, make.few)(*shape)
    arguments = (w.kernel, w.stride, w.padding, w.dilation, ceil)
    # A dilated window may step over a small image altogether: no maximum, and no gradient.
    assume(np.isfinite(F.max_pool2d_forward(x, *arguments)[0]).all())

    def judge(torch: Any, x: Any) -> Any:
        if w.symmetric:
            sides = w.sides[0], w.sides[2]
        else:
            x, sides = padded(torch, x, w.sides, -np.inf), (0, 0)
        return torch.nn.functional.max_pool2d(x, w.kernel, w.stride, sides, w.dilation, ceil)

    return Case((x,), lambda x: F.max_pool2d_forward(x, *arguments), F.max_pool2d_backward, judge)


def avg_pool2d(make: Maker) -> Case:
    w, ceil = draw_window(make, pooling=True, dilated=False), make.one_of(False, True)
    counted = make.one_of(False, True)
    assume(w.symmetric or (counted and not ceil))

    def judge(torch: Any, x: Any) -> Any:
        if w.symmetric:
            sides = w.sides[0], w.sides[2]
        else:
            x, sides = padded(torch, x, w.sides), (0, 0)
        return torch.nn.functional.avg_pool2d(x, w.kernel, w.stride, sides, ceil, counted)

    return Case(
        (make.normal(make.size(1, 3), make.size(1, 4), *w.size),),
        lambda x: F.avg_pool2d_forward(x, w.kernel, w.stride, w.padding, ceil, counted),
        F.avg_pool2d_backward,
        judge,
    )


def linear(make: Maker) -> Case:
    inputs, outputs = make.size(1, 70), make.size(1, 40)
    post = PostOps(activation=make.one_of(None, *ACTIVATIONS))
    before = make.one_of((), (2,), (3, 2))
    x = make.normal(make.one_of(0, 1, 2, 7, 33), *before, inputs)

    def judge(torch: Any, x: Any, weight: Any, bias: Any) -> Any:
        return followed(torch, torch.nn.functional.linear(x, weight, bias), post)

    return Case(
        (x, make.normal(outputs, inputs), make.maybe(make.normal(outputs))),
        lambda x, weight, bias: F.linear_forward(x, weight, bias, post),
        F.linear_backward,
        judge,
    )


def batch_norm(make: Maker) -> Case:
    c, eps, momentum = make.size(1, 6), make.one_of(1e-5, 1e-3, 0.1), make.one_of(0.1, 0.0, 1.0)
    flat, images = (make.size(3, 9), c), (make.size(1, 4), c, make.size(2, 6), make.size(2, 6))
    shape = make.one_of(flat, images[:3], images)
    train = make.one_of(True, True, False)
    tracks = not train or make.one_of(True, False)
    statistics = [make.rng.standard_normal(c), make.rng.random(c) + 0.5] if tracks else [None] * 2
    ours = [None if s is None else s.astype(make.dtype) for s in statistics]
    kept: list[Any] = [None if s is None else s.copy() for s in ours]
    affine = make.one_of(True, False)
    gamma, beta = (make.normal(c) if affine else None for _ in range(2))
    moved: list[Any] = []
    activation = make.one_of(None, None, *ACTIVATIONS)
    addend = make.normal(*shape) if make.one_of(False, True) else None

    def judge(torch: Any, x: Any, gamma: Any, beta: Any, addend: Any) -> Any:
        moved[:] = [tensor(torch, s, grad=False) for s in kept]
        y = torch.nn.functional.batch_norm(x, *moved, gamma, beta, train, momentum, eps)
        for mine, his in zip(ours, moved, strict=True):
            if mine is not None:
                tolerance = 1e-5 if make.dtype == np.float32 else 1e-12
                np.testing.assert_allclose(mine, his.numpy(), tolerance, tolerance)
        return followed(torch, y, PostOps(addend, activation))

    def backward(dy: Any, cache: Any) -> Any:
        if addend is None:
            return *F.batch_norm_backward(dy, cache), None
        return F.batch_norm_addend_backward(dy, cache)

    return Case(
        (make.normal(*shape), gamma, beta, addend),
        lambda x, gamma, beta, addend: F.batch_norm_forward(
            x, gamma, beta, *ours, train, momentum, eps, PostOps(addend, activation)
        ),
        backward,
        judge,
    )


def layer_norm(make: Maker) -> Case:
    sizes = tuple(make.size(2, 5) for _ in range(make.size(1, 3)))
    eps, before = make.one_of(1e-5, 0.1), tuple(make.size(1, 4) for _ in range(make.size(0, 2)))
    weight, bias = make.maybe(make.normal(*sizes)), make.maybe(make.normal(*sizes))
    return Case(
        (make.normal(*before, *sizes), weight, bias),
        lambda x, weight, bias: F.layer_norm_forward(x, sizes, weight, bias, eps),
        F.layer_norm_backward,
        lambda torch, x, weight, bias: torch.nn.functional.layer_norm(x, sizes, weight, bias, eps),
    )


def group_norm(make: Maker) -> Case:
    groups, eps = make.size(1, 3), make.one_of(1e-5, 0.1)
    c, rest = groups * make.size(1, 3), tuple(make.size(2, 5) for _ in range(make.size(1, 2)))
    # PyTorch 2.13 cannot differentiate with a bias alone.
    weight, bias = (make.normal(c), make.normal(c)) if make.one_of(True, False) else (None, None)
    return Case(
        (make.normal(make.size(1, 4), c, *rest), weight, bias),
        lambda x, weight, bias: F.group_norm_forward(x, groups, weight, bias, eps),
        F.group_norm_backward,
        lambda torch, x, weight, bias: torch.nn.functional.group_norm(x, groups, weight, bias, eps),
    )


def instance_norm(make: Maker) -> Case:
    c, eps, momentum = make.size(1, 4), make.one_of(1e-5, 0.1), make.one_of(0.1, 0.0, 1.0)
    uses = make.one_of(True, True, False)
    affine, tracks = make.one_of(True, False), not uses or make.one_of(True, False)
    weight, bias = (make.normal(c) if affine else None for _ in range(2))
    statistics = [make.rng.standard_normal(c), make.rng.random(c) + 0.5] if tracks else [None] * 2
    first = [None if s is None else s.astype(make.dtype) for s in statistics]
    moved: list[Any] = []

    def forward(x: Any, weight: Any, bias: Any) -> Any:
        moved[:] = [None if s is None else s.copy() for s in first]
        return F.instance_norm_forward(x, *moved, weight, bias, uses, momentum, eps)

    def judge(torch: Any, x: Any, weight: Any, bias: Any) -> Any:
        theirs = [tensor(torch, s, grad=False) for s in first]
        y = torch.nn.functional.instance_norm(x, *theirs, weight, bias, uses, momentum, eps)
        for mine, his in zip(moved, theirs, strict=True):
            if mine is not None and bool(torch.isfinite(his).all()):
                tolerance = 1e-5 if make.dtype == np.float32 else 1e-12
                np.testing.assert_allclose(mine, his.numpy(), tolerance, tolerance)
        return y

    x = make.normal(make.size(1, 4), c, make.size(2, 5), make.size(1, 5))
    return Case((x, weight, bias), forward, F.instance_norm_backward, judge)


def _plain(entry: Entry) -> Callable[[Maker], Case]:
    """Cases of an operation that takes x and an example's arguments."""

    def strategy(make: Maker) -> Case:
        example = make.one_of(*entry.examples)
        if entry.family == "activations":
            shape = tuple(make.size(1, 6) for _ in range(make.size(0, 4)))
            x = make.layout(make.rng.standard_normal(shape) * make.one_of(1, 10, 100))
        else:
            x = make.normal(make.size(1, 3), make.size(1, 5), *sizes(make, entry, example))

        def judge(torch: Any, x: Any) -> Any:
            return theirs(torch, entry.operation)(x, *example.args, **example.settings)

        return Case((x,), *pair_of(entry, example), judge)

    return strategy


def dropout(make: Maker) -> Case:
    x = make.normal(make.size(1, 5), make.size(1, 9))
    return _dropped(make, x, F.dropout_forward, F.dropout_backward)


def dropout2d(make: Maker) -> Case:
    x = make.normal(make.size(1, 3), make.size(1, 5), make.size(1, 5), make.size(1, 5))
    return _dropped(make, x, F.dropout2d_forward, F.dropout2d_backward)


def _dropped(make: Maker, x: Any, forward_with: Any, backward: Any) -> Case:
    p, train = make.one_of(0.0, 0.3, 0.5, 1.0), make.one_of(True, False)
    seed = make.size(0, 99)

    def forward(x: Any) -> Any:
        return forward_with(x, p, train, np.random.default_rng(seed))

    def judge(torch: Any, factor: Any, x: Any) -> Any:
        return x * torch.tensor(factor)

    def mask(cache: Any) -> Any:
        ones = np.ones(cache.shape)
        return ones if cache.keep is None else cache.keep / (1 - p if p < 1 else 1)

    return Case((x,), forward, backward, judge, cache=mask)


OPERATIONS: dict[str, Callable[[Maker], Case]] = {
    **{entry.operation: _plain(entry) for entry in PLAIN},
    **{
        f.__name__: f
        for f in (
            im2col, col2im, conv1d, conv2d, conv_transpose2d, max_pool2d, avg_pool2d, linear,
            batch_norm, layer_norm, group_norm, dropout, dropout2d, instance_norm, cross_entropy,
            focal_loss, hinge_loss, nll_loss,
        )
    },
    **{name: elementwise(name) for name in ELEMENTWISE.values()},
}  # fmt: skip
"""Of those that are not written here the settings are the catalogue's."""

CASES = {
    "conv1d": 60, "conv2d": 150, "conv_transpose2d": 60, "max_pool2d": 60, "avg_pool2d": 60,
    "linear": 50, "batch_norm": 50, "cross_entropy": 80,
}  # fmt: skip
"""Of each operation in the default run; 25 of the others."""
