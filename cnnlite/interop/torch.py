"""PyTorch: networks and their states, there and back, without losing a bit.

module = to_torch(model)                      # a torch.nn.Module with the same weights
model = from_torch(module)                    # and back
module.load_state_dict(state_to_torch(model.state_dict()))
model.load_state_dict(state_from_torch(module.state_dict()))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnnlite.catalogue import CATALOGUE
from cnnlite.catalogue.twins import module_type
from cnnlite.checks.numbers import shown
from cnnlite.evaluation import model_dtype
from cnnlite.interop._shared import join, load
from cnnlite.layers import Layer, Residual, Sequential
from cnnlite.layers.ties import check_arrays

if TYPE_CHECKING:
    import torch

__all__ = ["from_torch", "state_from_torch", "state_to_torch", "to_torch"]

_STATE = ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool")


def to_torch(model: Layer) -> torch.nn.Module:
    """Return the PyTorch module that computes what a network or a layer computes.

    It has the same keys in its state_dict, copies of all parameters and buffers, and the same
    dtype.  What stands twice in the network stands twice in the module, and arrays that two layers
    share are one parameter there.  It is in training mode, as a new module is.

    Args:
        model: a Sequential, a Residual, or any layer of cnnlite's own.

    Returns:
        A torch.nn.Sequential for a Sequential; for a layer the module of its name.

    Raises:
        ImportError: PyTorch is not installed.
        TypeError: a layer in it has no counterpart; the message says where it stands.
        ValueError: likewise for a setting, or two arrays share memory without being the same.
    """
    torch = load("to_torch", "PyTorch", "torch")
    from torch import nn

    from cnnlite.catalogue.torch_modules import Residual as TorchResidual
    from cnnlite.interop import _torch_ties

    if not isinstance(model, Layer):
        raise TypeError(f"to_torch: model is a {type(model).__name__}, expected a layer of cnnlite")
    dtype = getattr(torch, model_dtype(model).name)
    check_arrays("to_torch", model.params, model.buffers)
    to_modules = {entry.layer: entry.twin.to_torch for entry in CATALOGUE.values() if entry.twin}
    pairs: list[tuple[Layer, nn.Module]] = []

    def make(layer: Layer, path: str) -> nn.Module:
        if type(layer) is Sequential:
            parts = layer.children().items()
            return nn.Sequential(*(convert(part, join(path, key)) for key, part in parts))
        if type(layer) is Residual:
            way = layer.shortcut
            return TorchResidual(
                convert(layer.body, join(path, "body")),
                None if way is None else convert(way, join(path, "shortcut")),
            )
        where = f"to_torch: layer {path!r}" if path else "to_torch: the layer"
        if "forward" in vars(layer):
            raise ValueError(f"{where} has a forward of its own, which would be lost")
        module: nn.Module = _made(to_modules, layer, where, "a module in PyTorch").to(dtype)
        module.load_state_dict(state_to_torch(layer.state_dict()))
        pairs.append((layer, module))
        return module

    convert = _once_for_each(make)
    whole: nn.Module = convert(model, "")
    _torch_ties.tie_modules(pairs)
    return whole


def from_torch(module: torch.nn.Module) -> Layer:
    """Return the network that computes what a PyTorch module computes, with copies of its state.

    Parameters and buffers that two modules share are one array here.  The mode, training or not,
    and requires_grad have no counterpart: here each call of forward says `train`, and what is
    frozen gets no gradient.

    Args:
        module: a torch.nn.Sequential of modules that cnnlite has too (docs/use/interop.md), what
            `to_torch` returned, one such module, or a module with a forward of its own that
            torch.fx can trace into these.  The parts may have names; here they are numbered.

    Returns:
        A Sequential for a torch.nn.Sequential and for a forward of its own; for a single module
        the layer of its name.

    Raises:
        ImportError: PyTorch is not installed.
        TypeError: a module or an operation in it has no counterpart (the message quotes the line
            of the forward), or a parameter is neither float32 nor
            float64, or not of the dtype of the others; the message says which.
        ValueError: likewise for a setting, and for what would be lost: a hook, a forward set on the
            module itself, parameters that its kind does not have, a part that is in another mode
            than the rest, two parameters that share memory without being the same.
    """
    load("from_torch", "PyTorch", "torch")
    from torch import nn

    from cnnlite.catalogue.torch_modules import Residual as TorchResidual
    from cnnlite.interop import _torch_blocks, _torch_ties, _torch_trace

    if not isinstance(module, nn.Module):
        raise TypeError(
            f"from_torch: module is a {type(module).__name__}, expected a torch.nn.Module"
        )
    _torch_ties.check_module(module)
    dtype = _common_dtype(module)
    twins = [entry.twin for entry in CATALOGUE.values() if entry.twin]
    to_layers = {module_type(name): twin.from_torch for twin in twins for name in twin.modules}
    pairs: list[tuple[nn.Module, Layer]] = []

    def known(part: nn.Module) -> bool:
        return type(part) in (nn.Sequential, TorchResidual, *to_layers)

    def make(part: nn.Module, path: str) -> Layer:
        if type(part) is nn.Sequential:
            parts: Any = part._modules.items()  # named_children skips what stands there twice
            return Sequential(*(convert(child, join(path, key)) for key, child in parts))
        if type(part) is TorchResidual:
            way = part.shortcut
            return Residual(
                convert(part.body, join(path, "body")),
                None if way is None else convert(way, join(path, "shortcut")),
            )
        if not known(part) and _torch_trace.has_own_forward(part):
            return _torch_blocks.layer_of(part, path, known, convert)
        where = f"from_torch: module {path!r}" if path else "from_torch: the module"
        layer: Layer = _made(to_layers, part, where, "a layer in cnnlite", dtype)
        try:
            layer.load_state_dict(state_from_torch(part.state_dict()))
        except ValueError as error:  # a scale without a shift, say
            raise ValueError(f"{where}, a {type(part).__name__}: {error}") from error
        _torch_ties.check_names(where, part, layer)
        pairs.append((part, layer))
        return layer

    convert = _once_for_each(make)
    whole: Layer = convert(module, "")
    _torch_ties.tie_layers(pairs)
    return whole


def state_to_torch(state: Mapping[str, npt.ArrayLike]) -> dict[str, torch.Tensor]:
    """Return a state as PyTorch's `load_state_dict` takes it: copies, the same bits and keys.

    Args:
        state: what a layer's `state_dict` returned.

    Raises:
        ImportError: PyTorch is not installed.
        TypeError: the state is no mapping.
    """
    _check_state("state_to_torch", state)
    torch = load("state_to_torch", "PyTorch", "torch")
    return {key: torch.from_numpy(np.array(array, order="C")) for key, array in state.items()}


def state_from_torch(state: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Return a state as a layer's `load_state_dict` takes it: copies, the same bits and keys.

    Args:
        state: what a module's `state_dict` returned, on any device.

    Raises:
        TypeError: the state is no mapping, an entry is not a tensor, or NumPy lacks its dtype
            (bfloat16); the message names its key.
    """
    _check_state("state_from_torch", state)
    arrays = {}
    for key, tensor in state.items():
        kind = str(getattr(tensor, "dtype", type(tensor).__name__)).removeprefix("torch.")
        if kind not in _STATE or isinstance(tensor, np.ndarray):
            raise TypeError(
                f"state_from_torch: {key} is {kind}, expected a tensor of float32, float64 or "
                "integers"
            )
        arrays[key] = np.array(tensor.detach().cpu().numpy(), order="C")
    return arrays


