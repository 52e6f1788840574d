"""Modules with a forward of their own come from PyTorch, or are refused by operation and line."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from cnnlite import Dropout, Flatten, Identity, ReLU, Residual, Sequential
from cnnlite.interop.torch import from_torch, state_from_torch, to_torch

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from tests.interop.own_forwards import PUBLISHED, LeNet  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread", "one_thread_of_torch")


@pytest.fixture(scope="module")
def one_thread_of_torch() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def published(name: str) -> Any:
    torch.manual_seed(0)
    module = PUBLISHED[name]().double()
    with torch.no_grad():
        module.train()(
            torch.randn(4, 3, 32, 32).double()
        )  # statistics that are not those of 0 and 1
    return module


def close(ours: np.ndarray, theirs: Any) -> None:
    theirs = theirs.detach().numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-11 * np.abs(theirs).max())


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_scores_are_the_same_in_inference(name: str) -> None:
    module = published(name)
    x = torch.randn(3, 3, 32, 32).double()
    close(from_torch(module)(x.numpy()), module.eval()(x))


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name != "LeNet"])
def test_a_step_of_training_is_the_same(name: str) -> None:
    module = published(name)
    model = from_torch(module)
    x = torch.randn(4, 3, 32, 32).double().requires_grad_()
    theirs = module.train()(x)
    dy = torch.randn(theirs.shape).double()
    theirs.backward(dy)
    ours, cache = model.forward(x.detach().numpy().copy(), train=True)
    close(ours, theirs)
    dx, grads = model.backward(dy.numpy(), cache)
    assert dx is not None
    close(dx, x.grad)
    norms = [float(np.linalg.norm(grad)) for grad in grads.values() if grad is not None]
    wanted = [float(p.grad.norm()) for p in module.parameters() if p.grad is not None]
    np.testing.assert_allclose(sorted(norms), sorted(wanted), rtol=1e-8, atol=1e-9)
    statistics = [b.sum().item() for key, b in module.named_buffers() if "num_b" not in key]
    np.testing.assert_allclose(
        sorted(float(b.sum()) for key, b in model.buffers.items() if "num_b" not in key),
        sorted(statistics), rtol=1e-9,
    )  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_came_goes_back(name: str) -> None:
    module = published(name)
    again = to_torch(from_torch(module))
    x = torch.randn(2, 3, 32, 32).double()
    close(again.eval()(x).detach().numpy(), module.eval()(x))


@pytest.mark.parametrize("training", [True, False])
def test_the_module_is_left_as_it_was(training: bool) -> None:
    module = published("ResNet").train(training)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    from_torch(module)
    assert all(part.training is training for part in module.modules())
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())


def test_a_forward_that_counts_its_calls_has_not_been_called() -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.calls: Any
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: Any) -> Any:
            self.calls += 1
            return F.relu(x)

    module = Counting()
    from_torch(module)
    assert module.calls == 0


def test_dropout_that_is_told_the_mode_is_a_dropout() -> None:
    model = from_torch(LeNet())
    assert isinstance(model, Sequential)
    (dropout,) = [layer for layer in model if isinstance(layer, Dropout)]
    assert dropout.p == 0.5


def of(forward: Callable[..., Any], *parts: Any) -> Any:
    """A module with this forward; its parts are self.a, self.b."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            for name, part in zip("ab", parts, strict=False):
                setattr(self, name, part)

    Net.forward = forward  # type: ignore[method-assign]
    return Net()


def test_sums_and_copies() -> None:
    model = from_torch(of(lambda self, x: x.clone() + x))
    assert isinstance(model, Sequential)
    (block,) = model
    assert isinstance(block, Residual)
    assert isinstance(block.body, Identity)
    assert block.shortcut is None
    assert isinstance(from_torch(of(lambda self, x: x.flatten(1)))[0], Flatten)  # type: ignore[index]


def test_functions_of_one_shape_do_not_become_one_layer() -> None:
    """The modules that stand for calls are kept: a number of one that is gone may come again."""
    model = from_torch(of(lambda self, x: F.leaky_relu(F.leaky_relu(F.leaky_relu(x, 1), 2), 3)))
    assert [layer.negative_slope for layer in model] == [1, 2, 3]  # type: ignore[attr-defined]


def branching(self: Any, x: Any) -> Any:
    if x.sum() > 0:
        return x
    return -x


def twice(self: Any, x: Any) -> Any:
    u = self.a(x)
    v = u + self.b(x)
    return F.relu(v) + u


def changed(self: Any, x: Any) -> Any:
    y = F.relu(x, inplace=True)
    return self.a(y) + x


def changed_within(self: Any, x: Any) -> Any:
    return self.a(x) + x


def auxiliary(self: Any, x: Any) -> Any:
    if self.training:
        return F.relu(self.a(x))
    return self.a(x)


def concatenated(self: Any, x: Any) -> Any:
    return torch.cat([x, F.relu(x)], dim=1)


