"""A sweep: its best trials, parallel coordinates, the effect of options, the spread over seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from html import escape
from typing import Any

from cnnlite.report.document import Section, figure
from cnnlite.report.figures.comparison import spread
from cnnlite.report.figures.sweep import (
    MOST_LABELS,
    QUARTERS,
    Line,
    axis_of,
    effect,
    parallel,
    progress,
)
from cnnlite.report.html import paragraphs, table
from cnnlite.report.sections.card import percent, plain
from cnnlite.report.sweep import Sweep, Trial, score

__all__ = ["sweep_sections"]

MOST_AXES = 10
MOST_BEST, MOST_CURVES, MOST_ROWS, MOST_GROUPS = 10, 80, 1000, 20
LEAST_WIDTH = 72
"""Pixels of a place between two axes; on a narrow screen, the figure scrolls."""
ABSENT = "\N{EN DASH}"


def sweep_sections(sweep: Sweep) -> list[Section]:
    """Return the sections of a page about a sweep, which may still be running."""
    found = (_card(sweep), _parallel(sweep), _effects(sweep), _progress(sweep), _seeds(sweep))
    return [section for section in (*found, _trials(sweep)) if section is not None]


def _shown(value: float | None, metric: str) -> str:
    if value is None or not math.isfinite(value):
        return ABSENT
    return percent(value) if metric.endswith("_acc") else f"{value:.4f}"


def _options(sweep: Sweep, trial: Trial, seed: bool = True) -> str:
    names = [*sweep.record["over"], *(["seed"] if seed else [])]
    return ", ".join(f"{name} {_plain(trial.options.get(name))}" for name in names)


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else plain(value)


def _text(sweep: Sweep, trial: Trial) -> str:
    """Return what a trial is, for whoever points at it."""
    first = f"trial {trial.number}, {trial.state}"
    value = _shown(score(trial.values, sweep.metric), sweep.metric)
    lines = [first, f"{sweep.metric} {value}", *_options(sweep, trial).split(", ")]
    return "<br>".join(escape(line, quote=False) for line in lines)


def _ordered(sweep: Sweep) -> list[tuple[str, Trial]]:
    """Return all trials with the name of their quarter, the best first."""
    sign = -1 if sweep.metric.endswith("_acc") else 1
    done, others = [], []
    for trial in sweep.trials:
        value = score(trial.values, sweep.metric)
        if trial.state == "finished" and value is not None:
            done.append((sign * value, trial.number, trial))
        else:
            others.append(trial)
    done.sort()
    names = list(QUARTERS)
    ranked = [(names[4 * rank // len(done)], trial) for rank, (_, _, trial) in enumerate(done)]
    return [*ranked, *((names[-1], trial) for trial in others)]


def _card(sweep: Sweep) -> Section:
    ranked, metric = sweep.ranked(), sweep.metric
    counts = {
        state: sum(trial.state == state for trial in sweep.trials)
        for state in ("finished", "stopped", "paused", "running", "diverged", "failed")
    }
    total = sweep.record["trials"]
    tiles = []
    if ranked:
        best = max if metric.endswith("_acc") else min
        values = [score(trial.values, metric) or 0.0 for trial in ranked[0]]
        mean = f"mean of {len(values)} seeds" if len(values) > 1 else f"trial {ranked[0][0].number}"
        tiles.append((f"Best {metric}", _shown(statistics.fmean(values), metric), mean))
        if len(values) > 1:
            tiles.append(("Its best seed", _shown(best(values), metric), "of that configuration"))
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    tiles.append(("Trials", f"{len(sweep.trials)} of {total}", told))
    seconds = sum(trial.seconds for trial in sweep.trials)
    tiles.append(("Training time", _duration(seconds), "of all trials, added up"))
    epochs = sum(len(trial.values) for trial in sweep.trials)
    rungs = ", ".join(map(str, sweep.record["rungs"][:-1]))
    tiles.append(("Epochs", f"{epochs:,}", f"halved after {rungs}" if rungs else "of all trials"))
    html = "".join(
        f'<div class="tile"><dt>{escape(name)}</dt><dd>{escape(number)}</dd>'
        f'<dd class="small">{escape(remark)}</dd></div>'
        for name, number, remark in tiles
    )
    html = f'<dl class="tiles">{html}</dl>'
    over = ", ".join(sweep.record["over"]) or "seeds"
    lead = f"{sweep.record['search'][:1].upper()}{sweep.record['search'][1:]} over {over}."
    html += paragraphs([lead], "lead")
    html += _best_table(sweep, ranked)
    return Section("card", "The sweep", html)


def _best_table(sweep: Sweep, ranked: Sequence[Sequence[Trial]]) -> str:
    if not ranked:
        return paragraphs(["No configuration has finished with all its seeds yet."])
    metric, over = sweep.metric, sweep.record["over"]
    headings = ["rank", metric, *over, "test accuracy", "seconds", "trials"]
    seeds = len(sweep.record["seeds"]) > 1
    if seeds:
        headings.insert(2, "deviation")
    rows = []
    for rank, group in enumerate(ranked[:MOST_BEST], 1):
        values = [score(trial.values, metric) or 0.0 for trial in group]
        tests = [trial.test_acc for trial in group if trial.test_acc is not None]
        row = [str(rank), _shown(statistics.fmean(values), metric)]
        row += [_shown(statistics.stdev(values), metric)] if seeds else []
        row += [_plain(group[0].options.get(name)) for name in over]
        row += [percent(statistics.fmean(tests)) if tests else ABSENT]
        row += [f"{statistics.fmean(trial.seconds for trial in group):.1f}"]
        row += [", ".join(str(trial.number) for trial in group)]
        rows.append(row)
    caption = "The best configurations" + (", means over their seeds" if seeds else "")
    return table(caption, headings, rows, [name for name in headings if name not in over])


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _parallel(sweep: Sweep) -> Section | None:
    ordered = [pair for pair in _ordered(sweep) if pair[1].values]
    if not ordered:
        return None
    trials, metric = [trial for _, trial in ordered], sweep.metric
    names = [*sweep.record["over"], *(["seed"] if len(sweep.record["seeds"]) > 1 else [])]
    axes = [
        axis_of(name, [t.options.get(name) for t in trials], log=name in sweep.record["log"])
        for name in names[:MOST_AXES]
    ]
    scores = [score(trial.values, metric) for trial in trials]
    axes.append(axis_of(metric, scores, turned=not metric.endswith("_acc")))
    lines = [
        Line(group, _text(sweep, trial), [axis.places[row] for axis in axes])
        for row, (group, trial) in enumerate(ordered)
    ]
    lead = (
        "A line is a trial; the better, the higher it ends on the right. Draw a box over a part of "
        "an axis to keep the trials that pass there, on several axes one after the other; a click "
        "on a name of the legend hides a quarter."
    )
    caption = f"From the options to {metric}."
    label = f"Parallel coordinates of {len(lines)} trials over {', '.join(names)}"
    choices = "".join(
        f'<option value="{value}">{text}</option>'
        for value, text in (("all", "all trials"), ("done", "finished trials"),
                            ("quarter", "the best quarter"), ("five", "the best five"))
    )  # fmt: skip
    html = paragraphs([lead], "lead") + (
        f'<p class="choose"><label>Show <select id="sweep-shown">{choices}</select></label>'
        '<button type="button" id="sweep-reset">All again</button>'
        '<output id="sweep-count" aria-live="polite"></output></p>'
        '<div class="scroll" tabindex="0" role="region" aria-label="Parallel coordinates">'
        f'<div style="min-width:{LEAST_WIDTH * len(axes)}px">{figure("parallel", caption, label)}'
        "</div></div>"
    )
    data = {"lines": [[line.group, line.text, line.places] for line in lines]}
    return Section(
        "parallel", "Parallel coordinates", html, {"parallel": parallel(axes, lines)}, data
    )


def _effects(sweep: Sweep) -> Section | None:
    names = sweep.record["over"][:MOST_AXES]
    figures, html = {}, []
    for place, name in enumerate(names):
        groups: dict[str, list[tuple[Any, float, str]]] = {}
        for group, trial in _ordered(sweep):
            value, at = score(trial.values, sweep.metric), trial.options.get(name)
            if value is not None and math.isfinite(value) and at is not None:
                groups.setdefault(group, []).append((at, value, _text(sweep, trial)))
        if groups:
            values = [value for dots in groups.values() for value, _, _ in dots]
            log = name in sweep.record["log"] or _wide(values)
            figures[f"effect-{place}"] = effect(name, groups, sweep.metric, log)
            label = f"{sweep.metric} over {name}"
            html.append(figure(f"effect-{place}", f"{sweep.metric} over {name}.", label))
    if not figures:
        return None
    lead = "Dots are trials, in the colours of above; grey ones were not trained to their end."
    text = f'{paragraphs([lead], "lead")}<div class="grid">{"".join(html)}</div>'
    return Section("effects", "Option by option", text, figures)


def _wide(values: Sequence[Any]) -> bool:
    """Whether the few numbers of a list are so far apart that a logarithmic scale fits them."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    few = len({str(value) for value in values}) <= MOST_LABELS
    return numbers and few and min(values) > 0 and max(values) / min(values) >= 50


