"""What PyTorch's modules have besides their settings and numbers: ties, hooks, a mode.

Imported only where PyTorch is wanted.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as nn_module

from cnnlite.catalogue.torch_modules import Residual
from cnnlite.layers import Layer
from cnnlite.layers.ties import check_overlaps

__all__ = ["check_module", "check_names", "tie_layers", "tie_modules"]

HOOKS = {
    "_forward_hooks": "a forward hook",
    "_forward_pre_hooks": "a forward pre-hook",
    "_backward_hooks": "a backward hook",
    "_backward_pre_hooks": "a backward pre-hook",
}
TENSOR_HOOKS = {
    "_backward_hooks": "a gradient hook",
    "_post_accumulate_grad_hooks": "a hook behind its gradient",
}
KEPT = (torch.float32, torch.float64, torch.int64)  # of the others NumPy lacks some
_LOST = "which would be lost"
WITH_A_MODE = (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._NormBase)


def check_module(whole: nn.Module) -> None:
    """Raise ValueError if a module has what a layer of cnnlite cannot have.

    Hooks and a forward of its own may change what it computes, and may read a parameter or buffer
    that modules of its kind do not have.  A part in another mode than the rest has no counterpart,
    because here `train` holds for the whole network.
    """
    for attribute, what in HOOKS.items():
        if getattr(nn_module, f"_global{attribute}", None):
            raise ValueError(f"from_torch: {what} for all modules is registered, {_LOST}")
    modes: dict[bool, str] = {}
    for path, part in whole.named_modules():
        where = f"from_torch: module {path!r}" if path else "from_torch: the module"
        where += f", a {type(part).__name__},"
        for attribute, what in HOOKS.items():
            if getattr(part, attribute, None):
                raise ValueError(f"{where} has {what}, {_LOST}")
        if "forward" in vars(part):
            raise ValueError(f"{where} has a forward of its own, {_LOST}")
        if nn.utils.parametrize.is_parametrized(part):
            names = ", ".join(part.parametrizations)
            raise ValueError(
                f"{where} computes its {names} by a parametrization, which has no counterpart; "
                "torch.nn.utils.parametrize.remove_parametrizations keeps the result"
            )
        own = [*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)]
        if own and type(part) in (nn.Sequential, Residual):
            raise ValueError(f"{where} has {own[0][0]!r} of its own, {_LOST}")
        for name, tensor in own:
            for attribute, what in TENSOR_HOOKS.items():
                if getattr(tensor, attribute, None):
                    raise ValueError(f"{where} has {what} on {name}, {_LOST}")
        if isinstance(part, WITH_A_MODE):
            modes.setdefault(part.training, path)
    if len(modes) == 2:
        raise ValueError(
            f"from_torch: module {modes[True]!r} is in training mode but {modes[False]!r} is not; "
            "here all layers are told the same, so call train() or eval() on the whole first"
        )
    tensors = [*whole.named_parameters(), *whole.named_buffers()]
    readable = [pair for pair in tensors if pair[1].device.type == "cpu" and pair[1].dtype in KEPT]
    check_overlaps("from_torch", {key: tensor.detach().numpy() for key, tensor in readable})


def check_names(where: str, part: nn.Module, layer: Layer) -> None:
    """Raise ValueError if a module has a tensor or a part that the layer made of it has not."""
    lost = [name for name, _ in _tensors(part) if name not in {**layer.params, **layer.buffers}]
    lost += [name for name, _ in part.named_children()]
    if lost:
        raise ValueError(f"{where}, a {type(part).__name__}, has {lost[0]!r} of its own, {_LOST}")


def tie_layers(pairs: Iterable[tuple[nn.Module, Layer]]) -> None:
    """Give layers that were made of modules with a tensor in common one array for it."""
    first: dict[int, Any] = {}
    for part, layer in pairs:
        for name, tensor in _tensors(part):
            arrays = layer.params if name in layer.params else layer.buffers
            arrays[name] = first.setdefault(id(tensor), arrays[name])


def tie_modules(pairs: Iterable[tuple[Layer, nn.Module]]) -> None:
    """Give modules that were made of layers with an array in common one tensor for it."""
    first: dict[int, torch.Tensor] = {}
    for layer, module in pairs:
        tensors = dict(_tensors(module))
        for arrays in (layer.params, layer.buffers):
            for name, array in arrays.items():
                setattr(module, name, first.setdefault(id(array), tensors[name]))


def _tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the module's own parameters and buffers by name; one with two names comes twice."""
    yield from module.named_parameters(recurse=False, remove_duplicate=False)
    yield from module.named_buffers(recurse=False, remove_duplicate=False)
