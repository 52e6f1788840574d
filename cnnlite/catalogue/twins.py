"""PyTorch's twins: how a layer's arguments are those of a module, and back.

A twin takes exact types: a class derived from one of them may compute something else.  PyTorch is
imported when a twin is made, not before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnlite.layers import Layer

if TYPE_CHECKING:
    from torch import nn

__all__ = ["AFFINE", "Told", "Twin", "module_type", "present", "same"]


class Twin(NamedTuple):
    """The modules of PyTorch that compute what a layer computes."""

    modules: tuple[str, ...]  # in cnnlite.catalogue.torch_modules, or else in torch.nn
    to_torch: Callable[[Any], nn.Module]
    from_torch: Callable[[Any, np.dtype], Layer]


class Told(NamedTuple):
    """How an argument is told by the layer, and by the module."""

    layer: Callable[[Any], Any]
    module: Callable[[Any], Any]


def present(key: str) -> Told:
    """Return how an argument is told that says whether there is this parameter."""
    return Told(lambda layer: key in layer.params, lambda m: getattr(m, key) is not None)


AFFINE = Told(lambda layer: bool(layer.params), lambda module: module.affine)


def module_type(name: str) -> Any:
    """Return the module of that name."""
    from torch import nn

    from cnnlite.catalogue import torch_modules

    return getattr(torch_modules if name in torch_modules.__all__ else nn, name)


def same(
    kind: type[Layer], refused: Mapping[str, Any] | None = None, **otherwise: Told | None
) -> Twin:
    """Return the twin of a layer whose module has the same name and arguments.

    Args:
        kind: the layer's class; all its arguments but dtype and rng go over.
        refused: what the module may not be set to, as its default there: we have no such argument.
        otherwise: arguments that are not attributes of the same name; None: not PyTorch's.
    """
    parameters = inspect.signature(kind).parameters
    plain = {
        name: Told(*[lambda thing, name=name: getattr(thing, name)] * 2)
        for name in parameters
        if name not in ("dtype", "rng")
    }
    told = {name: how for name, how in {**plain, **otherwise}.items() if how is not None}

    def to_torch(layer: Any) -> nn.Module:
        given = {name: how.layer(layer) for name, how in told.items()}
        module: nn.Module = module_type(kind.__name__)(**given)
        return module

    def from_torch(module: Any, dtype: np.dtype) -> Layer:
        for name, default in (refused or {}).items():
            if getattr(module, name) != default:
                raise ValueError(f"{name} is not offered here")
        given = {name: how.module(module) for name, how in told.items()}
        return kind(**given, **({"dtype": dtype} if "dtype" in parameters else {}))

    return Twin((kind.__name__,), to_torch, from_torch)
