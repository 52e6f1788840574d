"""PyTorch judges whole networks: 20 steps of every optimizer in float64, to a part in 10^8."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnlite import layers as nn
from cnnlite import losses, models, optim
from cnnlite.interop.torch import to_torch
from tests.judge.cases import done

pytestmark = pytest.mark.usefixtures("one_thread")

STEPS, SAME = 20, 1e-8
F64 = np.float64


def sandwich() -> nn.Sequential:
    """Everything that runs fused, forward and backward."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, dtype=F64, rng=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1, bias=False, dtype=F64, rng=2),
        nn.BatchNorm2d(12, dtype=F64), nn.ReLU(),
        nn.Flatten(), nn.Linear(192, 20, dtype=F64, rng=3), nn.ReLU(),
        nn.Linear(20, 5, dtype=F64, rng=4),
    )  # fmt: skip


def residual() -> nn.Sequential:
    """Blocks with and without a way around, groups, strides, dilation, smooth activations."""
    body = nn.Sequential(
        nn.Conv2d(6, 6, 3, padding=2, dilation=2, groups=3, dtype=F64, rng=2),
        nn.GroupNorm(2, 6, dtype=F64), nn.SiLU(), nn.Dropout(0.0),
    )  # fmt: skip
    down = nn.Sequential(
        nn.Conv2d(6, 8, (3, 2), stride=2, padding=((1, 1), (0, 1)), dtype=F64, rng=3)
    )
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, padding="same", padding_mode="circular", dtype=F64, rng=1), nn.GELU(),
        nn.Residual(body), nn.ReLU(),
        nn.Residual(down, nn.Conv2d(6, 8, 1, stride=2, dtype=F64, rng=5)), nn.LeakyReLU(0.1),
        nn.AvgPool2d(2), nn.Flatten(), nn.LayerNorm(32, dtype=F64), nn.Tanh(),
        nn.Linear(32, 5, dtype=F64, rng=4),
    )  # fmt: skip


def perceptron() -> nn.Sequential:
    """No images left after the first layer."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(192, 30, dtype=F64, rng=1), nn.BatchNorm1d(30, dtype=F64), nn.ReLU(),
        nn.Linear(30, 20, bias=False, dtype=F64, rng=2), nn.Softsign(),
        nn.Linear(20, 5, dtype=F64, rng=3), nn.Identity(),
    )  # fmt: skip


NETWORKS: dict[str, Callable[[], nn.Sequential]] = {
    f.__name__: f for f in (sandwich, residual, perceptron)
}
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.02, "momentum": 0.9}),
    ("SGD", {"lr": 0.02, "momentum": 0.9, "weight_decay": 5e-4, "nesterov": True}),
    ("RMSprop", {"lr": 1e-3}),
    ("SGD", {"lr": 0.02, "momentum": 0.9, "dampening": 0.5, "maximize": True}),
    ("RMSprop", {"lr": 1e-3, "alpha": 0.9, "eps": 1e-6, "weight_decay": 0.01, "momentum": 0.9}),
    ("RMSprop", {"lr": 1e-3, "centered": True, "maximize": True}),
    ("Adam", {"lr": 1e-3}),
    ("Adam", {"lr": 2e-3, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.01}),
    ("Adam", {"lr": 1e-3, "amsgrad": True, "maximize": True}),
    ("AdamW", {"lr": 2e-3, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.1}),
    ("AdamW", {"lr": 1e-3, "amsgrad": True, "maximize": True}),
]


def train_both(
    torch: Any, model: nn.Sequential, kind: str, options: dict[str, Any], x: Any
) -> None:
    """Take the steps side by side, and compare losses, parameters and buffers."""
    module = to_torch(model).train()
    loss, ours = losses.CrossEntropyLoss(), getattr(optim, kind)(**options)
    theirs = getattr(torch.optim, kind)(module.parameters(), **options)
    labels = np.random.default_rng(1).integers(0, 5, x.shape[:2])
    for batch, wanted in zip(x, labels, strict=True):
        scores, cache = model.forward(batch)
        value, loss_cache = loss.forward(scores, wanted)
        _, grads = model.backward(loss.backward(loss_cache), cache, need_dx=False)
        ours.step(model.params, grads)

        theirs.zero_grad()
        judged = torch.nn.functional.cross_entropy(
            module(torch.tensor(batch)), torch.tensor(wanted)
        )
        judged.backward()
        theirs.step()
        assert value == pytest.approx(float(judged.detach()), rel=SAME)
    for key, truth in module.state_dict().items():
        array = model.state_dict()[key]
        scale = float(np.abs(truth.numpy()).max(initial=0.0))
        np.testing.assert_allclose(array, truth.numpy(), SAME, SAME * scale, err_msg=key)
    done["networks x optimizers, 20 steps each"] = (
        done.get("networks x optimizers, 20 steps each", 0) + 1
    )


@pytest.mark.parametrize(("kind", "options"), OPTIMIZERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_twenty_steps(torch: Any, name: str, kind: str, options: dict[str, Any]) -> None:
    x = np.random.default_rng(0).standard_normal((STEPS, 6, 3, 8, 8))
    train_both(torch, NETWORKS[name](), kind, options, x)


@pytest.mark.parametrize("name", models.MODELS)
def test_twenty_steps_of_the_zoo(torch: Any, name: str) -> None:
    x = np.random.default_rng(0).standard_normal((STEPS, 2, 3, 32, 32))
    options = {"lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4, "nesterov": True}
    train_both(torch, models.MODELS[name](dtype=F64, rng=0), "SGD", options, x)
