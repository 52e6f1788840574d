"""The page of the record, made of its lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from benchmarks.record.lines import OURS, STEPS, TABLE, Compared, Trained, place, read, told_side
from benchmarks.record.summary import Summary, duration, summaries
from benchmarks.text import table

__all__ = ["FIGURE", "PAGE", "check", "compared_steps", "text_of", "write"]

PAGE = TABLE.with_suffix(".md")
FIGURE = PAGE.parents[1] / "images" / "record-minutes.svg"
MINUTES = "minutes"
"""What the labels of trainings for a given time begin with."""
BEGIN, END = "<!-- python -m benchmarks.record table writes this -->\n", "<!-- end -->\n"
"""What stands around the part that is made; the rest of the page is written by hand."""


def text_of(lines: Sequence[Trained], compared: Sequence[Compared]) -> str:
    """Return the part of the page that is made, for these lines."""
    parts = _minutes(lines) if lines or compared else ["There is no line yet.\n"]
    for recipe in dict.fromkeys([x.recipe for x in lines] + [x.recipe for x in compared]):
        own = summaries(line for line in lines if line.recipe == recipe)
        less = _ablations(own)
        whole = [each for each in own if not (less and _left_out(each))]
        parts += [f"## {recipe}\n\n{_trainings(whole, own)}\n", *_bits(own), *_options(whole)]
        steps = [line for line in compared if line.recipe == recipe]
        parts += [compared_steps(line) for line in _latest(steps)]
        parts += less
    return "\n".join(parts)


def write() -> None:
    """Write the page, and its figure if there are lines for one."""
    lines, compared = read(TABLE, Trained), read(STEPS, Compared)
    PAGE.write_text(_page(text_of(lines, compared)), "utf-8")
    points = _points(lines)
    if points:
        from benchmarks.record import figure

        FIGURE.write_bytes(figure.svg(points))
    else:
        FIGURE.unlink(missing_ok=True)


def check() -> list[str]:
    """Return what does not agree with the lines: nothing, if all is as `write` would have it."""
    lines, compared = read(TABLE, Trained), read(STEPS, Compared)
    wrong = []
    if PAGE.read_text("utf-8") != _page(text_of(lines, compared)):
        wrong.append(f"{PAGE.name} is not what its lines say")
    points = _points(lines)
    if bool(points) != FIGURE.is_file():
        wrong.append(f"{FIGURE.name} is {'missing' if points else 'left over'}")
    elif points:
        from benchmarks.record import figure

        drawn, kept = figure.svg(points), FIGURE.read_bytes()
        made = re.compile(rb"Matplotlib v[\d.]+")
        if made.findall(drawn) == made.findall(kept) and drawn != kept:
            wrong.append(f"{FIGURE.name} is not what its lines say")
    return [f"{text}: python -m benchmarks.record table" for text in wrong]


def _page(made: str) -> str:
    """Return the page with the part that is made in its place.

    Raises:
        ValueError: the page does not say where that is.
    """
    before, begin, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} has not both lines, {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}\n{made}\n{END}{after}"


def _trainings(own: Sequence[Summary], recipe: Sequence[Summary]) -> str:
    """Return a table of trainings, and below it what all of them have in common.

    Args:
        own: those that are shown.
        recipe: all of the recipe, by which one is known to be out of date.
    """
    if not own:
        return "No training is recorded yet."
    header = ["training", "in", "seeds", "accuracy", "plain", "range", "epochs",
              "steps", "whole", "of sgemm: steps", "whole"]  # fmt: skip
    rows = [
        [
            each.first.label + _outdated(each, recipe), _in(each), str(len(each.lines)),
            *_accuracies(each), each.ends if len(each.lines) > 1 else "", str(each.first.epochs),
            *("" if value is None else duration(value) for value in (each.seconds, each.whole)),
            *("" if value is None else f"{value:.0%}" for value in (each.share, each.whole_share)),
        ]
        for each in own
    ]  # fmt: skip
    return _with_common(own, header, rows)


def _with_common(own: Sequence[Summary], header: list[str], rows: list[list[str]]) -> str:
    """Return a table, and below it images, machine, sgemm and days; columns for what differs."""
    common = []
    for name, told, cells in (
        ("images", "accuracies on {}", [each.images for each in own]),
        ("on", "times on {}", [each.place for each in own]),
    ):
        found = set(cells) - {""}
        if len(found) > 1:
            header = [*header, name]
            rows = [[*row, cell] for row, cell in zip(rows, cells, strict=True)]
        else:
            common += [told.format(cell) for cell in found]
    rates = [rate for each in own for times in each.times for rate in times.sgemm]
    if rates:
        common.append(f"sgemm made {min(rates):.0f} to {max(rates):.0f} GFLOP/s")
    days = sorted({line.date for each in own for line in each.lines})
    common.append("recorded " + " to ".join(dict.fromkeys((days[0], days[-1]))))
    text = "; ".join(common)
    whole = table(header, rows).replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
    return f"{whole}\n\n{text[0].upper()}{text[1:]}."


def _options(own: Sequence[Summary]) -> list[str]:
    """List what trainings were given beside the recipe, where the table does not say it."""
    lines = [
        f"- {each.first.label} in {_in(each)}: `{options}`\n"
        for each in own
        if (options := each.first.options)
        and not each.first.label.endswith(f" {options}")
        and options != f"--epochs {each.first.epochs}"
    ]
    return ["With these options:\n\n" + "".join(lines)] if lines else []


def _in(each: Summary) -> str:
    return told_side(each.first.framework, each.first.multiply)


def _accuracies(each: Summary) -> tuple[str, str]:
    """Return the accuracy that counts, and the plain one where that is another."""
    return each.augmented or each.plain, each.plain if each.augmented else ""


def _left_out(each: Summary) -> str:
    """Return the part of the recipe that a training is without; "" if it has all."""
    recipe, _, part = each.first.label.partition(" without ")
    return part if recipe == each.first.recipe and each.first.framework == OURS else ""


def _outdated(each: Summary, own: Sequence[Summary]) -> str:
    return " (as it was before)" * _changed_since(each, own)


def _changed_since(one: Summary, own: Sequence[Summary]) -> bool:
    """Whether the recipe or the script is another one by now."""

    def name(each: Summary) -> tuple[str, str, str]:
        return each.first.label, each.first.options, each.first.framework

    return one.first.config != [each for each in own if name(each) == name(one)][-1].first.config


def _bits(own: Sequence[Summary]) -> list[str]:
    """Say how many seeds were trained again, and whether to the same bits."""
    same, other = (sum(getattr(each, name) for each in own) for name in ("repeated", "differing"))
    if not same + other:
        return []
    return [f"Trained again, {same} of {same + other} seeds gave the same bits.\n"]


def _latest(compared: Sequence[Compared]) -> list[Compared]:
    """Return the last line of each label and machine."""
    return list({(line.label, line.machine, line.threads): line for line in compared}.values())


def compared_steps(line: Compared) -> str:
    """Say what a step takes here and in PyTorch, in float32 and in bfloat16."""
    names = [told_side(side.framework, side.multiply) for side in line.sides]
    steps, wholes, shares = [], [], []
    for name, side in zip(names, line.sides, strict=True):
        steps.append(f"{1e3 * side.seconds / line.steps:.0f} ms in {name}")
        wholes.append(duration(side.seconds + line.batches))
        if side.framework != OURS:
            shares.append(f"{line.share_of(side):.0%} of the time of {name}")
    return (
        f"{line.label}: a step takes {'; '.join(steps)} (PyTorch {line.torch}; in turns in one run "
        f"on {place(line.threads, line.machine)}, {line.date}). All steps of the recipe, with "
        f"their batches, then take {', '.join(wholes)}, in this order: the recipe takes "
        f"**{' and '.join(shares)}**.\n"
    )


def _ablations(own: Sequence[Summary]) -> list[str]:
    """Return what the recipe loses without each of its parts, and by which options it was so."""
    whole = [x for x in own if not x.first.options and x.first.framework == OURS]
    less = [each for each in own if whole and _left_out(each)]
    if not less:
        return []
    every = whole[-1]
    rows, options = [_ablation("nothing", every, "", len(every.lines))], []
    for each in less:
        same, as_many = each.in_seeds_of(every), every.in_seeds_of(each)
        loss = f"{100 * (same.best - as_many.best):+.2f}" if same.lines else ""
        part = _left_out(each) + _outdated(each, own)
        rows.append(_ablation(part, each, loss, len(same.lines)))
        options.append(f"- {part}: `{each.first.options}`\n")
    header = ["left out", "accuracy", "plain", "difference", "of seeds", "steps"]
    text = _with_common([every, *less], header, rows)
    return [f"### What each part gives\n\n{text}\n", "Left out by:\n\n" + "".join(options)]


def _ablation(part: str, each: Summary, loss: str, seeds: int) -> list[str]:
    time = "" if each.seconds is None else duration(each.seconds)
    return [part, *_accuracies(each), loss, str(seeds), time]


def _points(lines: Sequence[Trained]) -> dict[str, list[tuple[float, Summary]]]:
    """Return the trainings for a given time, by what they ran in, with their seconds."""
    found: dict[str, list[tuple[float, Summary]]] = {}
    own = summaries(line for line in lines if line.label.startswith(MINUTES))
    for each in own:
        if each.seconds is not None and not _changed_since(each, own):
            name = told_side(each.first.framework.partition(",")[0], each.first.multiply)
            found.setdefault(name, []).append((each.seconds, each))
    return {name: sorted(each, key=lambda point: point[0]) for name, each in found.items()}


def _minutes(lines: Sequence[Trained]) -> list[str]:
    points = _points(lines)
    if not points:
        return []
    rows = [
        [each.first.label, name, duration(seconds), each.augmented or each.plain,
         str(len(each.lines))]
        for name, own in points.items() for seconds, each in own
    ]  # fmt: skip
    header = ["training", "in", "steps", "accuracy", "seeds"]
    shown = "Accuracy over the seconds of training, here and in PyTorch"
    link = Path("..") / "images" / FIGURE.name
    return [f"## Accuracy over time\n\n![{shown}]({link.as_posix()})\n\n{table(header, rows)}\n"]
