"""What a layer is: the base class of all of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from cnnlite.checks.arrays import converted, float_dtype
from cnnlite.checks.numbers import flag, shown
from cnnlite.debug_caches import debug_caches, guard_class
from cnnlite.layers.notebook import network_table
from cnnlite.layers.profiling import Profile, profile
from cnnlite.layers.summary import Summary, summarize
from cnnlite.layers.ties import check_arrays, first_names
from cnnlite.random import RngLike
from cnnlite.rates import Limits

__all__ = ["Grads", "IncompatibleKeys", "Layer"]

Grads = dict[str, np.ndarray | None]
"""Gradients by the keys of `params`; a parameter that is missing or None gets none."""


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict(strict=False)` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class _Arrays:
    """A dictionary that each layer gets when it is first asked for.

    So a class that derives from Layer need not call __init__.  functools.cached_property has a lock
    in Python 3.11, which stays locked in a child process if another thread held it at the fork.
    """

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type) -> dict[str, np.ndarray]:
        if layer is None:
            return self  # type: ignore[return-value]  # what help() asks for
        return layer.__dict__.setdefault(self.name, {})


class Layer(ABC):
    """A function with parameters, and its gradient.

    A layer of one's own needs two methods, `forward` and `backward`, and puts its arrays into two
    dictionaries that are there without asking:

        class Scale(Layer):
            def __init__(self, size):
                self.params["weight"] = np.ones(size, np.float32)

            def forward(self, x, train=True, rng=None):
                return x * self.params["weight"], x

            def backward(self, dy, cache, need_dx=True):
                return dy * self.params["weight"], {"weight": (dy * cache).sum(axis=0)}

    That is enough to stand in a network, to be trained, saved, checked and summarised.

    - `forward(x, train, rng)` returns the output and a cache: anything, as long as it is all that
      `backward` needs.  Nothing is kept in the layer, so that one layer may be used twice, or
      from several threads.  Neither x nor a parameter may be changed.
    - `backward(dy, cache, need_dx)` gets the gradient with respect to the output and returns the
      gradient with respect to the input (None will do when `need_dx` is false) and a dictionary
      of gradients with the keys of `params`.  It changes neither dy nor the cache.
    - `params` are arrays that an optimizer updates in place; `buffers` are arrays that belong to
      the layer's state but are not trained.  Only buffers may change in `forward`, and only when
      `train` is true.

    What else a layer can say about itself, each with a default:

    - `random = True`: forward needs random numbers, and gets them as `rng` (see `as_rng`).
    - `extra_repr()`: its arguments, for printing.
    - `multiply_adds(x_shape, y_shape)`: its arithmetic, for the summary.
    - `optional_state = ("key",)`: what `load_state_dict` need not be given.
    - `frozen_keys`: names of its arrays that training leaves alone (`models.freeze_layers` sets
      them); a forward that moves buffers asks `moves_buffers` first.
    - `inference_only = True`: it cannot be trained, and has no state that may be saved.
    - A layer made of other layers derives from `Container` (container.py) and has `children()`.
    """

    random: bool = False
    optional_state: tuple[str, ...] = ()
    frozen_keys: frozenset[str] = frozenset()
    inference_only: bool = False

    params = _Arrays("The arrays that are trained, by name.")
    buffers = _Arrays("The arrays that are saved with the parameters but not trained, by name.")

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if debug_caches:
            guard_class(cls)

    @abstractmethod
    def forward(
        self, x: np.ndarray, train: bool = True, rng: RngLike = None
    ) -> tuple[np.ndarray, Any]:
        """Return the output for `x`, and the cache that `backward` needs.

        Args:
            x: the input, a batch.
            train: whether to behave as in training (dropout, batch normalisation).
            rng: where random numbers come from, if the layer is random; see `as_rng`.
        """

    @abstractmethod
    def backward(
        self, dy: np.ndarray, cache: Any, need_dx: bool = True
    ) -> tuple[np.ndarray | None, Grads]:
        """Return the gradients with respect to the input and to the parameters.

        Args:
            dy: gradient of the loss with respect to the output, of the output's shape.
            cache: what `forward` returned with that output.
            need_dx: whether the gradient with respect to the input is wanted.
        """

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the output for `x` as in inference, and keep nothing."""
        return self.forward(x, train=False)[0]

    def children(self) -> Mapping[str, "Layer"]:
        """Return the layers this one is made of, by name; none for a leaf."""
        return {}

    def leaves(self, prefix: str = "") -> Iterator[tuple[str, "Layer"]]:
        """Yield (prefix of its keys, layer) for each layer that holds arrays itself, in order.

        A layer that stands twice in a network comes twice.
        """
        yield prefix, self

    def computes_in(self) -> np.dtype[Any] | None:
        """Return the dtype of its first array of floats; None if there is none."""
        arrays = (*self.params.values(), *self.buffers.values())
        kinds = (array.dtype for array in arrays if np.issubdtype(array.dtype, np.floating))
        return next(kinds, None)

    def moves_buffers(self, train: bool) -> bool:
        """Return whether forward updates the buffers: in training, unless they are frozen."""
        return train and not self.frozen_keys.issuperset(self.buffers)

    @property
    def num_params(self) -> int:
        """How many numbers are trained; an array that stands under two names counts once."""
        return sum({id(array): array.size for array in self.params.values()}.values())

    def astype(self, dtype: npt.DTypeLike) -> Self:
        """Convert parameters and floating-point buffers, in place, and return the layer.

        What is tied stays tied.

        Args:
            dtype: np.float32 or np.float64.

        Raises:
            TypeError: another dtype.
            ValueError: two arrays share memory without being the same.
        """
        dtype = float_dtype(type(self).__name__, dtype)
        converted = {  # all of them first: memory may not suffice
            id(array): array.astype(dtype, copy=False)
            for array in self._state("astype").values()
            if np.issubdtype(array.dtype, np.floating)
        }
        for _, leaf in self.leaves():
            for arrays in (leaf.params, leaf.buffers):
                for key, array in arrays.items():
                    arrays[key] = converted.get(id(array), array)
        return self

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of all parameters and buffers, with the keys that PyTorch gives them.

        As there, a layer that stands twice in a network, or an array that two layers share, is
        listed under both of its names.

        Raises:
            ValueError: two arrays share memory without being the same.
        """
        return {key: array.copy() for key, array in self._state("state_dict").items()}

    def load_state_dict(
        self, state: Mapping[str, npt.ArrayLike], strict: bool = True
    ) -> IncompatibleKeys:
        """Copy values into the parameters and buffers: all of them, or none if anything is wrong.

        Args:
            state: arrays with the keys and shapes of `state_dict()`, as they are, NaN included;
                numbers are converted to the layer's dtype.  As in PyTorch, one number (1,) serves
                for an array without axes, and batch-norm's count of batches may be missing (states
                from before PyTorch 0.4.1 have none): it stays as it is.
            strict: whether a key that is missing, or one too many, is an error.

        Returns:
            The keys that were passed over: (missing_keys, unexpected_keys).

        Raises:
            ValueError: keys or shapes do not fit, a number is too large for the layer's dtype, an
                array of the layer is read-only, or the two names of one array have different
                values; the message names it, and nothing is copied.
            TypeError: likewise for an array that cannot be converted.
        """
        own = self._state("load_state_dict")
        caller = f"{type(self).__name__}.load_state_dict"
        if not isinstance(state, Mapping):
            raise TypeError(f"{caller}: state must be a mapping of arrays, got {state!r:.60}")
        strict = flag(caller, "strict", strict)
        optional = {prefix + key for prefix, leaf in self.leaves() for key in leaf.optional_state}
        missing = [key for key in own if key not in state and key not in optional]
        unexpected = [key for key in state if key not in own]
        if strict and (missing or unexpected):
            parts = [
                f"{text} {', '.join(map(repr, keys))}"
                for text, keys in (("missing keys", missing), ("unexpected keys", unexpected))
                if keys
            ]
            raise ValueError(f"{caller}: {'; '.join(parts)}")
        # Copies, made before anything changes: what is given may be this layer's own arrays.
        values = {key: converted(caller, key, state[key], own[key]) for key in own if key in state}
        for key, home in first_names({key: own[key] for key in values}).items():
            if home != key and not np.array_equal(values[key], values[home], equal_nan=True):
                raise ValueError(
                    f"{caller}: {home} and {key} are one array here, but their values differ"
                )
        for key, value in values.items():
            own[key][...] = value
        return IncompatibleKeys(missing, unexpected)

    def _state(self, method: str) -> dict[str, np.ndarray]:
        """Return all of the layer's own arrays by dotted key, once `check_arrays` has passed."""
        expect_trainable(f"{type(self).__name__}: {method}", self)
        check_arrays(f"{type(self).__name__}.{method}", self.params, self.buffers)
        return {
            prefix + key: array
            for prefix, leaf in self.leaves()
            for arrays in (leaf.params, leaf.buffers)
            for key, array in arrays.items()
        }

    def multiply_adds(self, x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> int:
        """Return the multiplications (each with an addition) of forward for these shapes."""
        return 0

    def summary(self, input_shape: tuple[int, ...]) -> Summary:
        """Return a table of the layers: shapes, parameters, multiply-adds, bytes of the caches.

        A network that cannot be trained runs as in inference.

        Args:
            input_shape: with the batch, (N, D), (N, C, L) or (N, C, H, W); or without, (D,),
                (C, L) or (C, H, W), which stands for a batch of one.

        Returns:
            A Summary: print it, or read its `rows` and totals.
        """
        train = next(_inference_only(self), None) is None
        return summarize(self, input_shape, train, dtype_of(self))

    def profile(
        self,
        x: np.ndarray,
        steps: int = 5,
        train: bool = True,
        need_dx: bool = False,
        limits: Limits | None = None,
    ) -> Profile:
        """Return a table of where the time goes: each layer's, forward and backward.

        A copy of the layer runs, as it would in training: what runs as one has one row.  Nothing
        changes, neither statistics nor random streams.

        Args:
            x: a batch, (N, ...), float32 or float64.
            steps: how many forward and backward passes to time, after one that does not count.
            train: whether to run as in training; without, there is no backward pass.
            need_dx: whether the gradient with respect to x is computed, which training does not.
            limits: what the machine can do, as `cnnlite.rates.measure_limits` returns it; None
                measures it, which takes about a second.

        Returns:
            A Profile: print it, read its `rows`, or write it with `to_csv`.

        Raises:
            TypeError, ValueError: an argument is none of these, or the layer does not take x.
            RuntimeError: `train` is true, and the network cannot be trained.
        """
        if train:
            expect_trainable(f"{type(self).__name__}: profile with train=True", self)
        return profile(self, x, steps, train, need_dx, limits)

    def _repr_html_(self) -> str:
        """Return a table of its layers and arrays, which a notebook shows."""
        return network_table(self)

    def extra_repr(self) -> str:
        """Return what stands between the parentheses when the layer is printed."""
        return ""

    def __repr__(self) -> str:
        name, children = type(self).__name__, self.children()
        if not children:
            return f"{name}({self.extra_repr()})"
        lines = [f"({key}): {child!r}" for key, child in children.items()]
        body = "\n".join(lines).replace("\n", "\n  ")
        return f"{name}(\n  {body}\n)"


def expect_layer(where: str, argument: str, value: object) -> None:
    """Raise TypeError unless a value is a layer; the message begins with `where`."""
    if not isinstance(value, Layer):
        raise TypeError(f"{where}: {argument} is {shown(value)}, expected a layer")


def expect_trainable(where: str, layer: Layer) -> None:
    """Raise RuntimeError if a part of a network cannot be trained; `where` begins the message."""
    path = next(_inference_only(layer), None)
    if path is not None:
        raise untrainable(where, path)


def untrainable(where: str, path: str = "") -> RuntimeError:
    """Return the error of a frozen network, or of one that has one at `path`."""
    what = f"layer {path!r} is a frozen one, which" if path else "a frozen one"
    return RuntimeError(
        f"{where} is for networks that can be trained; {what} can only be called, frozen(x). "
        "Use the model that it was made of, and freeze that again"
    )


def _inference_only(layer: Layer) -> Iterator[str]:
    """Yield the path of each layer that cannot be trained, "" for the layer itself."""
    return (prefix.rstrip(".") for prefix, leaf in layer.leaves() if leaf.inference_only)


def dtype_of(layer: Layer) -> np.dtype[Any]:
    """Return the dtype that a network computes in: of its first array of floats, else float32."""
    found = (leaf.computes_in() for _, leaf in layer.leaves())
    return next((dtype for dtype in found if dtype is not None), np.dtype(np.float32))
