"""Progressive freezing: what is frozen when, and the same bits after a kill."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from cnnlite import Conv2d, Flatten, Linear, ReLU, Sequential, Solver, data
from cnnlite.callbacks import Callback, Freeze
from cnnlite.models import freeze_layers

IMAGES = data.embedded(num_train=24, num_validation=8, num_test=0)


class Watch(Callback):
    """Notes the weights before each step, and what is frozen then."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, np.ndarray], frozenset[str]]] = []

    def before_step(self, solver: Solver) -> None:  # type: ignore[override]
        self.seen.append((solver.model.state_dict(), solver.model.frozen_keys))


def make(path: Path, epochs: int, *more: Callback) -> Solver:
    network = Sequential(Conv2d(3, 2, 5, stride=4, rng=0), ReLU(), Flatten(), Linear(98, 10, rng=1))
    freeze_layers(network, "3.bias")
    return Solver(
        network, IMAGES, num_epochs=epochs, batch_size=8, verbose=False, checkpoint=path,
        callbacks=[Freeze(1, "0.bias"), Freeze(2, "0"), *more],
    )  # fmt: skip


def test_layers_are_frozen_from_their_epochs_on(tmp_path: Path) -> None:
    watch = Watch()
    solver = make(tmp_path / "run.safetensors", 4, watch)
    solver.train()
    wanted = [{"3.bias"}, {"3.bias", "0.bias"}, {"3.bias", "0.bias", "0.weight"}]
    assert [keys for _, keys in watch.seen[::3]] == [*wanted, wanted[2]]
    states = [state for state, _ in watch.seen] + [solver.model.state_dict()]
    moves = {
        key: [not np.array_equal(a[key], b[key]) for a, b in itertools.pairwise(states)]
        for key in states[0]
    }
    assert moves["0.bias"] == [True] * 3 + [False] * 9
    assert moves["0.weight"] == [True] * 6 + [False] * 6
    assert all(moves["3.weight"])
    assert not any(moves["3.bias"])
    assert solver.model.frozen_keys == {"3.bias"}


def test_killed_and_resumed_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.safetensors", 4)
    whole.train()

    class Stop(Callback):
        def after_step(self, solver: Solver) -> None:  # type: ignore[override]
            if solver.step == 7:  # within the third epoch, when all is frozen
                solver.control.stop()

    cut = tmp_path / "cut.safetensors"
    make(cut, 4, Stop()).train()
    rest = make(cut, 4)
    rest.resume()
    assert rest.step == whole.step == 12
    for key, array in whole.model.state_dict().items():
        assert array.tobytes() == rest.model.state_dict()[key].tobytes()


def test_what_cannot_be_frozen_is_refused_before_the_first_step(tmp_path: Path) -> None:
    for epoch, patterns, error, message in (
        (1, ("7.*",), ValueError, "nothing in the network matches '7"),
        (0, ("0", "3"), ValueError, "leaves no parameter to train"),
    ):
        solver = make(tmp_path / "run.safetensors", 2, Freeze(epoch, *patterns))
        with pytest.raises(error, match=message):
            solver.train()
        assert not solver.step
        assert solver.model.frozen_keys == {"3.bias"}
    with pytest.raises(TypeError, match="Freeze: patterns are"):
        Freeze(1)
    with pytest.raises(ValueError, match="Freeze: epoch is -1"):
        Freeze(-1, "0")
