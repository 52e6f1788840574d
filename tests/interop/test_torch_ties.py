"""What PyTorch's modules share comes over shared; what would be lost on the way is refused."""

from typing import Any

import numpy as np
import pytest

from cnnlite import layers as nn
from cnnlite.interop.torch import from_torch, to_torch


def test_shared_parameters_were_copied_apart(torch: Any, rng: np.random.Generator) -> None:
    t = torch.nn
    module = t.Sequential(t.Linear(3, 3), t.ReLU(), t.Sequential(t.Linear(3, 3), t.Linear(3, 3)))
    module[2][0].weight = module[0].weight
    module[2][1].bias = module[0].bias
    model = from_torch(module)
    assert list(model.params) == ["0.weight", "0.bias", "2.0.bias", "2.1.weight"]
    assert list(model.state_dict()) == list(module.state_dict())
    back = to_torch(model)
    assert back[2][0].weight is back[0].weight
    assert back[2][1].bias is back[0].bias
    assert len(list(back.parameters())) == len(list(module.parameters())) == 4
    x = rng.standard_normal((4, 3)).astype(np.float32)
    y, cache = model.forward(x)
    _, grads = model.backward(np.ones_like(y), cache)
    back(torch.tensor(x)).sum().backward()
    for key, parameter in back.named_parameters():
        np.testing.assert_allclose(grads[key], parameter.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_shared_buffers_stay_shared(torch: Any) -> None:
    t = torch.nn
    module = t.Sequential(t.BatchNorm1d(3), t.BatchNorm1d(3))
    module[1].running_mean = module[0].running_mean
    model = from_torch(module)
    assert model[1].buffers["running_mean"] is model[0].buffers["running_mean"]
    back = to_torch(model)
    assert back[1].running_mean is back[0].running_mean
    assert isinstance(back[0].weight, t.Parameter)


@pytest.mark.parametrize("share", ["transpose", "data", "part"])
def test_parameters_over_the_same_memory_are_refused(torch: Any, share: str) -> None:
    t = torch.nn
    module = t.Sequential(t.Linear(3, 3), t.Linear(3, 3))
    weight = module[0].weight
    if share == "transpose":
        module[1].weight = t.Parameter(weight.t())
    elif share == "data":
        module[1].weight.data = weight.data
    else:
        module[1].bias = t.Parameter(weight.detach()[0])
    with pytest.raises(ValueError, match=r"from_torch: 1\.\w+ \(3.* shares memory with 0\.weight"):
        from_torch(module)


def spoil_forward(module: Any) -> None:
    module.forward = lambda x: 2 * x


SPOILERS: dict[str, Any] = {
    "has a forward hook": lambda torch, m: m.register_forward_hook(lambda m, i, o: 2 * o),
    "has a forward pre-hook": lambda torch, m: m.register_forward_pre_hook(lambda m, i: i),
    "has a backward hook": lambda torch, m: m.register_full_backward_hook(lambda m, i, o: None),
    "has a backward pre-hook": (
        lambda torch, m: m.register_full_backward_pre_hook(lambda m, o: None)
    ),
    "has a gradient hook on weight": lambda torch, m: m.weight.register_hook(lambda g: 2 * g),
    "has a hook behind its gradient on weight": (
        lambda torch, m: m.weight.register_post_accumulate_grad_hook(lambda p: None)
    ),
    "has a forward of its own": lambda torch, m: spoil_forward(m),
    "has 'extra' of its own": (
        lambda torch, m: m.register_buffer("extra", torch.zeros(1), persistent=False)
    ),
    "has 'part' of its own": lambda torch, m: m.add_module("part", torch.nn.ReLU()),
    "unexpected keys 'mask'": lambda torch, m: m.register_buffer("mask", torch.zeros(1)),
    "computes its weight by a parametrization": (
        lambda torch, m: torch.nn.utils.parametrizations.weight_norm(m)
    ),
    "computes its weight by a": lambda torch, m: torch.nn.utils.parametrizations.spectral_norm(m),
    "has a forward pre-hook, which would": (
        lambda torch, m: __import__("torch.nn.utils.prune").nn.utils.prune.l1_unstructured(
            m, "weight", 0.5
        )
    ),
}


@pytest.mark.parametrize("words", SPOILERS)
def test_what_changes_the_function_was_dropped_silently(torch: Any, words: str) -> None:
    """Hooks above all: the network that came over computed something else."""
    linear = torch.nn.Linear(3, 3)
    SPOILERS[words](torch, linear)
    module = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Sequential(linear))
    with pytest.raises(ValueError, match=rf"from_torch: module '1\.0', a \w+.*{words}"):
        from_torch(module)


def test_containers_have_hooks_and_tensors_too(torch: Any) -> None:
    t = torch.nn
    hooked = t.Sequential(t.Linear(3, 3))
    hooked.register_forward_hook(lambda m, i, o: 2 * o)
    with pytest.raises(ValueError, match="from_torch: the module, a Sequential, has a forward"):
        from_torch(hooked)
    owner = t.Sequential(t.Linear(3, 3))
    owner.register_parameter("scale", t.Parameter(torch.ones(1)))
    with pytest.raises(ValueError, match="the module, a Sequential, has 'scale' of its own"):
        from_torch(owner)
    handle = t.modules.module.register_module_forward_hook(lambda m, i, o: 2 * o)
    try:
        with pytest.raises(ValueError, match="a forward hook for all modules is registered"):
            from_torch(t.Sequential(t.Linear(3, 3)))
    finally:
        handle.remove()


def test_parts_in_different_modes(torch: Any) -> None:
    """One forward here is in one mode: a frozen batch-norm among others has no counterpart."""
    t = torch.nn
    module = t.Sequential(t.Linear(3, 3), t.BatchNorm1d(3), t.Dropout())
    from_torch(module.eval())
    from_torch(module.train())
    module[0].eval()  # which means nothing for it
    from_torch(module)
    module[1].eval()
    with pytest.raises(ValueError, match="module '2' is in training mode but '1' is not"):
        from_torch(module)


def test_frozen_parameters_come_over(torch: Any) -> None:
    module = torch.nn.Linear(3, 3).requires_grad_(False)
    np.testing.assert_array_equal(from_torch(module).params["bias"], module.bias.numpy())


def test_a_layers_own_forward_does_not_go_to_pytorch(torch: Any) -> None:
    layer = nn.ReLU()
    layer.forward = lambda x, train=True, rng=None: (2 * x, None)  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="to_torch: layer '0' has a forward of its own"):
        to_torch(nn.Sequential(layer))


def test_a_tied_array_is_written_once_to_onnx() -> None:
    pytest.importorskip("onnx")
    from cnnlite.interop.onnx import to_onnx

    model = nn.Sequential(nn.Linear(3, 3, rng=0), nn.ReLU(), nn.Linear(3, 3, rng=1))
    assert len(to_onnx(model, (3,)).graph.initializer) == 4
    model.params["2.weight"] = model.params["0.weight"]
    assert len(to_onnx(model, (3,)).graph.initializer) == 3
