"""Whether Winograd's rounding matters to training: an epoch of CIFAR-10 on two rungs, three seeds.

    python -m benchmarks.convergence                     # needs CIFAR-10; minutes
    python -m benchmarks.convergence --seeds 0 1 --train 5000

Trains the small VGG with every 3x3 convolution on `tiled` and on `winograd`, from the same weights
with the same batches, and prints the mean loss of the last tenth of the steps and the validation
accuracy of each. The rungs round differently, so that their runs part as two seeds do; what counts
is that their difference is not larger than that between seeds. Exit status 1 if it is.
"""

import argparse
import statistics
import sys

import cnnlite
from benchmarks.text import table
from cnnlite import data, models

RUNGS = ("tiled", "winograd")


def train(rung: str, seed: int, threads: int, images: int | None) -> tuple[float, float]:
    """Train an epoch; return the last losses' mean and the validation accuracy."""
    cnnlite.set_num_threads(threads)
    splits = dict(data.cifar10())
    if images is not None:
        splits |= {key: splits[key][:images] for key in ("X_train", "y_train")}
    model = models.small_vgg(rng=seed)
    for _, layer in model.leaves():
        if isinstance(layer, cnnlite.Conv2d):
            layer.algorithm = rung
    solver = cnnlite.Solver(
        model,
        splits,
        optimizer=cnnlite.SGD(lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True),
        augment=data.RandomCropFlip(),
        num_epochs=1,
        seed=seed,
        verbose=False,
    )
    solver.train()
    losses = solver.loss_history
    return statistics.fmean(losses[-len(losses) // 10 :]), solver.best_val_acc


def main() -> int:
    """Train, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=cnnlite.get_num_threads())
    parser.add_argument("--train", type=int, help="this many images instead of all")
    arguments = parser.parse_args()
    ends: dict[str, list[float]] = {rung: [] for rung in RUNGS}
    rows = []
    for seed in arguments.seeds:
        row = [f"seed {seed}"]
        for rung in RUNGS:
            loss, accuracy = train(rung, seed, arguments.threads, arguments.train)
            ends[rung].append(loss)
            row += [f"{loss:.4f}", f"{accuracy:.1%}"]
        rows.append(row)
    print(table(["", *(f"{rung} {what}" for rung in RUNGS for what in ("loss", "val."))], rows))
    noise = max(max(ends[rung]) - min(ends[rung]) for rung in RUNGS)
    apart = abs(statistics.fmean(ends["tiled"]) - statistics.fmean(ends["winograd"]))
    print(f"means apart: {apart:.4f}; between seeds: {noise:.4f}")
    return int(apart > noise)


if __name__ == "__main__":
    sys.exit(main())
