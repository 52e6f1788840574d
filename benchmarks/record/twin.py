"""The training step of a Solver in PyTorch: the same network, loss, optimizers, rates and batches.

twin = Twin(solver, "NHWC")
twin.step(x, y, factor)          # as solver.train_step
take_over(solver, twin)          # solver.train() then trains in PyTorch
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from cnnlite import Solver
from cnnlite.interop.torch import state_from_torch, to_torch
from cnnlite.layers import BatchNorm2d
from cnnlite.losses import CrossEntropyLoss
from cnnlite.optim import Muon, Optimizer

__all__ = ["COMPILED", "MODES", "Twin", "take_over"]

COMPILED = "compiled"
MODES = ("NCHW", "NHWC", COMPILED)
"""The order of images in memory; or NHWC after torch.compile."""


class Twin:
    """A Solver's network and its training step in PyTorch.

    Args:
        solver: it gives network, loss, optimizer, and says which parameters are frozen; it stays
            as it is.
        mode: one of MODES.
        multiply: "float32", or "bfloat16" for autocast to it.

    Attributes:
        module: the network.

    Raises:
        ValueError: loss, optimizer or something that the Solver does in a step has no counterpart
            here.
    """

    def __init__(self, solver: Solver, mode: str, multiply: str = "float32") -> None:
        if not isinstance(solver.loss, CrossEntropyLoss):
            raise ValueError(f"Twin: loss is {solver.loss!r}, expected CrossEntropyLoss")
        for name, usual in (("clip_norm", None), ("ema", None), ("shards", 1)):
            if (value := getattr(solver, name)) != usual:
                raise ValueError(f"Twin: {name} is {value!r}, expected {usual}")
        self.model, self.mode, self.multiply = solver.model, mode, multiply
        self.smoothing = solver.loss.label_smoothing
        self.order = torch.contiguous_format if mode == "NCHW" else torch.channels_last
        self.module = to_torch(solver.model).to(memory_format=self.order)
        self.run: Any = torch.compile(self.module, dynamic=False) if mode == COMPILED else None
        self.run = self.run or self.module
        self.optimizers = _optimizers(solver.optimizer, self.module, solver.model.params)
        self.frozen: frozenset[str] | None = None

    def step(self, x: np.ndarray, y: np.ndarray, factor: float) -> float:
        """Take a step with all learning rates times a factor, and return the loss."""
        return self._step(x, y, factor, self.model.frozen_keys)

    def warm_up(self, x: np.ndarray, y: np.ndarray, frozen: Collection[str]) -> None:
        """Compile what a step with such a batch and such frozen parameters needs; train nothing."""
        before = {key: array.clone() for key, array in self.module.state_dict().items()}
        self._step(x, y, 1.0, frozen)
        self.module.load_state_dict(before)
        for optimizer in self.optimizers:
            optimizer.state.clear()

    def _step(self, x: np.ndarray, y: np.ndarray, factor: float, frozen: Collection[str]) -> float:
        self._freeze(frozenset(frozen))
        images = torch.from_numpy(x).to(memory_format=self.order)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor
        for parameter in self.module.parameters():
            parameter.grad = None
        with torch.autocast("cpu", torch.bfloat16, self.multiply == "bfloat16"):
            scores = self.run(images)
            value = cross_entropy(scores, torch.from_numpy(y), label_smoothing=self.smoothing)
        value.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        return value.item()

    def copy_to(self, solver: Solver) -> None:
        """Give a Solver's network these parameters and buffers."""
        solver.model.load_state_dict(state_from_torch(self.module.state_dict()))

    def _freeze(self, keys: frozenset[str]) -> None:
        """Train all parameters but these; norms of which all are frozen keep their statistics."""
        if keys == self.frozen:
            return
        for key, parameter in self.module.named_parameters():
            parameter.requires_grad = key not in keys
        self.module.train()
        for prefix, leaf in self.model.leaves():
            if isinstance(leaf, BatchNorm2d) and keys.issuperset(prefix + n for n in leaf.params):
                self.module.get_submodule(prefix.rstrip(".")).eval()
        self.frozen = keys


