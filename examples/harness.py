"""What the scripts here share: their command line, and the line that states a result."""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cnnlite
from cnnlite import Solver, data
from cnnlite.checkpoint import save_weights
from cnnlite.layers import Layer
from cnnlite.report import history


def run(
    description: str, build: Callable[..., Layer], *, nesterov: bool = False, **recipe: Any
) -> None:
    """Train a network by a recipe and print the accuracies it reaches.

    Args:
        description: the script's docstring, shown by --help.
        build: makes the network; takes `rng`.
        nesterov: whether momentum is Nesterov's.
        recipe: `lr`, `momentum` and `weight_decay` of SGD; the rest goes to Solver as it is.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and crops")
    parser.add_argument("--data", default="auto", help="cifar10, embedded or auto")
    parser.add_argument("--epochs", type=int, default=recipe.pop("num_epochs"))
    parser.add_argument("--smoke", action="store_true", help="one step on one batch only")
    parser.add_argument("--out", type=Path, help="a new folder for history and weights")
    arguments = parser.parse_args()
    if arguments.out:
        try:
            arguments.out.mkdir(parents=True)
        except OSError as error:
            parser.error(f"--out {arguments.out}: {error.strerror}")

    images = data.load(arguments.data)
    settings = {name: recipe.pop(name) for name in ("lr", "momentum", "weight_decay")}
    solver = Solver(
        build(rng=arguments.seed),
        images,
        optimizer=cnnlite.SGD(**settings, nesterov=nesterov),
        num_epochs=arguments.epochs,
        seed=arguments.seed,
        **recipe,
    )
    if arguments.smoke:
        print(f"smoke run: loss {solver.smoke():.4f}")
        return
    start = time.perf_counter()
    rows = solver.train()
    seconds = time.perf_counter() - start
    status = 128 + (solver.interrupted_by or signal.SIGINT) if solver.interrupted else 0
    if not rows:
        sys.exit(status)
    if arguments.out:  # with the names of a run folder
        history.save(rows, arguments.out / "history.csv")
        save_weights(arguments.out / "weights-last.safetensors", solver.model.state_dict())
    first = solver.val_acc_history[0]
    test = solver.check_accuracy(images["X_test"], images["y_test"])
    print(
        f"{images.name}: {first:.1%} validation after one epoch, {test:.2%} test after "
        f"{len(rows)} (seed {arguments.seed}, {seconds:.0f} s, "
        f"{cnnlite.get_num_threads()} threads)"
    )
    if status:
        sys.exit(status)
