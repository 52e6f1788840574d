"""The exercise batch-norm."""

from typing import Any

import numpy as np

from cnnlite.exercises.parts import Case, Cases, Exercise, Part, Suspect, each, numbers
from cnnlite.functional import batch_norm_backward, batch_norm_forward

__all__ = ["BATCH_NORM"]

FORWARD = ("y", "new_mean", "new_var")
BACKWARD = ("dx", "dgamma", "dbeta")
Given = dict[str, Any]


def inputs_of(rng: np.random.Generator, train: bool) -> list[Given]:
    made = []
    for n, c, momentum, eps in ((4, 3, 0.1, 0.01), (5, 2, 0.3, 0.1), (3, 3, 0.25, 1e-5)):
        x = 2 * numbers(rng, n, c) + numbers(rng, c)
        var = np.abs(numbers(rng, c)) + 0.5
        given = {"x": x, "gamma": numbers(rng, c) + 2, "beta": numbers(rng, c)}
        given |= {"running_mean": numbers(rng, c), "running_var": var}
        made.append({**given, "train": train, "momentum": momentum, "eps": eps})
    return made


def results(given: Given) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what is right: y, and the running statistics afterwards."""
    after = {name: given[name].copy() for name in ("running_mean", "running_var")}
    return batch_norm_forward(**{**given, **after})[0], *after.values()


def normalised(given: Given, mean: Any, var: Any, eps: float | None = None) -> np.ndarray:
    """Return the y that these statistics give."""
    eps = given["eps"] if eps is None else eps
    gamma, beta, shape = given["gamma"], given["beta"], given["gamma"].shape
    mean, var = (np.broadcast_to(a, shape).astype(np.float64) for a in (mean, var))
    return batch_norm_forward(given["x"], gamma, beta, mean, var, False, eps=eps)[0]


def forward_cases(which: int, *modes: bool) -> Cases:
    def case(given: Given) -> Case:
        train = given["train"]
        suspects = _y(given) if which == 0 else _running(given, which) if train else ()
        call, right = f"batch_norm_forward({', '.join(given)})", results(given)[which]
        return Case(call, given, right, suspects, may_alias=not train and which > 0)

    return each(lambda rng: (given for train in modes for given in inputs_of(rng, train)), case)


def _y(given: Given) -> tuple[Suspect, ...]:
    x, gamma, beta, eps = (given[name] for name in ("x", "gamma", "beta", "eps"))
    mean, var = x.mean(axis=0), x.var(axis=0)
    old_mean, old_var = given["running_mean"], given["running_var"]
    y = results(given)[0]
    suspects = [
        Suspect("beta is missing", lambda: y - beta),
        Suspect("gamma is missing", lambda: (y - beta) / gamma + beta),
        Suspect("gamma and beta are missing", lambda: (y - beta) / gamma),
    ]
    if not given["train"]:
        batch = Suspect("the batch's statistics are used though train is False",
                        lambda: normalised(given, mean, var))  # fmt: skip
        return (batch, *_other_eps(given, old_mean, old_var), *suspects)
    rows = {**given, "x": x.T.copy(), "gamma": np.ones(len(x)), "beta": np.zeros(len(x))}
    return (
        Suspect("the variance is divided by N - 1; to normalise, it is divided by N",
                lambda: normalised(given, mean, x.var(axis=0, ddof=1))),
        Suspect("divided by the variance; it should be by its square root",
                lambda: normalised(given, mean, (var + eps) ** 2 - eps)),
        *_other_eps(given, mean, var),
        Suspect("the running statistics are used though train is True",
                lambda: normalised(given, old_mean, old_var)),
        Suspect("the new running statistics are used; while training it is the batch's",
                lambda: normalised(given, *results(given)[1:])),
        Suspect("normalised over the columns of a row (axis 1); the batch is axis 0",
                lambda: gamma * normalised(rows, x.mean(axis=1), x.var(axis=1)).T + beta),
        Suspect("one mean and variance for the whole array; each column has its own",
                lambda: normalised(given, x.mean(), x.var())),
        *suspects,
    )  # fmt: skip


def _other_eps(given: Given, mean: np.ndarray, var: np.ndarray) -> tuple[Suspect, ...]:
    eps = given["eps"]
    return (
        Suspect("eps is missing", lambda: normalised(given, mean, var, 0.0)),
        Suspect("eps is added to the standard deviation; it belongs to the variance",
                lambda: normalised(given, mean, (np.sqrt(var) + eps) ** 2 - eps)),
        *(Suspect("another eps than the argument eps, such as 1e-5 or 1e-8",
                  lambda other=other: normalised(given, mean, var, other))  # type: ignore[misc]
          for other in (1e-3, 1e-5, 1e-8, 1e-10)),
    )  # fmt: skip


def _running(given: Given, which: int) -> tuple[Suspect, ...]:
    x, m = given["x"], given["momentum"]
    old = given["running_mean"] if which == 1 else given["running_var"]
    right = results(given)[which]
    batch = (right - (1 - m) * old) / m
    suspects = [
        Suspect("momentum is the share of the batch's statistics; here old and new are swapped",
                lambda: m * old + (1 - m) * batch),
        Suspect("the batch's own; of the running statistics the share 1 - momentum is kept",
                lambda: batch),
        Suspect("they are what they were before", lambda: old),
        Suspect("the batch's are added in full; the share momentum of them should be",
                lambda: (1 - m) * old + batch),
        Suspect("all of the old ones is kept; the share 1 - momentum should be",
                lambda: old + m * batch),
    ]  # fmt: skip
    if which == 2:
        biased = x.var(axis=0)
        suspects += [
            Suspect("the biased variance is taken up; here it is the unbiased one (N - 1)",
                    lambda: right + m * (biased - batch)),
            Suspect("the biased variance, and with old and new swapped",
                    lambda: m * old + (1 - m) * biased),
            Suspect("the standard deviation is taken up, not the variance",
                    lambda: right + m * (np.sqrt(batch) - batch)),
        ]  # fmt: skip
    return tuple(suspects)


def backward_cases(which: int) -> Cases:
    return lambda rng: [_backward(rng, given, which) for given in inputs_of(rng, True)]


def _backward(rng: np.random.Generator, given: Given, which: int) -> Case:
    x, gamma, beta, eps = (given[name] for name in ("x", "gamma", "beta", "eps"))
    dy, n = numbers(rng, *x.shape), len(x)
    cache = batch_norm_forward(x, gamma, beta, None, None, True, eps=eps)[1]
    right: Any = batch_norm_backward(dy, cache)[which]
    xhat = normalised({**given, "beta": 0 * beta, "gamma": 1 + 0 * gamma}, x.mean(0), x.var(0))
    fixed = cache._replace(train=False)  # as if mean and variance were constants
    alone: Any = batch_norm_backward(dy, fixed)[0]
    if which == 0:
        suspects = [
            Suspect("mean and variance are treated as constants; they depend on x too",
                    lambda: alone),
            Suspect("the variance is treated as a constant; it depends on x too",
                    lambda: alone - alone.mean(axis=0)),
            Suspect("the mean is treated as a constant; it depends on x too",
                    lambda: right + alone.mean(axis=0)),
            Suspect("gamma is missing", lambda: right / gamma),
            Suspect("the sums over the batch are not divided by N",
                    lambda: n * right - (n - 1) * alone),
        ]  # fmt: skip
    else:
        what = dy * xhat if which == 1 else dy
        suspects = [
            Suspect("divided by N, but the 1/N of the mean is already in dy", lambda: right / n),
            Suspect("the sum over the batch is missing", lambda: what),
            Suspect("summed over the columns (axis 1); the batch is axis 0",
                    lambda: what.sum(axis=1)),
            Suspect("summed over everything; each column has its own", lambda: what.sum()),
        ]  # fmt: skip
    if which == 1:
        suspects += [
            Suspect("gamma is multiplied with the normalised x, not with x itself",
                    lambda: (dy * x).sum(axis=0)),
            Suspect("gamma is multiplied with the normalised x: where is it?",
                    lambda: dy.sum(axis=0)),
            Suspect("y has gamma and beta in it; the normalised x has not",
                    lambda: (dy * (gamma * xhat + beta)).sum(axis=0)),
            Suspect("gamma itself is not in its own gradient", lambda: gamma * right),
        ]  # fmt: skip
    inputs = {"dy": dy, "x": x, "gamma": gamma, "eps": eps}
    return Case("batch_norm_backward(dy, x, gamma, eps)", inputs, right, tuple(suspects))


BATCH_NORM = Exercise(
    "batch-norm",
    "batch normalisation, forward and backward",
    (
        Part("train", 3, "batch_norm_forward", forward_cases(0, True), 0, FORWARD),
        Part("test", 1, "batch_norm_forward", forward_cases(0, False), 0, FORWARD),
        Part("running-mean", 1, "batch_norm_forward", forward_cases(1, True, False), 1, FORWARD),
        Part("running-var", 2, "batch_norm_forward", forward_cases(2, True, False), 2, FORWARD),
        Part("dx", 4, "batch_norm_backward", backward_cases(0), 0, BACKWARD),
        Part("dgamma", 1, "batch_norm_backward", backward_cases(1), 1, BACKWARD),
        Part("dbeta", 1, "batch_norm_backward", backward_cases(2), 2, BACKWARD),
    ),
)
