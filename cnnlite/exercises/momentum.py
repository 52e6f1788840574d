"""The exercise momentum."""

from typing import Any

import numpy as np

from cnnlite.exercises.parts import Case, Exercise, Part, Suspect, each, numbers
from cnnlite.optim.sgd import sgd_update

__all__ = ["MOMENTUM"]

OF = ("new_w", "new_v")


def inputs_of(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return inputs of three shapes, with values of lr and momentum that hide no mistake."""
    made = []
    for shape, lr, momentum in (((4,), 0.2, 0.9), ((2, 3), 0.05, 0.6), ((2, 2, 2), 0.5, 0.0)):
        w, v, dw = (numbers(rng, *shape) for _ in range(3))
        made.append({"w": w, "v": v, "dw": dw, "lr": lr, "momentum": momentum})
    return made


def stepped(given: dict[str, Any], nesterov: bool = False) -> tuple[np.ndarray, np.ndarray]:
    w, v = given["w"].copy(), given["v"].copy()
    sgd_update(w, given["dw"], v, given["lr"], given["momentum"], 0.0, nesterov)
    return w, v


def _sgd(given: dict[str, Any]) -> Case:
    w, dw, lr = (given[name] for name in ("w", "dw", "lr"))
    right = w.copy()
    sgd_update(right, dw, None, lr, 0.0, 0.0, False)
    suspects = (
        Suspect("the step goes with the gradient, uphill", lambda: 2 * w - right),
        Suspect("this is the change of w, not the new w", lambda: right - w),
        Suspect("the learning rate is missing", lambda: w - dw),
    )
    return Case("sgd_step(w, dw, lr)", {"w": w, "dw": dw, "lr": lr}, right, suspects)


def _velocity(given: dict[str, Any]) -> Case:
    v, dw, lr, momentum = (given[name] for name in ("v", "dw", "lr", "momentum"))
    suspects = (
        Suspect("the other convention, with the learning rate in the velocity; here it is outside",
                lambda: momentum * v - lr * dw),
        Suspect("the learning rate is in the velocity; here it comes in when w moves",
                lambda: momentum * v + lr * dw),
        Suspect("the new gradient is damped by 1 - momentum; here all of it is added",
                lambda: momentum * v + (1 - momentum) * dw),
        Suspect("momentum is on the gradient; it belongs to the old velocity",
                lambda: v + momentum * dw),
        Suspect("all of the old velocity is kept", lambda: v + dw),
        Suspect("the gradient is subtracted; here the minus comes in when w moves",
                lambda: momentum * v - dw),
    )  # fmt: skip
    call = "momentum_step(w, v, dw, lr, momentum)"
    return Case(call, given, stepped(given)[1], suspects)


def _weights(given: dict[str, Any]) -> Case:
    w, v, dw, lr = (given[name] for name in ("w", "v", "dw", "lr"))
    new_w, new_v = stepped(given)
    suspects = (
        Suspect("w moves with the velocity of before; it should be the new one",
                lambda: w - lr * v),
        Suspect("w moves with the velocity, uphill", lambda: 2 * w - new_w),
        Suspect("the learning rate is missing", lambda: w - new_v),
        Suspect("w moves with the gradient alone", lambda: w - lr * dw),
        Suspect("this is the change of w, not the new w", lambda: new_w - w),
        Suspect("this is Nesterov's step", lambda: stepped(given, nesterov=True)[0]),
    )  # fmt: skip
    return Case("momentum_step(w, v, dw, lr, momentum)", given, new_w, suspects)


def _nesterov(given: dict[str, Any]) -> Case:
    w, dw, lr, momentum = (given[name] for name in ("w", "dw", "lr", "momentum"))
    new_w = stepped(given, nesterov=True)[0]
    plain, new_v = stepped(given)
    suspects = (
        Suspect("this is the step of plain momentum; it comes also from the velocity of before",
                lambda: plain),
        Suspect("the velocity is added in full; only its share momentum should be",
                lambda: w - lr * (dw + new_v)),
        Suspect("the step goes uphill", lambda: 2 * w - new_w),
        Suspect("the gradient itself is missing in the step",
                lambda: w - lr * momentum * new_v),
    )  # fmt: skip
    return Case("nesterov_step(w, v, dw, lr, momentum)", given, new_w, suspects)


MOMENTUM = Exercise(
    "momentum",
    "SGD, momentum and Nesterov's momentum",
    (
        Part("sgd", 1, "sgd_step", each(inputs_of, _sgd)),
        Part("velocity", 2, "momentum_step", each(inputs_of, _velocity), 1, OF),
        Part("weights", 2, "momentum_step", each(inputs_of, _weights), 0, OF),
        Part("nesterov", 2, "nesterov_step", each(inputs_of, _nesterov), 0, OF),
    ),
)
