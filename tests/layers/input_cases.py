"""What every layer and loss takes and what it refuses, and with which words.

Layers and losses are written as they are called, and made by `make`.
"""

from __future__ import annotations

from typing import Any

import cnnlite
from cnnlite import models
from cnnlite.catalogue import LAYERS
from tests.entries import ACTIVATIONS

Shape = tuple[int, ...]


def make(call: str) -> Any:
    """The layer or loss of a call as it is written in these tables."""
    names = {name: getattr(cnnlite, name) for name in cnnlite.__all__ if name[0].isupper()}
    return eval(call, {**names, "ZeroPadShortcut": models.ZeroPadShortcut, "nan": float("nan")})


ELEMENTWISE = (
    "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "BCEWithLogitsLoss", "SigmoidFocalLoss",
    "KLDivLoss",
)  # fmt: skip
"""Losses of each score by itself, whose targets have the scores' shape."""

CALLS = [
    (f"{entry.name}({example})", entry, example)
    for entry in LAYERS.values()
    if entry.twin is not None
    for example in entry.examples
]
"""Each example of the catalogue as it is written."""

CHECKED = [case for case in CALLS if case[1].name not in ("Identity", "Flatten")]
"""Those of layers that look at the dtype of x."""

ACCEPTED: list[tuple[str, Shape, Shape]] = [
    ("Conv2d(3, 8, 3)", (2, 3, 8, 9), (2, 8, 6, 7)),
    ("Conv2d(3, 8, 3)", (2, 3, 3, 3), (2, 8, 1, 1)),
    ("Conv2d(3, 8, 3, padding=1)", (2, 3, 1, 1), (2, 8, 1, 1)),
    ("Conv2d(3, 8, (3, 2), stride=(2, 1), padding=(1, 0))", (2, 3, 8, 8), (2, 8, 4, 7)),
    ("Conv2d(3, 8, 2, padding='same')", (2, 3, 5, 6), (2, 8, 5, 6)),
    ("Conv2d(3, 8, 2, padding='valid')", (2, 3, 5, 6), (2, 8, 4, 5)),
    ("Conv2d(3, 8, 3, padding=((2, 0), (0, 1)))", (2, 3, 5, 6), (2, 8, 5, 5)),
    ("Conv2d(3, 8, 3, dilation=2)", (2, 3, 8, 8), (2, 8, 4, 4)),
    ("Conv2d(4, 6, 3, groups=2, bias=False)", (2, 4, 8, 8), (2, 6, 6, 6)),
    ("Conv2d(3, 8, 3, padding=3, padding_mode='circular')", (2, 3, 3, 3), (2, 8, 7, 7)),
    ("Conv2d(3, 8, 3, padding=2, padding_mode='reflect')", (2, 3, 3, 3), (2, 8, 5, 5)),
    ("Conv2d(3, 8, 3, padding=9, padding_mode='replicate')", (2, 3, 3, 3), (2, 8, 19, 19)),
    ("Conv2d(3, 9, 3, padding=1, groups=3, algorithm='depthwise')", (2, 3, 4, 5), (2, 9, 4, 5)),
    ("MaxPool2d(2)", (2, 3, 8, 9), (2, 3, 4, 4)),
    ("MaxPool2d(2, ceil_mode=True)", (2, 3, 8, 9), (2, 3, 4, 5)),
    ("MaxPool2d(3, stride=1, padding=1)", (2, 3, 5, 5), (2, 3, 5, 5)),
    ("MaxPool2d(2, stride=1, dilation=3)", (2, 3, 5, 6), (2, 3, 2, 3)),
    ("AvgPool2d(2)", (2, 3, 8, 9), (2, 3, 4, 4)),
    ("AvgPool2d((3, 1), stride=(1, 2), padding=(1, 0))", (2, 3, 5, 5), (2, 3, 5, 3)),
    ("AdaptiveAvgPool2d()", (2, 3, 5, 7), (2, 3, 1, 1)),
    ("AdaptiveAvgPool2d((1, 1))", (2, 3, 1, 1), (2, 3, 1, 1)),
    ("Linear(5, 3)", (2, 5), (2, 3)),
    ("Linear(5, 3)", (2, 7, 5), (2, 7, 3)),
    ("Linear(5, 3, bias=False)", (1, 5), (1, 3)),
    ("Flatten()", (2, 3, 4, 5), (2, 60)),
    ("Flatten()", (2, 3), (2, 3)),
    ("Flatten(0)", (2, 3, 4), (24,)),
    ("Flatten(-2, -1)", (2, 3, 4), (2, 12)),
    ("Identity()", (2, 3), (2, 3)),
    *[(f"{entry.name}()", shape, shape) for entry in ACTIVATIONS for shape in ((4,), (2, 3, 4, 5))],
    *[(call, example.shape, example.gives) for call, _, example in CALLS],
    ("Dropout()", (2, 3, 4, 5), (2, 3, 4, 5)),
    ("Dropout(1)", (2, 3), (2, 3)),
    ("BatchNorm1d(3)", (2, 3), (2, 3)),
    ("BatchNorm1d(3)", (1, 3, 4), (1, 3, 4)),
    ("BatchNorm2d(3)", (2, 3, 4, 5), (2, 3, 4, 5)),
    ("BatchNorm2d(3, momentum=None, affine=False)", (1, 3, 1, 2), (1, 3, 1, 2)),
    ("LayerNorm(5)", (2, 3, 5), (2, 3, 5)),
    ("LayerNorm(5)", (5,), (5,)),
    ("LayerNorm((4, 5))", (2, 3, 4, 5), (2, 3, 4, 5)),
    ("GroupNorm(2, 4)", (2, 4, 3, 3), (2, 4, 3, 3)),
    ("GroupNorm(2, 4)", (2, 4), (2, 4)),
    ("Residual(ReLU())", (2, 3), (2, 3)),
    ("Residual(Conv2d(3, 4, 1), Conv2d(3, 4, 1))", (2, 3, 5, 5), (2, 4, 5, 5)),
    ("Sequential()", (2, 3), (2, 3)),
    ("Sequential(Flatten(), Linear(12, 5))", (2, 3, 2, 2), (2, 5)),
    ("ZeroPadShortcut(3, 5, 2)", (2, 3, 5, 4), (2, 5, 3, 2)),
]
"""(layer, shape of x, shape of y); both dtypes."""

