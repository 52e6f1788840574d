"""A generator of cases for every loss, as a pair of functions and as an object."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import cnnlite.functional as F
from cnnlite import losses
from tests.judge.cases import Case, Maker, tensor


class _Targets(NamedTuple):
    """What losses of classes are drawn with."""

    scores: Any
    targets: Any  # classes
    reduction: str
    ignore_index: int
    samples: Any  # sample weights in float64, or None

    def rows(self, torch: Any, scores: Any) -> tuple[Any, Any, Any]:
        """The scores as rows, their targets, and their sample weights; 0 where ignored."""
        rows = scores.movedim(1, -1).reshape(-1, scores.shape[1])
        wanted = torch.tensor(self.targets.astype(np.int64)).reshape(-1)
        kept = wanted != self.ignore_index
        each = len(wanted) // len(scores)
        ones = np.ones(len(scores)) if self.samples is None else self.samples
        factors = torch.tensor(np.repeat(ones, each)) * kept
        rows = torch.where(kept[:, None], rows, 0.0)  # whatever the ignored ones are
        return rows, torch.where(kept, wanted, 0), factors

    def reduced(self, torch: Any, losses: Any, factors: Any, divisor: Any) -> Any:
        """The rows' losses times their factors, as asked for."""
        losses = torch.where(factors == 0, 0.0, losses * factors)
        if self.reduction == "none":
            return losses.reshape(self.targets.shape)
        return losses.sum() / (divisor if self.reduction == "mean" else 1)


def _scores(make: Maker) -> _Targets:
    n, classes = make.size(1, 6), make.size(2, 8)
    places = make.one_of((), (), (3,), (2, 3))
    scores = make.layout(make.rng.standard_normal((n, classes, *places)) * make.one_of(1, 30))
    kind = make.one_of("int64", "int32", "uint8")
    targets = make.rng.integers(0, classes, (n, *places)).astype(kind)
    ignored = make.one_of(-100, -100, 255 if kind == "uint8" else -1, 0)
    if ignored != -100:
        targets[-1] = ignored
        targets[0] = 1  # not all of them
    samples = make.maybe(make.rng.random(n) + 0.1)
    return _Targets(scores, targets, make.one_of("mean", "sum", "none"), ignored, samples)


def _either(loss: Any, targets: Any, samples: Any, forward: Any, backward: Any) -> tuple[Any, Any]:
    """The two functions, or those of a loss made with the same arguments."""
    if loss is None:
        return forward, lambda dvalue, cache: backward(cache, dvalue)
    return (
        lambda scores: loss.forward(scores, targets, samples),
        lambda dvalue, cache: loss.backward(cache, dvalue),
    )


def cross_entropy(make: Maker, kind: Any = None) -> Case:
    t = _scores(make)
    smoothing = make.one_of(0.0, 0.1, 1.0)
    weight = make.maybe(make.layout(make.rng.random(t.scores.shape[1]) + 0.1))
    soft = make.one_of(False, False, True)
    wanted = make.layout(make.rng.random(t.scores.shape)) if soft else t.targets
    ignored = -100 if soft else t.ignore_index

    def judge(torch: Any, scores: Any) -> Any:
        rows, classes, factors = t.rows(torch, scores)
        w = tensor(torch, weight, grad=False)
        if soft:
            classes = tensor(torch, wanted, False).movedim(1, -1).reshape(rows.shape)
            rows, _, factors = t._replace(ignore_index=-100).rows(torch, scores)
        losses = torch.nn.functional.cross_entropy(
            rows, classes, w, reduction="none", label_smoothing=smoothing
        )
        each = factors if soft or w is None else factors * w[classes]
        result = t.reduced(torch, losses, factors, each.sum())
        if t.samples is None:  # PyTorch has the reduction too
            classes = tensor(torch, wanted, False) if soft else torch.tensor(wanted.astype("int64"))
            theirs = torch.nn.functional.cross_entropy(
                scores, classes, w, reduction=t.reduction, label_smoothing=smoothing,
                ignore_index=ignored,
            )  # fmt: skip
            torch.testing.assert_close(theirs, result, equal_nan=True)
            return theirs
        return result

    def forward(scores: Any) -> Any:
        return F.cross_entropy_forward(
            scores, wanted, weight, smoothing, t.reduction, ignored, t.samples
        )

    return Case(
        (t.scores,),
        *_either(
            kind and kind(weight, smoothing, t.reduction, ignored),
            wanted, t.samples, forward, F.cross_entropy_backward,
        ),
        judge,
    )  # fmt: skip


