"""The rules that a layer must keep besides having the right gradients."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from cnnlite.gradcheck.numeric import Array
from cnnlite.gradcheck.points import Point
from cnnlite.gradcheck.report import described
from cnnlite.gradcheck.subject import Subject

Result = tuple[Array | None, dict[str, Array]]


def find_problems(subject: Subject, point: Point, y: Array, dy: Array) -> list[str]:
    """Run both passes again, and say which of their rules the layer breaks.

    Args:
        subject: the layer.
        point: where; its forward gives y there.
        y: the output.
        dy: a gradient with respect to it.
    """
    subject.place()
    again = subject.forward(point.x.copy())[0]
    problems: list[str] = []
    if subject.y_dtype != np.float64:
        problems.append(
            f"forward gives {subject.y_dtype} for a float64 x: keep x's dtype, differences need it"
        )
    if not np.isfinite(y).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(y))[0])
        problems.append(f"forward gives NaN or infinity, first at {place}")
    repeats = np.array_equal(again, y, equal_nan=True)
    if not repeats:
        problems.append(
            "forward gives another result for the same x and the same rng: whatever is random "
            "must come from rng"
        )
    problems += _changes(subject, point, dy)
    subject.place()
    if repeats:
        results = _run(subject, point, dy)
        for rule in (_remembers, _depends_on_need_dx, _bends):
            problems += rule(subject, point, dy, results)
            subject.place()
        if subject.y_dtype == np.float64:
            problems += _rounds(subject, point)
    subject.place()
    return problems


def _changes(subject: Subject, point: Point, dy: Array) -> Iterator[str]:
    """Yield what changed that must not change, and what is wrong with what backward returns."""
    x_given, dy_given = point.x.copy(), dy.copy()
    before = dict(subject.params)
    _, cache = subject.forward(x_given)
    if not point.train:
        yield from (
            f"the buffer {key} was changed by forward, though train is False"
            for key in subject.changed("buffers")
        )
    held = {key: np.array(value) for key, value in subject.buffers.items()}
    kept = list(_arrays(cache)) if subject.is_leaf else []
    copies = [array.copy() for array in kept]
    dx, grads = subject.backward(dy_given, cache)
    live = {key: value for key, value in {**grads, "x": dx}.items() if value is not None}
    for key, value in live.items():
        kind = np.asarray(value).dtype
        if kind != np.float64:
            yield f"the gradient of {key} is {kind}, expected float64 as {key} is"
    for name, now, value in (("x", x_given, point.x), ("dy", dy_given, dy)):
        if not np.array_equal(now, value, equal_nan=True):
            yield f"{name} was changed by forward or backward"
    for key in subject.changed("params"):
        yield f"{key} was changed by forward or backward"
    for key, array in before.items():
        if subject.params.get(key) is not array:
            yield f"params[{key!r}] was replaced by another array in forward or backward"
    for key, old in held.items():
        if not np.array_equal(subject.buffers[key], old):
            yield f"the buffer {key} was changed by backward"
    for key in sorted(set(grads) - set(subject.params)):
        yield f"grads has {key!r}, which is not a parameter"
    yield from _shared(subject, live)
    if any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(kept, copies, strict=True)):
        yield "backward changed its cache, so that it cannot be called twice"
    elif subject.is_leaf:
        yield from _twice(subject, dy, cache, _copied((dx, grads)))


def _shared(subject: Subject, live: Mapping[str, Any]) -> Iterator[str]:
    """Yield gradients that lie in the memory of a parameter, or of one another."""
    arrays = {key: value for key, value in live.items() if isinstance(value, np.ndarray)}
    for key, array in arrays.items():
        for other, param in subject.params.items():
            if np.shares_memory(array, param):
                yield f"the gradient of {key} lies in the memory of the parameter {other}: copy it"
    for key, other in combinations(arrays, 2):
        if np.shares_memory(arrays[key], arrays[other]):
            yield f"the gradients of {key} and of {other} lie in the same memory: copy one"


def _twice(subject: Subject, dy: Array, cache: Any, first: Result) -> Iterator[str]:
    try:
        second = subject.backward(dy.copy(), cache)
    except Exception as error:
        yield f"backward cannot be called twice with one cache: {described(error)}"
        return
    if not _same_results(first, second):
        yield "backward gives another result for the same cache the second time"


def _remembers(subject: Subject, point: Point, dy: Array, first: Result) -> Iterator[str]:
    """Yield whether backward's result depends on earlier calls of backward or forward."""
    if not _same_results(first, _run(subject, point, dy)):
        yield "backward gives another result the second time: it adds to the first one"
    for other, options in _others(subject, point):
        subject.place()
        _, cache = subject.forward(point.x.copy())
        y = subject.last_y
        before = np.array(y)
        try:
            subject.forward(other, **options)
        except Exception:  # it may refuse that
            continue
        if not np.array_equal(y, before, equal_nan=True):
            yield "forward's result is overwritten by the next forward: return an array of its own"
            return
        try:
            same = _same_results(first, subject.backward(dy.copy(), cache))
        except Exception:
            same = False
        if not same:
            yield (
                "backward gives another result after a forward of another x: what it needs must "
                "be in the cache, not in the layer"
            )
            return
    subject.place()
    result = subject.backward(dy.copy(), subject.forward(point.x.copy())[1])
    copies = _copied(result)
    subject.backward(3 * dy, subject.forward(point.x.copy())[1])
    if not _same_results(copies, result):
        yield "the gradients are overwritten by the next backward: return arrays of their own"