_IMAGES = "x must have shape (N, C, H, W) with C, H and W at least 1, got"
_ROWS = "x must have shape (N, C, L) with C and L at least 1, got"
_SMALL = "more than the padded image"
REJECTED: list[tuple[str, Shape, str, type[Exception], str]] = [
    (
        "Conv2d(3, 8, 3)", (2, 4, 8, 8), "float32", ValueError,
        "Conv2d: x has 4 channels, weight expects 3 (x (2, 4, 8, 8), weight (8, 3, 3, 3))",
    ),
    (
        "Conv2d(4, 8, 3, groups=2)", (2, 3, 8, 8), "float32", ValueError,
        "Conv2d: x has 3 channels, weight expects 4 in 2 groups (x (2, 3, 8, 8), "
        "weight (8, 2, 3, 3))",
    ),
    ("Conv2d(3, 8, 3)", (3, 8, 8), "float32", ValueError, f"Conv2d: {_IMAGES} (3, 8, 8)"),
    ("Conv2d(3, 8, 3)", (2, 3, 0, 8), "float32", ValueError, f"Conv2d: {_IMAGES} (2, 3, 0, 8)"),
    (
        "Conv2d(3, 8, 3)", (2, 3, 2, 8), "float32", ValueError,
        f"Conv2d: kernel (3, 3) with dilation (1, 1) spans (3, 3) pixels, {_SMALL} (2, 8) "
        "(image (2, 8), padding (0, 0, 0, 0))",
    ),
    (
        "Conv2d(3, 8, 3, padding=4, padding_mode='circular')", (2, 3, 3, 3), "float32", ValueError,
        "Conv2d: circular padding (4, 4, 4, 4) is more than the image (3, 3) can give, (3, 3) "
        "(x (2, 3, 3, 3))",
    ),
    (
        "Conv2d(4, 8, 3, groups=2, algorithm='depthwise')", (2, 4, 8, 8), "float32", ValueError,
        "Conv2d: algorithm 'depthwise' cannot do this: it needs as many groups as channels, got 2 "
        "groups and 4 channels",
    ),
    (
        "Conv2d(3, 8, 3, padding=3, padding_mode='reflect')", (2, 3, 3, 9), "float32", ValueError,
        "Conv2d: reflect padding (3, 3, 3, 3) is more than the image (3, 9) can give, (2, 8) "
        "(x (2, 3, 3, 9))",
    ),
    (
        "Conv2d(3, 8, 2, algorithm='winograd')", (2, 3, 8, 8), "float32", ValueError,
        "Conv2d: algorithm 'winograd' cannot do this: it needs a kernel of 3x3, or of 4 to 8 rows "
        "and columns, got 2x2",
    ),
    (
        "Conv2d(3, 8, 3, stride=(2, 1), algorithm='winograd')", (2, 3, 8, 8), "float32", ValueError,
        "Conv2d: algorithm 'winograd' cannot do this: it needs stride 1, got (2, 1)",
    ),
    (
        "Conv2d(3, 8, 3, dilation=2, algorithm='winograd')", (2, 3, 8, 8), "float32", ValueError,
        "Conv2d: algorithm 'winograd' cannot do this: it needs dilation 1, got (2, 2)",
    ),
    ("MaxPool2d(2)", (2, 3, 8), "float32", ValueError, f"MaxPool2d: {_IMAGES} (2, 3, 8)"),
    (
        "MaxPool2d(2)", (2, 3, 1, 8), "float32", ValueError,
        f"MaxPool2d: kernel (2, 2) with dilation (1, 1) spans (2, 2) pixels, {_SMALL} (1, 8) "
        "(image (1, 8), padding (0, 0, 0, 0))",
    ),
    *[
        (f"{pool}{call}", shape, "float32", ValueError, f"{pool}: {words}")
        for pool in ("MaxPool1d", "AvgPool1d")
        for call, shape, words in (
            ("(2)", (2, 3, 4, 4), f"{_ROWS} (2, 3, 4, 4)"),
            ("(2)", (3, 4), f"{_ROWS} (3, 4)"),
            ("(2)", (3, 4, 0), f"{_ROWS} (3, 4, 0)"),
            (
                "(4, padding=(2, 0))", (2, 3, 1),
                "kernel 4 with dilation 1 spans 4, more than the padded length 3 (length 1, "
                "padding (2, 0))",
            ),
        )
    ],
    ("AvgPool2d(2)", (2, 3), "float32", ValueError, f"AvgPool2d: {_IMAGES} (2, 3)"),
    (
        "AvgPool2d(9)", (2, 3, 8, 8), "float32", ValueError,
        f"AvgPool2d: kernel (9, 9) with dilation (1, 1) spans (9, 9) pixels, {_SMALL} (8, 8) "
        "(image (8, 8), padding (0, 0, 0, 0))",
    ),
    (
        "AdaptiveAvgPool2d()", (2, 3), "float32", ValueError,
        f"AdaptiveAvgPool2d: {_IMAGES} (2, 3)",
    ),
    (
        "Linear(5, 3)", (2, 4), "float32", ValueError,
        "Linear: x must have shape (N, 5) to fit weight (3, 5), got (2, 4)",
    ),
    (
        "Linear(5, 3)", (5,), "float32", ValueError,
        "Linear: x must have shape (N, 5) to fit weight (3, 5), got (5,)",
    ),
    (
        "Linear(48, 3)", (2, 3, 4, 4), "float32", ValueError,
        "Linear: x must have shape (N, 48) to fit weight (3, 48), got (2, 3, 4, 4); "
        "put a Flatten before it",
    ),
    ("Flatten()", (3,), "float32", ValueError, "Flatten: x (3,) has no axes from 1 to -1"),
    ("Flatten(2, 1)", (2, 3, 4), "float32", ValueError,
     "Flatten: x (2, 3, 4) has no axes from 2 to 1"),
    (
        "BatchNorm1d(3)", (2, 4), "float32", ValueError,
        "BatchNorm1d: x has shape (2, 4), expected (N, 3) or (N, 3, L)",
    ),
    (
        "BatchNorm1d(3)", (2, 3, 4, 4), "float32", ValueError,
        "BatchNorm1d: x has shape (2, 3, 4, 4), expected (N, 3) or (N, 3, L)",
    ),
    (
        "BatchNorm1d(3)", (1, 3), "float32", ValueError,
        "BatchNorm: training needs more than one value per channel, got x (1, 3)",
    ),
    (
        "BatchNorm2d(3)", (2, 4, 5, 5), "float32", ValueError,
        "BatchNorm2d: x has shape (2, 4, 5, 5), expected (N, 3, H, W)",
    ),
    (
        "BatchNorm2d(3)", (2, 3), "float32", ValueError,
        "BatchNorm2d: x has shape (2, 3), expected (N, 3, H, W)",
    ),
    (
        "LayerNorm((3, 4))", (2, 4, 3), "float32", ValueError,
        "LayerNorm: the last axes of x must be normalized_shape (3, 4), got x (2, 4, 3)",
    ),
    (
        "GroupNorm(2, 4)", (2, 6, 3, 3), "float32", ValueError,
        "GroupNorm: x has 6 channels, expected 4 (x (2, 6, 3, 3))",
    ),
    (
        "GroupNorm(2, 4)", (4,), "float32", ValueError,
        "GroupNorm: x must have shape (N, C, ...), none but N being 0, got (4,)",
    ),
    (
        "Residual(Conv2d(3, 4, 3))", (2, 3, 8, 8), "float32", ValueError,
        "Residual: body gives (2, 4, 6, 6), shortcut gives (2, 3, 8, 8)",
    ),
    (
        "Sequential(Conv2d(3, 4, 3), Linear(4, 2))", (2, 3, 8, 8), "float32", ValueError,
        "Linear: x must have shape (N, 4) to fit weight (2, 4), got (2, 4, 6, 6); "
        "put a Flatten before it",
    ),
    (
        "ZeroPadShortcut(4, 8)", (2, 3, 8, 8), "float32", ValueError,
        "ZeroPadShortcut: x has shape (2, 3, 8, 8), expected (N, 4, H, W)",
    ),
    *[
        (call, example.shape, "float64", TypeError,
         f"{entry.name}: weight is float32 but x is float64; convert one of them with astype")
        for call, entry, example in CALLS
        if "weight" in entry.make(example).params
    ],
    *[
        (call, shape, dtype, TypeError,
         f"{call.partition('(')[0]}: x must be float32 or float64, got {dtype} (x {shape})")
        for call, shape in (
            *((call, example.shape) for call, _, example in CHECKED),
            ("Residual(Identity())", (2, 3)), ("ZeroPadShortcut(3, 4)", (2, 3, 4, 4)),
        )
        for dtype in ("uint8", "int64", "float16", "complex64")
    ],
]  # fmt: skip
"""(layer, shape and dtype of x, what is raised, its words)."""