def focal_loss(make: Maker, kind: Any = None) -> Case:
    t = _scores(make)
    gamma = make.one_of(0.0, 0.5, 1.0, 2.0, 5.0)
    weight = make.maybe(make.layout(make.rng.random(t.scores.shape[1]) + 0.1))

    def judge(torch: Any, scores: Any) -> Any:
        rows, wanted, factors = t.rows(torch, scores)
        log_p = torch.nn.functional.log_softmax(rows, 1).gather(1, wanted[:, None])[:, 0]
        w = factors * (1 if weight is None else tensor(torch, weight, False)[wanted])
        return t.reduced(torch, -((-torch.expm1(log_p)) ** gamma) * log_p, w, w.sum())

    def forward(scores: Any) -> Any:
        return F.focal_loss_forward(
            scores, t.targets, gamma, weight, t.reduction, t.ignore_index, t.samples
        )

    return Case(
        (t.scores,),
        *_either(
            kind and kind(gamma, weight, t.reduction, t.ignore_index),
            t.targets, t.samples, forward, F.focal_loss_backward,
        ),
        judge,
    )  # fmt: skip


def hinge_loss(make: Maker, kind: Any = None) -> Case:
    t = _scores(make)
    margin = make.one_of(1.0, 0.3)
    weight = make.maybe(make.layout(make.rng.random(t.scores.shape[1]) + 0.1))

    def judge(torch: Any, scores: Any) -> Any:
        rows, wanted, factors = t.rows(torch, scores)
        losses = torch.nn.functional.multi_margin_loss(
            rows, wanted, margin=margin, weight=tensor(torch, weight, False), reduction="none"
        )
        # PyTorch divides by the number of classes.
        return t.reduced(torch, losses * scores.shape[1], factors, factors.sum())

    def forward(scores: Any) -> Any:
        return F.hinge_loss_forward(
            scores, t.targets, margin, t.reduction, weight, t.ignore_index, t.samples
        )

    return Case(
        (t.scores,),
        *_either(
            kind and kind(margin, t.reduction, weight, t.ignore_index),
            t.targets, t.samples, forward, F.hinge_loss_backward,
        ),
        judge,
    )  # fmt: skip


def nll_loss(make: Maker, kind: Any = None) -> Case:
    t = _scores(make)
    weight = make.maybe(make.layout(make.rng.random(t.scores.shape[1]) + 0.1))

    def judge(torch: Any, scores: Any) -> Any:
        rows, wanted, factors = t.rows(torch, scores)
        w = factors * (1 if weight is None else tensor(torch, weight, False)[wanted])
        losses = torch.nn.functional.nll_loss(rows, wanted, reduction="none")
        result = t.reduced(torch, losses, w, w.sum())
        if t.samples is None:
            theirs = torch.nn.functional.nll_loss(
                scores, torch.tensor(t.targets.astype("int64")), tensor(torch, weight, False),
                reduction=t.reduction, ignore_index=t.ignore_index,
            )  # fmt: skip
            torch.testing.assert_close(theirs, result, equal_nan=True)
        return result

    def forward(scores: Any) -> Any:
        return F.nll_loss_forward(scores, t.targets, weight, t.reduction, t.ignore_index, t.samples)

    return Case(
        (t.scores,),
        *_either(
            kind and kind(weight, t.reduction, t.ignore_index),
            t.targets, t.samples, forward, F.nll_loss_backward,
        ),
        judge,
    )  # fmt: skip


def _sigmoid_focal(torch: Any, x: Any, y: Any, alpha: float, gamma: float) -> Any:
    """As torchvision.ops.sigmoid_focal_loss is defined."""
    p = torch.sigmoid(x)
    cost = torch.nn.functional.binary_cross_entropy_with_logits(x, y, reduction="none")
    losses = cost * (p * (1 - y) + (1 - p) * y) ** gamma
    return losses * (alpha * y + (1 - alpha) * (1 - y)) if alpha >= 0 else losses