def take_over(solver: Solver, twin: Twin) -> Callable[[], float]:
    """Let a Solver take its steps in PyTorch.

    Batches, schedule, what is frozen and evaluation stay the Solver's own, with the parameters that
    PyTorch has come to.

    Returns:
        A function that says how many seconds copies of parameters have taken so far, which are no
        part of a training in PyTorch.
    """
    copying = 0.0

    def train_step(x: np.ndarray, y: np.ndarray) -> float:
        nonlocal copying
        loss = twin.step(x, y, solver.factor_at(solver.step))
        solver.loss_history.append(loss)
        start = time.perf_counter()
        if solver.step % solver.steps_per_epoch == 0:
            twin.copy_to(solver)
        copying += time.perf_counter() - start
        return loss

    solver.train_step = train_step  # type: ignore[method-assign]
    return lambda: copying


def _optimizers(ours: Optimizer, module: torch.nn.Module, arrays: Any) -> list[Any]:
    """Return PyTorch's optimizers with groups for the parameters as ours has."""
    groups: dict[tuple[type, str], tuple[dict[str, Any], list[torch.nn.Parameter]]] = {}
    for key, parameter in module.named_parameters():
        optimizer, options = _mover(ours, key, arrays[key])
        kind: type = type(optimizer)
        if kind is Muon and parameter.ndim < 2:
            kind, options = torch.optim.AdamW, {k: options[k] for k in ("lr", "weight_decay")}
        elif kind is Muon:
            kind = TorchMuon
        elif not hasattr(torch.optim, kind.__name__):
            raise ValueError(f"Twin: the optimizer {kind.__name__} has no counterpart in PyTorch")
        else:
            kind = getattr(torch.optim, kind.__name__)
        groups.setdefault((kind, repr(options)), (options, []))[1].append(parameter)
    found = [
        kind([{"params": parameters, "initial_lr": options["lr"]}], **options)
        for (kind, _), (options, parameters) in groups.items()
    ]
    return found


def _mover(optimizer: Optimizer, key: str, array: np.ndarray) -> tuple[Optimizer, dict[str, Any]]:
    """Return the optimizer that moves a parameter, and its options for it."""
    for match, options in optimizer.groups:
        if match(key, array):
            inner = options.get("optimizer")
            return (optimizer, options) if inner is None else _mover(inner, key, array)
    return optimizer, optimizer.options


class TorchMuon(torch.optim.Optimizer):
    """Muon for matrices and convolutions, in float32, with airbench's scaling of weights."""

    def __init__(self, params: Iterable[Any], **options: Any) -> None:
        super().__init__(params, options)

    @torch.no_grad()
    def step(self) -> None:
        """Move each parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)

    def _move(self, parameter: torch.Tensor, grad: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        buffer = state.setdefault("momentum_buffer", torch.zeros_like(grad))
        buffer.lerp_(grad, 1 - group["momentum"])
        move = grad.lerp(buffer, group["momentum"]) if group["nesterov"] else buffer
        rows = len(parameter)
        if group["weight_norm"]:
            parameter.mul_(rows**0.5 / parameter.norm())
        matrix = _orthogonal(move.reshape(rows, -1), group)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        rate = max(1, rows / matrix.shape[1]) ** 0.5
        if group["adjust_lr_fn"] == "match_rms_adamw":
            rate = 0.2 * max(matrix.shape) ** 0.5
        parameter.add_(matrix.reshape(parameter.shape), alpha=-group["lr"] * rate)


def _orthogonal(matrix: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
    """Return what Newton and Schulz's iteration makes of a matrix."""
    a1, a2, a3 = group["ns_coefficients"]
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=a2, alpha=a3), x, beta=a1)
    return x.T if tall else x
