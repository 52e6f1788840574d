"""Layers that run together give the bits that they give one by one."""

import copy
import weakref
from typing import Any

import numpy as np
import pytest

from cnnlite import (
    GELU,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sequential,
    SiLU,
)
from cnnlite import functional as F
from cnnlite.layers.fuse import cut_into_steps
from cnnlite.post_ops import PostOps

IMAGES = [(2, 16, 8, 8), (3, 16, 7, 9), (1, 16, 2, 2), (0, 16, 8, 8)]
NETWORKS: dict[str, Any] = {
    "conv relu": lambda **k: [Conv2d(16, 20, 3, padding=1, rng=0, **k), ReLU()],
    "conv relu pool": lambda **k: [Conv2d(16, 20, 3, padding=1, rng=0, **k), ReLU(), MaxPool2d(2)],
    "conv pool": lambda **k: [Conv2d(16, 20, 3, padding=1, rng=0, **k), MaxPool2d(2)],
    "conv pool of other size": lambda **k: [
        Conv2d(16, 20, 3, padding=1, rng=0, **k),
        ReLU(),
        MaxPool2d(2, 1),
    ],
}


def outcome(model: Layer, x: np.ndarray) -> list[np.ndarray]:
    """Output, inference, all gradients and buffers."""
    y, cache = model.forward(x, train=True)
    dy = np.random.default_rng(1).standard_normal(y.shape).astype(y.dtype)
    dx, grads = model.backward(dy, cache)
    assert dx is not None
    arrays = [y, model(x), dx, *model.buffers.values()]
    return arrays + [grad for grad in grads.values() if grad is not None]


def assert_same_bits(layers: list[Layer], x: np.ndarray, steps: int) -> None:
    fused = Sequential(*layers)
    plain = Sequential(*copy.deepcopy(layers), fuse=False)
    assert len(fused.forward(x)[1]) == steps
    plain.forward(x)  # as often, for the running statistics
    for ours, theirs in zip(outcome(fused, x), outcome(plain, x), strict=True):
        assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("algorithm", ["naive", "im2col", "tiled", "winograd"])
@pytest.mark.parametrize("shape", IMAGES)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_convolution_with_what_follows(
    name: str, shape: tuple[int, ...], algorithm: str, dtype: Any, rng: np.random.Generator
) -> None:
    x = rng.standard_normal(shape).astype(dtype)
    x[..., 0] = 0  # ties and zeros
    layers = NETWORKS[name](algorithm=algorithm, dtype=dtype)
    assert_same_bits(layers, x, 2 if "other" in name else 1)


@pytest.mark.parametrize("kernel", [1, 2, 3])
@pytest.mark.parametrize("relu", [True, False])
def test_first_layer_whose_dx_nobody_asks_for(
    kernel: int, relu: bool, rng: np.random.Generator
) -> None:
    x = rng.standard_normal((2, 3, 19, 18)).astype(np.float32)
    layers = [Conv2d(3, 8, kernel, rng=0), *[ReLU()] * relu, MaxPool2d(2)]
    outcomes = []
    for model in (Sequential(*layers), Sequential(*layers, fuse=False)):
        y, cache = model.forward(x)
        dy = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
        _, grads = model.backward(dy, cache, need_dx=False)
        outcomes.append([grads[key].tobytes() for key in ("0.weight", "0.bias")])
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("activation", [GELU, SiLU])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(6, 16, 5, 7), (0, 16, 5, 7), (1, 16, 2, 2)])
def test_smooth_activations_are_post_ops_too(
    shape: tuple[int, ...], dtype: Any, activation: Any, rng: np.random.Generator
) -> None:
    body = Sequential(Conv2d(16, 16, 1, dtype=dtype, rng=0), BatchNorm2d(16, dtype=dtype))
    layers = [
        Conv2d(16, 16, 3, padding=1, dtype=dtype, rng=0),
        activation(),
        BatchNorm2d(16, dtype=dtype),
        activation(),
        Residual(body),
        activation(),
        Residual(Conv2d(16, 16, 1, dtype=dtype, rng=1)),
        activation(),
        Flatten(),
        Linear(16 * shape[2] * shape[3], 10, dtype=dtype, rng=1),
        activation(),
    ]
    assert_same_bits(layers, rng.standard_normal(shape).astype(dtype), 6)


