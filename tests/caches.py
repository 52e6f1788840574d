"""What CNNLITE_DEBUG_CACHES=1 finds and what it lets pass, in a process of its own.

    CNNLITE_DEBUG_CACHES=1 python -m tests.caches

Prints a line of JSON: the faults, how many changed arrays were found, and a digest of all networks'
gradients, which must be the same without the variable.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cnnlite import Layer, Sequential, losses, models
from cnnlite import functional as F
from cnnlite.debug_caches import debug_caches
from cnnlite.random import Rng
from tests import trainings
from tests.layers.input_cases import ACCEPTED, make

GROUPS = [
    ("Sequential(Conv2d(3, 4, 3), ReLU(), MaxPool2d(2))", (2, 3, 8, 8)),
    ("Sequential(Conv2d(3, 4, 3), ReLU())", (2, 3, 8, 8)),
    ("Sequential(Linear(5, 4), ReLU())", (2, 5)),
    ("Sequential(BatchNorm2d(3), ReLU())", (2, 3, 4, 4)),
    ("Sequential(BatchNorm1d(3), ReLU())", (4, 3)),
    ("Sequential(Residual(Sequential(Conv2d(3, 3, 1), BatchNorm2d(3))), ReLU())", (2, 3, 4, 4)),
    ("Sequential(Residual(Conv2d(3, 3, 1)), ReLU())", (2, 3, 4, 4)),
    ("Sequential(Residual(Sequential(BatchNorm2d(3)), Conv2d(3, 3, 1)))", (2, 3, 4, 4)),
]
"""Layers that are fused, and the shape of x."""


def layers() -> Iterator[tuple[str, Layer, tuple[int, ...]]]:
    for call, shape in [*((call, shape) for call, shape, _ in ACCEPTED), *GROUPS]:
        yield call, make(call), shape
        yield f"{call} unfused", unfused(make(call)), shape


def unfused(layer: Any) -> Any:
    if isinstance(layer, Sequential):
        layer.fuse = False
    for child in layer.children().values():
        unfused(child)
    return layer


def numbers(shape: tuple[int, ...]) -> np.ndarray:
    return Rng(0).generator().standard_normal(shape).astype(np.float32)


def judge(
    what: str,
    forward: Callable[[], tuple[Any, Any]],
    backward: Callable[[Any, Any], Any],
    arrays: Callable[[Any], dict[str, np.ndarray]],
    faults: list[str],
) -> int:
    """Change each array after a forward: backward must raise, or give what it would have given."""
    y, cache = forward()
    right = digest(backward(y, cache))
    found = 0
    for name in arrays(y):
        y, cache = forward()
        kept = np.array(y)
        array = arrays(y)[name]
        before = array.copy()
        array += 1
        try:
            given = digest(backward(kept, cache))
        except RuntimeError as error:
            found += 1
            if "changed between forward and backward" not in str(error):
                faults.append(f"{what}, {name}: {error}")
            given = right
        if given != right:
            faults.append(f"{what}: {name} was changed, which nobody noticed")
        array[...] = before
    return found


def digest(value: Any) -> str:
    """A hash of all arrays in a nested structure, in order."""
    whole = hashlib.blake2b()

    def add(part: Any) -> None:
        if isinstance(part, dict):
            for key in part:
                add(part[key])
        elif isinstance(part, list | tuple):
            for entry in part:
                add(entry)
        elif part is not None:
            whole.update(np.ascontiguousarray(part).tobytes())

    add(value)
    return whole.hexdigest()


def changed_arrays(faults: list[str]) -> int:
    found = 0
    for call, layer, shape in layers():
        for train in (True, False):
            x = numbers(shape)
            owned = {**layer.params, **layer.buffers}
            floats = {key: array for key, array in owned.items() if array.dtype.kind == "f"}
            buffers = {key: array.copy() for key, array in layer.buffers.items()}

            def forward(
                layer: Any = layer, x: Any = x, train: bool = train, kept: Any = buffers
            ) -> Any:
                for key, array in kept.items():
                    layer.buffers[key][...] = array
                return layer.forward(x, train, Rng(1))

            def arrays(y: Any, x: Any = x, floats: Any = floats) -> dict[str, np.ndarray]:
                return {"x": x, "y": y, **floats}

            found += judge(call, forward, layer.backward, arrays, faults)
    targets = np.array([0, 2, 1])
    of_classes = ("CrossEntropyLoss", "FocalLoss", "HingeLoss", "NLLLoss")
    for kind in (name for name in losses.__all__ if name.endswith("Loss") and name != "Loss"):
        loss = getattr(losses, kind)()
        scores = numbers((3, 4))
        wanted = targets if kind in of_classes else np.abs(numbers((3, 4)))
        found += judge(
            type(loss).__name__,
            lambda loss=loss, scores=scores, wanted=wanted: loss.forward(scores, wanted),
            lambda y, cache, loss=loss: loss.backward(cache),
            lambda y, scores=scores, wanted=wanted: {"scores": scores, "targets": wanted},
            faults,
        )
    x, weight = numbers((2, 3, 6, 6)), numbers((4, 3, 3, 3))
    for name, arguments in (
        ("relu", (x,)), ("tanh", (x,)), ("silu", (x,)), ("gelu", (x,)), ("conv2d", (x, weight)),
        ("linear", (x[0, 0], weight[0, 0, :, :2].repeat(3, 1).copy())), ("max_pool2d", (x, 2)),
        ("layer_norm", (x, (6,), None, None)),
    ):  # fmt: skip
        found += judge(
            f"functional.{name}",
            lambda name=name, arguments=arguments: getattr(F, f"{name}_forward")(*arguments),
            lambda y, cache, name=name: getattr(F, f"{name}_backward")(y, cache),
            lambda y, arguments=arguments: {
                "y": y,
                **{str(i): a for i, a in enumerate(arguments) if isinstance(a, np.ndarray)},
            },
            faults,
        )
    return found


def networks() -> str:
    """Gradients of the zoo, fused and not, and a whole training: nothing may raise."""
    digests = []
    x = numbers((2, 3, 32, 32))
    for fuse in (True, False):
        for build in models.MODELS.values():
            model: Any = build(rng=0)
            y, cache = (model if fuse else unfused(model)).forward(x, rng=Rng(0))
            digests.append(digest(model.backward(y, cache)))
    solver = trainings.solver()
    solver.train()
    return hashlib.blake2b(" ".join([*digests, trainings.fingerprint(solver)]).encode()).hexdigest()


if __name__ == "__main__":
    faults: list[str] = []
    found = changed_arrays(faults) if debug_caches else 0
    print(json.dumps({"faults": faults, "found": found, "digest": networks()}))