# Forwards and messages stand apart: a message quotes the line of the forward.
WITHOUT: dict[str, Any] = {
    "cat": of(concatenated),
    "scaled": of(lambda self, x: 2 * x),
    "shifted": of(lambda self, x: x + 1),
    "alpha": of(lambda self, x: torch.add(x, x, alpha=2)),
    "product": of(lambda self, x: x @ x),
    "sliced": of(lambda self, x: x[:, :, ::2, ::2]),
    "method": of(lambda self, x: x.cumsum(1)),
    "permuted": of(lambda self, x: x.permute(0, 2, 3, 1)),
    "branching": of(branching),
    "two inputs": of(lambda self, x, y: x + y),
    "two results": of(lambda self, x: (x, x)),
    "shared": of(twice, nn.ReLU(), nn.Tanh()),
    "changed": of(changed, nn.Tanh()),
    "changed within": of(changed_within, nn.Sequential(nn.ReLU(True), nn.Tanh())),
    "modes": of(auxiliary, nn.Tanh()),
    "always drops": of(lambda self, x: F.dropout(x, 0.2)),
    "mixes images": of(lambda self, x: x.view(-1, 4)),
    "other Linear": of(lambda self, x: self.a(x.view(-1, 4)), nn.Linear(8, 2)),
    "other shape": of(lambda self, x: x.view(x.size(0), 3, -1)),
    "mean of channels": of(lambda self, x: x.mean(1)),
    "indices": of(lambda self, x: F.max_pool2d(x, 2, return_indices=True)),
    "divisor": of(lambda self, x: F.avg_pool2d(x, 2, divisor_override=3)),
    "first of an LSTM": of(lambda self, x: self.a(x)[0], nn.LSTM(2, 3)),
    "unknown part": of(lambda self, x: self.a(x), nn.LSTM(2, 3)),
    "reflected border": of(lambda self, x: F.pad(x, (1, 1, 1, 1), mode="reflect")),
    "computed window": of(lambda self, x: F.max_pool2d(x, x.size(3))),
    "frozen weight": of(lambda self, x: F.linear(x, x)),
}
MESSAGES = {
    "cat": r"Net: torch\.cat in line \d+: return torch",
    "scaled": r"Net: mul in line \d+",
    "shifted": "Net: add in line .*: expected a sum of two branches",
    "alpha": "add in line .*: expected a sum of two branches",
    "product": "matmul in line .* which has no counterpart",
    "sliced": "Net: getitem in line",
    "method": "Net: the method cumsum in line",
    "permuted": "Net: the method permute in line",
    "branching": r"cannot be traced in line \d+: if x\.sum\(\) > 0",
    "two inputs": "its forward takes x, y; a network here has one input",
    "two results": "returns a tuple, expected one tensor",
    "shared": r"self\.a in line \d+.* goes into two sums in a way that Residual",
    "changed": r"F\.relu in line .*: its input is changed in place, and used again",
    "changed within": r"self\.a in line .*: its input is changed in place, and used again",
    "modes": r"another one in training than in inference in line \d+",
    "always drops": r"F\.dropout in line .*: it drops in inference too: expected training=self",
    "mixes images": r"the method view in line .*: expected view\(x\.size\(0\), -1\); view\(-1, 4\)",
    "other Linear": r"the method view in line .*: expected view\(x\.size\(0\), -1\); view\(-1, 4\)",
    "other shape": r"the method view in line .*: expected \(N, -1\), which is a Flatten",
    "mean of channels": "the method mean in line .*: expected the mean over rows and columns",
    "indices": r"F\.max_pool2d_with_indices in line .* which has no counterpart",
    "divisor": r"F\.avg_pool2d in line .*: it, a AvgPool2d: divisor_override is not offered here",
    "first of an LSTM": "Net: getitem in line",
    "unknown part": r"from_torch: module '(1\.0\.)?a' is a LSTM, which has no counterpart",
    "reflected border": r"F\.pad in line .* which has no counterpart",
    "computed window": r"F\.max_pool2d in line .*: an argument is computed from the input",
    "frozen weight": r"F\.linear in line .*: its weight and bias must be parameters",
}


@pytest.mark.parametrize("name", WITHOUT)
def test_what_has_no_counterpart_is_named_with_its_line(name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=MESSAGES[name]):
        from_torch(WITHOUT[name])
    deep = nn.Sequential(nn.ReLU(), nn.Sequential(WITHOUT[name]))
    with pytest.raises((TypeError, ValueError), match=MESSAGES[name]) as caught:
        from_torch(deep)
    assert str(caught.value).startswith("from_torch: module '1.0")


def test_an_activation_in_place_that_nobody_reads_before_is_taken() -> None:
    model = from_torch(of(lambda self, x: F.relu_(self.a(x)), nn.Linear(2, 2)))
    assert isinstance(model, Sequential)
    assert isinstance(model[1], ReLU)


def test_a_hook_is_refused_in_a_module_of_ones_own_too() -> None:
    module = LeNet()
    module.conv1.register_forward_hook(lambda *a: None)
    with pytest.raises(ValueError, match="module 'conv1', a Conv2d, has a forward hook"):
        from_torch(module)


def test_weights_are_copies() -> None:
    module = LeNet()
    model = from_torch(module)
    before = state_from_torch(module.state_dict())
    for array in model.params.values():
        array[...] = 0
    for key, value in state_from_torch(module.state_dict()).items():
        np.testing.assert_array_equal(value, before[key])
