"""What a training run is made of: one table of flags, TOML keys and their checks."""

import math
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from types import UnionType
from typing import Any, get_args, get_origin

from cnnlite.cli import recipes
from cnnlite.environment import MOST_THREADS


def _models() -> tuple[str, ...]:
    from cnnlite.models import NETWORKS

    return tuple(NETWORKS)


def _schedules() -> tuple[str, ...]:
    from cnnlite.optim.schedules import SCHEDULES

    return *SCHEDULES, PLATEAU


def _multiply() -> tuple[str, ...]:
    from cnnlite.functional.conv import MULTIPLY

    return MULTIPLY


PLATEAU = "plateau"
"""The schedule that is none: the rate falls where the validation loss does not."""

OPTIMIZERS = {
    "sgd": {"lr": 0.02, "momentum": 0.9, "weight_decay": 1e-3},
    "rmsprop": {"lr": 1e-3, "momentum": 0.0, "weight_decay": 0.0},
    "adam": {"lr": 1e-3, "weight_decay": 0.0},
    "adamw": {"lr": 1e-3, "weight_decay": 1e-2},
    "muon": {"lr": 1e-3, "momentum": 0.95, "weight_decay": 1e-2},
}
"""By name, the options that fit each, and what they are where they are left out."""


def _augment(value: bool | str) -> None:
    """Raise ValueError for an augmentation that there is not."""
    from cnnlite.data import augmentation

    if isinstance(value, str):
        augmentation(value)
    elif not isinstance(value, bool):
        raise ValueError(
            f"augment: must be true or false, not {value!r}; or names of augmentations"
        )


def _text(name: str) -> Callable[[Any], None]:
    """Return what raises ValueError for a value that the function of `texts` does not read."""

    def read(value: Any) -> None:
        from cnnlite.cli import texts

        if not isinstance(value, str):
            raise ValueError(f"{name}: must be a text, not {value!r}")
        getattr(texts, name)(value)

    return read


def _views() -> tuple[str, ...]:
    from cnnlite.data.views import TTA

    return TTA


LOSSES = {
    "cross-entropy": "CrossEntropyLoss",
    "focal": "FocalLoss",
    "hinge": "HingeLoss",
}
"""By name, the classes of `cnnlite.losses` that take the labels of a data set."""


def _fits() -> tuple[str, ...]:
    from cnnlite.data.pictures import FITS

    return FITS


NONE = "none"
"""What takes back an option that a recipe or a file gives, where it may be left out."""

WITHOUT_NONE = {"recipe", "init", "data_dir", "threads"}
"""Fields that it is not for: names that somebody chose, and what is the machine's affair."""


def is_own(model: str) -> bool:
    """Whether a model is FILE.py:FUNCTION and not a network of the zoo."""
    return ":" in model or model.endswith(".py")


def _option(
    default: Any,
    help: str,
    *,
    wants: str = "",
    check: Callable[[Any], bool] = lambda value: True,
    choices: Callable[[], tuple[str, ...]] | None = None,
    read: Callable[[Any], None] | None = None,
    other: Callable[[Any], bool] = lambda value: False,
    about: Callable[[str], str] | None = None,
) -> Any:
    """A field of TrainConfig: its default, its line of help, and what a good value is.

    `other` tells good values that are none of the choices, and `about` says more of a choice;
    `read` raises ValueError for a value that is no good one, where that takes more than a check.
    """
    metadata = {"help": help, "wants": wants, "check": check, "choices": choices}
    metadata |= {"read": read, "other": other, "about": about}
    return field(default=default, metadata=metadata)


def _count(default: int | None, help: str) -> Any:
    return _option(default, help, wants="a whole number of at least 1", check=lambda n: n >= 1)


def _number(default: float | None, help: str, wants: str, check: Callable[[float], bool]) -> Any:
    return _option(default, help, wants=wants, check=lambda x: math.isfinite(x) and check(x))


