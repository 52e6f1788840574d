"""The base class of layers that are made of layers, and their parameters under dotted keys."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from cnnlite.layers.base import Grads, Layer
from cnnlite.layers.ties import check_overlaps, first_names
from cnnlite.quiet import quiet
from cnnlite.random import Rng, RngLike, as_rng

__all__ = ["Container", "DottedArrays", "Parts"]

Parts = list[tuple[str, "Grads | Parts"]]
"""Gradients of a container's children by name, not yet gathered."""


class DottedArrays(MutableMapping[str, np.ndarray]):
    """Arrays of several layers under one roof: `view["0.weight"]` is layer 0's own "weight".

    An array that stands under several names is listed under the first; setting it there reaches
    every layer that has it.

    Args:
        parts: (prefix, dictionary of a layer) pairs.

    Attributes:
        aliases: the other keys of those arrays, with the key that each is listed under.
    """

    def __init__(self, parts: Iterable[tuple[str, MutableMapping[str, np.ndarray]]]) -> None:
        self._places: dict[str, list[tuple[MutableMapping[str, np.ndarray], str]]] = {}
        self.aliases: dict[str, str] = {}
        ids: list[int] = []
        for prefix, arrays in parts:
            ids += map(id, arrays.values())
            for name in arrays:
                self._places[prefix + name] = [(arrays, name)]
        if len(set(ids)) < len(ids):
            for key, home in first_names(dict(self)).items():
                if home != key:
                    self._places[home] += self._places.pop(key)
                    self.aliases[key] = home

    def __getitem__(self, key: str) -> np.ndarray:
        places = self._places.get(key)
        if places is None:
            raise KeyError(self._unlisted(key) if key in self.aliases else key)
        arrays, name = places[0]
        return arrays[name]

    def __setitem__(self, key: str, value: np.ndarray) -> None:
        """Give the layer another array, of the same shape and dtype.

        Another layer's own array ties the two: ask for `params` again, and it is listed once.

        Raises:
            KeyError: there is no such array, or it is listed under another key.
            TypeError: the value is no array, or one of another dtype.
            ValueError: it has another shape, or is a view of another array of the network.
        """
        if key not in self._places:
            raise KeyError(
                self._unlisted(key)
                if key in self.aliases
                else f"{key}: no layer has it, and a layer gets no new array this way"
            )
        old = self[key]
        if value is old:
            return
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{key} is a {type(value).__name__}, expected a NumPy array")
        if value.dtype != old.dtype:
            raise TypeError(f"{key} is {value.dtype}, expected {old.dtype}")
        if value.shape != old.shape:
            raise ValueError(f"{key} has shape {value.shape}, expected {old.shape}")
        check_overlaps(f"setting {key}", {**self, key: value})
        for arrays, name in self._places[key]:
            arrays[name] = value

    def _unlisted(self, key: str) -> str:
        return (
            f"{key} is the same array as {self.aliases[key]}, and listed there; to give this "
            "layer another one, set it in the layer's own params"
        )

    def __delitem__(self, key: str) -> None:
        raise TypeError(f"{key}: an array can be exchanged here, not removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return repr(dict(self))


class Container(Layer):
    """A layer made of layers: it has their parameters, under dotted keys, and none of its own.

    A container of one's own has `children`, `forward` and `backward`.  Its forward gets each
    child's random numbers from `place` and `child_rng`, its backward puts the children's gradients
    together with `gather_grads`.
    """

    @abstractmethod
    def children(self) -> Mapping[str, Layer]:
        """Return the layers this one is made of, by name."""

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        found: list[tuple[str, Layer]] = []
        _add_leaves(self.children(), prefix, found)
        return iter(found)

    @property
    def params(self) -> DottedArrays:  # type: ignore[override]  # used as a dictionary is
        """The parameters of all layers, by dotted key; setting one reaches the layer.

        The view shows what is there when it is made: after adding, exchanging or tying layers, ask
        again.  A layer that stands twice, or an array that two layers share, is listed once, where
        it stands first.
        """
        return DottedArrays((prefix, leaf.params) for prefix, leaf in self.leaves())

    @property
    def buffers(self) -> DottedArrays:  # type: ignore[override]
        """The buffers of all layers, by dotted key, as `params`."""
        return DottedArrays((prefix, leaf.buffers) for prefix, leaf in self.leaves())

    @property
    def frozen_keys(self) -> frozenset[str]:  # type: ignore[override]
        """What is frozen in the layers, by dotted key."""
        return frozenset(
            prefix + name for prefix, leaf in self.leaves() for name in leaf.frozen_keys
        )

    @property
    def random(self) -> bool:  # type: ignore[override]
        """Whether a layer in it needs random numbers."""
        for child in self.children().values():  # noqa: SIM110 - in each step, so no generator
            if child.random:
                return True
        return False

    def place(self, train: bool, rng: RngLike) -> Rng | None:
        """Return where the layers in it draw random numbers, None if none of them will.

        Called once for each forward: without an rng it takes a step of the common stream.
        """
        if (rng is None and not train) or not self.random:
            return None
        return as_rng(rng, type(self).__name__)

    def gather_grads(self, parts: Iterable[tuple[str, Grads | Parts]]) -> Grads:
        """Return the gradients of the whole from (child's name, its gradients) pairs.

        The gradients of an array that stands in several places are added, under its key in
        `params`.  They come in the order of `params`, whatever the order of the pairs.  What is
        frozen has none.

        Args:
            parts: a child's gradients are by its own keys, or pairs of its children's.
        """
        pairs = list(parts)
        total: Grads = {}
        arrays: list[int] = []
        if _gather(self.children(), pairs, "", total, arrays) and len(set(arrays)) == len(arrays):
            return total
        return self._gather_tied(pairs)

    @quiet
    def _gather_tied(self, parts: Parts) -> Grads:
        """What `gather_grads` does in all cases: arrays in several places, unknown keys."""
        leaves = list(self.leaves())
        arrays = {
            prefix + name: array for prefix, leaf in leaves for name, array in leaf.params.items()
        }
        frozen = {prefix + name for prefix, leaf in leaves for name in leaf.frozen_keys}
        homes = first_names(arrays)
        total: Grads = {}
        for child, part in parts:
            grads: Any = part
            if isinstance(part, list):
                grads = self.children()[child].gather_grads(part)  # type: ignore[attr-defined]
            for name, grad in grads.items():
                key = homes.get(f"{child}.{name}", f"{child}.{name}")
                if key in frozen:
                    continue
                if key not in total or total[key] is None:
                    total[key] = grad
                elif grad is not None:
                    total[key] = total[key] + grad  # not in place: it may be someone else's array
        return {key: total[key] for key in arrays if key in total} | total


def _add_leaves(children: Mapping[str, Layer], prefix: str, found: list[tuple[str, Layer]]) -> None:
    """Add (prefix, leaf) pairs, without generators: each training step asks several times."""
    for name, child in children.items():
        leaves = type(child).leaves
        if leaves is Layer.leaves:
            found.append((f"{prefix}{name}.", child))
        elif leaves is Container.leaves:
            _add_leaves(child.children(), f"{prefix}{name}.", found)
        else:
            found += child.leaves(f"{prefix}{name}.")


def _gather(
    children: Mapping[str, Layer], parts: Parts, prefix: str, total: Grads, arrays: list[int]
) -> bool:
    """Add gradients to `total`, and the identities of all parameters to `arrays`.

    Returns:
        Whether each gradient is one of a known parameter, and each child comes once.
    """
    by_child = dict(parts)
    if len(by_child) < len(parts) or not by_child.keys() <= children.keys():
        return False
    for name, child in children.items():
        grads: Any = by_child.get(name) or {}
        leaves = type(child).leaves
        if leaves is Layer.leaves:
            params = child.params
            if grads and not grads.keys() <= params.keys():
                return False
            if params:
                arrays += map(id, params.values())
                inner, frozen = f"{prefix}{name}.", child.frozen_keys
                for key in params:
                    if key in grads and key not in frozen:
                        total[inner + key] = grads[key]
            continue
        inner, pairs = f"{prefix}{name}.", grads if isinstance(grads, list) else []
        if leaves is not Container.leaves:
            for _, leaf in child.leaves():
                arrays += map(id, leaf.params.values())
        elif not _gather(child.children(), pairs, inner, total, arrays):
            return False
        if grads is not pairs:
            for key, grad in grads.items():
                total[inner + key] = grad
    return True


def child_rng(rng: Rng | None, name: str, child: Layer) -> Rng | None:
    """Return the child's own place to draw random numbers at."""
    return rng.child(name) if rng is not None and child.random else None


def has_params(layer: Layer) -> bool:
    """Return whether there is anything to train in a layer."""
    return any(leaf.params.keys() - leaf.frozen_keys for _, leaf in layer.leaves())