_PAIR = "must be an int or a pair of ints from 1 to 2147483647, got"
_PADDING = (
    "padding must be an int or a pair from 0 to 2147483647, ((top, bottom), (left, right)), "
    "'same' or 'valid', got"
)
_SINGLE = "must be an int or a tuple of one from 1 to 2147483647, got"
_ENDS = (
    "padding must be an int or a tuple of one from 0 to 2147483647, (left, right), 'same' or "
    "'valid', got"
)
_HALF = "(top, bottom, left, right) is more than half of what the kernel spans,"
_FROM_1 = "expected an integer from 1 up"
_REDUCTIONS = "expected 'mean' or 'sum' or 'none'"
NOT_MADE: list[tuple[str, type[Exception], str]] = [
    ("Conv2d(0, 8, 3)", ValueError, f"Conv2d: in_channels is 0, {_FROM_1}"),
    ("Conv2d(3, 8.0, 3)", TypeError, f"Conv2d: out_channels is 8.0, {_FROM_1}"),
    ("Conv2d(3, 8, 0)", ValueError, f"Conv2d: kernel_size {_PAIR} 0"),
    ("Conv2d(3, 8, (3, 3, 3))", ValueError, f"Conv2d: kernel_size {_PAIR} (3, 3, 3)"),
    ("Conv2d(3, 8, 3, stride=0)", ValueError, f"Conv2d: stride {_PAIR} 0"),
    ("Conv2d(3, 8, 3, dilation=0)", ValueError, f"Conv2d: dilation {_PAIR} 0"),
    ("Conv2d(3, 8, 3, padding=-1)", ValueError, f"Conv2d: {_PADDING} -1"),
    ("Conv2d(3, 8, 3, padding='full')", ValueError, f"Conv2d: {_PADDING} 'full'"),
    (
        "ConvTranspose2d(3, 8, 3, stride=2, padding='same')", ValueError,
        "ConvTranspose2d: padding 'same' needs stride 1, got stride (2, 2)",
    ),
    (
        "Conv2d(4, 6, 3, groups=4)", ValueError,
        "Conv2d: groups is 4, expected a divisor of in_channels 4 and of out_channels 6",
    ),
    (
        "Conv2d(3, 8, 3, padding_mode='mirror')", ValueError,
        "Conv2d: padding_mode is 'mirror', expected 'zeros' or 'circular' or 'reflect' or "
        "'replicate'",
    ),
    (
        "Conv2d(3, 8, 3, algorithm='fft')", ValueError,
        "Conv2d: algorithm is 'fft', expected 'auto' or 'naive' or 'im2col' or 'tiled' or "
        "'winograd' or 'depthwise'",
    ),
    (
        "Conv2d(3, 8, 3, dtype='float16')", TypeError,
        "Conv2d: dtype is 'float16', expected float32 or float64",
    ),
    ("MaxPool2d(0)", ValueError, f"MaxPool2d: kernel_size {_PAIR} 0"),
    ("MaxPool2d(2, stride=0)", ValueError, f"MaxPool2d: stride {_PAIR} 0"),
    ("MaxPool2d(2, padding=2)", ValueError, f"MaxPool2d: padding (2, 2, 2, 2) {_HALF} (2, 2)"),
    *[
        (f"{pool}({call})", error, f"{pool}: {words}")
        for pool in ("MaxPool1d", "AvgPool1d")
        for call, error, words in (
            ("0", ValueError, f"kernel_size {_SINGLE} 0"),
            ("(2, 2)", ValueError, f"kernel_size {_SINGLE} (2, 2)"),
            ("2, stride=(1, 1)", ValueError, f"stride {_SINGLE} (1, 1)"),
            ("3, padding=-1", ValueError, f"{_ENDS} -1"),
            ("3, 1, ((1, 1), (1, 1))", ValueError, f"{_ENDS} ((1, 1), (1, 1))"),
            ("3, padding=(0, 2)", ValueError,
             "padding (0, 2) (left, right) is more than half of what the kernel spans, 3"),
            ("2, ceil_mode=1", TypeError, "ceil_mode is 1, expected True or False"),
        )
    ],
    ("AvgPool2d(())", ValueError, f"AvgPool2d: kernel_size {_PAIR} ()"),
    ("AvgPool2d([2.0])", ValueError, f"AvgPool2d: kernel_size {_PAIR} [2.0]"),
    ("MaxPool2d(2, ceil_mode=1)", TypeError, "MaxPool2d: ceil_mode is 1, expected True or False"),
    ("AvgPool2d(2, padding=2)", ValueError, f"AvgPool2d: padding (2, 2, 2, 2) {_HALF} (2, 2)"),
    ("AvgPool2d(2, padding=-1)", ValueError, f"AvgPool2d: {_PADDING} -1"),
    ("AdaptiveAvgPool2d(0)", ValueError, f"AdaptiveAvgPool2d: output_size {_PAIR} 0"),
    ("AdaptiveMaxPool2d((2, 0))", ValueError, f"AdaptiveMaxPool2d: output_size {_PAIR} (2, 0)"),
    ("Linear(0, 3)", ValueError, f"Linear: in_features is 0, {_FROM_1}"),
    ("Linear(5, '3')", TypeError, f"Linear: out_features is '3', {_FROM_1}"),
    (
        "Linear(5, 3, dtype=None)", TypeError,
        "Linear: dtype is None, expected float32 or float64",
    ),
    ("Flatten(1.5)", TypeError, "Flatten: start_dim is 1.5, expected an integer"),
    ("Flatten(1, 'last')", TypeError, "Flatten: end_dim is 'last', expected an integer"),
    ("LeakyReLU('a')", TypeError, "LeakyReLU: negative_slope is 'a', expected a number"),
    ("LeakyReLU(nan)", ValueError, "LeakyReLU: negative_slope is nan, expected a number"),
    ("GELU('erf')", ValueError, "GELU: approximate is 'erf', expected 'none' or 'tanh'"),
    ("Dropout(1.5)", ValueError, "Dropout: p is 1.5, expected a number from 0 to 1"),
    ("Dropout(nan)", ValueError, "Dropout: p is nan, expected a number from 0 to 1"),
    ("BatchNorm1d(2.5)", TypeError, f"BatchNorm1d: num_features is 2.5, {_FROM_1}"),
    (
        "BatchNorm2d(3, eps=-1)", ValueError,
        "BatchNorm2d: eps is -1, expected a number from 0 up",
    ),
    (
        "BatchNorm2d(3, momentum=2)", ValueError,
        "BatchNorm2d: momentum is 2, expected a number from 0 to 1",
    ),
    (
        "LayerNorm(())", ValueError,
        "LayerNorm: normalized_shape is empty, expected one axis or more",
    ),
    ("LayerNorm((3, 0))", ValueError, f"LayerNorm: normalized_shape is 0, {_FROM_1}"),
    (
        "GroupNorm(3, 4)", ValueError,
        "GroupNorm: num_groups is 3, expected a divisor of num_channels 4",
    ),
    ("Residual(3)", TypeError, "Residual: body is 3, expected a Layer"),
    ("Residual(ReLU(), 3)", TypeError, "Residual: shortcut is 3, expected a Layer"),
    (
        "Sequential([ReLU()])", TypeError,
        "Sequential: [ReLU()] is a list, expected a Layer; give the layers one by one, as in "
        "Sequential(*layers)",
    ),
    (
        "Sequential(ReLU)", TypeError,
        "Sequential: <class 'cnnlite.layers.activations.ReLU'> is a ABCMeta, expected a Layer "
        "(an instance, not the class)",
    ),
    (
        "ZeroPadShortcut(4, 2)", ValueError,
        "ZeroPadShortcut: out_channels is 2, expected an integer from 4 up",
    ),
    (
        "CrossEntropyLoss(reduction='avg')", ValueError,
        f"CrossEntropyLoss: reduction is 'avg', {_REDUCTIONS}",
    ),
    (
        "CrossEntropyLoss(label_smoothing=2)", ValueError,
        "CrossEntropyLoss: label_smoothing is 2, expected a number from 0 to 1",
    ),
    (
        "CrossEntropyLoss('abc')", TypeError,
        "CrossEntropyLoss: weight is 'abc', expected a number for each class",
    ),
    (
        "CrossEntropyLoss([[1, 2]])", ValueError,
        "CrossEntropyLoss: weight has shape (1, 2), expected (C,)",
    ),
    ("FocalLoss(-1)", ValueError, "FocalLoss: gamma is -1, expected a number from 0 up"),
    ("FocalLoss(weight=1)", ValueError, "FocalLoss: weight has shape (), expected (C,)"),
    ("HingeLoss('a')", TypeError, "HingeLoss: margin is 'a', expected a number"),
    ("HingeLoss(nan)", ValueError, "HingeLoss: margin is nan, expected a number"),
    ("HingeLoss(reduction=None)", ValueError, f"HingeLoss: reduction is None, {_REDUCTIONS}"),
    *[
        (f"{loss}(reduction='avg')", ValueError, f"{loss}: reduction is 'avg', {_REDUCTIONS}")
        for loss in (*ELEMENTWISE, "NLLLoss")
        if loss != "KLDivLoss"
    ],
    (
        "KLDivLoss(reduction='avg')", ValueError,
        "KLDivLoss: reduction is 'avg', expected 'mean' or 'batchmean' or 'sum' or 'none'",
    ),
]  # fmt: skip
"""(layer or loss, what is raised, its words)."""