@dataclass(frozen=True)
class TrainConfig:
    """All that decides a training run; TOML keys are the names, flags the names with dashes.

    The defaults are the recipe of examples/three_layer_convnet.py.
    """

    recipe: str | None = _option(
        None,
        f"Options by name, that the others change: {', '.join(recipes.names())}; list shows them.",
        choices=recipes.names,
        about=recipes.about,
    )
    model: str = _option(
        "three_layer_convnet",
        "Network of the zoo (cnnlite models lists them), or FILE.py:FUNCTION.",
        choices=_models,
        other=is_own,
    )
    init: str | None = _option(None, "Run folder, or file of weights, to begin with.")
    whiten: str | None = _option(
        None, "Layer whose filters begin as the whitening of the training images, as '0'."
    )
    multiply: str | None = _option(
        None,
        "What 3x3 convolutions multiply in: float32, or bfloat16, which is faster where cnnlite "
        "doctor shows paired products; if left out, as the network says.",
        choices=_multiply,
    )
    freeze: tuple[str, ...] = _option(
        (),
        "Layers or parameters to keep as they are, as '0.*', or from an epoch on, as '0.*@3'; may "
        "be given several times.",
    )
    data: str = _option(
        "auto",
        "Data set: auto (CIFAR-10 if it is there), embedded, cifar10, cifar100, mnist, "
        "fashion-mnist, svhn, a folder of pictures, an .npz file, or a folder of .npy files or a "
        "zarr group, which may be larger than the memory.",
    )
    data_dir: str | None = _option(None, "Folder of the official files (also: CNNLITE_DATA).")
    size: int | None = _option(
        None,
        "Side of a folder's pictures, 32 if left out; 0 takes them as they are.",
        wants="a whole number of at least 0",
        check=lambda n: n >= 0,
    )
    grey: bool = _option(False, "One channel, of a folder's pictures.")
    fit: str = _option(
        "crop", "How a folder's pictures get that size: crop or resize.", choices=_fits
    )
    skip_broken: bool = _option(False, "Leave out what is broken in a folder of pictures.")
    stream: bool = _option(
        False, "Decode a folder's pictures for each batch, and keep none of them."
    )
    epochs: int = _count(10, "Passes over the training images.")
    batch_size: int = _count(100, "Images a step.")
    optimizer: str = _option(
        "sgd", "sgd, rmsprop, adam, adamw or muon.", choices=lambda: tuple(OPTIMIZERS)
    )
    lr: float | None = _number(
        None,
        "Learning rate; if left out, 0.02 with sgd and 0.001 with the others.",
        "a positive number",
        lambda x: x > 0,
    )
    momentum: float | None = _number(
        None,
        "Momentum; if left out, 0.9 with sgd, 0 with rmsprop and 0.95 with muon.",
        "a number from 0 up to, not including, 1",
        lambda x: 0 <= x < 1,
    )
    nesterov: bool = _option(False, "Nesterov's form of momentum, with sgd.")
    weight_decay: float | None = _number(
        None,
        "L2 penalty on the parameters, with adamw and muon their decay; if left out, 0.001 with "
        "sgd, 0.01 with adamw and muon, and 0 with the others.",
        "a number of at least 0",
        lambda x: x >= 0,
    )
    group: tuple[str, ...] = _option(
        (),
        "Parameters with options of their own, as '*.bias: weight_decay=0', or with an optimizer, "
        "as '9.*: sgd lr=0.1 momentum=0.9 nesterov'; may be given several times, and the first "
        "that matches counts.",
        read=_text("group"),
    )
    clip_norm: float | None = _number(
        None,
        "Largest norm of a step's gradients; larger ones are scaled down.",
        "a positive number",
        lambda x: x > 0,
    )
    ema: float | None = _number(
        None,
        "Decay of an average of the weights, which is measured and kept: 0.999, say.",
        "a number from 0 up to, not including, 1",
        lambda x: 0 <= x < 1,
    )
    loss: str = _option(
        "cross-entropy",
        "What is made small: cross-entropy, focal (cross-entropy that looks away from what is "
        "right already) or hinge.",
        choices=lambda: tuple(LOSSES),
    )
    label_smoothing: float = _number(
        0.0,
        "Probability given to all classes alike, with cross-entropy.",
        "a number from 0 to 1",
        lambda x: 0 <= x <= 1,
    )
    schedule: str = _option(
        "cosine",
        "How the learning rate changes: constant, step, multistep, linear, polynomial, cosine, "
        "cosinerestarts, exponential, cyclic, onecycle, triangular, warmup, or plateau: tenfold "
        "down where the validation loss has not fallen for ten epochs.",
        choices=_schedules,
    )
    augment: bool | str = _option(
        False,
        "Random crops and flips; or names with commas between, in their order: crop, flip, "
        "jitter, rotation, cutout, mixup, cutmix, translate (by 2 pixels, reflected), alternate "
        "(one side, then the other).",
        read=_augment,
    )
    train_sizes: str | None = _option(
        None,
        "Side of training images, smaller at first, as '24,28@3,32@6': 28 from epoch 3 on.",
        read=_text("train_sizes"),
    )
    tta: str = _option(
        "none",
        "Test-time augmentation, with which the test accuracy is measured as well: mirror or "
        "translate.",
        choices=_views,
    )
    patience: int | None = _count(
        None, "End after so many epochs without a better validation accuracy."
    )
    keep: int = _option(
        20,
        "Epochs of which maps, filters and statistics are kept for cnnlite report, at most; 0 "
        "keeps none.",
        wants="a whole number of at least 0",
        check=lambda n: n >= 0,
    )
    every_steps: int | None = _count(None, "Write the checkpoint after each so many steps, too.")
    seed: int = _option(
        0,
        "Seed of everything random.",
        wants="a whole number of at least 0",
        check=lambda n: n >= 0,
    )
    threads: int | None = _option(
        None,
        "Threads; the default is all cores this process may use.",
        wants=f"a whole number from 1 to {MOST_THREADS}",
        check=lambda n: 1 <= n <= MOST_THREADS,
    )
    overfit: int | None = _count(None, "Train on this many images only, as a sanity check.")
    shards: int = _count(
        1,
        "Parts of a batch, each with passes of its own: less memory, and mpirun -n N shares them "
        "out among N processes.",
    )
    sync_batch_norm: bool = _option(
        False, "Batch-norm's statistics over all shards of a batch, not each shard's own."
    )
    drop_last: bool = _option(False, "Leave the short last batch of an epoch out.")
    smoke: bool = _option(False, "Take one training step, to see that everything works.")


class ConfigError(ValueError):
    """A configuration that cannot be used; the message names the key."""


def options() -> tuple[Field[Any], ...]:
    """The fields of TrainConfig in the order they are written."""
    return fields(TrainConfig)


def is_list(option: Field[Any]) -> bool:
    """Whether a field has several values: a flag that may be repeated, a TOML array."""
    return get_origin(option.type) is tuple


def may_be_none(option: Field[Any]) -> bool:
    """Whether `NONE` can stand for a field's value, which is then as if it was not given."""
    return option.default in (None, ()) and option.name not in WITHOUT_NONE


def value_type(option: Field[Any]) -> type:
    """A field's type without the None that stands for "not given"; of a list, its values' type."""
    annotation = get_args(option.type)[0] if is_list(option) else option.type
    if isinstance(annotation, UnionType):
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    assert isinstance(annotation, type)
    return annotation
