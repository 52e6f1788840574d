"""The 64/256/256 network by the recipe airbench94, in Python; `--recipe list` says what it reaches.

What `cnnlite train --recipe airbench94` does, whose table says what each number is and
where it comes from. Here each part stands in the open: a first layer that whitens patches, an
optimizer that moves matrices by Muon and the rest by SGD, and a bias that is frozen on the way.
"""

import argparse

import numpy as np

from cnnlite import SGD, Conv2d, CrossEntropyLoss, Muon, Solver, data, initializers
from cnnlite.callbacks import Freeze
from cnnlite.data import RandomCropFlip, batches
from cnnlite.models import airbench, freeze_layers
from cnnlite.optim import named
from cnnlite.schedules import Linear

SCALES = ("4.weight", "7.weight", "11.weight", "14.weight", "18.weight", "21.weight")


def optimizer(batch_size: int) -> Muon:
    """Return Muon for the convolutions, with SGD for the biases and the last layer."""
    rate = batch_size * 0.053  # for means over a batch; 0.053 is for sums
    bias = SGD(rate, momentum=0.85, nesterov=True, weight_decay=3.77e-5)
    last = SGD(batch_size * 0.67 / 256**2, momentum=0.85, nesterov=True, weight_decay=0.1956)
    groups = [
        {"match": named("*.bias"), "optimizer": bias},
        {"match": named("25.weight"), "optimizer": last},
        {"match": named("*.weight"), "weight_norm": True, "ns_steps": 3},
    ]
    return Muon(0.24, weight_decay=0, momentum=0.6, groups=groups)


def main() -> None:
    """Train, and print the accuracies."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0], allow_abbrev=False
    )
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and crops")
    parser.add_argument("--data", default="auto", help="cifar10, embedded or auto")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=2000)
    parser.add_argument("--smoke", action="store_true", help="one step on one batch only")
    arguments = parser.parse_args()

    images = data.load(arguments.data)
    model = airbench(rng=arguments.seed)
    order = batches.epoch_order(len(images["X_train"]), 0, arguments.seed)
    some = np.sort(order[:5000])
    pixels = batches.gather(images["X_train"], some, images.normalization)
    initializers.whitening(model.params["0.weight"], pixels)
    freeze_layers(model, "0.weight", *SCALES)
    for _, layer in model.leaves():
        if isinstance(layer, Conv2d):  # it concerns those of 3x3, and is faster on some machines
            layer.multiply = "bfloat16"
    solver = Solver(
        model,
        images,
        loss=CrossEntropyLoss(label_smoothing=0.2),
        optimizer=optimizer(arguments.batch_size),
        schedule=Linear(),
        augment=RandomCropFlip(2, "alternate", "reflect"),
        callbacks=[Freeze(3, "0.bias")],
        batch_size=arguments.batch_size,
        num_epochs=arguments.epochs,
        drop_last=True,
        seed=arguments.seed,
    )
    if arguments.smoke:
        print(f"smoke run: loss {solver.smoke():.4f}")
        return
    solver.train()
    plain, mean = (
        solver.check_accuracy(images["X_test"], images["y_test"], tta=tta)
        for tta in ("none", "translate")
    )
    print(f"{images.name}: {plain:.2%} test, {mean:.2%} with test-time augmentation")


if __name__ == "__main__":
    main()