def _settings_of(make: Maker, name: str, shape: tuple[int, ...]) -> dict[str, Any]:
    if name == "smooth_l1_loss":
        return {"beta": make.one_of(1.0, 0.3, 0.0)}
    if name == "huber_loss":
        return {"delta": make.one_of(1.0, 0.3, 5.0)}
    if name == "kl_div":
        return {"log_target": make.one_of(False, True)}
    if name == "sigmoid_focal_loss":
        return {"alpha": make.one_of(0.25, 0.9, -1), "gamma": make.one_of(2.0, 0.0, 0.5, 1.0)}
    if name == "binary_cross_entropy_with_logits":
        weight, positive = make.rng.random(shape) + 0.1, make.rng.random(shape[-1]) + 0.1
        return {"weight": make.maybe(make.layout(weight)),
                "pos_weight": make.maybe(make.layout(positive))}  # fmt: skip
    return {}


def elementwise(name: str) -> Callable[..., Case]:
    """Cases of a loss of each score by itself."""

    def strategy(make: Maker, kind: Any = None) -> Case:
        shape = tuple(make.size(1, 5) for _ in range(make.size(1, 3)))
        settings = _settings_of(make, name, shape)
        words = ("mean", "batchmean", "sum", "none") if name == "kl_div" else (
            "mean", "sum", "none")  # fmt: skip
        reduction, samples = make.one_of(*words), make.maybe(make.rng.random(shape[0]) + 0.1)
        if name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
            targets = make.normal(*shape)
        elif name == "sigmoid_focal_loss":
            targets = make.layout(make.rng.integers(0, 2, shape))
        else:
            targets = make.layout(make.rng.random(shape))

        def judge(torch: Any, scores: Any) -> Any:
            given = {
                key: tensor(torch, value, False) if isinstance(value, np.ndarray) else value
                for key, value in settings.items()
            }
            wanted = tensor(torch, targets, grad=False)
            if name == "sigmoid_focal_loss":
                losses = _sigmoid_focal(torch, scores, wanted, **given)
            else:
                function = getattr(torch.nn.functional, name)
                losses = function(scores, wanted, reduction="none", **given)
                # PyTorch's kl_div warns of "mean", which is not the divergence.
                if samples is None and (name, reduction) != ("kl_div", "mean"):
                    return function(scores, wanted, reduction=reduction, **given)
            ones = np.ones(shape[0]) if samples is None else samples
            factors = torch.tensor(ones).reshape(-1, *[1] * (len(shape) - 1))
            if reduction == "none":
                return losses * factors
            each = 1 if reduction == "batchmean" else losses[0].numel()
            divisor = 1 if reduction == "sum" else factors.sum() * each
            return (losses * factors).sum() / divisor

        pair = (getattr(F, f"{name}_{way}") for way in ("forward", "backward"))
        forward, backward = pair
        return Case(
            (make.normal(*shape),),
            *_either(
                kind and kind(reduction=reduction, **settings),
                targets, samples,
                lambda scores: forward(
                    scores, targets, reduction=reduction, sample_weight=samples, **settings
                ),
                backward,
            ),
            judge,
        )  # fmt: skip

    return strategy


ELEMENTWISE = {
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "HuberLoss": "huber_loss",
    "KLDivLoss": "kl_div",
    "L1Loss": "l1_loss",
    "MSELoss": "mse_loss",
    "SigmoidFocalLoss": "sigmoid_focal_loss",
    "SmoothL1Loss": "smooth_l1_loss",
}
"""The operation of each."""


LOSSES: dict[str, Callable[[Maker], Case]] = {
    "CrossEntropyLoss": lambda make: cross_entropy(make, losses.CrossEntropyLoss),
    "FocalLoss": lambda make: focal_loss(make, losses.FocalLoss),
    "HingeLoss": lambda make: hinge_loss(make, losses.HingeLoss),
    "NLLLoss": lambda make: nll_loss(make, losses.NLLLoss),
    **{
        kind: lambda make, kind=kind, name=name: elementwise(name)(make, getattr(losses, kind))
        for kind, name in ELEMENTWISE.items()
    },
}
