"""The picture: a step as the minimum of a parabola, and gaps over the number of steps."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnlite.labs.descent.lemmas import model, proximal_step
from cnnlite.labs.lab import COLORS, INK, legend_below, style

MARKERS = "os^D"


def draw(horizons: Sequence[int], shares: dict[str, list[float]], figure: Any) -> None:
    """Draw a step on the left, and on the right each function's gap, in units of B rho."""
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.25])
    _step(left)
    _gaps(right, horizons, shares)


def _step(axes: Any) -> None:
    style(axes, "a step goes to the minimum of what it trusts", "w")
    weight, w_t = 2.0, np.array([-1.5])
    value, v = _curve(w_t)[0], np.tanh(w_t) + 0.3 * w_t
    w = np.linspace(-3, 2.2, 200)
    trusted = [model(np.array([x]), w_t, value, v, weight) for x in w]
    axes.plot(w, _curve(w), color=INK, label="f")
    axes.plot(
        w, value + v[0] * (w - w_t[0]), color=COLORS[0], linestyle=":", label="tangent at w$_t$"
    )
    axes.plot(w, trusted, color=COLORS[1], label=r"tangent + $\lambda/2\,|w - w_t|^2$")
    after = proximal_step(w_t, v, weight)
    lowest = model(after, w_t, value, v, weight)
    axes.plot(w_t, value, "o", color=INK)
    axes.plot(after, lowest, "o", color=COLORS[1])
    axes.annotate("w$_t$", (w_t[0], value), (-12, -14), textcoords="offset points", color=INK)
    axes.annotate(
        r"w$_t - \nabla f/\lambda$", (after[0], lowest), (14, -15), textcoords="offset points",
        color=INK,
    )  # fmt: skip
    axes.set_ylim(-0.6, 3.2)
    legend_below(axes, 3)


def _curve(w: np.ndarray) -> np.ndarray:
    return np.log(np.cosh(w)) + 0.15 * w**2


def _gaps(axes: Any, horizons: Sequence[int], shares: dict[str, list[float]]) -> None:
    style(axes, r"f(mean w) - f(w*), in units of B$\rho$", "steps T")
    T = np.array(horizons)
    axes.plot(T, 1 / np.sqrt(T), color=INK, linestyle="--", label=r"the bound, $1/\sqrt{T}$")
    for (name, values), color, marker in zip(shares.items(), COLORS, MARKERS, strict=False):
        gaps = np.array(values) / np.sqrt(T)
        axes.plot(T, gaps, color=color, marker=marker, markersize=4, linewidth=1.2, label=name)
    axes.set_xscale("log", base=4)
    axes.set_yscale("log")
    axes.set_xticks(T, [f"{t}" for t in T])
    axes.minorticks_off()
    legend_below(axes, 3)