_CLASSES = "targets must be integers (class numbers), got"
_MATRIX = "scores must have shape (N, C), C at least 1, got"
LOSSES_REJECTED: list[tuple[str, Any, Any, type[Exception], str]] = [
    *[
        (loss, scores, targets, error, f"{loss.partition('(')[0]}: {words}")
        for loss in ("CrossEntropyLoss()", "FocalLoss()", "HingeLoss()", "NLLLoss()")
        for scores, targets, error, words in (
            ((4, 5), [0, 1, 2, 5], ValueError,
             "targets[3] is 5, expected 0 to 4 (scores (4, 5))"),
            ((4, 5), [0, 1, -1, 3], ValueError,
             "targets[2] is -1, expected 0 to 4 (scores (4, 5))"),
            ((4, 5), [0.0, 1.0, 2.0, 3.0], TypeError, f"{_CLASSES} float64"),
            ((4, 5), [True, False, True, False], TypeError, f"{_CLASSES} bool"),
            ((4, 5), None, TypeError, f"{_CLASSES} object"),
            ((4, 5), [0, 1, 2], ValueError,
             "targets must have shape (4,) to fit scores (4, 5), got (3,)"),
            ((4, 5), [[0], [1], [2], [3]], ValueError,
             "targets must have shape (4,) to fit scores (4, 5), got (4, 1)"),
            ((5,), [0], ValueError, f"{_MATRIX} (5,)"),
            ((4, 0), [0, 0, 0, 0], ValueError, f"{_MATRIX} (4, 0)"),
            ([[0.0, 1.0]], [0], TypeError, "scores must be a NumPy array, got list"),
        )
    ],
    (
        "CrossEntropyLoss([1, 2])", (4, 5), [0, 1, 2, 3], ValueError,
        "CrossEntropyLoss: weight has shape (2,), expected (5,)",
    ),
    *[
        (f"{loss}()", scores, targets, error, f"{loss}: {words}")
        for loss in ELEMENTWISE
        for scores, targets, error, words in (
            ((4, 5), (1, 5), ValueError, "targets have shape (1, 5), but scores have (4, 5)"),
            ((1, 2), [[0, 1]], TypeError,
             "targets must be float32 or float64, got int64 (targets (1, 2))"),
            ([[0.0, 1.0]], (1, 2), TypeError, "scores must be a NumPy array, got list"),
        )
    ],
]  # fmt: skip
"""(loss, scores, targets, what is raised, its words); a shape stands for ones in float32."""

LOSSES_ACCEPTED: list[tuple[str, Shape, Any, Shape]] = [
    *[
        (f"{loss}({reduction})", (4, 5), targets, shape)
        for loss in ("CrossEntropyLoss", "FocalLoss", "HingeLoss", "NLLLoss")
        for targets in ([0, 1, 2, 4], (4, 0, 0, 1))
        for reduction, shape in (("", ()), ("reduction='none'", (4,)))
    ],
    ("CrossEntropyLoss([1, 2, 3, 4, 5], label_smoothing=1)", (2, 5), [0, 4], ()),
    ("FocalLoss(0, [1, 2, 3, 4, 5])", (2, 5), [0, 4], ()),
    ("HingeLoss(margin=0)", (1, 1), [0], ()),
    *[
        (f"{loss}({reduction})", (4, 5, 6), (4, 5, 6), shape)
        for loss in ELEMENTWISE
        for reduction, shape in (("", ()), ("reduction='none'", (4, 5, 6)))
    ],
    ("MSELoss()", (1, 2), [[0.0, 1.0]], ()),
]
"""(loss, shape of the scores, targets, shape of the value); both dtypes."""