def test_a_smooth_approximation_is_a_layer_of_its_own() -> None:
    layers: dict[str, Layer] = {"0": Linear(3, 3, rng=0), "1": GELU("tanh")}
    assert len(cut_into_steps(layers)) == 2


@pytest.mark.parametrize("activation", [None, "relu", "gelu", "silu"])
@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("algorithm", ["naive", "im2col", "tiled", "winograd"])
def test_every_value_of_post_ops_behind_a_convolution(
    algorithm: str, pool: bool, activation: str | None, rng: np.random.Generator
) -> None:
    """Also those that no network asks for: each has the bits of the operations in turn."""
    x, weight = rng.standard_normal((2, 3, 9, 8)), rng.standard_normal((4, 3, 3, 3))
    post = PostOps(activation=activation, pool=pool)
    y, cache = F.conv2d_forward(x, weight, algorithm=algorithm, post=post)
    kinds: dict[str, Any] = {"relu": ReLU, "gelu": GELU, "silu": SiLU, "pool": lambda: MaxPool2d(2)}
    layers = [kinds[kind]() for kind in post.kinds]
    want, first = F.conv2d_forward(x, weight, algorithm=algorithm)
    plain = Sequential(*layers, fuse=False)
    want, caches = plain.forward(want)
    np.testing.assert_array_equal(y, want)
    dy = rng.standard_normal(y.shape)
    dx, dweight, _ = F.conv2d_backward(dy, cache)
    between, _ = plain.backward(dy, caches)
    assert between is not None
    wants = F.conv2d_backward(between, first)
    np.testing.assert_array_equal(dx, wants[0])
    np.testing.assert_array_equal(dweight, wants[1])


OPERATIONS: dict[str, Any] = {
    "Conv2d": lambda x, post: F.conv2d_forward(x, x[:1], post=post),
    "Linear": lambda x, post: F.linear_forward(x[0, 0], x[0, 0], post=post),
    "BatchNorm": lambda x, post: F.batch_norm_forward(x, None, None, None, None, True, post=post),
}
IMAGES_OF_ONES = np.ones((2, 3, 4, 4))


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    "post", [None, True, "relu", (None, "relu", False), PostOps, {"activation": "relu"}]
)
def test_what_is_no_post_ops(name: str, post: Any) -> None:
    with pytest.raises(TypeError, match=f"{name}: post is .*, expected a PostOps"):
        OPERATIONS[name](IMAGES_OF_ONES, post)


