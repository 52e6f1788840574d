"""`cnnlite evaluate`: the accuracy of a run's best weights."""

from pathlib import Path

import click

from cnnlite.cli._group import explained, say_where, show_table
from cnnlite.environment import MOST_THREADS

SPLITS = {"train": "training", "val": "validation", "test": "test"}


@click.command()
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option(
    "--split", type=click.Choice(list(SPLITS)), default="test", show_default=True, help="Images."
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder that holds CIFAR-10.")
@click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    help="Threads; the default is all cores.",
)
def evaluate(run: Path | None, split: str, data_dir: Path | None, threads: int | None) -> None:
    """Measure RUN (a run folder; the newest if left out), in total and class by class."""
    import numpy as np

    import cnnlite
    from cnnlite.cli import runs
    from cnnlite.evaluation import predictions, scores_of_batches

    if threads is not None:
        cnnlite.set_num_threads(threads)
    path = run or runs.newest_run("name a run folder")
    with explained(OSError, ValueError):
        opened = runs.open_run(path)
        model = opened.model()
        data = opened.data(data_dir)
        say_where(data, data_dir or opened.config.data_dir)

    images, targets = data[f"X_{split}"], data[f"y_{split}"]
    right = np.empty(len(targets), dtype=bool)
    for where, scores in scores_of_batches(model, images, opened.normalization):
        right[where] = predictions(scores) == targets[where]

    rows = []
    for label, name in enumerate(opened.class_names):
        members = right[targets == label]
        if len(members):
            rows.append((name, f"{len(members):,}", f"{members.mean():.2%}"))
    show_table(("class", "images", "right"), rows, ("images", "right"), ["images"])
    click.echo(
        f"{SPLITS[split]} accuracy {right.mean():.2%} over {len(right):,} images "
        f"of {data.name} ({path})"
    )
