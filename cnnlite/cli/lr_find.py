"""`cnnlite lr-find`: which learning rate to train with."""

import re
from pathlib import Path
from typing import Any

import click

from cnnlite.cli import train as training
from cnnlite.cli._data import keep_data
from cnnlite.cli._group import describe, explained, fail, progress_note, without
from cnnlite.cli.config import ConfigError, is_own
from cnnlite.cli.flags import config_flags, given_flags, new_config
from cnnlite.cli.places import check_place
from cnnlite.environment import launched
from cnnlite.terminal import printable

FLAGS = {"start_lr": "--start", "end_lr": "--end", "num_steps": "--steps"}
"""The arguments of Solver.lr_find, by which its messages call them."""
USUAL = (100, 400)
"""How many rates are tried; the second where the first show nothing."""


@click.command("lr-find")
@config_flags
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    help="TOML file of these options; flags win.",
)
@click.option("--start", type=float, default=1e-7, show_default=True, help="First rate.")
@click.option("--end", type=float, default=10.0, show_default=True, help="Last rate.")
@click.option(
    "--steps",
    type=int,
    help="How many rates.  [default: 100; where they show nothing, 400]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("lr-find.png"),
    show_default=True,
    help="The picture.",
)
def lr_find(
    file: Path | None, start: float, end: float, steps: int | None, out: Path, **flags: Any
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

    if launched() is not None:
        fail("mpirun makes nothing faster here: run it alone, as the result is the same")
    given = given_flags(flags)
    with explained(ConfigError, OSError):
        config = new_config(file, given)
    where = f"--out {printable(str(out))}"
    if out.suffix.lower() != ".png":
        fail(f"{where}: the picture is a PNG, its name must end in .png")
    if not out.absolute().parent.is_dir():
        fail(f"{where}: its folder does not exist")
    if out.is_dir():
        fail(f"{where} is a folder, the picture needs a name")
    check_place(out, "--out names another place")
    if config.threads is not None:
        cnnlite.set_num_threads(config.threads)
    with explained(OSError, ValueError):
        own = OwnModel.named(config.model) if is_own(config.model) else None
        weights = runs.read_weights(Path(config.init)) if config.init else None
    data = training.load_data(config)
    config = training.fitted(config, data, file, given)
    keep_data(data, out)
    try:
        # The checkpoint of this folder is never written: no training begins.
        solver = make_solver(config, data, own, weights, Path(), verbose=False)
        for number in USUAL if steps is None else (steps,):
            with progress_note(f"{number} learning rates"):
                found = solver.lr_find(start, end, number)
            if found.suggestion is not None:
                break
    except (ValueError, TypeError) as error:
        text = describe(error).removeprefix("Solver.lr_find: ")
        fail(re.sub("|".join(FLAGS), lambda match: FLAGS[match[0]], text))
    title = f"{config.model} on {data.name}, {len(found.lrs)} steps"
    with explained(OSError), without(printable(str(out)), "matplotlib"):
        picture.save(found, out, title)
        click.echo(f"picture: {printable(str(out))}")
    lowest = found.lrs[min(range(len(found.lrs)), key=found.smoothed.__getitem__)]
    if found.suggestion is None:
        click.echo(
            f"no suggestion: the loss never falls by more than batches differ, in {len(found.lrs)} "
            "steps; try more --steps, or another --start"
        )
        return 1
    click.echo(
        f"the loss falls fastest at {found.suggestion:.2g}, and is lowest at {lowest:.2g}\n"
        f"suggestion: --lr {found.suggestion:.2g}"
    )
    return 0
