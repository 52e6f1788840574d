"""Averages of a model's weights over the steps of a training: better weights than the last ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnlite.checks.numbers import count, flag, integer, real, shown
from cnnlite.layers import Layer
from cnnlite.layers.base import expect_layer
from cnnlite.optim.schedules.base import Length, length_of, steps
from cnnlite.optim.whole import wholly

__all__ = ["EMA", "AveragedWeights"]

Array = np.ndarray
AVERAGE = "average/"


class AveragedWeights:
    """The mean of the weights that a training passes through at its end.

        average = AveragedWeights()
        for ...:  # a step
            average.update(model)
        model.load_state_dict(average.state)
        update_bn(model, data)

    ``Solver(ema=average)`` does all this, and measures the average after each epoch.

    Args:
        start: the length of the training before the first weights are taken: steps (an int), or a
            share of the training (a float); for Solver.
        every: steps between two takes; for Solver.
        use_buffers: average floating-point buffers (batch-norm's running statistics) as well.
            Else they are the model's last ones, and should be made anew with `cnnlite.update_bn`,
            as Solver does before it measures.

    Raises:
        TypeError, ValueError: an argument is not in its range.

    Source: torch.optim.swa_utils.AveragedModel; Izmailov et al., Averaging weights leads to wider
    optima and better generalization, 2018, algorithm 1.
    """

    def __init__(self, start: Length = 0.75, every: int = 1, use_buffers: bool = False) -> None:
        name = type(self).__name__
        self.start = length_of(name, "start", start)
        self.every = count(name, "every", every)
        self.use_buffers = flag(name, "use_buffers", use_buffers)
        self._average: dict[str, Array] = {}
        self._n_averaged = 0
        self._scratch: dict[np.dtype[Any], Array] = {}

    @property
    def n_averaged(self) -> int:
        """How often weights were taken."""
        return self._n_averaged

    @property
    def state(self) -> dict[str, Array]:
        """The averaged parameters and buffers, for ``model.load_state_dict``; not copies."""
        return dict(self._average)

    def weight(self, n_averaged: int) -> float:
        """Return the weight of new weights in the average, after so many others."""
        return 1 / (n_averaged + 1)

    def due(self, step: int, total_steps: int) -> bool:
        """Return whether the weights after `step` of `total_steps` belong to the average."""
        after = step - steps(self.start, total_steps)
        return after > 0 and after % self.every == 0

    def update(self, model: Layer) -> None:
        """Take the model's weights into the average, wholly or not at all.

        Raises:
            ValueError: the average is of another model.
            TypeError: the model is no layer.
        """
        self.check(model)
        arrays = {**model.params, **model.buffers}
        if not self._n_averaged:
            self._average = {key: array.copy() for key, array in arrays.items()}
        averaged = dict(arrays if self.use_buffers else model.params)
        weight = self.weight(self._n_averaged)
        for array in averaged.values():
            buffer = self._scratch.get(array.dtype)
            if buffer is None or buffer.size < array.size:
                self._scratch[array.dtype] = np.empty(array.size, array.dtype)
        with wholly():
            for key, array in arrays.items():
                average = self._average[key]
                if key not in averaged or array.dtype.kind != "f":
                    average[...] = array
                    continue
                move = self._scratch[array.dtype][: array.size].reshape(array.shape)
                np.subtract(array, average, out=move)
                move *= weight
                average += move
            for shared in (model.params, model.buffers):
                for key, home in getattr(shared, "aliases", {}).items():
                    self._average[key] = self._average[home]
            self._n_averaged += 1

    def check(self, model: Layer) -> None:
        """Raise ValueError unless the average, if there is one, is of such a model, a layer."""
        expect_layer(type(self).__name__, "model", model)
        for key, array in {**model.params, **model.buffers}.items():
            average = self._average.get(key)
            form = "nothing" if average is None else f"{average.dtype} {average.shape}"
            if self._average and form != f"{array.dtype} {array.shape}":
                raise ValueError(
                    f"{type(self).__name__}: the average has {form} for {key!r}, the model "
                    f"{array.dtype} {array.shape}: it is of another model; make a new one"
                )

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the average, and how often weights were taken, as one flat dict."""
        copies = {AVERAGE + key: array.copy() for key, array in self._average.items()}
        return {"n_averaged": np.array(self._n_averaged), **copies}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Take over copies of what `state_dict` returned.

        Raises:
            TypeError, ValueError: it is something else.
        """
        name = type(self).__name__
        if not isinstance(state, Mapping) or "n_averaged" not in state:
            raise TypeError(
                f"{name}: state is {shown(state)}, expected a mapping with 'n_averaged'"
            )
        taken = integer(name, "n_averaged", state["n_averaged"], 0)
        average = {
            key.removeprefix(AVERAGE): np.array(array)
            for key, array in state.items()
            if key.startswith(AVERAGE)
        }
        if bool(taken) != bool(average):
            raise ValueError(f"{name}: state has {len(average)} arrays of {taken} averaged ones")
        self._average, self._n_averaged = average, taken


class EMA(AveragedWeights):
    """The exponential moving average of the weights: average += (1 - decay) * (weights - average).

    It begins as the first weights that are taken, so it needs a training of some times
    1 / (1 - decay) steps, or `warmup`.

    Args:
        decay: the share of the average that each step keeps, from 0 to below 1.
        warmup: let the n-th step keep n / (n + 9) of it at most, so that a short training, too,
            forgets the weights it began with.
        start, every: as for `AveragedWeights`.
        use_buffers: average floating-point buffers (batch-norm's running statistics) as well;
            else they are the model's last ones, and Solver makes them anew.

    Raises:
        TypeError, ValueError: an argument is not in its range.

    Source: torch.optim.swa_utils.get_ema_multi_avg_fn; Polyak and Juditsky, Acceleration of
    stochastic approximation by averaging, 1992; the warm-up is TensorFlow's
    ExponentialMovingAverage(num_updates).
    """

    def __init__(
        self,
        decay: float = 0.999,
        warmup: bool = False,
        start: Length = 0,
        every: int = 1,
        use_buffers: bool = True,
    ) -> None:
        super().__init__(start, every, use_buffers)
        self.decay = real("EMA", "decay", decay, 0, 1, open_high=True)
        self.warmup = flag("EMA", "warmup", warmup)

    def weight(self, n_averaged: int) -> float:
        if not n_averaged:
            return 1.0
        most = n_averaged / (n_averaged + 9) if self.warmup else 1.0
        return 1 - min(self.decay, most)
