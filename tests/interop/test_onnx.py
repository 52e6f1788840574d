"""ONNX's own reference evaluator computes what the exported network does."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite import layers as nn
from cnnlite import models
from cnnlite.catalogue import CATALOGUE
from cnnlite.interop.onnx import save_onnx, to_onnx

pytestmark = pytest.mark.usefixtures("onnx", "one_thread")
F32, F64 = np.float32, np.float64


def evaluate(proto: Any, x: np.ndarray) -> np.ndarray:
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun

    class ConvTranspose(OpRun):
        """As the standard has it: onnx 1.21 takes the weights of other groups, adds each the first
        biases, and refuses an output_padding from the stride up."""

        def _run(self, x: Any, w: Any, bias: Any = None, **given: Any) -> tuple[np.ndarray]:
            (sh, sw), (dh, dw), groups = given["strides"], given["dilations"], given["group"]
            (n, _, h, width), (kh, kw) = x.shape, w.shape[2:]
            top, left, bottom, right = given["pads"]
            more = given["output_padding"] or (0, 0)
            rows, columns = (h - 1) * sh + dh * (kh - 1) + 1, (width - 1) * sw + dw * (kw - 1) + 1
            y = np.zeros((n, groups, w.shape[1], rows + more[0], columns + more[1]), x.dtype)
            x, w = x.reshape(n, groups, -1, h, width), w.reshape(groups, -1, *w.shape[1:])
            for i, j in np.ndindex(kh, kw):
                rows_of = slice(i * dh, i * dh + (h - 1) * sh + 1, sh)
                columns_of = slice(j * dw, j * dw + (width - 1) * sw + 1, sw)
                y[..., rows_of, columns_of] += np.einsum("ngchw,gcf->ngfhw", x, w[..., i, j])
            y = y.reshape(n, -1, *y.shape[3:])
            y = y[:, :, top : y.shape[2] - bottom, left : y.shape[3] - right]
            return (y if bias is None else y + bias[:, None, None],)

    from onnx.reference.ops_optimized import Conv as Given

    class Conv(Given):
        """As the standard has it: for auto_pad onnx 1.21 takes batch and channels for the size."""

        def _run(self, x: Any, w: Any, bias: Any = None, **given: Any) -> Any:
            if given["auto_pad"] == "SAME_UPPER":
                axes = x.shape[2:], w.shape[2:], given["strides"], given["dilations"]
                more = [
                    max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
                    for n, k, s, d in zip(*axes, strict=True)
                ]
                pads = [*(n // 2 for n in more), *(n - n // 2 for n in more)]
                given |= {"auto_pad": "NOTSET", "pads": pads}
            return super()._run(x, w, bias, **given)

    return ReferenceEvaluator(proto, new_ops=[ConvTranspose, Conv]).run(None, {"x": x})[0]


def scramble(model: nn.Layer, rng: np.random.Generator) -> nn.Layer:
    for arrays in (model.params, model.buffers):
        for array in arrays.values():
            if array.dtype != np.int64:
                array[...] = (0.5 + rng.random(array.shape)) * (array if array.any() else 1)
    return model


IMAGE = (4, 7, 6)
D: dict[str, Any] = {"dtype": F64}
LAYERS: dict[str, tuple[nn.Layer, tuple[int, ...]]] = {
    "conv": (nn.Conv2d(4, 6, (3, 2), (2, 1), ((1, 0), (1, 2)), groups=2, rng=0, **D), IMAGE),
    "conv same": (nn.Conv2d(4, 3, (2, 3), padding="same", dilation=2, bias=False, **D), IMAGE),
    "conv same strided": (nn.Conv2d(4, 3, (2, 3), (2, 3), "same", rng=0, **D), IMAGE),
    "conv1d same strided": (nn.Conv1d(4, 3, 3, 2, "same", rng=0, **D), (4, 8)),
    "max pool same strided": (nn.MaxPool2d(3, 2, "same"), IMAGE),
    "average pool same strided": (nn.AvgPool2d(3, 2, "same"), IMAGE),
    "average pool same, padding left out": (
        nn.AvgPool1d(3, 2, "same", count_include_pad=False),
        (4, 8),
    ),
    "reflect": (nn.Conv2d(4, 4, 3, padding=2, padding_mode="reflect", groups=4, **D), IMAGE),
    "replicate": (
        nn.Conv2d(4, 5, 3, padding=((0, 3), (1, 0)), padding_mode="replicate", rng=1, **D),
        IMAGE,
    ),
    "circular": (nn.Conv2d(4, 5, 3, padding=2, padding_mode="circular", rng=1, **D), IMAGE),
    "mean": (nn.AvgPool2d((3, 2), 2, 1, count_include_pad=False), IMAGE),
    "mean, padded": (nn.AvgPool2d(3, 1, 1), IMAGE),
    "batch 1d": (nn.BatchNorm1d(5, eps=1e-3, **D), (5,)),
    "layer": (nn.LayerNorm((7, 6), eps=1e-3, **D), IMAGE),
    "group": (nn.GroupNorm(2, 4, eps=1e-3, **D), IMAGE),
    "residual": (nn.Residual(nn.Tanh(), nn.Conv2d(4, 4, 1, rng=0, **D)), IMAGE),
    **{
        f"{entry.name}({example})": (entry.make(example, F64), example.shape[1:])
        for entry in CATALOGUE.values()
        for example in entry.examples
        if entry.onnx is not None and not example.lacks
    },
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name: str, rng: np.random.Generator) -> None:
    layer, shape = LAYERS[name]
    dtype = F64 if layer.params or layer.buffers else F32
    scramble(layer, rng)
    x = rng.standard_normal((3, *shape)).astype(dtype)
    y = layer(x)
    found = evaluate(to_onnx(layer, shape), x)
    assert (found.dtype, found.shape) == (y.dtype, y.shape)
    # ONNX keeps attributes, such as epsilon, as float32.
    tolerance = 1e-5 if dtype == F32 else 1e-9
    np.testing.assert_allclose(found, y, rtol=tolerance, atol=tolerance)


def test_what_the_catalogue_says_is_not_exported() -> None:
    for entry in CATALOGUE.values():
        for example in entry.examples:
            if example.lacks:
                with pytest.raises(ValueError, match=f"^to_onnx: the layer, a {entry.name}: "):
                    to_onnx(entry.make(example), example.shape[1:])


def test_no_layer_is_left_out() -> None:
    kinds = {getattr(nn, name) for name in nn.__all__} - {nn.Layer, nn.Container, nn.Sequential}
    assert kinds <= {type(layer) for layer, _ in LAYERS.values()}


@pytest.mark.parametrize("name", ["three_layer_convnet", "small_vgg", "resnet20"])
def test_networks_of_the_zoo(
    name: str, tmp_path: Path, rng: np.random.Generator, onnx: Any
) -> None:
    model = models.MODELS[name](rng=0)
    x = rng.standard_normal((2, 3, 32, 32)).astype(F32)
    model.forward(x)  # so that its statistics are not those of the start
    save_onnx(model, tmp_path / "model.onnx", (3, 32, 32))
    found = evaluate(onnx.load(tmp_path / "model.onnx"), x)
    y = model(x)
    np.testing.assert_allclose(found, y, rtol=1e-4, atol=1e-4 * np.abs(y).max())


def test_what_has_no_counterpart_is_named() -> None:
    class Mine(nn.ReLU):
        """Derived: it may compute something else."""

    network = nn.Sequential(nn.ReLU(), nn.Residual(nn.Sequential(Mine())))
    with pytest.raises(TypeError, match=r"to_onnx: layer '1\.body\.0' is a Mine, which has no"):
        to_onnx(network, (3, 4, 4))
    for layer, message in (
        (nn.MaxPool2d(2, ceil_mode=True), "a MaxPool2d: ceil_mode"),
        (nn.Flatten(2), "a Flatten: only the default"),
        (nn.BatchNorm2d(3, track_running_stats=False), "a BatchNorm2d: without running statistics"),
    ):
        with pytest.raises(ValueError, match=f"^to_onnx: the layer, {message}"):
            to_onnx(layer, (3, 4, 4))
    with pytest.raises(ValueError, match="Conv2d: x has 2 channels"):
        to_onnx(nn.Conv2d(3, 1, 1), (2, 4, 4))


def test_without_onnx_the_message_names_the_extra() -> None:
    code = """
import sys
sys.modules["onnx"] = None
from cnnlite import ReLU
from cnnlite.interop.onnx import to_onnx
try:
    to_onnx(ReLU(), (1, 2, 2))
except ImportError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "needs onnx" in result.stdout, result.stderr
    assert "cnnlite[onnx]" in result.stdout


@pytest.mark.parametrize(
    ("model", "shape", "error", "message"),
    [
        (3, (2,), TypeError, "model is 3, expected a layer"),
        (nn.Linear(2, 2), 2, TypeError, "input_shape is 2, expected a tuple of integers"),
        (nn.Linear(2, 2), (2.5,), TypeError, "input_shape is 2.5, expected an integer from 1 up"),
    ],
)
def test_what_is_no_model_or_shape_is_named(
    model: Any, shape: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^to_onnx: {message}"):
        to_onnx(model, shape)
