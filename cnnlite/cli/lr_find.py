"""`cnnlite lr-find`: which learning rate to train with."""

from pathlib import Path
from typing import Any

import click

from cnnlite.cli import train as training
from cnnlite.cli._data import keep_data
from cnnlite.cli._group import describe, explained, fail, progress_note, without
from cnnlite.cli.config import ConfigError, is_own


@click.command("lr-find")
@training.config_flags
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    help="TOML file of these options; flags win.",
)
@click.option("--start", type=float, default=1e-7, show_default=True, help="First rate.")
@click.option("--end", type=float, default=10.0, show_default=True, help="Last rate.")
@click.option("--steps", type=int, default=100, show_default=True, help="How many rates.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("lr-find.png"),
    show_default=True,
    help="The picture.",
)
def lr_find(
    file: Path | None, start: float, end: float, steps: int, out: Path, **flags: Any
) -> int:
    """Try learning rates from low to high, a step each, and suggest one.

    The options are those of cnnlite train, and decide what would be trained. Nothing is kept but
    the picture of the losses.
    """
    import cnnlite
    from cnnlite.cli import runs
    from cnnlite.cli.own_model import OwnModel
    from cnnlite.cli.parts import make_solver
    from cnnlite.report import lr_find as picture

    given = training.given_flags(flags)
    with explained(ConfigError, OSError):
        config = training.new_config(file, given)
    if not out.absolute().parent.is_dir():
        fail(f"--out {out}: its folder does not exist")
    if config.threads is not None:
        cnnlite.set_num_threads(config.threads)
    with explained(OSError, ValueError):
        own = OwnModel.named(config.model) if is_own(config.model) else None
        weights = runs.read_weights(Path(config.init)) if config.init else None
    data = training.load_data(config)
    keep_data(data, out)
    try:
        # The checkpoint of this folder is never written: no training begins.
        solver = make_solver(config, data, own, weights, Path(), verbose=False)
        with progress_note(f"{steps} learning rates"):
            found = solver.lr_find(start, end, steps)
    except (ValueError, TypeError) as error:
        fail(describe(error).removeprefix("Solver.lr_find: "))
    title = f"{config.model} on {data.name}, {len(found.lrs)} steps"
    with explained(OSError), without(str(out), "matplotlib"):
        picture.save(found, out, title)
        click.echo(f"picture: {out}")
    lowest = found.lrs[min(range(len(found.lrs)), key=found.smoothed.__getitem__)]
    if found.suggestion is None:
        click.echo("no suggestion: the loss never falls; try more --steps, or another --start")
        return 1
    click.echo(
        f"the loss falls fastest at {found.suggestion:.2g}, and is lowest at {lowest:.2g}\n"
        f"suggestion: --lr {found.suggestion:.2g}"
    )
    return 0
