"""Several trainings beside one another."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from cnnlite.report.confusion import Confusion
from cnnlite.report.document import Section, figure
from cnnlite.report.figures.comparison import class_recalls
from cnnlite.report.figures.curves import compared
from cnnlite.report.html import paragraphs, table
from cnnlite.report.sections.card import PARTS, percent, plain, value
from cnnlite.report.sections.seeds import over_seeds
from cnnlite.report.seen import Seen

__all__ = ["comparison"]

UNTOLD = ("data_dir", "init")
"""Options that say where something was, not what was done."""
ABSENT = "\N{EN DASH}"


def comparison(runs: Sequence[Seen]) -> list[Section]:
    """Return the sections of a page that compares trainings.

    Args:
        runs: at least two, with names of their own.
    """
    found = (_results(runs), _curves(runs), _differences(runs), _seeds(runs), _classes(runs))
    return [section for section in found if section is not None]


def _results(runs: Sequence[Seen]) -> Section:
    headings = (
        "run", "model", "best validation", "in epoch", "accuracy", "epochs", "parameters",
        "ms an image", "images/s", "seed",
    )  # fmt: skip
    rows = []
    for run in sorted(runs, key=lambda run: -(run.best or {"val_acc": -1.0})["val_acc"]):
        best, speeds = run.best, [row["images_per_second"] for row in run.history]
        ms = sum((row.ms or 0) + (row.backward_ms or 0) for row in run.layers)
        answers = run.answers
        rows.append(
            (
                run.name,
                value(run.config, "model") or ABSENT,
                percent(best["val_acc"]) if best else ABSENT,
                str(best["epoch"]) if best else ABSENT,
                f"{percent(answers.accuracy)} ({PARTS[answers.part]})" if answers else ABSENT,
                str(len(run.history)),
                f"{run.params:,}" if run.params else ABSENT,
                f"{ms:.3g}" if ms else ABSENT,
                f"{statistics.median(speeds):,.0f}" if speeds else ABSENT,
                value(run.config, "seed") or ABSENT,
            )
        )
    lead = (
        "The best validation accuracy first; cnnlite report RUN shows more of one. The images/s "
        "are those of the training; ms an image was measured for this page, forwards and "
        "backwards, one layer at a time."
    )
    html = paragraphs([lead])
    html += table("Results of the runs", headings, rows, headings[2:])
    said: dict[str, list[str]] = {}
    for run in runs:
        for note in run.notes:
            said.setdefault(note, []).append(run.name)
    if said:
        notes = [f"{', '.join(names)}: {note}" for note, names in said.items()]
        html += f'<div class="missing"><h3>Not in this page</h3>{paragraphs(notes)}</div>'
    return Section("card", "The runs", html)


def _curves(runs: Sequence[Seen]) -> Section | None:
    histories = {run.name: run.history for run in runs if run.history}
    if not histories:
        return None
    caption = (
        "Solid lines are validation, dotted ones training; a click on a name hides its curves. The "
        "strip below is the learning rate."
    )
    html = figure("curves", caption, f"Curves of {len(histories)} trainings")
    return Section("curves", "Loss and accuracy", html, {"curves": compared(histories)})


def _differences(runs: Sequence[Seen]) -> Section:
    """Return a table of the options, and of the circumstances, in which runs differ."""
    told = [_told(run) for run in runs]
    keys = dict.fromkeys(key for one in told for key in one)
    rows = [
        (key, *(plain(one[key]) if key in one else "not given" for one in told))
        for key in keys
        if len({plain(one.get(key)) for one in told}) > 1
    ]
    same = f"{len(keys) - len(rows)} other options and circumstances are the same."
    html = paragraphs([same], "lead")
    if rows:
        html += table("Where the runs differ", ("option", *(run.name for run in runs)), rows)
    return Section("differences", "Differences of configuration", html)


def _told(run: Seen) -> dict[str, Any]:
    config = run.config
    told = {k: v for k, v in config.get("options", {}).items() if k not in UNTOLD}
    told |= {"data": config.get("data"), "instruction set": config.get("instruction_set")}
    told |= dict(config.get("versions") or {}) | {"threads": config.get("threads")}
    return {key: item for key, item in told.items() if item is not None}


def _seeds(runs: Sequence[Seen]) -> Section | None:
    """Return the accuracy of runs that differ in their seed alone; None without an accuracy."""
    groups: dict[str, list[Seen]] = {}
    for run in runs:
        if run.best is not None:
            options = {k: v for k, v in run.config.get("options", {}).items() if k != "seed"}
            kind = {"options": options, "data": run.config.get("data")}
            groups.setdefault(repr(sorted(kind.items())), []).append(run)
    if not groups:
        return None
    named = {_name(members, list(groups.values())): members for members in groups.values()}
    accuracies: dict[tuple[str, ...], list[float]] = {
        (name,): _accuracies(members) for name, members in named.items()
    }
    return over_seeds("run", ("runs",), accuracies)


def _accuracies(members: Sequence[Seen]) -> list[float]:
    return [run.best["val_acc"] for run in members if run.best is not None]


def _name(members: Sequence[Seen], groups: Sequence[Sequence[Seen]]) -> str:
    """Return a name of a group: its model if no other has it, else its runs."""
    model = value(members[0].config, "model")
    same = [group for group in groups if value(group[0].config, "model") == model]
    if model and len(same) == 1:
        return model
    return (
        members[0].name if len(members) == 1 else f"{members[0].name} and {len(members) - 1} more"
    )


def _classes(runs: Sequence[Seen]) -> Section | None:
    """Return the recall of each class, where runs were asked of the same classes."""
    asked = [run for run in runs if run.answers is not None]
    if not asked:
        return None
    asked = [run for run in asked if list(run.classes) == list(asked[0].classes)]
    recalls: Mapping[str, Any] = {
        run.name: Confusion(run.answers.labels, run.answers.predicted, run.classes).recall
        for run in asked
        if run.answers is not None
    }
    rows = [
        (name, *(percent(values[label]) for values in recalls.values()))
        for label, name in enumerate(asked[0].classes)
    ]
    html = figure(
        "recalls", "Dots that are far apart are classes in which the runs differ.",
        f"Share of each class that {len(recalls)} trainings find",
        table("Recall of each class", ("class", *recalls), rows, tuple(recalls)),
    )  # fmt: skip
    drawn = class_recalls(asked[0].classes, recalls)
    return Section("classes", "Class by class", html, {"recalls": drawn})
