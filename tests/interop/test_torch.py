"""Networks go to PyTorch and come back: same outputs, same states to the bit."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cnnlite import layers as nn
from cnnlite import models
from cnnlite.catalogue import CATALOGUE, Entry, Example
from cnnlite.interop.torch import from_torch, state_from_torch, state_to_torch, to_torch

pytestmark = pytest.mark.usefixtures("one_thread", "one_thread_of_torch")
F32, F64 = np.float32, np.float64


@pytest.fixture(scope="module")
def one_thread_of_torch() -> Iterator[None]:
    try:
        import torch
    except ImportError:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def everything(dtype: Any = F64) -> nn.Sequential:
    """Every kind of layer, and every kind of padding, for images (N, 3, 8, 8)."""
    d: dict[str, Any] = {"dtype": dtype}
    body = nn.Sequential(
        nn.Conv2d(6, 6, 3, padding=2, dilation=2, groups=3, rng=2, **d), nn.GroupNorm(2, 6, **d),
        nn.SiLU(), nn.Dropout(0.0), nn.Conv2d(6, 6, (2, 3), padding="same", rng=3, **d),
    )  # fmt: skip
    down = nn.Sequential(nn.Conv2d(6, 8, 3, 2, ((0, 1), (1, 0)), rng=4, bias=False, **d))
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, padding="same", padding_mode="circular", rng=1, **d), nn.GELU(),
        nn.BatchNorm2d(6, eps=1e-3, momentum=0.3, **d), nn.Residual(body), nn.ReLU(),
        nn.Conv2d(6, 6, 3, padding=((1, 1), (0, 2)), padding_mode="circular", rng=6, **d),
        nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect", groups=6, rng=7, **d),
        nn.Conv2d(6, 6, 3, padding=((1, 1), (0, 2)), padding_mode="replicate", rng=8, **d),
        nn.MaxPool2d(3, 1, 1), nn.Residual(down, nn.Conv2d(6, 8, 1, stride=2, rng=5, **d)),
        nn.BatchNorm2d(8, momentum=None, affine=False, **d), nn.LeakyReLU(0.1),
        nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False), nn.Identity(),
        nn.Residual(nn.GELU("tanh"), models.ZeroPadShortcut(8, 8)),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(8, bias=False, **d), nn.Tanh(),
        nn.Linear(8, 7, rng=6, **d), nn.BatchNorm1d(7, track_running_stats=False, **d),
        nn.Sigmoid(), nn.Linear(7, 5, bias=False, rng=7, **d), nn.Softsign(),
    )  # fmt: skip


NETWORKS = {"everything": everything, **{name: models.MODELS[name] for name in models.MODELS}}


def images(name: str, dtype: Any, rng: np.random.Generator) -> np.ndarray:
    side = 8 if name == "everything" else 32
    return rng.standard_normal((4, 3, side, side)).astype(dtype)


def same_state(a: Any, b: Any) -> None:
    assert list(a) == list(b)
    for key, value in a.items():
        assert (value.dtype, value.shape) == (b[key].dtype, b[key].shape), key
        assert value.tobytes() == b[key].tobytes(), key


def scramble(model: nn.Layer, rng: np.random.Generator) -> None:
    """Give parameters and statistics values that no constructor would."""
    for arrays in (model.params, model.buffers):
        for key, array in arrays.items():
            noise = 0.5 + rng.random(array.shape)
            array[...] = 41 if array.dtype == np.int64 else noise * (array if array.any() else 1)
            assert np.isfinite(array).all(), key


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_agree_and_states_are_the_same(
    torch: Any, name: str, rng: np.random.Generator
) -> None:
    model = NETWORKS[name](dtype=F64)
    scramble(model, rng)
    x = images(name, F64, rng)
    module = to_torch(model)
    same_state(model.state_dict(), state_from_torch(module.state_dict()))
    for _ in range(3):  # batch-norm's statistics move along
        ours = model.forward(x, train=True)[0]
        with torch.no_grad():
            theirs = module.train()(torch.tensor(x)).numpy()
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12 * np.abs(theirs).max())
    for key, buffer in module.named_buffers():
        np.testing.assert_allclose(model.buffers[key], buffer.numpy(), rtol=1e-12, atol=1e-12)
    tracked = [int(model.buffers[key]) for key in model.buffers if key.endswith("tracked")]
    assert set(tracked) <= {44}
    with torch.no_grad():
        theirs = module.eval()(torch.tensor(x)).numpy()
    np.testing.assert_allclose(model(x), theirs, rtol=1e-12, atol=1e-12 * np.abs(theirs).max())


@pytest.mark.parametrize("dtype", [F32, F64])
@pytest.mark.parametrize("name", NETWORKS)
def test_there_and_back_gives_the_same_bits(
    torch: Any, name: str, dtype: Any, rng: np.random.Generator
) -> None:
    model = NETWORKS[name](dtype=dtype)
    scramble(model, rng)
    again = from_torch(to_torch(model))
    same_state(model.state_dict(), again.state_dict())
    x = images(name, dtype, rng)
    (y, cache), (y2, cache2) = model.forward(x), again.forward(x)
    np.testing.assert_array_equal(y, y2)
    dy = rng.standard_normal(y.shape).astype(dtype)
    (dx, grads), (dx2, grads2) = model.backward(dy, cache), again.backward(dy, cache2)
    np.testing.assert_array_equal(dx, dx2)
    assert grads.keys() == grads2.keys()
    for key, grad in grads.items():
        np.testing.assert_array_equal(grad, grads2[key], err_msg=key)
    same_state(model.state_dict(), again.state_dict())


@pytest.mark.parametrize(
    ("entry", "example"),
    [(entry, example) for entry in CATALOGUE.values() for example in entry.examples],
)
def test_every_example_of_the_catalogue_there_and_back(
    torch: Any, entry: Entry, example: Example, rng: np.random.Generator
) -> None:
    model = entry.make(example, F64).astype(F64)
    scramble(model, rng)
    module = to_torch(model)
    again = from_torch(module)
    same_state(model.state_dict(), again.state_dict())
    x = rng.standard_normal(example.shape)
    np.testing.assert_array_equal(again(x), model(x))
    with torch.no_grad():
        theirs = module.eval()(torch.tensor(x)).numpy()
    np.testing.assert_allclose(model(x), theirs, rtol=1e-12, atol=1e-12 * np.abs(theirs).max())


def test_a_network_made_in_pytorch_comes_here(torch: Any, rng: np.random.Generator) -> None:
    t = torch.nn
    module = t.Sequential(
        t.Conv2d(3, 4, 3, padding="same", padding_mode="circular"), t.BatchNorm2d(4), t.ReLU(True),
        t.Conv2d(4, 4, 3, padding=1, groups=2), t.AvgPool2d(2, divisor_override=None), t.SiLU(),
        t.MaxPool2d(kernel_size=2, padding=1), t.Flatten(), t.Linear(36, 5), t.GELU("tanh"),
    ).double()  # fmt: skip
    x = rng.standard_normal((4, 3, 8, 8))
    with torch.no_grad():
        module(torch.tensor(x))  # statistics that are not those of the start
        theirs = module.eval()(torch.tensor(x)).numpy()
    model = from_torch(module)
    same_state(state_from_torch(module.state_dict()), model.state_dict())
    np.testing.assert_allclose(model(x), theirs, rtol=1e-12, atol=1e-12)
    same_state(model.state_dict(), state_from_torch(to_torch(model).state_dict()))


def test_named_parts_are_numbered(torch: Any) -> None:
    t = torch.nn
    from collections import OrderedDict

    model = from_torch(t.Sequential(OrderedDict(first=t.Linear(2, 3), act=t.ReLU())))
    assert list(model.state_dict()) == ["0.weight", "0.bias"]


@pytest.mark.parametrize("name", NETWORKS)
def test_states_load_both_ways(torch: Any, name: str, rng: np.random.Generator) -> None:
    model, other = NETWORKS[name](dtype=F32), NETWORKS[name](dtype=F32)
    scramble(model, rng)
    for array in model.params.values():  # what a conversion through float64 or text would lose
        array.flat[0] = np.float32(1e-42)
        array.flat[-1] = -0.0
    module = to_torch(other)
    module.load_state_dict(state_to_torch(model.state_dict()))
    other.load_state_dict(state_from_torch(module.state_dict()))
    same_state(model.state_dict(), other.state_dict())


def test_statistics_without_parameters_keep_their_dtype(torch: Any) -> None:
    """A network with nothing to train was once taken for float32, and its statistics rounded."""
    model = nn.BatchNorm2d(2, affine=False, dtype=F64)
    model.buffers["running_mean"][...] = np.pi
    module = to_torch(model)
    same_state(model.state_dict(), state_from_torch(module.state_dict()))
    assert from_torch(module)(np.ones((1, 2, 1, 1))).dtype == F64


def test_states_are_copies(torch: Any) -> None:
    model = nn.Linear(2, 2, rng=0)
    state = state_to_torch(model.state_dict())
    module = to_torch(model)
    array = state_from_torch(module.state_dict())["weight"]
    before = model.params["weight"].copy()
    with torch.no_grad():
        module.weight.zero_()
        state["weight"].zero_()
    np.testing.assert_array_equal(model.params["weight"], before)
    np.testing.assert_array_equal(array, before)
    array[...] = 1
    assert not module.weight.any()


def test_a_layer_that_stands_twice_stays_one(torch: Any) -> None:
    shared = nn.Linear(3, 3, rng=0)
    module = to_torch(nn.Sequential(shared, nn.ReLU(), shared))
    assert module[0] is module[2]
    again = from_torch(module)
    assert again[0] is again[2]
    assert list(again.params) == ["0.weight", "0.bias"]


class TestErrors:
    def test_a_layer_without_counterpart_is_named(self, torch: Any) -> None:
        class Scale(nn.Layer):
            def forward(self, x: Any, train: bool = True, rng: Any = None) -> Any:
                return x, None

            def backward(self, dy: Any, cache: Any, need_dx: bool = True) -> Any:
                return dy, {}

        model = nn.Sequential(nn.ReLU(), nn.Residual(nn.Sequential(nn.Tanh(), Scale())))
        with pytest.raises(TypeError, match=r"to_torch: layer '1\.body\.1' is a Scale, which has"):
            to_torch(model)

        class Mine(nn.ReLU):
            """Derived: it may compute something else."""

        with pytest.raises(TypeError, match="to_torch: the layer is a Mine"):
            to_torch(Mine())

    def test_a_module_without_counterpart_is_named(self, torch: Any) -> None:
        t = torch.nn
        module = t.Sequential(t.ReLU(), t.Sequential(t.Tanh(), t.LSTM(2, 3)))
        with pytest.raises(TypeError, match=r"from_torch: module '1\.1' is a LSTM, which has no"):
            from_torch(module)
        with pytest.raises(TypeError, match="from_torch: the module is a Conv3d"):
            from_torch(t.Conv3d(1, 1, 1))

        class Mine(t.ReLU):  # type: ignore[name-defined, misc]
            pass

        with pytest.raises(TypeError, match="from_torch: module '0' is a Mine"):
            from_torch(t.Sequential(Mine()))

    def test_what_is_no_network_at_all(self, torch: Any) -> None:
        with pytest.raises(TypeError, match="to_torch: model is a ReLU, expected a layer of cnn"):
            to_torch(torch.nn.ReLU())
        with pytest.raises(TypeError, match="from_torch: module is a ReLU, expected a torch"):
            from_torch(nn.ReLU())  # type: ignore[arg-type]

    def test_a_setting_without_counterpart_is_named(self, torch: Any) -> None:
        t = torch.nn
        no_shift = t.GroupNorm(1, 2)
        no_shift.register_parameter("bias", None)
        for module, message in (
            (t.MaxPool2d(2, return_indices=True), "return_indices"),
            (t.AvgPool2d(2, divisor_override=3), "divisor_override"),
            (t.AdaptiveMaxPool2d(2, return_indices=True), "return_indices"),
            (no_shift, "missing keys 'bias'"),
        ):
            kind = type(module).__name__
            with pytest.raises(
                ValueError, match=rf"^from_torch: module '0', a {kind}: .*{message}"
            ):
                from_torch(t.Sequential(module))
        pool = nn.MaxPool2d(3, 1, ((0, 1), (1, 0)))
        with pytest.raises(ValueError, match=r"to_torch: layer '0', a MaxPool2d: padding .* side"):
            to_torch(nn.Sequential(pool))

    def test_other_dtypes_are_refused(self, torch: Any) -> None:
        t = torch.nn
        with pytest.raises(TypeError, match=r"from_torch: 0\.weight is float16, expected float32"):
            from_torch(t.Sequential(t.Linear(2, 2).half()))
        with pytest.raises(TypeError, match=r"1\.weight is float64 but 0\.weight is float32"):
            from_torch(t.Sequential(t.Linear(2, 2), t.Linear(2, 2).double()))
        with pytest.raises(TypeError, match="state_from_torch: w is bfloat16, expected a tensor"):
            state_from_torch({"w": torch.zeros(2, dtype=torch.bfloat16)})
        with pytest.raises(TypeError, match="state_from_torch: w is list, expected a tensor"):
            state_from_torch({"w": [1.0]})  # type: ignore[dict-item]


def test_without_pytorch_the_message_names_the_extra() -> None:
    code = """
import sys
sys.modules["torch"] = None
from cnnlite import ReLU
from cnnlite.interop.torch import to_torch, from_torch, state_to_torch
for call in (lambda: to_torch(ReLU()), lambda: from_torch(None), lambda: state_to_torch({})):
    try:
        call()
    except ImportError as error:
        print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    lines = result.stdout.splitlines()
    assert len(lines) == 3, result.stderr
    assert all("needs PyTorch" in line and "cnnlite[torch]" in line for line in lines)


def test_pytorch_is_imported_only_when_asked_for() -> None:
    code = "import sys, cnnlite.interop.torch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("convert", [state_to_torch, state_from_torch])
def test_a_state_that_is_no_mapping_is_named(convert: Any) -> None:
    with pytest.raises(TypeError, match=f"^{convert.__name__}: state is 3, expected a mapping"):
        convert(3)
