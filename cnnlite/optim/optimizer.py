"""What all optimizers share: options and groups, the checks of a step, and the state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from cnnlite.checks.numbers import flag, real, shown

Array = np.ndarray
Scratch = tuple[Array, Array]
Group = Mapping[str, Any]


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

    An optimizer of one's own passes its options to this constructor, says in `state_names` which
    arrays it keeps for a parameter, and has an `update`.

    Args:
        groups: mappings with a "match", a function of a parameter's key and array, and the options
            that differ for the parameters it matches; the first group that matches counts.
        options: the options of all parameters that no group matches; one of them is "lr".

    Raises:
        ValueError, TypeError: an option is unknown, or not a number in its range.
    """

    def __init__(self, groups: Iterable[Group], **options: Any) -> None:
        self.options = self._checked(options, type(self).__name__)
        self.groups: list[tuple[Callable[[str, Array], bool], dict[str, Any]]] = []
        try:
            groups = tuple(groups)
        except TypeError:
            raise TypeError(
                f"{type(self).__name__}: groups is {shown(groups)}, expected mappings in a list"
            ) from None
        for number, group in enumerate(groups):
            where = f"{type(self).__name__}: groups[{number}]"
            if not isinstance(group, Mapping) or not callable(group.get("match")):
                raise TypeError(f"{where} must be a mapping with a function 'match', got {group!r}")
            changes = {name: value for name, value in group.items() if name != "match"}
            unknown = sorted(set(changes) - set(options))
            if unknown:
                known = ", ".join(options)
                raise ValueError(f"{where} has the unknown option {unknown[0]!r}; known: {known}")
            self.groups.append((group["match"], self._checked({**options, **changes}, where)))
        self.state: dict[str, dict[str, Any]] = {}
        self._buffers: dict[np.dtype[Any], Scratch] = {}

    @abstractmethod
    def state_names(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Name the arrays kept for a parameter with these options ("step" is an int)."""

    @abstractmethod
    def update(
        self,
        param: Array,
        grad: Array,
        state: dict[str, Any],
        lr: float,
        options: Mapping[str, Any],
    ) -> None:
        """Change one parameter and its state in place; `lr` has the schedule's factor in it."""

    @property
    def lr(self) -> float:
        """The learning rate of parameters that no group matches, before the schedule's factor."""
        return float(self.options["lr"])

    def step(
        self, params: Mapping[str, Array], grads: Mapping[str, Array | None], lr_factor: float = 1.0
    ) -> None:
        """Update all parameters in place; nothing is changed if anything is wrong.

        Args:
            params: the parameters by key, each float32 or float64.
            grads: their gradients, of the same shapes and dtypes; a parameter whose key is missing
                or whose gradient is None stays as it is.
            lr_factor: what each learning rate is multiplied with (a schedule's value).

        Raises:
            ValueError, TypeError: a gradient has no parameter, or another shape or dtype than its
                parameter or its state, or the parameter cannot be written.
        """
        lr_factor = real(type(self).__name__, "lr_factor", lr_factor, 0)
        moving = {key: grad for key, grad in grads.items() if grad is not None}
        chosen = {}
        for key, grad in moving.items():
            if key not in params:
                raise ValueError(f"{type(self).__name__}: {key!r} has a gradient but no parameter")
            chosen[key] = self._options_of(key, params[key])
            self._check(key, params[key], grad, chosen[key])
        for key, grad in moving.items():
            param, options = params[key], chosen[key]
            state = self.state.setdefault(key, {})
            for name in self.state_names(options):
                if name not in state:
                    state[name] = 0 if name == "step" else np.zeros_like(param)
            self.update(param, grad, state, options["lr"] * lr_factor, options)

    def config(self) -> dict[str, Any]:
        """Return name, options and groups as plain values, for records and comparisons."""
        groups = [
            {"match": getattr(match, "__qualname__", type(match).__qualname__), **options}
            for match, options in self.groups
        ]
        return {"name": type(self).__name__, **self.options, "groups": groups}

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the state as one flat dict: ``{"0.weight/momentum_buffer": array}``."""
        return {
            f"{key}/{name}": np.array(value)
            for key, state in self.state.items()
            for name, value in state.items()
        }

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Replace the state by copies of what `state_dict` returned.

        Raises:
                ValueError: a parameter's entry does not have the names that this optimizer keeps.
        """
        loaded: dict[str, dict[str, Any]] = {}
        for path, value in state.items():
            key, _, name = path.rpartition("/")
            loaded.setdefault(key, {})[name] = int(value) if name == "step" else np.array(value)
        every_options = (self.options, *(options for _, options in self.groups))
        known = [self.state_names(options) for options in every_options]
        for key, entry in loaded.items():
            if not any(set(names) == set(entry) for names in known):
                raise ValueError(
                    f"{type(self).__name__}: the state of {key!r} has {sorted(entry)}, "
                    f"expected {' or '.join(str(sorted(names)) for names in dict.fromkeys(known))}"
                )
        self.state = loaded

    def _options_of(self, key: str, param: Array) -> dict[str, Any]:
        for match, options in self.groups:
            if match(key, param):
                return options
        return self.options

    def _scratch(self, param: Array) -> Scratch:
        """Two arrays like `param` to compute in: views of a pair that grows to the largest one."""
        pair = self._buffers.get(param.dtype)
        if pair is None or pair[0].size < param.size:
            pair = np.empty(param.size, param.dtype), np.empty(param.size, param.dtype)
            self._buffers[param.dtype] = pair
        first, second = (flat[: param.size].reshape(param.shape) for flat in pair)
        return first, second

    def _check(self, key: str, param: Array, grad: Array, options: Mapping[str, Any]) -> None:
        where = f"{type(self).__name__}: {key!r}"
        for name, array in (("parameter", param), ("gradient", grad)):
            if not isinstance(array, np.ndarray):
                raise TypeError(f"{where}: {name} must be an array, got {type(array).__name__}")
        if param.dtype.kind != "f":
            raise TypeError(f"{where}: parameter must be of floats, got {param.dtype}")
        if not param.flags.writeable:
            raise ValueError(f"{where}: parameter is read-only, it is updated in place")
        kept = self.state.get(key, {})
        arrays = {
            "gradient": grad,
            **{name: kept.get(name, param) for name in self.state_names(options)},
        }
        arrays.pop("step", None)
        for name, array in arrays.items():
            if array.shape != param.shape:
                raise ValueError(
                    f"{where}: {name} has shape {array.shape}, parameter {param.shape}"
                )
            if array.dtype != param.dtype:
                raise TypeError(f"{where}: {name} is {array.dtype}, parameter {param.dtype}")

    @classmethod
    def _checked(cls, options: Mapping[str, Any], where: str) -> dict[str, Any]:
        """The options as plain Python values, so that float32 arithmetic stays float32."""
        return {name: _checked_option(where, name, value) for name, value in options.items()}


def _checked_option(where: str, name: str, value: Any) -> Any:
    if name == "nesterov":
        return flag(where, name, value)
    if name == "betas":
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise TypeError(f"{where}: betas must be a pair, got {shown(value)}")
        return tuple(_share(where, f"betas[{i}]", beta) for i, beta in enumerate(value))
    return _share(where, name, value) if name == "alpha" else real(where, name, value, 0)


def _share(where: str, name: str, value: Any) -> float:
    """What a moving average keeps: from 0 to below 1."""
    return real(where, name, value, 0, 1, open_high=True)
