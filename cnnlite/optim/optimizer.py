"""What all optimizers share: options and groups, the checks of a step, and the state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from cnnlite.checks.numbers import real
from cnnlite.optim.arrays import FRESH, Owners, check_gradients, check_state, step_count
from cnnlite.optim.groups import Group, checked_groups, checked_options
from cnnlite.optim.whole import wholly

__all__ = ["Optimizer"]

Array = np.ndarray
Scratch = tuple[Array, Array]
State = dict[str, Any]
Options = Mapping[str, Any]
_Move = tuple[str, Array, Array, float, Options, "Optimizer"]


def with_decay(grad: Array, param: Array, weight_decay: float, out: Array) -> Array:
    """Return grad + weight_decay * param, in `out` where there is something to add."""
    if not weight_decay:
        return grad
    np.multiply(param, weight_decay, out=out)
    out += grad
    return out


def moving_average_of_squares(average: Array, grad: Array, decay: float, scratch: Array) -> None:
    """Change `average` in place to decay * average + (1 - decay) * grad^2."""
    np.multiply(grad, grad, out=scratch)
    scratch *= 1 - decay
    average *= decay
    average += scratch


class Optimizer(ABC):
    """What all optimizers share: options, groups, the checks of a step, and the state.

    The attribute `lr` may be set between steps.  The groups' learning rates change in proportion,
    `state_dict` keeps it, and `options` remembers what the constructor was given.

    An optimizer of one's own passes its options to this constructor, says in `state_names` which
    arrays it keeps for a parameter, and has an `update`, which must not raise: `step` has checked
    its arguments, and the parameters before it have moved.

    The state belongs to the arrays it was made for.  An optimizer that has been used for one model
    is refused for another one, whose parameters would move by the momentum of the first; for that
    make a new optimizer, or call ``optimizer.state.clear()``.  After `load_state_dict`, and in a
    copy, it belongs to the arrays that the next step is given.

    Args:
        groups: mappings with a "match", a function of a parameter's key and array, and the options
            that differ for the parameters it matches; the first group that matches counts.  In the
            place of options, {"match": ..., "optimizer": SGD(0.1)} has them moved as another
            optimizer would; their state is here, and what is set as `lr` changes their rates too.
        options: the options of all parameters that no group matches; one of them is "lr".

    Raises:
        ValueError, TypeError: an option is unknown, or not a number in its range.
    """

    def __init__(self, groups: Iterable[Group], **options: Any) -> None:
        name = type(self).__name__
        self.options = checked_options(name, options)
        self.groups = checked_groups(name, groups, options, Optimizer)
        self.state: dict[str, State] = {}
        self._buffers: dict[np.dtype[Any], Scratch] = {}
        self._owners = Owners(name)
        self._lr: float | None = None  # what was set after the optimizer was made

    @abstractmethod
    def state_names(self, options: Options) -> tuple[str, ...]:
        """Name the arrays kept for a parameter with these options ("step" is an int)."""

    @abstractmethod
    def update(self, param: Array, grad: Array, state: State, lr: float, options: Options) -> None:
        """Change one parameter and its state in place; `lr` has the schedule's factor in it."""

    def prepare(self, param: Array, grad: Array, options: Options) -> None:
        """Get the memory that `update` will compute in, while nothing has moved."""
        pair = self._buffers.get(param.dtype)
        if pair is None or pair[0].size < param.size:
            first, second = (np.empty(param.size, param.dtype) for _ in range(2))
            self._buffers[param.dtype] = first, second

    def options_at_first(self, options: Options) -> Options:
        """Return the options of the step in which a parameter gets its state."""
        return options

    @property
    def lr(self) -> float:
        """The learning rate of parameters that no group matches, before the schedule's factor."""
        return float(self.options["lr"] if self._lr is None else self._lr)

    @lr.setter
    def lr(self, lr: float) -> None:
        self._lr = real(type(self).__name__, "lr", lr, 0)

    def step(
        self, params: Mapping[str, Array], grads: Mapping[str, Array | None], lr_factor: float = 1.0
    ) -> None:
        """Update all parameters in place; nothing is changed if anything is wrong.

        A gradient that is not finite moves its parameter to NaN, as in PyTorch.  An array that
        stands under several keys is moved once, by the sum of its gradients.  Ctrl-C waits until
        the step is whole.

        Args:
            params: the parameters by key, each float32 or float64.
            grads: their gradients, of the same shapes and dtypes; a parameter whose key is missing
                or whose gradient is None stays as it is.
            lr_factor: what each learning rate is multiplied with (a schedule's value).

        Raises:
            ValueError, TypeError: a gradient has no parameter, or another shape or dtype than its
                parameter or its state; the parameter cannot be written, is a view of another one,
                or is not the array that its state was made for.
            MemoryError: there is no memory for the state.
        """
        factor = real(type(self).__name__, "lr_factor", lr_factor, 0)
        moves, fresh = self._moves(params, grads, factor)
        with wholly():
            for key, entries in fresh.items():
                self.state.setdefault(key, {}).update(entries)
            for key, param, grad, lr, options, mover in moves:
                mover.update(param, grad, self.state.setdefault(key, {}), lr, options)

    def check_params(self, params: Mapping[str, Array]) -> None:
        """Raise unless the state that the optimizer has is of these parameters.

        Args:
            params: all parameters of a model, by key.

        Raises:
            ValueError: the state is of other arrays, or of a key that is not there, or two of the
                parameters share memory.
        """
        for key, state in self.state.items():
            if state and key not in params:
                raise ValueError(
                    f"{type(self).__name__}: it has a state for {key!r}, which this model has not: "
                    f"{FRESH}"
                )
        self._owners.note(params, self.state)

    def config(self) -> dict[str, Any]:
        """Return name, options and groups as plain values, for records and comparisons."""
        groups = []
        for match, options in self.groups:
            other = options.get("optimizer")
            name = getattr(match, "__qualname__", type(match).__qualname__)
            own = {"optimizer": other.config()} if other else options
            groups.append({"match": name, **own})
        return {"name": type(self).__name__, **self.options, "groups": groups}

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the state as one flat dict: ``{"0.weight/momentum_buffer": array}``.

        A learning rate that was set after the optimizer was made is the entry "lr".
        """
        copies = {
            f"{key}/{name}": np.array(value)
            for key, state in self.state.items()
            for name, value in state.items()
        }
        return copies if self._lr is None else {**copies, "lr": np.array(self._lr)}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Replace the state by copies of what `state_dict` returned.

        Raises:
            ValueError: a parameter's entry does not have the names that this optimizer keeps, or
                its number of steps is none.
            TypeError: the state is no mapping.
        """
        where = type(self).__name__
        if not isinstance(state, Mapping):
            raise TypeError(f"{where}: state must be a mapping of arrays, got {state!r:.60}")
        arrays = dict(state)
        given = arrays.pop("lr", None)
        lr = None if given is None else real(where, "lr", np.asarray(given).tolist(), 0)
        loaded: dict[str, State] = {}
        for path, value in arrays.items():
            key, _, name = path.rpartition("/")
            loaded.setdefault(key, {})[name] = (
                step_count(where, key, value)
                if name == "step"
                else np.array(value, order="C")  # as `step` makes them
            )
        known = list(self._every_names())
        for key, entry in loaded.items():
            if not any(set(names) == set(entry) for names in known):
                raise ValueError(
                    f"{where}: the state of {key!r} has {sorted(entry)}, "
                    f"expected {' or '.join(str(sorted(names)) for names in dict.fromkeys(known))}"
                )
        self.state, self._lr = loaded, lr
        self._owners = Owners(where)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy has: all but the arrays that the state belongs to, which are not its own."""
        return self.__dict__ | {"_owners": Owners(type(self).__name__), "_buffers": {}}

    def _moves(
        self, params: Mapping[str, Array], grads: Mapping[str, Array | None], factor: float
    ) -> tuple[list[_Move], dict[str, State]]:
        """What a step moves, checked, each array once, and the state that it makes for them."""
        name = type(self).__name__
        moves: list[_Move] = []
        fresh: dict[str, State] = {}
        shared: dict[int, tuple[float, bool, dict[str, None]]] = {}  # by a group's parameters
        moved, given = self._moving(params, grads)
        states = self.state
        for key, param in moved.items():
            grad = given[key]
            mover, options = self._mover(key, param)
            known = shared.get(id(options))
            if known is None:
                known = shared[id(options)] = (
                    self._rate(mover, options) * factor,
                    bool(options.get("maximize")),
                    dict.fromkeys(mover.state_names(options)),
                )
            lr, maximize, names = known
            state = states.get(key, {})
            if state:
                check_state(name, key, names, state, param)
            if maximize:
                grad = np.asarray(-grad)
            if not names.keys() <= state.keys():
                fresh[key] = {
                    entry: 0 if entry == "step" else np.zeros(param.shape, param.dtype)
                    for entry in names
                    if entry not in state
                }
                options = mover.options_at_first(options)
            mover.prepare(param, grad, options)
            moves.append((key, param, grad, lr, options, mover))
        return moves, fresh

    def _moving(
        self, params: Mapping[str, Array], grads: Mapping[str, Array | None]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """The parameters of a step and their gradients, checked, each array under its first key."""
        name = type(self).__name__
        for argument, value in (("params", params), ("grads", grads)):
            if not isinstance(value, Mapping):
                raise TypeError(
                    f"{name}: {argument} must be a mapping of arrays, got {value!r:.60}"
                )
        given = {
            # A sum of arrays without axes is no array.
            key: np.asarray(grad) if isinstance(grad, np.generic) else grad
            for key, grad in grads.items()
            if grad is not None
        }
        try:
            moved = dict(zip(given, map(params.__getitem__, given), strict=True))
        except KeyError:
            unknown = next(key for key in given if key not in params)
            raise ValueError(f"{name}: {unknown!r} has a gradient but no parameter") from None
        check_gradients(name, moved, given)
        if not self._owners.know(moved):
            self._owners.note(params, self.state)
        return self._owners.summed(moved, given) if self._owners.homes else (moved, given)

    def _every_options(self) -> Iterator[Options]:
        """All options that this optimizer itself moves parameters with."""
        yield self.options
        for _, options in self.groups:
            if "optimizer" not in options:
                yield options

    def _every_names(self) -> Iterator[tuple[str, ...]]:
        """What may be kept of a parameter, here or by a group's own optimizer."""
        yield from map(self.state_names, self._every_options())
        for _, options in self.groups:
            if "optimizer" in options:
                yield from options["optimizer"]._every_names()

    def _rate(self, mover: Optimizer, options: Options) -> float:
        """The learning rate of parameters with these options, before the schedule's factor."""
        own, first = options["lr"], self.options["lr"]
        if mover is not self:
            own = mover._rate(mover, options)
        if own == first:
            return self.lr
        return float(own * (self._lr / first)) if self._lr is not None and first else float(own)

    def _mover(self, key: str, param: Array) -> tuple[Optimizer, Options]:
        """The optimizer that moves a parameter, and with which of its options."""
        for match, options in self.groups:
            if match(key, param):
                other: Optimizer | None = options.get("optimizer")
                return other._mover(key, param) if other else (self, options)
        return self, self.options

    def _scratch(self, param: Array) -> Scratch:
        """Two arrays like `param` to compute in, views of the pair that `prepare` has grown."""
        first, second = self._buffers[param.dtype]
        return first[: param.size].reshape(param.shape), second[: param.size].reshape(param.shape)
