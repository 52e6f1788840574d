"""PyTorch's functions as the modules that compute the same.

Imported only where PyTorch is wanted.  What a call becomes is a module, which is then converted as
any other; so a function has a counterpart where its module has one.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from cnnlite.interop._torch_sizes import Sizes, sizes_of

__all__ = ["IN_PLACE", "SAME", "SUMS", "module_of"]

_POOL = ("kernel_size", "stride", "padding")
_MAX = (*_POOL, "dilation", "ceil_mode", "return_indices")
# The module of a function, and its arguments behind the input, which both call the same.
PLAIN: dict[str, tuple[str, tuple[str, ...]]] = {
    "relu": ("ReLU", ("inplace",)),
    "relu6": ("ReLU6", ("inplace",)),
    "leaky_relu": ("LeakyReLU", ("negative_slope", "inplace")),
    "elu": ("ELU", ("alpha", "inplace")),
    "gelu": ("GELU", ("approximate",)),
    "silu": ("SiLU", ("inplace",)),
    "mish": ("Mish", ("inplace",)),
    "hardswish": ("Hardswish", ("inplace",)),
    "softsign": ("Softsign", ()),
    "sigmoid": ("Sigmoid", ()),
    "tanh": ("Tanh", ()),
    "max_pool1d": ("MaxPool1d", _MAX),
    "max_pool2d": ("MaxPool2d", _MAX),
    "avg_pool1d": ("AvgPool1d", (*_POOL, "ceil_mode", "count_include_pad")),
    "avg_pool2d": (
        "AvgPool2d", (*_POOL, "ceil_mode", "count_include_pad", "divisor_override"),
    ),
    "adaptive_avg_pool2d": ("AdaptiveAvgPool2d", ("output_size",)),
    "adaptive_max_pool2d": ("AdaptiveMaxPool2d", ("output_size", "return_indices")),
    "flatten": ("Flatten", ("start_dim", "end_dim")),
    "interpolate": ("Upsample", ("size", "scale_factor", "mode", "align_corners")),
    "log_softmax": ("LogSoftmax", ("dim",)),
    "softmax": ("Softmax", ("dim",)),
    "dropout": ("Dropout", ("p", "training", "inplace")),
    "dropout2d": ("Dropout2d", ("p", "training", "inplace")),
}  # fmt: skip
SAME = frozenset(("contiguous", "clone"))
SUMS = frozenset(("add", "iadd", "add_"))
IN_PLACE = frozenset(("relu_", "sigmoid_", "tanh_", "leaky_relu_", "elu_", "add_", "iadd"))
_METHODS = frozenset(
    ("relu", "relu_", "sigmoid", "sigmoid_", "tanh", "tanh_", "flatten", "softmax", "log_softmax")
)
_WITH_WEIGHTS = frozenset(("linear", "conv1d", "conv2d"))
# What the functions take and their modules do not, with the values that change nothing.
_NOTHING = {
    "_stacklevel": (3, 5), "dtype": (None,), "antialias": (False,),
    "recompute_scale_factor": (None, False),
}  # fmt: skip


def module_of(node: fx.Node, name: str, root: nn.Module) -> nn.Module | None:
    """Return the module that computes what a call of one input does; None if there is none.

    Args:
        node: a call of a function or of a method.
        name: of the function.
        root: the module whose forward it stands in.

    Raises:
        ValueError: the call has an argument that its module does not have.
    """
    if name in ("view", "reshape"):
        return _view(node, root)
    if name == "mean":
        return _mean(node)
    if node.op == "call_method" and name not in _METHODS:
        return None
    if name in _WITH_WEIGHTS:
        return _with_weights(node, name, root)
    name = name.removesuffix("_")
    if name not in PLAIN:
        return None
    kind, names = PLAIN[name]
    given = _arguments(node, names)
    if name == "flatten":
        given = {"start_dim": 0, **given}  # the module's own default is 1
    if name == "avg_pool2d" and _whole_plane(node, given):
        return nn.AdaptiveAvgPool2d(1)
    if name.startswith("dropout"):
        return _dropout(node, kind, given)
    if any(isinstance(value, fx.Node) for value in given.values()):
        raise ValueError("an argument is computed from the input")
    module: nn.Module = getattr(nn, kind)(**given)
    return module


def _arguments(node: fx.Node, names: tuple[str, ...]) -> dict[str, Any]:
    given = dict(zip(names, node.args[1:], strict=False)) | dict(node.kwargs)
    for name, values in _NOTHING.items():
        if name in given and name not in names and given[name] in values:
            del given[name]
    unknown = [name for name in given if name not in names and name != "input"]
    if unknown or len(node.args) > 1 + len(names):
        raise ValueError(
            f"its argument {unknown[0] if unknown else 'behind the last'} is not offered"
        )
    given.pop("input", None)
    return given


def _dropout(node: fx.Node, kind: str, given: dict[str, Any]) -> nn.Module:
    given = {key: value for key, value in given.items() if key != "training"}
    train, inference = node.meta["modes"]
    if train is inference is False:
        return nn.Identity()
    if (train, inference) != (True, False):
        raise ValueError("it drops in inference too: expected training=self.training")
    module: nn.Module = getattr(nn, kind)(**given)
    return module


def _with_weights(node: fx.Node, name: str, root: nn.Module) -> nn.Module:
    names: tuple[str, ...] = ("weight", "bias")
    if name != "linear":
        names += ("stride", "padding", "dilation", "groups")
    given = _arguments(node, names)
    weight, bias = (_read(given.pop(key, None), root) for key in ("weight", "bias"))
    if not isinstance(weight, nn.Parameter) or not isinstance(bias, nn.Parameter | None):
        raise ValueError("its weight and bias must be parameters of the module")
    out, inside = weight.shape[:2]
    module: Any
    if name == "linear":
        module = nn.Linear(inside, out, bias is not None, "meta")
    else:
        kind = getattr(nn, f"Conv{name[4:]}")
        inside *= given.get("groups", 1)
        size = tuple(weight.shape[2:])
        module = kind(inside, out, size, **given, bias=bias is not None, device="meta")
    module.weight, module.bias = weight, bias
    made: nn.Module = module
    return made


def _read(value: Any, root: nn.Module) -> Any:
    """The parameter that a node reads."""
    if isinstance(value, fx.Node) and value.op == "get_attr":
        for name in str(value.target).split("."):
            root = getattr(root, name)
        return root
    return value


def _view(node: fx.Node, root: nn.Module) -> nn.Module:
    shape: tuple[Any, ...] = node.args[1:]
    if len(shape) == 1 and isinstance(shape[0], tuple | list):
        shape = tuple(shape[0])
    if node.kwargs or len(shape) != 2:
        raise ValueError("expected (N, -1), which is a Flatten")
    batch, rest = shape
    tensor = node.args[0]
    of_batch = sizes_of(batch) == (0,)
    of_rest = _is_rest(sizes_of(rest, tensor))
    if of_batch and (of_rest or isinstance(rest, int)):
        return nn.Flatten()
    if batch == -1 and of_rest:
        return nn.Flatten()
    if batch == -1 and isinstance(rest, int) and rest > 0 and _leads_to_linear(node, rest, root):
        return nn.Flatten()
    if batch == -1 and isinstance(rest, int):
        raise ValueError(
            f"expected view(x.size(0), -1); view(-1, {rest}) keeps images apart only in front of a "
            f"Linear with {rest} inputs"
        )
    raise ValueError("expected (N, -1), which is a Flatten")


def _is_rest(sizes: Sizes) -> bool:
    return sizes == ("rest",) or (bool(sizes) and sizes == tuple(range(1, 1 + len(sizes))))


def _leads_to_linear(node: fx.Node, count: int, root: nn.Module) -> bool:
    """Whether rows of another length than this would be refused further on."""
    while len(node.users) == 1:
        (node,) = node.users
        name = str(getattr(node.target, "__name__", node.target)).removesuffix("_")
        if node.op == "call_module":
            module = root.get_submodule(str(node.target))
            first: Any = module
            while isinstance(first, nn.Sequential) and len(first):
                first = first[0]
            if isinstance(first, nn.Linear):
                return first.in_features == count
            if isinstance(first, nn.BatchNorm1d):
                return first.num_features == count
            if first is not module or not isinstance(first, nn.Dropout | nn.ReLU | nn.Identity):
                return False
        elif name not in ("relu", "dropout", "tanh", "sigmoid", *SAME):
            return False
    return False


def _mean(node: fx.Node) -> nn.Module:
    given = _arguments(node, ("dim", "keepdim"))
    dim = given.get("dim")
    axes = tuple(dim) if isinstance(dim, tuple | list) else ()
    if sorted(axes) not in ([2, 3], [-2, -1]):
        raise ValueError("expected the mean over rows and columns, dim=(2, 3)")
    pool = nn.AdaptiveAvgPool2d(1)
    return pool if given.get("keepdim") else nn.Sequential(pool, nn.Flatten())


def _whole_plane(node: fx.Node, given: dict[str, Any]) -> bool:
    """Whether a window is as large as the image: F.avg_pool2d(x, x.size()[2:])."""
    size = given["kernel_size"]
    if not isinstance(size, fx.Node):
        return False
    plain = all(not value or value is True for key, value in given.items() if key != "kernel_size")
    found = sizes_of(size, node.args[0])
    return plain and found in ((2,), (3,), (-1,), (-2,), (2, 3), (-2, -1), ("planes",))


assert all(hasattr(functional, name) or hasattr(torch, name) for name in PLAIN)