def _others(subject: Subject, point: Point) -> Iterator[tuple[Array, dict[str, Any]]]:
    """Yield calls of forward with other numbers, another seed, mode or batch size."""
    x = point.x
    other = np.roll(x.ravel(), 1).reshape(x.shape) + 0.25
    yield other, {}
    if "rng" in subject.named:
        yield other, {"rng": subject.seed + 1}
    if "train" in subject.named:
        yield other, {"train": not point.train}
    if x.ndim > 1:
        yield np.concatenate([other, other[:1]]), {}


def _depends_on_need_dx(subject: Subject, point: Point, dy: Array, first: Result) -> Iterator[str]:
    if not subject.takes_need_dx:
        return
    _, cache = subject.forward(point.x.copy())
    try:
        _, grads = subject.backward(dy.copy(), cache, need_dx=False)
    except Exception as error:
        yield f"backward raises with need_dx=False: {described(error)}"
        return
    if not all(_same(value, grads.get(key)) for key, value in first[1].items()):
        yield "need_dx=False changes the parameters' gradients"


def _bends(subject: Subject, point: Point, dy: Array, first: Result) -> Iterator[str]:
    """Yield whether backward is not linear in dy, to all digits."""
    if not getattr(subject.layer, "scales", True):
        return  # a loss without dvalue
    other = np.asarray(np.random.default_rng(0).standard_normal(dy.shape))
    second, both = _run(subject, point, other), _run(subject, point, dy + other)
    worst = 0.0
    for a, b, c in zip(_values(first), _values(second), _values(both), strict=False):
        if a.shape == b.shape == c.shape and np.isfinite([a, b, c]).all() and a.size:
            scale = np.max(np.abs(a)) + np.max(np.abs(b)) + np.max(np.abs(dy))
            worst = max(worst, float(np.max(np.abs(a + b - c)) / scale))
    if worst > 1e-5:
        yield "backward is not linear in dy: the gradient for the sum of two dy is not their sum"
    elif worst > 1e-10:
        yield f"backward rounds to {worst:.0e} on the way: keep float64 from dy to the gradients"


def _rounds(subject: Subject, point: Point) -> Iterator[str]:
    """Yield where forward feels steps of 1e-4 but not of 1e-9: it computes in float32 inside."""
    rng = np.random.default_rng(0)
    x = point.x.copy()
    for name, array in {"x": x, **subject.params}.items():
        old = array.copy()
        direction = rng.standard_normal(array.shape) * max(np.max(np.abs(old), initial=0.0), 1e-3)
        y = subject.forward(x.copy())[0]
        responses = []
        for step in (1e-4, 2e-4, 1e-9):
            array[...] = old + step * direction
            responses.append(subject.forward(x.copy())[0] - y)
            array[...] = old
        once, double, tiny = responses[0], responses[1], responses[2] * 1e5
        clear = np.abs(once) > 1e-7 * np.max(np.abs(y), initial=0.0)
        smooth = clear & (np.abs(double - 2 * once) < 0.2 * np.abs(once))
        lost = smooth & (np.abs(tiny - once) > 0.5 * np.abs(once))
        if np.count_nonzero(lost) > np.count_nonzero(smooth) / 2:
            yield (
                f"forward rounds on the way, it does not feel small steps of {name}: keep float64, "
                "differences need it"
            )


def _run(subject: Subject, point: Point, dy: Array) -> Result:
    return _copied(subject.backward(dy.copy(), subject.forward(point.x.copy())[1]))


def _copied(result: tuple[Any, Mapping[str, Any]]) -> Result:
    dx, grads = result
    copies = {key: np.array(value) for key, value in grads.items() if value is not None}
    return (None if dx is None else np.array(dx)), copies


def _values(result: Result) -> list[Array]:
    dx, grads = result
    return [*(grads[key] for key in sorted(grads)), *([] if dx is None else [dx])]


def _same_results(a: Result, b: tuple[Any, Mapping[str, Any]]) -> bool:
    return _same(a[0], b[0]) and all(_same(value, b[1].get(key)) for key, value in a[1].items())


def _same(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=1e-9, equal_nan=True))


def _arrays(cache: Any) -> Iterator[Array]:
    """Yield the arrays in a cache, whatever it is made of."""
    if isinstance(cache, np.ndarray):
        yield cache
    elif isinstance(cache, Mapping | tuple | list):
        for value in cache.values() if isinstance(cache, Mapping) else cache:
            yield from _arrays(value)
    elif hasattr(cache, "__dict__") and not isinstance(cache, type):
        for value in vars(cache).values():
            if isinstance(value, np.ndarray):
                yield value
