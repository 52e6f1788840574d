"""Public functions and constructors, and what each of their arguments takes and refuses.

A kind of argument has a plain value, other spellings of it that must give the same result, and
values that must be refused.  An argument's kind follows from its name; `CALLS` has the exceptions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

import cnnlite
import cnnlite.functional as F
from cnnlite import data, gradcheck, initializers, losses, models, random, schedules
from cnnlite.catalogue import LAYERS
from cnnlite.checks.numbers import IntPair
from cnnlite.data import batches

NAN, INF = float("nan"), float("inf")
FLOATS = np.ones(4, np.float32)


class Kind(NamedTuple):
    """What an argument is."""

    plain: Any  # a value as one would write it
    spellings: Sequence[Any]  # others that mean the same
    refused: Sequence[Any]


_NO_NUMBERS = [True, np.True_, "2", b"2", None, NAN, INF, 1j, [], {}, (2, 2, 2), np.ones(2)]
_NO_INTEGERS = [*_NO_NUMBERS, 2.0, np.float32(2), (2,), [2], np.array(2.0), np.array(True)]
_INTEGERS = [np.int64(2), np.uint8(2), np.array(2)]
INTEGER = Kind(2, _INTEGERS, _NO_INTEGERS)
COUNT = Kind(2, _INTEGERS, [*_NO_INTEGERS, -1, 0, np.int64(0)])
SIZES = Kind(4, [np.int64(4), np.array(4), (4,), [4], np.array([4])], [
    True, np.True_, "4", None, 4.0, NAN, INF, (), [], (4.0,), (True,), -1, 0, (4, 0),
])  # fmt: skip
_NO_PAIRS = [
    True, np.True_, 2.0, "2", NAN, INF, -1, (), [], (2, 2, 2), (2.0,), (2.0, 2), (True, 1), ("2",),
    (2, None), 2**40, 10**400, {}, np.array([2, 2]), -np.int64(2),
]  # fmt: skip
_PAIRS = [np.int64(2), np.array(2), (2,), [2], (2, 2), [np.int64(2), 2], (np.int64(2),)]
PAIR = Kind(2, _PAIRS, [*_NO_PAIRS, None, 0, (2, 0)])
STRIDE = Kind(2, [*_PAIRS], [*_NO_PAIRS, 0])
_SIDES = [np.int64(1), np.array(1), (1,), [1], (1, 1), ((1, 1), (1, 1)), ([1, 1], (np.int64(1), 1))]
_NO_SINGLES = [*_NO_PAIRS, (2, 2), [1, 2], ((1, 1),)]
_SINGLES = [np.int64(2), np.array(2), (2,), [2], (np.int64(2),)]
SINGLE = Kind(2, _SINGLES, [*_NO_SINGLES, None, 0, (0,)])
ONE_AXIS: dict[str, Kind | None] = {
    "kernel_size": SINGLE, "dilation": SINGLE,
    "stride": Kind(2, _SINGLES, [*_NO_SINGLES, 0, (0,)]),
    "padding": Kind(1, [np.int64(1), np.array(1), (1,), [1], (1, 1), ((1, 1),), [[1, 1]]], [
        *(v for v in _NO_PAIRS if not isinstance(v, np.ndarray)), None, ((1, 1), (1, 1)), ((1,),),
        (1, 2.0), ((1, -1),), "full", (1, 1, 1),
    ]),
}  # fmt: skip
"""Of windows along one axis: their arguments take one number, or padding for two ends."""
FROM_0 = Kind(1, [np.int64(1), np.array(1), (1,), [1], (1, 1)], [*_NO_PAIRS, None, (1, -1)])
PADDING = Kind(1, _SIDES, [
    *_NO_PAIRS, None, ((1, 1),), ((1,), (1,)), ((1, 1), 1), ((1, 2.0), (1, 1)), ((1, -1), (1, 1)),
    "full", (1, 1, 1, 1),
])  # fmt: skip
ADAPTIVE = Kind(2, _PAIRS, [*(v for v in _NO_PAIRS if repr(v) != "(2, None)"), None, 0, (2, 0)])
SCALE = Kind(2, [2.0, np.int64(2), np.float32(2), (2,), [2], (2, 2.0)], [
    True, "2", NAN, INF, -1, 0, (), (2, 2, 2), (2, 0), (2, "2"), {}, (True, 2),
])  # fmt: skip
_NO_REALS = [True, np.True_, "0.5", b"0", None, NAN, INF, -INF, np.float32(NAN), (0.5,), [0.5], 1j,
             np.array([0.5]), np.array(True), {}, 10**400]  # fmt: skip
_HALVES = [np.float32(0.5), np.float64(0.5), np.float16(0.5), np.array(0.5)]
REAL = Kind(0.5, _HALVES, _NO_REALS)
NUMBER = Kind(0.5, _HALVES, [True, "0.5", None, (0.5,), [0.5], 1j, {}])
RATE = Kind(0.5, _HALVES, [*_NO_REALS, -1, np.float32(-1)])
NORM = Kind(0.5, _HALVES, [value for value in RATE.refused if value is not INF])
GRADS = Kind(np.ones(2), [], [True, 2, "2", None, [1.0], {"a": 1.0}, np.ones(2, np.float16)])
POSITIVE = Kind(0.5, _HALVES, [*_NO_REALS, -1, 0, 0.0])
SHARE = Kind(0.5, _HALVES, [*_NO_REALS, -1, 1.5, np.int64(2)])
BELOW_1 = Kind(0.5, _HALVES, [*SHARE.refused, 1, 1.0])
FROM_1 = Kind(2, [np.int64(2), 2.0, np.float32(2)], [*_NO_REALS, 0.5, 0, -1])
LENGTH = Kind(0.5, _HALVES, [*_NO_REALS[:-1], -1, 1.5, np.int64(-2), -(10**400)])
LENGTHS = Kind((0.5,), [[np.float32(0.5)], np.array([0.5])], [
    True, 0.5, "0.5", None, {}, (NAN,), (True,), ("2",), (-1,), (1.5,),
])  # fmt: skip
BETAS = Kind((0.5, 0.5), [[np.float32(0.5), np.array(0.5)]], [
    True, 0.5, "0.5", None, (0.5,), (0.5, 1), (0.5, True), (0.5, NAN), (0.5, "0"), (-1, 0.5),
])  # fmt: skip
COEFFICIENTS = Kind((1, 2, 0.5), [[1, np.int64(2), np.float32(0.5)]], [
    True, 0.5, "0.5", None, (1, 2), (1, 2, NAN), (1, 2, "0"), (1, True, 2),
])  # fmt: skip
FLAG = Kind(True, [np.True_, np.array(True)], [0, 1, 1.0, "True", "", None, [], NAN, np.ones(2)])
ARRAY = Kind(None, [], ["2", 2.0, [1.0], True, np.ones((2, 4), np.int64), np.ones(4, np.float16)])
FILLED = Kind(None, [], [*ARRAY.refused, None, np.ones((2, 4), np.uint8)])
LABELS = Kind([0, 1], [(0, 1), np.array([0, 1]), np.array([0, 1], np.uint8)], [
    None, "01", [0.0, 1.0], [True, False], [0, 9], [0, -1], [[0], [0, 1]], [0, None], [0], 2**70,
])  # fmt: skip
WEIGHTS = Kind([1, 2, 1, 1], [(1, 2, 1, 1), np.array([1, 2, 1, 1])], [
    "1211", ["1"] * 4, [True] * 4, [1, NAN, 1, 1], [1, INF, 1, 1], [[1, 1]], 2, True, [None], {},
])  # fmt: skip
SAMPLES = Kind([1, 2], [(1, 2), np.array([1.0, 2.0])], [
    "12", ["1"] * 2, [True] * 2, [1, NAN], [1, INF], [[1, 2]], 2, True, [None], {}, [1, 2, 3],
])  # fmt: skip
FACTORS = Kind([1, 2, 1, 1], [(1, 2, 1, 1), np.array([1, 2, 1, 1])], [
    "1211", ["1"] * 4, [True] * 4, [1, NAN, 1, 1], [1, INF, 1, 1], True, [None], {},
])  # fmt: skip
COUNTS = Kind([7, 2], [(7, 2), np.array([7.0, 2.0])], [
    None, "72", [True, True], [1, 0], [1, NAN], [1, INF], [], [[1, 2]], 7, {}, [1, "2"],
])  # fmt: skip
DTYPE = Kind(np.float64, ["float64", np.dtype("f8"), "d", float], [
    None, "float16", int, "?", 2.0, np.float32(2), np.complex64, True, ">f4", np.ones(2),
])  # fmt: skip
RNG = Kind(2, _INTEGERS, ["2", 1.5, True, np.True_, [2], (2,), np.float32(2), b"2", {}])
TEXT = Kind("a", [], [True, 2, None, ["a"], b"a"])


def word(*words: str) -> Kind:
    """One of these words."""
    return Kind(words[0], [], ["?", "", 2, True, words, list(words), np.ones(2), {}, NAN])


REDUCTION = word("sum", "mean", "none")
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("x", "gamma", "beta", "running_mean", "running_var", "bias", "cols"), ARRAY),
    **dict.fromkeys(("addend", "scores", "weight"), ARRAY),
    **dict.fromkeys(("in_channels", "out_channels", "in_features", "out_features"), COUNT),
    **dict.fromkeys(("num_features", "num_groups", "num_channels", "groups", "num_train"), COUNT),
    **dict.fromkeys(("num_classes", "hidden_size", "num_filters", "filter_size", "n"), COUNT),
    **dict.fromkeys(("columns", "max_entries", "patience", "every_steps"), COUNT),
    **dict.fromkeys(("num_validation", "num_test", "seed", "epoch", "step"), INTEGER),
    **dict.fromkeys(("start_dim", "end_dim", "seed"), INTEGER),
    **dict.fromkeys(("kernel_size", "dilation", "output_size"), PAIR),
    "stride": STRIDE, "padding": PADDING, "normalized_shape": SIZES,
    **dict.fromkeys(("p", "label_smoothing", "pct_start", "final", "base", "start"), SHARE),
    **dict.fromkeys(("lr", "weight_decay", "eps", "momentum", "std", "gain", "dampening"), RATE),
    **dict.fromkeys(("power",), RATE),
    "align_corners": FLAG,
    **dict.fromkeys(("negative_slope", "margin", "mean", "low", "high", "a", "param"), REAL),
    **dict.fromkeys(("h", "tolerance"), POSITIVE), **dict.fromkeys(("alpha",), BELOW_1),
    **dict.fromkeys(("div_factor", "final_div_factor"), FROM_1),
    **dict.fromkeys(("warmup", "step_size", "step_size_up", "T_0", "length", "peak"), LENGTH),
    "milestones": LENGTHS, "betas": BETAS, "ns_coefficients": COEFFICIENTS,
    "ns_steps": Kind(2, _INTEGERS, [*_NO_INTEGERS, -1, 100]),
    "adjust_lr_fn": word("original", "match_rms_adamw"),
    "padding_mode": word("circular", "reflect", "replicate", "zeros"),
    "algorithm": word("im2col", "auto", "naive", "tiled", "winograd", "depthwise"),
    "multiply": word("bfloat16", "float32"),
    "approximate": word("tanh", "none"), "anneal_strategy": word("linear", "cos"),
    "mode": word("fan_out", "fan_in"), "nonlinearity": word("relu", "tanh", "linear"),
    "shortcut": word("projection", "identity"), "kind": word("image", "channel"),
    "ignore_index": INTEGER, "sample_weight": SAMPLES,
    "dim": Kind(1, [np.int64(1), np.uint8(1), np.array(1)], _NO_INTEGERS),
    "reduction": REDUCTION, "targets": LABELS, "counts": COUNTS, "array": FILLED,
    "dtype": DTYPE, "rng": RNG, "path": TEXT, "value": NUMBER,
}  # fmt: skip
"""The kind of each argument by its name."""

BY_ANNOTATION: dict[Any, Kind] = {
    "bool": FLAG, bool: FLAG, "bool | None": FLAG, bool | None: FLAG, "IntPair": FROM_0,
    IntPair: FROM_0,
}  # fmt: skip
"""And of those whose name says nothing, by what they are declared to be."""


@dataclass
class Call:
    """One public function or constructor."""

    name: str  # that its messages begin with
    function: Callable[..., Any]
    arguments: dict[str, Any] = field(default_factory=dict)  # that make it run
    kinds: dict[str, Kind | None] = field(default_factory=dict)  # None: not a matter of kinds
    together: dict[str, dict[str, Any]] = field(default_factory=dict)  # with an argument's plain


def _x(*shape: int) -> Any:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


_GRADIENTS = {"dy": None, "cache": None}
_IMAGES, _ROWS = _x(2, 4, 6, 6), _x(2, 4)
_STATISTICS = {"running_mean": np.zeros(4, np.float32), "running_var": FLOATS}
_CONV = F.conv2d_forward(_IMAGES, _x(4, 4, 3, 3), padding=1)
_LINEAR = F.linear_forward(_ROWS, _x(3, 4))
_NORM = F.batch_norm_forward(_ROWS, FLOATS, FLOATS, None, None, True)
_POOL = {"x": _IMAGES, "kernel_size": 3}
_POST = {"post": None}  # tests/layers/test_fuse.py has its values
_NO_RNG = {"rng": None}  # the first weights are ones and zeros
_SCORES: dict[str, Any] = {"scores": _ROWS, "targets": [0, 1]}
GENERATOR = Kind(random.Rng(0), [], [None, 2, "2", True, np.random])
_FILL = {"array": _x(4, 4, 3, 3)}

ELEMENTWISE: list[tuple[str, str, dict[str, Kind | None]]] = [
    ("MSELoss", "mse_loss", {}),
    ("L1Loss", "l1_loss", {}),
    ("SmoothL1Loss", "smooth_l1_loss", {"beta": RATE}),
    ("HuberLoss", "huber_loss", {"delta": POSITIVE}),
    ("BCEWithLogitsLoss", "binary_cross_entropy_with_logits", {"pos_weight": ARRAY}),
    ("SigmoidFocalLoss", "sigmoid_focal_loss", {
        "alpha": Kind(0.5, _HALVES, [*_NO_REALS, -2, 1.5]), "gamma": RATE}),
    ("KLDivLoss", "kl_div", {}),
]  # fmt: skip
"""Losses of each score by itself, their pairs, and kinds of their arguments."""

CALLS: list[Call] = [
    Call("Conv2d", F.conv2d_forward, {"x": _IMAGES, "weight": _x(4, 2, 3, 3), "groups": 2},
         _POST),
    Call("Conv2d", F.conv2d_backward, dict(zip(("dy", "cache"), _CONV, strict=True)), _GRADIENTS),
    Call("MaxPool2d", F.max_pool2d_forward, _POOL),
    Call("AvgPool2d", F.avg_pool2d_forward, _POOL),
    Call("im2col", F.im2col, _POOL),
    Call("col2im", F.col2im, {"cols": _x(2, 16, 4), "output_size": 3, "kernel_size": 2},
         together={"output_size": {"cols": _x(2, 16, 1)}, "stride": {"cols": _x(2, 16, 1)},
                   "dilation": {"cols": _x(2, 16, 1)}, "padding": {"cols": _x(2, 16, 16)}}),
    Call("Linear", F.linear_forward, {"x": _ROWS, "weight": _x(3, 4)}, _POST),
    Call("Linear", F.linear_backward, dict(zip(("dy", "cache"), _LINEAR, strict=True)), _GRADIENTS),
    Call("BatchNorm", F.batch_norm_forward,
         {"x": _ROWS, "gamma": FLOATS, "beta": FLOATS, **_STATISTICS, "train": True},
         {**_POST, "momentum": SHARE}),
    *[Call("BatchNorm", backward, dict(zip(("dy", "cache"), _NORM, strict=True)), _GRADIENTS)
      for backward in (F.batch_norm_backward, F.batch_norm_addend_backward)],
    Call("LayerNorm", F.layer_norm_forward, {"x": _ROWS, "normalized_shape": 4}),
    Call("GroupNorm", F.group_norm_forward, {"x": _x(2, 4, 3), "num_groups": 4}),
    *[Call("Upsample", upsample, {"size": 4, **given},
           {"size": PAIR, "scale_factor": SCALE, "mode": word("bilinear", "nearest")},
           {"scale_factor": {"size": None}, "align_corners": {"mode": "bilinear"}})
      for upsample, given in ((cnnlite.Upsample, {}), (F.interpolate_forward, {"x": _IMAGES}))],
    Call("Dropout", F.dropout_forward,
         {"x": _ROWS, "p": 0.5, "train": True, "rng": random.Rng(0)},
         {"rng": GENERATOR}),
    Call("CrossEntropyLoss", F.cross_entropy_forward, _SCORES),
    Call("HingeLoss", F.hinge_loss_forward, _SCORES),
    Call("FocalLoss", F.focal_loss_forward, _SCORES, {"gamma": RATE}),
    Call("NLLLoss", F.nll_loss_forward, _SCORES),
    *[Call(name, getattr(F, f"{start}_forward"), {"scores": _ROWS, "targets": np.abs(_ROWS)},
           {"targets": ARRAY, **more}) for name, start, more in ELEMENTWISE],
    *[Call(name, getattr(F, f"{start}_backward"),
           {"cache": getattr(F, f"{start}_forward")(**_SCORES)[1]},
           {"cache": None, "dvalue": Kind(0.5, [*_HALVES, np.array([0.5, 0.5])], [
               True, "0.5", None, 1j, [True, True], ["1", "1"], [1.0], np.ones((2, 2)), {}])})
      for name, start in (("CrossEntropyLoss", "cross_entropy"), ("HingeLoss", "hinge_loss"),
                          ("FocalLoss", "focal_loss"), ("NLLLoss", "nll_loss"))],
    *[Call(name, getattr(F, f"{start}_backward"),
           {"cache": getattr(F, f"{start}_forward")(_ROWS, np.abs(_ROWS))[1]},
           {"cache": None, "dvalue": Kind(0.5, [*_HALVES, np.full((2, 4), 0.5)], [
               True, "0.5", None, 1j, np.ones((2, 4), bool), np.ones(4), {}])})
      for name, start, _ in ELEMENTWISE],
    Call("Conv2d", cnnlite.Conv2d, {"in_channels": 2, "out_channels": 2, "kernel_size": 3},
         {"bias": FLAG}),
    Call("Linear", cnnlite.Linear, {"in_features": 4, "out_features": 3}, {"bias": FLAG}),
    Call("Sequential", cnnlite.Sequential, {}, {"layers": None}),
    *[Call(kind.__name__, kind, {"num_features": 4}, {"momentum": Kind(0.5, _HALVES, [
        value for value in SHARE.refused if value is not None]), **_NO_RNG})
      for kind in (cnnlite.BatchNorm1d, cnnlite.BatchNorm2d, cnnlite.SyncBatchNorm)],
    Call("LayerNorm", cnnlite.LayerNorm, {"normalized_shape": 4}, {"bias": FLAG, **_NO_RNG}),
    Call("GroupNorm", cnnlite.GroupNorm, {"num_groups": 2, "num_channels": 4}, _NO_RNG),
    Call("ZeroPadShortcut", models.ZeroPadShortcut, {"in_channels": 2, "out_channels": 2},
         {"stride": COUNT}),
    Call("CrossEntropyLoss", cnnlite.CrossEntropyLoss, {}, {"weight": WEIGHTS}),
    Call("FocalLoss", cnnlite.FocalLoss, {}, {"gamma": RATE, "weight": WEIGHTS}),
    Call("HingeLoss", cnnlite.HingeLoss, {}, {"weight": WEIGHTS}),
    Call("NLLLoss", cnnlite.NLLLoss, {}, {"weight": WEIGHTS}),
    Call("BCEWithLogitsLoss", cnnlite.BCEWithLogitsLoss, {},
         {"weight": FACTORS, "pos_weight": FACTORS}),
    *[Call(name, getattr(cnnlite, name), {}, more) for name, _, more in ELEMENTWISE
      if name != "BCEWithLogitsLoss"],
    Call("class_balanced_weight", losses.class_balanced_weight, {"counts": [7, 2]},
         {"beta": BELOW_1}),
    *[Call(kind.__name__, kind, arguments,
           {"groups": Kind((), [[]], [{}, True, 2, 0.5, None, "a", [2], [{}], np.array(2)])},
           {"nesterov": {"momentum": 0.9}})
      for kind, arguments in ((cnnlite.SGD, {"lr": 0.1}), (cnnlite.Adam, {}),
                              (cnnlite.AdamW, {}), (cnnlite.RMSprop, {}), (cnnlite.Muon, {}))],
    *[Call(clip.__name__, clip, {"grads": GRADS.plain, limit: 0.5},
           {"grads": GRADS, limit: NORM, "norm_type": Kind(2, [2.0], [*NORM.refused, 0])})
      for clip, limit in ((cnnlite.clip_grad_norm, "max_norm"),
                          (cnnlite.clip_grad_value, "clip_value"))],
    *[Call(kind.__name__, kind, arguments, {"gamma": SHARE})
      for kind, arguments in (
          (schedules.Constant, {}), (schedules.Step, {"step_size": 2}),
          (schedules.MultiStep, {"milestones": (2,)}), (schedules.Cosine, {}),
          (schedules.Exponential, {}), (schedules.OneCycle, {}), (schedules.Linear, {}),
          (schedules.Polynomial, {}), (schedules.Triangular, {}))],
    Call("CosineRestarts", schedules.CosineRestarts, {}, {"T_mult": COUNT}),
    Call("Cyclic", schedules.Cyclic, {},
         {"step_size_down": LENGTH, "gamma": SHARE,
          "mode": word("exp_range", "triangular", "triangular2")}),
    Call("Warmup", schedules.Warmup, {},
         {"schedule": Kind(schedules.Cosine(), [], [True, 2, "2", 0.5, None, schedules.Cosine])}),
    *[Call("schedule", schedule, {"step": 0, "total_steps": 9},
           {"step": Kind(2, _INTEGERS, [*_NO_INTEGERS, -1]), "total_steps": COUNT})
      for schedule in (schedules.Constant(), schedules.Step(2), schedules.MultiStep((2,)),
                       schedules.Cosine(), schedules.Exponential(), schedules.OneCycle(),
                       schedules.Linear(), schedules.Polynomial(), schedules.Cyclic(),
                       schedules.CosineRestarts(), schedules.Warmup(), schedules.Triangular())],
    *[Call(name, getattr(initializers, name), {**_FILL, **arguments})
      for name, arguments in (
          ("constant", {"value": 1}), ("uniform", {}), ("normal", {}), ("xavier_uniform", {}),
          ("xavier_normal", {}), ("kaiming_uniform", {}), ("kaiming_normal", {}), ("dirac", {}))],
    Call("whitening", initializers.whitening,
         {"array": _x(2, 1, 2, 2), "images": _x(3, 1, 4, 4)},
         {"images": Kind(None, [], [None, *ARRAY.refused])}),
    Call("fans", initializers.fans, _FILL, {"array": Kind(None, [], [None, "2", [1.0], 2.0])}),
    Call("calculate_gain", initializers.calculate_gain, {"nonlinearity": "leaky_relu"}),
    Call("embedded", data.embedded, {"num_train": 10, "num_validation": 0, "num_test": 0}),
    Call("RandomCropFlip", data.RandomCropFlip, {},
         {"padding": Kind(2, _INTEGERS, [*_NO_INTEGERS, -1, 2**40]), "flip": FLAG,
          "padding_mode": word("reflect", "zeros")}),
    Call("epoch_order", batches.epoch_order, {"n": 5, "epoch": 0, "seed": 0},
         {"n": Kind(2, _INTEGERS, [*_NO_INTEGERS, -1, 2**62])}),
    Call("gather", batches.gather,
         {"X": np.ones((5, 3, 4, 4), np.uint8), "index": np.arange(2), "normalization": None},
         {"X": Kind(np.ones((5, 3, 4, 4), np.uint8), [], [None, 2, "2", [1], True, np.ones(())]),
          "index": Kind([0, 1], [(0, 1), np.array([0, 1], np.uint8)],
                        [None, "2", 1.5, [0.0], [True], [[0]], [9], [-1], [[0], [0, 1]]]),
          **dict.fromkeys(("normalization", "augment", "out"),
                          Kind(None, [], [True, 2, "2", 0.5, [1], {}]))}),
    Call("Normalization", data.Normalization.from_images,
         {"images": np.ones((5, 3, 4, 4), np.uint8)}, {"images": None}),
    Call("check_layer", gradcheck.check_layer, {"layer": cnnlite.Linear(3, 2), "x": (2, 3)},
         {"layer": None, "seed": Kind(2, _INTEGERS, [*_NO_INTEGERS, -1]),
          "x": Kind((2, 3), [], ["2", None, ("2", 3), (2.0, 3), (True, 3), {}, [[1], [1, 2]]])}),
    Call("check_loss", gradcheck.check_loss,
         {"loss": cnnlite.CrossEntropyLoss(), "scores": (2, 3)},
         {"loss": None, "seed": Kind(2, _INTEGERS, [*_NO_INTEGERS, -1]),
          "scores": Kind((2, 3), [], ["2", None, ("2", 3), (2.0, 3), 2.0, {}, (2,)]),
          "targets": None}),
    Call("Rng", random.Rng, {"seed": 0}),
    Call("as_rng", random.as_rng, {"rng": 0}, {"name": None}),
    Call("init_generator", random.init_generator, {"rng": 0, "name": "init_generator"},
         {"name": None}),
    Call("manual_seed", cnnlite.manual_seed, {"seed": 0}),
    Call("set_num_threads", cnnlite.set_num_threads, {"n": 1},
         {"n": Kind(1, [np.int64(1), np.array(1)], [*COUNT.refused, 2**40])}),
    Call("resnet_cifar", models.resnet_cifar, {"depth": 8, "input_shape": (2, 8, 8)},
         {"depth": Kind(8, [np.int64(8), np.array(8)], [*COUNT.refused, 2, 9])}),
    Call("EarlyStopping", cnnlite.callbacks.EarlyStopping, kinds={
        "monitor": word("val_acc", "val_loss", "loss", "train_acc"),
    }),
    *[Call(network.__name__, network, {"input_shape": (2, 12, 12)})
      for network in (models.softmax_classifier, models.two_layer_net, models.three_layer_convnet,
                      models.vanilla_cnn, models.small_vgg)],
]  # fmt: skip


def _by_the_catalogue() -> Iterator[Call]:
    """Layers and operations that are not written above: made as in their first example."""
    written = {call.function for call in CALLS}
    for entry in LAYERS.values():
        example = entry.examples[0]
        settings = {**inspect.signature(entry.layer).bind(*example.args).arguments,
                    **example.settings}  # fmt: skip
        kinds = {**(ONE_AXIS if "kernel_size" in entry.parameters and entry.axes == 1 else {}),
                 **OTHERWISE.get(entry.family, {}), **OTHERWISE.get(entry.name, {})}  # fmt: skip
        if entry.layer not in written and entry.parameters:
            own = {"bias": FLAG} if "bias" in entry.parameters else {}
            if "padding_mode" in entry.parameters:
                own["padding_mode"] = word(*entry.layer.padding_modes[::-1])
            yield Call(entry.name, entry.layer, settings, {**kinds, **own})
        forward = getattr(F, f"{entry.operation}_forward", None)
        if forward is None or forward in written:
            continue
        layer = entry.make(example)
        known = {"x": _x(*example.shape), "train": True, "rng": random.Rng(0), **settings,
                 **layer.params, **layer.buffers}  # fmt: skip
        given = {name: known[name] for name in inspect.signature(forward).parameters
                 if name in known}  # fmt: skip
        kinds = {**kinds, **_POST, "rng": GENERATOR}
        yield Call(entry.name, forward, given, kinds)
        backward = getattr(F, f"{entry.operation}_backward")
        if backward not in written:
            made = dict(zip(("dy", "cache"), forward(**given), strict=True))
            yield Call(entry.name, backward, made, _GRADIENTS)


OTHERWISE: dict[str, dict[str, Kind | None]] = {
    "Residual": {"body": None, "shortcut": None}, "ELU": {"alpha": REAL},
    "AdaptiveAvgPool2d": {"output_size": ADAPTIVE}, "AdaptiveMaxPool2d": {"output_size": ADAPTIVE},
    "normalisation": {**_NO_RNG, "momentum": SHARE},
}  # fmt: skip
"""Of layers and families of the catalogue: the kinds that an argument's name does not tell."""

CALLS += _by_the_catalogue()
KINDS["input_shape"] = Kind((2, 12, 12), [[np.int64(2), 12, 12], (np.array(2), 12, 12)], [
    True, 3, "abc", None, (2, 12), (2.0, 12, 12), (True, 12, 12), (0, 12, 12), (-1, 12, 12),
])  # fmt: skip
