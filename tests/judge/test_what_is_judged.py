"""Nothing public escapes the judge: every operation, layer, loss, optimizer, option and dtype.

The cases are those that PyTorch judges, each in every memory order; here they are only drawn, and
looked at.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnnlite.functional as F
from cnnlite import layers, losses, optim
from cnnlite.layers import Container, Layer
from tests.judge import layer_cases, loss_cases, operations
from tests.judge.cases import Maker, judged
from tests.judge.layer_cases import LAYERS
from tests.judge.operations import OPERATIONS
from tests.judge.test_networks import OPTIMIZERS

Values = dict[str, set[str]]
NOT_VARIED = {
    "rng": "where random numbers come from; the judge is told the mask",
    "targets": "always an array",
    "groups": "PyTorch's parameter groups, in tests/optim/test_against_torch.py",
    "multiply": "PyTorch rounds other products; tests/_ext/test_bfloat16.py",
}
"""Arguments that have one value in all cases, and why."""


def kind(value: Any) -> str:
    return "an array" if isinstance(value, np.ndarray) else repr(value)


def one_sided(values: Values, signature: inspect.Signature) -> list[str]:
    """The optional arguments that always had the same value."""
    optional = [p.name for p in signature.parameters.values() if p.default is not p.empty]
    return [name for name in optional if name not in NOT_VARIED and len(values[name]) < 2]


def recorder(function: Callable[..., Any], values: Values) -> Callable[..., Any]:
    """The function, and notes of what it was called with."""
    signature = inspect.signature(function)

    def recording(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            if name != "self":  # which has no attributes yet
                values[name].add(kind(value))
        return function(*args, **kwargs)

    recording.__signature__ = signature  # type: ignore[attr-defined]
    return recording


def draw_all(cases: int, use: Callable[[Maker], None]) -> None:
    """Draw so many cases as the judge is given, use each, and see that both dtypes are there."""
    dtypes: set[str] = set()

    @judged(cases)
    @given(st.data())
    def every(data: Any) -> None:
        maker = Maker(data.draw)
        use(maker)
        dtypes.add(maker.dtype.name)

    every()
    assert dtypes == {"float32", "float64"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    public = name if name in ("im2col", "col2im") else f"{name}_forward"
    original, values = getattr(F, public), defaultdict[str, set[str]](set)
    monkeypatch.setattr(F, public, recorder(original, values))

    def use(maker: Maker) -> None:
        case = OPERATIONS[name](maker)
        case.forward(*case.inputs)

    draw_all(operations.CASES.get(name, 25), use)
    assert not one_sided(values, inspect.signature(original))


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, values = getattr(layers, name), defaultdict[str, set[str]](set)
    signature = inspect.signature(layer)
    if layer.__init__ is not object.__init__:
        monkeypatch.setattr(layer, "__init__", recorder(layer.__init__, values))
    trained: set[bool] = set()

    def use(maker: Maker) -> None:
        trained.add(LAYERS[name](maker).train)

    draw_all(layer_cases.CASES.get(name, 15), use)
    if len(getattr(layer, "padding_modes", ())) == 1:
        values["padding_mode"] |= {"there is no other"}
    assert not one_sided(values, signature)
    assert trained == ({True, False} if "BatchNorm" in name else {layer.random is not True})


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW"])
def test_options_of_optimizers(name: str) -> None:
    optional = inspect.signature(getattr(optim, name)).parameters
    given = {key for kind, options in OPTIMIZERS for key in options if kind == name}
    assert set(optional) - set(NOT_VARIED) <= given


def test_everything_public_has_cases() -> None:
    functions = {name for name in F.__all__ if name[0].islower()}
    pairs = {name for name in OPERATIONS if name not in ("im2col", "col2im")}
    assert functions == {f"{n}_{way}" for n in pairs for way in ("forward", "backward")} | {
        "im2col",
        "col2im",
        "batch_norm_addend_backward",  # by the cases of batch_norm
    }
    kinds = {name: getattr(layers, name) for name in layers.__all__}
    assert set(LAYERS) == {name for name, kind in kinds.items() if kind not in (Layer, Container)}
    public = {name for name, item in vars(losses).items() if is_a(item, losses.Loss)}
    assert public == set(loss_cases.LOSSES)
    public = {name for name in optim.__all__ if is_a(getattr(optim, name), optim.Optimizer)}
    # PyTorch's Muon takes matrices alone, so tests/optim/test_against_torch.py judges ours.
    assert public - {"Muon"} == {kind for kind, _ in OPTIMIZERS}


def is_a(item: Any, base: type) -> bool:
    return isinstance(item, type) and issubclass(item, base) and item is not base