@pytest.mark.parametrize("name", OPERATIONS)
def test_post_ops_that_an_operation_cannot_do(name: str) -> None:
    for post, words in (
        (PostOps(activation="tanh"), "post.activation is 'tanh', expected None or one of 'relu'"),
        (PostOps(activation=True), "post.activation is True"),  # type: ignore[arg-type]
        (PostOps(IMAGES_OF_ONES), "'add' cannot follow it"),
        (PostOps(pool=True), "'pool' cannot follow it"),
    ):
        if (name, post.kinds) in (("Conv2d", ("pool",)), ("BatchNorm", ("add",))):
            continue
        with pytest.raises(ValueError, match=f"{name}: .*{words}"):
            OPERATIONS[name](IMAGES_OF_ONES, post)
    with pytest.raises(TypeError, match=f"{name}: post.pool is 1, expected True or False"):
        OPERATIONS[name](IMAGES_OF_ONES, PostOps(pool=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_norm_linear_and_residual_with_relu(dtype: Any, rng: np.random.Generator) -> None:
    body = Sequential(
        Conv2d(4, 4, 3, padding=1, bias=False, dtype=dtype, rng=0),
        BatchNorm2d(4, dtype=dtype),
        ReLU(),
    )
    layers = [
        BatchNorm2d(4, dtype=dtype),
        ReLU(),
        Residual(body),
        ReLU(),
        Flatten(),
        Linear(4 * 35, 10, dtype=dtype, rng=1),
        ReLU(),
        BatchNorm1d(10, dtype=dtype),
        ReLU(),
    ]
    assert_same_bits(layers, rng.standard_normal((6, 4, 5, 7)).astype(dtype), 5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shortcut", [False, True])
@pytest.mark.parametrize("batch", [0, 1, 6])
def test_a_residual_block_that_ends_with_a_norm(
    batch: int, shortcut: bool, dtype: Any, rng: np.random.Generator
) -> None:
    def norm(**settings: Any) -> list[Layer]:
        conv = Conv2d(16, 16, bias=False, dtype=dtype, rng=0, **settings)
        return [conv, BatchNorm2d(16, dtype=dtype)]

    def block(fuse: bool) -> Residual:
        body = [*norm(kernel_size=3, padding=1), ReLU(), *norm(kernel_size=3, padding=1)]
        short = Sequential(*norm(kernel_size=1), fuse=fuse) if shortcut else None
        return Residual(Sequential(*body, fuse=fuse), short)

    x = rng.standard_normal((batch, 16, 5, 7)).astype(dtype)
    for behind in ([ReLU()], []):
        outcomes = []
        for fuse in (True, False):
            model = Sequential(
                Conv2d(16, 16, 1, dtype=dtype, rng=1), block(fuse), *behind, fuse=fuse
            )
            _, cache = model.forward(x)
            assert cache[1].sum_in_body is fuse
            outcomes.append([array.tobytes() for array in outcome(model, x)])
        assert outcomes[0] == outcomes[1]


def test_a_norm_that_ends_a_block_without_a_gradient_of_the_images(
    rng: np.random.Generator,
) -> None:
    body = Sequential(Flatten(), BatchNorm1d(3))
    x = rng.standard_normal((4, 3)).astype(np.float32)
    for model in (Residual(body), Sequential(Residual(body), ReLU())):
        dy = rng.standard_normal((4, 3)).astype(np.float32)
        dx, grads = model.backward(dy, model.forward(x)[1], need_dx=False)
        assert dx is None
        _, full = model.backward(dy, model.forward(x)[1])
        assert list(grads) == list(full) == list(model.params)
        for key, grad in grads.items():
            np.testing.assert_array_equal(grad, full[key])


def test_neither_dy_nor_the_shortcut_is_written_to(rng: np.random.Generator) -> None:
    x, dy = (rng.standard_normal((4, 3)).astype(np.float32) for _ in range(2))
    before = x.copy(), dy.copy()
    ends_with_a_norm = Residual(Sequential(BatchNorm1d(3)))
    for model in (
        ends_with_a_norm,
        Sequential(ends_with_a_norm, ReLU()),
        Sequential(Residual(BatchNorm1d(3)), ReLU()),
    ):
        _, cache = model.forward(x)
        model.backward(dy, cache)
        np.testing.assert_array_equal((x, dy), before)


def test_nan_goes_through(rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 16, 8, 8)).astype(np.float32)
    x[0, 0, 3, 3] = np.nan
    for algorithm in ("tiled", "winograd"):
        model = Sequential(*NETWORKS["conv relu pool"](algorithm=algorithm))
        y = model(x)
        assert np.isnan(y[0]).any()
        assert not np.isnan(y[1]).any()


def test_a_class_of_ones_own_is_never_fused() -> None:
    class Noisy(ReLU):
        def __call__(self, x: np.ndarray) -> np.ndarray:
            return super().__call__(x) + 1

    model = Sequential(Conv2d(3, 4, 3, rng=0), Noisy())
    assert len(model.forward(np.ones((1, 3, 5, 5), np.float32))[1]) == 2
    assert model(np.zeros((1, 3, 5, 5), np.float32)).min() >= 1


def test_inference_of_a_class_of_ones_own_in_a_block_that_ends_with_a_norm() -> None:
    """Its forward was called instead, where the norm adds the shortcut."""

    class Noisy(ReLU):
        def __call__(self, x: np.ndarray) -> np.ndarray:
            return super().__call__(x) + 1

    x = np.ones((2, 3, 4, 4), np.float32)
    layers = [Conv2d(3, 3, 1, rng=0), Noisy(), BatchNorm2d(3)]
    for behind in ([ReLU()], []):
        fused, plain = (
            Sequential(Residual(Sequential(*layers, fuse=fuse)), *behind, fuse=fuse)
            for fuse in (True, False)
        )
        np.testing.assert_array_equal(fused(x), plain(x))


def test_inference_of_a_block_that_ends_with_a_norm_keeps_nothing() -> None:
    """What a layer has read is gone when the layer after the next one runs."""
    seen: list[weakref.ref[np.ndarray]] = []
    alive: list[int] = []

    class Watch(Layer):
        def forward(
            self, x: np.ndarray, train: bool = True, rng: Any = None
        ) -> tuple[np.ndarray, Any]:
            alive.append(sum(array() is not None for array in seen))
            seen.append(weakref.ref(x))
            return x, None

        def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> tuple[Any, Any]:
            raise NotImplementedError

    convs = [Conv2d(3, 3, 1, rng=0) for _ in range(3)]
    body = [convs[0], Watch(), convs[1], Watch(), convs[2], Watch(), BatchNorm2d(3)]
    Sequential(Residual(Sequential(*body)), ReLU())(np.ones((2, 3, 4, 4), np.float32))
    assert alive == [0, 0, 0]


def test_pooling_of_an_output_that_is_too_small_names_the_pooling() -> None:
    model = Sequential(Conv2d(3, 4, 3, rng=0), ReLU(), MaxPool2d(2))
    with pytest.raises(ValueError, match=r"MaxPool2d: .*2x2.*larger.*\(1, 4, 1, 3\)"):
        model.forward(np.ones((1, 3, 3, 5), np.float32))


def test_only_the_plain_pooling_is_fused() -> None:
    conv, relu = Conv2d(3, 4, 3, rng=0), ReLU()
    assert len(cut_into_steps({"0": conv, "1": relu, "2": MaxPool2d(2)})) == 1
    for pool in (MaxPool2d(3), MaxPool2d(2, ceil_mode=True), MaxPool2d(2, padding=1)):
        assert len(cut_into_steps({"0": conv, "1": relu, "2": pool})) == 2


def owning_network(dtype: Any) -> Sequential:
    """Every kind of layer that makes its dx anew, each before or behind a norm."""
    return Sequential(
        Conv2d(3, 8, 3, padding=1, dtype=dtype, rng=0),
        BatchNorm2d(8, dtype=dtype),
        ReLU(),
        Conv2d(8, 8, 3, padding=1, padding_mode="reflect", dtype=dtype, rng=1),
        BatchNorm2d(8, dtype=dtype),
        GELU(),
        Residual(Sequential(Conv2d(8, 8, 1, dtype=dtype, rng=2), BatchNorm2d(8, dtype=dtype))),
        ReLU(),
        Residual(Sequential(BatchNorm2d(8, dtype=dtype), BatchNorm2d(8, dtype=dtype))),
        Residual(Sequential(Conv2d(8, 8, 1, dtype=dtype, rng=3), BatchNorm2d(8, dtype=dtype))),
        SiLU(),
        BatchNorm2d(8, dtype=dtype),
        MaxPool2d(2),
        Sequential(BatchNorm2d(8, dtype=dtype), AvgPool2d(2)),
        BatchNorm2d(8, dtype=dtype),
        Flatten(),
        BatchNorm1d(16, dtype=dtype),
        Linear(16, 5, dtype=dtype, rng=4),
        BatchNorm1d(5, dtype=dtype),
        ReLU(),
        Linear(5, 5, dtype=dtype, rng=5),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("images", [0, 2, 5])
def test_gradients_over_gradients_have_the_bits_of_those_in_new_memory(
    dtype: Any, images: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = rng.standard_normal((images, 3, 9, 5)).astype(dtype)
    x[:1, 0, 0, 0] = np.nan if images == 5 else 0
    ours = outcome(owning_network(dtype), x)
    monkeypatch.setattr("cnnlite.layers.sequential.makes_dx", lambda layer: False)
    for own, new in zip(ours, outcome(owning_network(dtype), x), strict=True):
        assert own.tobytes() == new.tobytes()


def test_the_gradient_of_a_fused_norm_takes_no_new_memory(rng: np.random.Generator) -> None:
    model = Sequential(BatchNorm2d(4), ReLU(), Conv2d(4, 4, 1, rng=0))
    y, cache = model.forward(rng.standard_normal((2, 4, 5, 3)).astype(np.float32))
    made: list[np.ndarray | None] = []
    conv, backward = model[2], model[2].backward

    def noting(*args: Any) -> Any:
        dx, grads = backward(*args)
        made.append(dx)
        return dx, grads

    conv.backward = noting  # type: ignore[method-assign]
    dx, _ = model.backward(np.ones_like(y), cache)
    assert dx is made[0]


class Spy(Conv2d):
    """A class of one's own that looks at the gradients later."""

    def backward(self, dy: np.ndarray, cache: Any, need_dx: bool = True) -> Any:
        dx, grads = super().backward(dy, cache, need_dx)
        self.seen = dy, dx, dy.copy(), None if dx is None else dx.copy()
        return dx, grads


def test_what_a_class_of_ones_own_keeps_is_not_overwritten(rng: np.random.Generator) -> None:
    spies = [Spy(4, 4, 1, rng=i) for i in range(3)]
    model = Sequential(
        BatchNorm2d(4), ReLU(), spies[0], BatchNorm2d(4), ReLU(),
        Residual(Sequential(spies[1], BatchNorm2d(4))), ReLU(),
        Residual(spies[2]), BatchNorm2d(4), Conv2d(4, 4, 1, rng=3),
    )  # fmt: skip
    y, cache = model.forward(rng.standard_normal((2, 4, 5, 3)).astype(np.float32))
    dy = rng.standard_normal(y.shape).astype(np.float32)
    kept = dy.copy()
    model.backward(dy, cache)
    assert dy.tobytes() == kept.tobytes()
    for spy in spies:
        dy, dx, dy_then, dx_then = spy.seen
        assert dx is not None
        assert dx_then is not None
        assert dy.tobytes() == dy_then.tobytes()
        assert dx.tobytes() == dx_then.tobytes()


def test_a_backward_put_on_a_norm_is_called_though_dy_is_its_own(rng: np.random.Generator) -> None:
    norm = BatchNorm2d(4)
    model = Sequential(norm, ReLU(), Conv2d(4, 4, 1, rng=0))
    y, cache = model.forward(rng.standard_normal((2, 4, 5, 3)).astype(np.float32))
    passed: list[Any] = []
    backward = norm.backward

    def listening(dy: np.ndarray, cache: Any, need_dx: bool = True) -> Any:
        passed.append((dy, dy.copy()))
        return backward(dy, cache, need_dx)

    norm.backward = listening  # type: ignore[method-assign]
    model.backward(np.ones_like(y), cache)
    [(dy, then)] = passed
    assert dy.tobytes() == then.tobytes()
