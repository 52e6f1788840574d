"""`cnnlite models`: the networks of the zoo, and how large they are."""

import click

from cnnlite.cli._group import show_table

BATCH = 2  # images that a network is shown: batch-norm needs two numbers a channel


@click.command()
@click.option(
    "--size", type=click.IntRange(1, 4096), default=32, show_default=True, help="Side of an image."
)
@click.option("--grey", is_flag=True, help="Images of one channel, not three.")
@click.option("--classes", type=click.IntRange(min=2), default=10, show_default=True)
def models(size: int, grey: bool, classes: int) -> None:
    """List the networks of the zoo, with their parameters and multiplications for one image."""
    from cnnlite.models import NETWORKS

    shape = (1 if grey else 3, size, size)
    rows, faults = [], []
    for name, make in NETWORKS.items():
        try:
            network = make(num_classes=classes, input_shape=shape, rng=0)
            summary = network.summary((BATCH, *shape))
        except (ValueError, MemoryError) as error:
            what = str(error) or "there is not enough memory"
            faults.append(what if what.startswith(name) else f"{name}: {what}")
            continue
        rows.append((name, f"{summary.params:,}", f"{summary.multiply_adds // BATCH:,}"))
    headings = ("network", "parameters", "multiply-adds")
    if rows:
        show_table(headings, rows, headings[1:], headings[2:])
    for fault in faults:
        click.echo(fault)
    click.echo(f"for {classes} classes and images of {'x'.join(map(str, shape))}")