def _progress(sweep: Sweep) -> Section | None:
    chosen = [(group, trial) for group, trial in _ordered(sweep) if len(trial.values) > 1]
    if not chosen:
        return None
    step = -(-len(chosen) // MOST_CURVES)
    lines = [(group, _text(sweep, trial), trial.values) for group, trial in chosen[::step]]
    caption = "Lines that end early were stopped, or have diverged."
    label = f"{sweep.metric} of {len(lines)} trials over their epochs"
    html = figure("progress", caption, label)
    return Section("progress", "All trainings", html, {"progress": progress(lines, sweep.metric)})


def _seeds(sweep: Sweep) -> Section | None:
    """Return the spread over seeds; None where there is one seed, or no accuracy."""
    if len(sweep.record["seeds"]) < 2 or not sweep.metric.endswith("_acc"):
        return None
    ranked = sweep.ranked()[:MOST_GROUPS]
    groups = {
        f"rank {rank}": [
            value for trial in group if (value := score(trial.values, sweep.metric)) is not None
        ]
        for rank, group in enumerate(ranked, 1)
    }
    if not groups:
        return None
    headings = ("rank", "configuration", "seeds", "mean", "deviation", "lowest", "highest")
    rows = [
        (name, _options(sweep, group[0], seed=False), str(len(values)),
         percent(statistics.fmean(values)),
         percent(statistics.stdev(values)) if len(values) > 1 else ABSENT,
         percent(min(values)), percent(max(values)))
        for (name, values), group in zip(groups.items(), ranked, strict=True)
    ]  # fmt: skip
    lead = (
        "Trials in a line differ in nothing but their seed. A difference between lines that is "
        "smaller than the spread within them may be luck."
    )
    html = paragraphs([lead], "lead")
    html += figure(
        "spread", "Each dot is a trial, each bar the mean of its line; the best mean is on top.",
        f"{sweep.metric} of {len(groups)} configurations",
        table("Spread over seeds", headings, rows, headings[2:]),
    )  # fmt: skip
    return Section("seeds", "Spread over seeds", html, {"spread": spread(groups)})


def _trials(sweep: Sweep) -> Section | None:
    if not sweep.trials:
        return None
    names = [*sweep.record["over"], "seed"]
    headings = ("trial", "state", sweep.metric, *names, "epochs", "seconds", "test accuracy")
    ordered = [trial for _, trial in _ordered(sweep)]
    rows = [
        (str(trial.number), trial.state, _shown(score(trial.values, sweep.metric), sweep.metric),
         *(_plain(trial.options.get(name)) for name in names), str(len(trial.values)),
         f"{trial.seconds:.1f}", percent(trial.test_acc) if trial.test_acc is not None else ABSENT)
        for trial in ordered[:MOST_ROWS]
    ]  # fmt: skip
    lead = "The best first. cnnlite report SWEEP/trials/NUMBER shows more of one."
    html = paragraphs([lead], "lead")
    html += table(
        "All trials", headings, rows, (sweep.metric, "epochs", "seconds", "test accuracy")
    )
    lost = [
        f"Trial {trial.number} {trial.state if trial.state != 'diverged' else 'has diverged'}: "
        f"{_reason(trial.reason)}"
        for trial in ordered
        if trial.reason
    ]
    if lost:
        html += f'<div class="missing"><h3>Lost</h3>{paragraphs(lost[:MOST_ROWS])}</div>'
    return Section("trials", "All trials", html)


def _reason(text: str) -> str:
    """Return a reason of one line that is not too long."""
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:299]}\N{HORIZONTAL ELLIPSIS}"
