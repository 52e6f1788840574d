"""The picture: the paper's figure 1, and what regularisers change."""

from collections.abc import Mapping
from typing import Any

from cnnlite.labs.generalisation.experiment import REGULARISERS, Training
from cnnlite.labs.lab import COLORS, INK, legend_below, style

MARKERS = "os^vD"


def draw(
    by_kind: Mapping[str, Training],
    by_share: Mapping[float, Training],
    by_regulariser: Mapping[tuple[str, str], Training],
    steps_per_epoch: int,
    figure: Any,
) -> None:
    """Draw losses, steps needed and errors by share of random labels, and accuracies."""
    (losses, steps), (errors, regularisers) = figure.subplots(2, 2)
    _losses(losses, by_kind, steps_per_epoch)
    _steps(steps, by_share)
    _errors(errors, by_share)
    _regularisers(regularisers, by_regulariser)


def _losses(axes: Any, by_kind: Mapping[str, Training], steps_per_epoch: int) -> None:
    style(axes, "training loss, mean of each epoch", "steps")
    for (kind, training), color, marker in zip(by_kind.items(), COLORS, MARKERS, strict=False):
        steps = [(epoch + 0.5) * steps_per_epoch for epoch in range(len(training.losses))]
        axes.plot(
            steps, training.losses, color=color, marker=marker, markevery=5, markersize=4,
            linewidth=1.2, label=kind,
        )  # fmt: skip
    axes.set_ylim(bottom=0)
    legend_below(axes, 3, 0.17)


def _steps(axes: Any, by_share: Mapping[float, Training]) -> None:
    style(axes, "steps until all is learnt by heart (true labels: 1)", "share of random labels")
    done = {share: training for share, training in by_share.items() if training.by_heart}
    first = by_share[0.0].steps
    relative = [training.steps / first for training in done.values()]
    axes.plot(list(done), relative, color=COLORS[0], marker="o", markersize=5)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")


def _errors(axes: Any, by_share: Mapping[float, Training]) -> None:
    style(axes, "error", "share of random labels")
    shares = list(by_share)
    val = [1 - training.val_acc for training in by_share.values()]
    train = [1 - training.train_acc for training in by_share.values()]
    axes.plot(shares, val, color=COLORS[1], marker="s", markersize=5, label="validation")
    axes.plot(shares, train, "--", color=COLORS[0], marker="o", markersize=5, label="training")
    axes.axhline(0.9, color=INK, linewidth=0.8, linestyle=":")
    axes.text(0, 0.905, "chance", color=INK, fontsize=8, va="bottom")
    axes.set_ylim(-0.03, 1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda x, _: f"{x:.0%}")
    legend_below(axes, 2, 0.17)


def _regularisers(axes: Any, by_regulariser: Mapping[tuple[str, str], Training]) -> None:
    style(axes, "accuracy with a regulariser")
    kinds = [kind for kind, regulariser in by_regulariser if regulariser == "none"]
    for row, kind in enumerate(kinds):
        trained = [by_regulariser[kind, regulariser] for regulariser in REGULARISERS]
        places = [4 * i + row * 1.7 for i in range(len(REGULARISERS))]
        color = COLORS[row]
        axes.bar(
            places, [t.train_acc for t in trained], 0.75, color="none", edgecolor=color,
            hatch="////", linewidth=1, label=f"{kind}, training",
        )  # fmt: skip
        axes.bar(
            [place + 0.78 for place in places], [t.val_acc for t in trained], 0.75, color=color,
            edgecolor=color, linewidth=1, label=f"{kind}, validation",
        )  # fmt: skip
    axes.set_xticks([4 * i + 1.24 for i in range(len(REGULARISERS))], REGULARISERS, fontsize=8)
    axes.yaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    legend_below(axes, 2, 0.1)