def _check_state(name: str, state: Any) -> None:
    if not isinstance(state, Mapping):
        raise TypeError(f"{name}: state is {shown(state)}, expected a mapping of arrays")


def _once_for_each(make: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """Return make(part, path), which makes one counterpart of a part that stands in many places."""
    made: dict[int, tuple[Any, Any]] = {}  # parts are kept, so that no id comes again

    def convert(part: Any, path: str) -> Any:
        if id(part) not in made:
            made[id(part)] = part, make(part, path)
        return made[id(part)][1]

    return convert


def _made(
    table: Mapping[type, Callable[..., Any]], part: Any, where: str, wanted: str, *rest: Any
) -> Any:
    """Return the counterpart of a part; an error says where the part stands."""
    name = type(part).__name__
    if type(part) not in table:
        raise TypeError(f"{where} is a {name}, which has no counterpart: expected {wanted}")
    try:
        return table[type(part)](part, *rest)
    except ValueError as error:
        raise ValueError(f"{where}, a {name}: {error}") from error


def _common_dtype(module: torch.nn.Module) -> np.dtype:
    """Return the dtype of all floating-point parameters and buffers; float32 without any."""
    first: tuple[str, str] | None = None
    for key, tensor in module.state_dict().items():
        if tensor.dtype.is_floating_point:
            name = str(tensor.dtype).removeprefix("torch.")
            if name not in ("float32", "float64"):
                raise TypeError(f"from_torch: {key} is {name}, expected float32 or float64")
            if first is None:
                first = key, name
            elif name != first[1]:
                raise TypeError(f"from_torch: {key} is {name} but {first[0]} is {first[1]}")
    return np.dtype(first[1] if first else "float32")
