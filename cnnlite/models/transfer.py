"""Begin with another network's weights, and keep some of them as they are."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnlite.checks.numbers import shown
from cnnlite.layers import Layer
from cnnlite.layers.base import expect_layer, expect_trainable

__all__ = ["Matching", "freeze_layers", "load_matching"]


class Matching(NamedTuple):
    """What `load_matching` did with each key.

    Attributes:
        loaded: what the network has taken over.
        differing: what both have, in different shapes; the network keeps its own.
        missing: what only the network has.
        unexpected: what only the state has.
    """

    loaded: list[str]
    differing: list[str]
    missing: list[str]
    unexpected: list[str]


def load_matching(model: Layer, state: Mapping[str, npt.ArrayLike]) -> Matching:
    """Copy the arrays that a network has under the same key and in the same shape.

    The usual case is a network with another last layer: that stays as it is.

    Args:
        model: the network, changed in place.
        state: arrays by the keys of `state_dict()`, for instance from `load_weights`.

    Returns:
        The keys, by what became of them.

    Raises:
        ValueError: no parameter fits, or a number is too large for the network's dtype; nothing
            is copied.
        TypeError: `model` is no layer, `state` no mapping, or one of its arrays cannot be
            converted.
    """
    expect_layer("load_matching", "model", model)
    if not isinstance(state, Mapping):
        raise TypeError(f"load_matching: state must be a mapping of arrays, got {state!r:.60}")
    own = model.state_dict()
    both = [key for key in own if key in state]
    loaded = [key for key in both if _fits(np.shape(state[key]), own[key].shape)]
    if not set(loaded) & set(model.params):
        raise ValueError(
            "load_matching: no parameter has the same name and shape in both: the network has "
            f"{_shapes({key: own[key] for key in model.params})}; the state has {_shapes(state)}"
        )
    model.load_state_dict({key: state[key] for key in loaded}, strict=False)
    return Matching(
        loaded,
        [key for key in both if key not in loaded],
        [key for key in own if key not in state],
        [key for key in state if key not in own],
    )


def _fits(shape: tuple[int, ...], own: tuple[int, ...]) -> bool:
    return shape == own or (own == () and shape == (1,))  # as `load_state_dict` has it


def _shapes(arrays: Mapping[str, npt.ArrayLike], most: int = 4) -> str:
    names = [f"{key} {np.shape(array)}" for key, array in arrays.items()]
    more = [f"{len(names) - most} more"] * (len(names) > most)
    return ", ".join(names[:most] + more) or "nothing"


def freeze_layers(model: Layer, *patterns: str) -> list[str]:
    """Keep parameters as they are while the rest of a network is trained.

    A frozen parameter gets no gradient, so that no optimizer moves it or decays it, and the
    backward pass ends at the lowest layer that is trained.  A norm whose parameters are all frozen
    keeps its running statistics too, and normalises with them while training, as in inference: it
    remains the function that it was.

    What was frozen before and is matched by no pattern is trained again; without patterns, all is.

    Args:
        model: the network; its layers note what is frozen in `frozen_keys`.
        patterns: with the wildcards of file names, for keys of `state_dict()` or the layers that
            they belong to: "0.*" and "0" stand for the first layer of a Sequential.

    Returns:
        The keys that are frozen, of parameters and buffers.

    Raises:
        ValueError: a pattern matches nothing, or nothing is left to train.
        TypeError: `model` is no layer, or a pattern no text.
        RuntimeError: it cannot be trained (`cnnlite.freeze`).
    """
    expect_layer("freeze_layers", "model", model)
    expect_trainable("freeze_layers", model)
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(
                f"freeze_layers: a pattern is {shown(pattern)}, expected text such as '0.*'"
            )
    arrays = {
        prefix + name: array
        for prefix, leaf in model.leaves()
        for name, array in (*leaf.params.items(), *leaf.buffers.items())
    }
    frozen: set[int] = set()
    for pattern in patterns:
        matched = {id(array) for key, array in arrays.items() if _matches(key, pattern)}
        if not matched:
            raise ValueError(
                f"freeze_layers: nothing in the network matches {pattern!r}; "
                f"its parameters are {', '.join(model.params)}"
            )
        frozen |= matched
    if patterns and frozen.issuperset(map(id, model.params.values())):
        raise ValueError(
            f"freeze_layers: {', '.join(map(repr, patterns))} leaves no parameter to train"
        )
    for _, leaf in model.leaves():  # an array in two layers is frozen in both
        leaf.frozen_keys = frozenset(_frozen_names(leaf, frozen))
    return [key for key in arrays if key in model.frozen_keys]


def _matches(key: str, pattern: str) -> bool:
    return fnmatchcase(key, pattern) or fnmatchcase(key, f"{pattern}.*")


def _frozen_names(leaf: Layer, frozen: set[int]) -> set[str]:
    """Name a layer's frozen arrays; its buffers are frozen with the last of its parameters."""
    params = {name for name, array in leaf.params.items() if id(array) in frozen}
    buffers = any(id(array) in frozen for array in leaf.buffers.values())
    if len(params) == len(leaf.params) and (params or buffers):
        return {*params, *leaf.buffers}
    return params
