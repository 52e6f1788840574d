"""The comparison of one gradient with the differences of forward."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnnlite.checks.numbers import real
from cnnlite.gradcheck.diagnosis import Wrong, diagnose, diagnose_shape
from cnnlite.gradcheck.numeric import Array, Index, choose_entries, probe
from cnnlite.gradcheck.points import Point
from cnnlite.gradcheck.report import GradientCheck
from cnnlite.gradcheck.subject import Subject


@dataclass(frozen=True)
class Settings:
    """How exact a check is; see `check_layer`."""

    h: float
    tolerance: float
    max_entries: int


def relative_error(a: npt.ArrayLike, b: npt.ArrayLike, floor: float = 1e-8) -> float:
    """Return the largest |a - b| / max(floor, |a| + |b|) over all entries.

    Source: CS231n's assignments, where every check prints it.
    """
    floor = real("relative_error", "floor", floor, 0)
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(np.max(np.abs(a - b) / np.maximum(floor, np.abs(a) + np.abs(b)), initial=0.0))


def compare(
    subject: Subject,
    name: str,
    point: Point,
    array: Array,
    gradient: Array | None,
    dy: Array,
    scale: float,
    rng: np.random.Generator,
    settings: Settings,
) -> GradientCheck:
    """Return how a gradient compares with differences.

    Args:
        subject: the layer, placed at the point.
        name: what the gradient is called.
        point: where.
        array: what is moved: the point's x, or a parameter of the subject.
        gradient: what backward returned for it, None if nothing.
        dy: the gradient with respect to the output.
        scale: the largest entry of dx: intermediate results of this size lead to all gradients,
            which are no more exact than these.
        rng: chooses entries.
        settings: see `check_layer`.
    """
    x, tolerance = point.x, settings.tolerance * point.tolerance
    batch = len(x) if x.ndim else 1
    if gradient is None:
        return GradientCheck(name, array.shape, diagnosis="backward gives no gradient for it")
    if gradient.shape != array.shape:
        wrong = diagnose_shape(gradient.shape, array.shape, batch)
        return GradientCheck(name, array.shape, diagnosis=wrong)

    rounding = 64 * float(np.finfo(np.float64).eps) * scale if np.isfinite(scale) else 0.0

    def floor(noise: float) -> float:
        return max(1e-8, max(noise, rounding) / tolerance)

    def agrees(index: Index, numeric: float, noise: float) -> bool:
        return relative_error(numeric, gradient[index], floor(noise)) <= tolerance

    most = max(1, int(settings.max_entries * point.entries))
    entries = choose_entries(array.shape, most, rng)
    broken = [tuple(int(i) for i in index) for index in np.argwhere(~np.isfinite(gradient))[:1]]
    entries += [index for index in broken if index not in entries]
    epsilon = float(np.finfo(subject.y_dtype).eps) if subject.y_dtype.kind == "f" else 1.0
    h = settings.h * (point.step if array is x else 1.0)
    # A copy each time, because forward might write into what it is given.
    probes = probe(lambda: subject.forward(x.copy())[0], array, dy, entries, h, agrees, epsilon)
    skipped = tuple(probes.skipped)
    if not probes.indices:
        wrong = "no entry has a derivative there: choose another x" if skipped else ""
        return GradientCheck(name, array.shape, skipped=skipped, diagnosis=wrong)
    found = [float(gradient[index]) for index in probes.indices]
    errors = [
        relative_error(n, a, floor(noise))
        for n, a, noise in zip(probes.numeric, found, probes.noise, strict=True)
    ]
    worst = int(np.argmax(errors))  # NaN counts as the largest
    wrong = ""
    if not errors[worst] <= tolerance:
        params = subject.state["params"]
        wrong = diagnose(Wrong(gradient, probes, batch, dy, array, array is x, params))
    at_worst = errors[worst], probes.indices[worst], probes.numeric[worst], found[worst]
    return GradientCheck(name, array.shape, len(errors), skipped, *at_worst, wrong)
