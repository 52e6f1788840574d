"""What Solver's defaults make of each network of the zoo: a table.

    python -m benchmarks.defaults         # the embedded data set, and CIFAR-10 if it is there
    python -m benchmarks.defaults --epochs 2 --images 6400 --seeds 0 1 2

Solver is given the network and the data and nothing else that could help: its own optimizer, no
schedule, no augmentation. A row says the loss of the first step, the highest of all steps, the mean
of the last ten, and the validation accuracy after each epoch. A network trains if it ends below
where it began and far above chance; on the embedded data set the softmax classifier cannot, by
design (docs/use/data.md): what counts there is that its loss does not rise.
"""

import argparse
import statistics

from cnnlite import Solver, data
from cnnlite.data import Dataset
from cnnlite.models import MODELS


def data_sets() -> list[Dataset]:
    """The embedded data set, and CIFAR-10 where it is."""
    found = {some.name: some for some in (data.embedded(), data.load())}
    return list(found.values())


def part(whole: Dataset, images: int) -> dict[str, object]:
    """The first images of a data set; all of its validation part, up to 1000."""
    sizes = {"train": images, "val": 1000}
    return {
        f"{letter}_{split}": whole[f"{letter}_{split}"][:size]
        for split, size in sizes.items()
        for letter in "Xy"
    }


def main() -> None:
    """Train, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--images", type=int, default=12_800, help="to train on, at most")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    arguments = parser.parse_args()
    print(f"{'data':10}{'network':22}{'seed':>4}{'first':>8}{'highest':>9}{'last':>8}  accuracies")
    for whole in data_sets():
        some = part(whole, arguments.images)
        for name, make in MODELS.items():
            for seed in arguments.seeds:
                solver = Solver(
                    make(rng=seed), some, num_epochs=arguments.epochs, seed=seed, verbose=False
                )
                solver.train()
                losses = solver.loss_history
                print(
                    f"{whole.name:10}{name:22}{seed:4}{losses[0]:8.2f}{max(losses):9.2f}"
                    f"{statistics.fmean(losses[-10:]):8.3f}  "
                    + " ".join(f"{accuracy:.3f}" for accuracy in solver.val_acc_history),
                    flush=True,
                )


if __name__ == "__main__":
    main()
