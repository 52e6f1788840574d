"""The exercise dropout."""

from typing import Any

import numpy as np

from cnnlite.exercises.judge import describe
from cnnlite.exercises.parts import Case, Cases, Exercise, Part, Suspect, numbers
from cnnlite.functional.dropout import DropoutCache, dropout_backward

__all__ = ["DROPOUT"]

# Two masks of one seed and one of another, drawn while the global generator begins anew.
HELPERS = """
def three_masks(shape, p, seed):
    import numpy
    numpy.random.seed(0)
    make = numpy.random.default_rng
    first = dropout_mask(shape, p, make(seed))
    if first is None:
        return None
    return [first, dropout_mask(shape, p, make(seed)), dropout_mask(shape, p, make(seed + 1))]
"""


def mask_cases(rng: np.random.Generator) -> list[Case]:
    seed = int(rng.integers(1000))
    settings = ((60, 50), 0.3), ((3, 10, 11, 12), 0.8), ((2000,), 0.5)
    cases = [_mask(shape, p, seed) for shape, p in settings]
    return [*cases, _mask((4, 5), 0.0, seed, note="p = 0: all is kept")]


def _mask(shape: tuple[int, ...], p: float, seed: int, note: str = "") -> Case:
    def judge(result: Any) -> str | None:
        if not isinstance(result, list | tuple) or len(result) != 3:
            return f"returned {describe(result)}, expected a bool array"
        for mask in result:
            wrong = _not_a_mask(mask, shape, p)
            if wrong:
                return wrong
        first, again, other = result
        if not np.array_equal(first, again):
            return "the same seed gave two masks\nlikely: not all randomness comes from rng"
        if p and np.array_equal(first, other):
            return "two seeds gave one mask\nlikely: the randomness does not come from rng"
        return None

    shown = f"dropout_mask({shape}, {p}, numpy.random.default_rng({seed}))"
    return Case(f"three_masks({shape}, {p}, {seed})", {}, judge=judge, note=note, shown=shown)


def _not_a_mask(mask: Any, shape: tuple[int, ...], p: float) -> str | None:
    if not isinstance(mask, np.ndarray) or mask.ndim == 0:
        return f"returned {describe(mask)}, expected a bool array of shape {shape}"
    if mask.shape != shape:
        return f"came shape {mask.shape}, expected {shape}"
    if mask.dtype != np.bool_:
        return f"came dtype {mask.dtype}, expected bool\nlikely: a comparison is missing"
    for axis in range(mask.ndim) if p and mask.ndim > 1 else ():
        if (mask == mask.take([0], axis)).all():
            return f"the mask repeats itself along axis {axis}; each element is decided on its own"
    # Six standard deviations: a right mask is outside of them once in 5e8 draws.
    kept = float(mask.mean())
    deviation = (p * (1 - p) / mask.size) ** 0.5
    if abs(kept - (1 - p)) > 6 * deviation:
        text = f"{kept:.1%} of the elements are kept, expected about {1 - p:.0%}"
        if abs(kept - p) <= 6 * deviation:
            text += "\nlikely: p is the probability to drop, not to keep"
        return text
    return None


def forward_cases(train: bool) -> Cases:
    settings = ((3, 4), 0.25, train, np.float64), ((2, 3, 2, 2), 0.6, train, np.float64)
    return _cases("forward", "x", *settings, ((6,), 0.25, train, np.float32))


def _cases(direction: str, name: str, *settings: tuple[tuple[int, ...], float, bool, Any]) -> Cases:
    """Return what makes a case of each (shape, p, train, dtype)."""
    call = f"dropout_{direction}({name}, keep, p, train)"

    def case(x: np.ndarray, keep: np.ndarray, p: float, train: bool) -> Case:
        suspects = _suspects(name, x, keep, p) if train else _at_test(x, keep, p)
        inputs = {name: x, "keep": keep, "p": p, "train": train}
        right = _through(x, keep, p, train)
        return Case(call, inputs, right, suspects, may_alias=not train)

    return lambda rng: [
        case(numbers(rng, *shape, dtype=dtype), _keep(rng, shape), p, train)
        for shape, p, train, dtype in settings
    ]


def _keep(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    keep = rng.random(shape) < 0.6
    keep.flat[:2] = True, False
    return keep


def _through(x: np.ndarray, keep: np.ndarray, p: float, train: bool) -> np.ndarray:
    """Return y or dx: backward does to dy what forward does to x, which is linear."""
    cache = DropoutCache(keep if train else None, 1 / (1 - p) if train else 1.0, x.shape, x.dtype)
    return dropout_backward(x, cache)


def _suspects(name: str, x: np.ndarray, keep: np.ndarray, p: float) -> tuple[Suspect, ...]:
    return (
        Suspect("the scale of training is missing: what is kept must make up for what is dropped",
                lambda: np.where(keep, x, 0)),
        Suspect("scaled by 1 - p: what is kept becomes smaller still; it should become larger",
                lambda: np.where(keep, x, 0) * (1 - p)),
        Suspect("scaled by 1/p: p is the probability to drop, not to keep",
                lambda: np.where(keep, x, 0) / p),
        Suspect("the scale is 1/(1 - p) also where it is dropped: the mask is missing",
                lambda: x / (1 - p)),
        Suspect("dropped is what should be kept", lambda: np.where(keep, 0, x) / (1 - p)),
        Suspect(f"{name} passes as it is, as if train were False", lambda: x),
    )  # fmt: skip


def _at_test(x: np.ndarray, keep: np.ndarray, p: float) -> tuple[Suspect, ...]:
    return (
        Suspect("elements are dropped though train is False",
                lambda: np.where(keep, x, 0) / (1 - p)),
        Suspect("elements are dropped though train is False", lambda: np.where(keep, x, 0)),
        Suspect("scaled by 1 - p, as in the first paper; inverted dropout scales in training only",
                lambda: x * (1 - p)),
        Suspect("scaled though train is False", lambda: x / (1 - p)),
    )  # fmt: skip


BACKWARD = _cases(
    "backward",
    "dy",
    ((3, 4), 0.25, True, np.float64),
    ((2, 3, 2, 2), 0.6, True, np.float64),
    ((4, 2), 0.6, False, np.float64),
)

DROPOUT = Exercise(
    "dropout",
    "dropout: mask, training, test, backward",
    (
        Part("mask", 2, "dropout_mask", mask_cases),
        Part("train", 2, "dropout_forward", forward_cases(True)),
        Part("test", 1, "dropout_forward", forward_cases(False)),
        Part("backward", 2, "dropout_backward", BACKWARD),
    ),
    HELPERS,
)
