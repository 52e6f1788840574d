"""What a frozen network is: a snapshot that can only be called, from any thread, with any shape."""

import copy
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import cnnlite
from cnnlite import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential, Solver, freeze, models
from cnnlite._ext import memory, runtime
from cnnlite.freezing import runs
from cnnlite.freezing.runs import MOST_PLANS
from cnnlite.layers import BatchNorm1d, BatchNorm2d, Layer, Residual, Softmax
from cnnlite.rates import Limits
from cnnlite.training.evaluation import scores_of_batches
from tests.freezing.test_equality import check, trained


def small(dtype: type = np.float32) -> Sequential:
    """A network with a residual block, a pooling, and every kind of convolution kernel."""
    block = Sequential(
        Conv2d(16, 16, 3, padding=1, bias=False, dtype=dtype, rng=1),
        BatchNorm2d(16, dtype=dtype),
        ReLU(),
        Conv2d(16, 16, 3, padding=1, bias=False, dtype=dtype, rng=2),
        BatchNorm2d(16, dtype=dtype),
    )
    model = Sequential(
        Conv2d(3, 16, 5, 2, padding=2, dtype=dtype, rng=0),
        BatchNorm2d(16, dtype=dtype),
        ReLU(),
        Residual(block),
        ReLU(),
        Conv2d(16, 16, 3, groups=16, dtype=dtype, rng=3),
        MaxPool2d(2),
        Flatten(),
        Linear(16 * 3 * 3, 10, dtype=dtype, rng=4),
    )
    return trained(model)  # type: ignore[return-value]


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((4, 3, 16, 16)).astype(np.float32)


@pytest.fixture
def threads() -> Iterator[None]:
    before = cnnlite.get_num_threads()
    runtime.set_worth_a_thread(1)
    yield
    runtime.set_worth_a_thread()
    cnnlite.set_num_threads(before)


def test_later_changes_of_the_model_do_not_show(images: np.ndarray) -> None:
    model = small()
    frozen = freeze(model)
    before = frozen(images)
    for array in (*model.params.values(), *model.buffers.values()):
        array += 1
    np.testing.assert_array_equal(frozen(images), before)
    np.testing.assert_array_equal(frozen(images[:1]), freeze(small())(images[:1]))
    assert np.abs(freeze(model)(images) - before).max() > 1


def test_the_model_is_left_as_it_was(images: np.ndarray) -> None:
    model = small()
    state, before = model.state_dict(), model(images)
    freeze(model)(images)
    np.testing.assert_equal(model.state_dict(), state)
    np.testing.assert_array_equal(model(images), before)
    _, grads = model.backward(before, model.forward(images)[1])
    assert grads.keys() == model.params.keys()


def test_what_only_a_trained_network_can_do_is_an_error(images: np.ndarray) -> None:
    frozen = freeze(small())
    for name, call in {
        "forward with train=True": lambda: frozen.forward(images),
        "backward": lambda: frozen.backward(images, None),
        "astype": lambda: frozen.astype(np.float64),
        "state_dict": frozen.state_dict,
        "load_state_dict": lambda: frozen.load_state_dict({}),
        "profile with train=True": lambda: frozen.profile(images),
    }.items():
        with pytest.raises(RuntimeError, match=f"^Frozen: {name} .*Use the model"):
            call()
    assert not frozen.params
    assert not frozen.buffers
    np.testing.assert_array_equal(frozen.forward(images, train=False)[0], frozen(images))
    assert freeze(frozen) is frozen
    with pytest.raises(TypeError, match="freeze: model is 3, expected a layer"):
        freeze(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "x",
    [
        np.zeros((2, 4, 16, 16), np.float32),
        np.zeros((2, 3, 16, 16)),
        np.zeros((2, 3, 16, 16), np.uint8),
        np.zeros((2, 3, 16), np.float32),
        np.zeros((2, 3, 2, 2), np.float32),
        [[1.0]],
        None,
    ],
)
def test_errors_are_the_models(x: np.ndarray) -> None:
    model = small()
    frozen = freeze(model)
    for _ in range(2):
        with pytest.raises((TypeError, ValueError, AttributeError)) as theirs:
            model(x)
        with pytest.raises(theirs.type) as ours:
            frozen(x)
        assert str(ours.value) == str(theirs.value)


def test_shapes_may_come_in_any_order(rng: np.random.Generator) -> None:
    model = small()
    frozen = freeze(model)
    for count in (3, 1, 0, 7, 1, 3, *range(1, MOST_PLANS + 4), 1):
        x = rng.standard_normal((count, 3, 16, 16)).astype(np.float32)
        np.testing.assert_allclose(frozen(x), model(x), atol=1e-5)
    (run,) = frozen._network
    assert len(run.plans) == MOST_PLANS  # type: ignore[attr-defined]


def test_large_batches_go_through_in_parts(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    x = rng.standard_normal((11, 3, 16, 16)).astype(np.float32)
    expected = freeze(small())(x)
    monkeypatch.setattr(runs, "MOST_BYTES", 1)
    monkeypatch.setattr(runs, "LEAST_IMAGES", 3)
    frozen = freeze(small())
    for _ in range(2):
        np.testing.assert_allclose(frozen(x), expected, atol=1e-5)
    (run,) = frozen._network
    assert [key[0][0] for key in run.plans] == [11, 3, 2]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "layer",
    [BatchNorm2d(16, track_running_stats=False), Flatten(0, 1), Flatten(-4, 1)],
    ids=repr,
)
def test_batches_whose_images_meet_stay_whole(
    layer: Layer, monkeypatch: pytest.MonkeyPatch, images: np.ndarray
) -> None:
    monkeypatch.setattr(runs, "MOST_BYTES", 1)
    monkeypatch.setattr(runs, "LEAST_IMAGES", 1)
    check(Sequential(Conv2d(3, 16, 3, rng=0), ReLU(), layer), images)
    block = Residual(Sequential(Conv2d(3, 3, 1, rng=0), BatchNorm2d(3, track_running_stats=False)))
    check(Sequential(block, ReLU()), images)


def test_any_order_of_memory_and_what_is_read_only(images: np.ndarray) -> None:
    frozen = freeze(small())
    expected = frozen(images)
    reversed_ = np.ascontiguousarray(images[:, :, ::-1, ::-1])[:, :, ::-1, ::-1]
    fixed = images.copy()
    fixed.flags.writeable = False
    for x in (np.asfortranarray(images), reversed_, np.repeat(images, 2, axis=0)[::2], fixed):
        for _ in range(2):
            np.testing.assert_array_equal(frozen(x), expected)


def test_results_are_their_own_memory(images: np.ndarray) -> None:
    frozen = freeze(small())
    first = frozen(images)
    kept = first.copy()
    frozen(images + 1)
    np.testing.assert_array_equal(first, kept)


def test_between_calls_no_memory_is_held(images: np.ndarray) -> None:
    frozen = freeze(small())
    frozen(images)
    before = memory.stats()["in_use"]
    for _ in range(3):
        frozen(images)
    assert memory.stats()["in_use"] == before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_number_of_threads_gives_the_same_bits(
    dtype: type, threads: None, rng: np.random.Generator
) -> None:
    frozen = freeze(small(dtype))
    for count in (1, 5):
        x = rng.standard_normal((count, 3, 16, 16)).astype(dtype)
        found = []
        for number in (1, 2, 3, 4):
            cnnlite.set_num_threads(number)
            found.append(frozen(x).tobytes())
        assert len(set(found)) == 1


def test_several_threads_call_one_network_from_its_first_call_on(
    threads: None, rng: np.random.Generator
) -> None:
    """All of them make plans at the same time, and each plan's prepared weights must stay."""
    cnnlite.set_num_threads(2)
    batches = [rng.standard_normal((n, 3, 16, 16)).astype(np.float32) for n in (1, 2, 3, 4)]
    expected = [freeze(small())(x) for x in batches]
    faults = []

    def call(frozen: Layer, first: int) -> None:
        for i in range(12):
            at = (first + i) % len(batches)
            if not np.array_equal(frozen(batches[at]), expected[at]):
                faults.append(at)

    for _ in range(6):
        frozen = freeze(small())
        workers = [threading.Thread(target=call, args=(frozen, n)) for n in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert not faults


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_not_finite_goes_where_the_model_puts_it(value: float, images: np.ndarray) -> None:
    model = Sequential(
        Conv2d(3, 16, 3, padding=1, rng=0), BatchNorm2d(16),
        Conv2d(16, 16, 3, padding=1, rng=1), BatchNorm2d(16),
        Residual(Sequential(Conv2d(16, 16, 3, padding=1, rng=2), BatchNorm2d(16))),
    )  # fmt: skip
    images[1, 2, 7, 8] = value
    expected, found = trained(model)(images), freeze(model)(images)
    for kind in (np.isnan, np.isposinf, np.isneginf):
        np.testing.assert_array_equal(kind(found), kind(expected))


UNUSUAL = {
    "infinite scale": ("weight", np.inf),
    "NaN in the mean": ("running_mean", np.nan),
    "variance 0": ("running_var", 0.0),
    "scale 0": ("weight", 0.0),
    "negative scale": ("weight", -2.0),
    "negative variance": ("running_var", -1.0),
    "tiny variance": ("running_var", 1e-38),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_normalisations(name: str, images: np.ndarray) -> None:
    key, value = UNUSUAL[name]
    for pooling in ([], [MaxPool2d(2)], [MaxPool2d(3)]):
        norm = BatchNorm2d(8, eps=0 if "variance" in name else 1e-5)
        model = trained(Sequential(Conv2d(3, 8, 3, rng=0), *pooling, norm, ReLU()))
        {**norm.params, **norm.buffers}[key][3] = value
        check(model, images)


def test_a_linear_layer_of_rows_normalises_their_channels(rng: np.random.Generator) -> None:
    model = trained(Sequential(Linear(6, 5, rng=0), BatchNorm1d(5), ReLU()))
    check(model, rng.standard_normal((4, 6)).astype(np.float32))
    check(model, rng.standard_normal((4, 5, 6)).astype(np.float32))


class Doubled(Layer):
    """A layer of one's own, with a weight that may change."""

    def __init__(self) -> None:
        self.params["weight"] = np.full(1, 2, np.float32)

    def forward(self, x, train=True, rng=None):  # type: ignore[no-untyped-def]
        return x * self.params["weight"], None

    def backward(self, dy, cache, need_dx=True):  # type: ignore[no-untyped-def]
        return dy * self.params["weight"], {}


class Shifted(Conv2d):
    """A class that derives from one of cnnlite's, and does something else."""

    def __call__(self, x, *post):  # type: ignore[no-untyped-def]
        return super().__call__(x, *post) + 1


def test_layers_of_ones_own_are_called_as_they_are(images: np.ndarray) -> None:
    own = Doubled()
    shifted = trained(Shifted(16, 16, 3, padding=1, rng=5))
    inside = Residual(Sequential(Conv2d(16, 16, 1, rng=6), own, BatchNorm2d(16)))
    parts = [Conv2d(3, 16, 3, rng=0), BatchNorm2d(16), shifted, BatchNorm2d(16), inside, own]
    model = trained(Sequential(*parts, ReLU()))
    frozen = freeze(model)
    np.testing.assert_allclose(frozen(images), model(images), atol=1e-5)
    own.params["weight"][...] = 3
    np.testing.assert_allclose(frozen(images), model(images), atol=1e-5)


def test_layers_that_stand_twice_and_shared_arrays(images: np.ndarray) -> None:
    conv, other = Conv2d(3, 3, 3, padding=1, rng=0), Conv2d(3, 3, 3, padding=1, rng=1)
    other.params["weight"] = conv.params["weight"]
    model = trained(Sequential(conv, BatchNorm2d(3), conv, ReLU(), other, BatchNorm2d(3)))
    check(model, images)


def test_what_only_reshapes(images: np.ndarray) -> None:
    for model in (Sequential(), Flatten(), Sequential(cnnlite.Dropout(0.5), Flatten())):
        np.testing.assert_array_equal(freeze(model)(images), model(images))


def test_copies_and_pickles_work(images: np.ndarray) -> None:
    frozen = freeze(small())
    expected = frozen(images)
    for other in (copy.deepcopy(frozen), pickle.loads(pickle.dumps(frozen))):
        np.testing.assert_array_equal(other(images), expected)


def test_a_frozen_network_in_a_network(images: np.ndarray) -> None:
    model = Sequential(freeze(small()), ReLU())
    np.testing.assert_array_equal(freeze(model)(images), model(images))


def test_solver_evaluates_with_the_frozen_network(rng: np.random.Generator) -> None:
    images = rng.standard_normal((12, 3, 16, 16)).astype(np.float32)
    labels = rng.integers(0, 10, 12)
    data = {"X_train": images, "y_train": labels, "X_val": images, "y_val": labels}
    solver = Solver(small(), data, batch_size=6, num_epochs=1, verbose=False)
    solver.train()
    frozen = freeze(solver.model)
    scores = np.concatenate([frozen(images[:8]), frozen(images[8:])])
    np.testing.assert_array_equal(solver.predict(images, batch_size=8), scores)
    assert solver.val_acc_history == [np.mean(scores.argmax(axis=1) == labels)]


def test_float64_models_are_evaluated_in_float64() -> None:
    solver_model = freeze(models.two_layer_net(dtype=np.float64, rng=0))
    assert solver_model.dtype == np.float64
    assert cnnlite.training.evaluation.model_dtype(solver_model) == np.float64


def test_the_dtype_of_a_frozen_network_inside_another_is_found(rng: np.random.Generator) -> None:
    inner = freeze(small(np.float64))
    around = Sequential(freeze(Flatten(0, -1)), Sequential(inner), Softmax())[1:]
    for model in (around, freeze(around), Sequential(freeze(Sequential(ReLU())), inner)):
        assert cnnlite.training.evaluation.model_dtype(model) == np.float64
    images = rng.standard_normal((4, 3, 16, 16))
    (scores,) = (y for _, y in scores_of_batches(around, images))
    assert scores.dtype == np.float64
    assert freeze(ReLU()).dtype == np.float32


def test_a_network_around_a_frozen_one_refuses_what_that_refuses(images: np.ndarray) -> None:
    """Its state_dict was empty, and astype left the frozen part as it was."""
    model = Sequential(Conv2d(3, 3, 1, rng=0), Sequential(freeze(small())), Linear(10, 2, rng=1))
    for name, call in {
        "Sequential: astype": lambda: model.astype(np.float64),
        "Sequential: state_dict": model.state_dict,
        "Sequential: load_state_dict": lambda: model.load_state_dict({}),
        "Sequential: profile with train=True": lambda: model.profile(images),
        "freeze_layers": lambda: models.freeze_layers(model, "0.*"),
        "Sequential: state_dict is": lambda: models.load_matching(model, small().state_dict()),
    }.items():
        with pytest.raises(RuntimeError, match=f"^{name} .*layer '1.0' is a frozen one"):
            call()
    data = {f"{kind}_{part}": array for part in ("train", "val")
            for kind, array in (("X", images), ("y", np.zeros(4, int)))}  # fmt: skip
    solver = Solver(freeze(small()), data, batch_size=2, num_epochs=1, verbose=False)
    with pytest.raises(RuntimeError, match=r"^Solver: train is for networks"):
        solver.train()
    assert solver.check_accuracy(images, np.zeros(4, int)) >= 0


def test_summary_profile_and_text_show_the_layers_that_are_left(images: np.ndarray) -> None:
    model = small()
    frozen = freeze(model)
    summary = frozen.summary((3, 16, 16))
    assert summary.multiply_adds == model.summary((3, 16, 16)).multiply_adds
    assert not any("BatchNorm" in row.layer for row in summary.rows)
    assert summary.rows[0].output_shape == (1, 10)
    around = Sequential(frozen, ReLU()).summary((2, 3, 16, 16))
    assert around.rows[1].multiply_adds == 2 * summary.multiply_adds
    (row, _) = frozen.profile(images, 1, train=False, limits=Limits(1.0, 1.0, 1)).rows
    assert row.gflops
    for text in (repr(frozen), frozen._repr_html_()):
        assert "BatchNorm" not in text
        assert "Residual" in text
    assert repr(frozen).startswith("Frozen(Sequential(")
    assert frozen._repr_html_().count("Frozen: ") == 1


def test_the_reference_backend_freezes_too(images: np.ndarray) -> None:
    code = """
import numpy as np
from cnnlite import freeze
from tests.freezing.test_frozen import small
x = np.random.default_rng(0).standard_normal((4, 3, 16, 16)).astype(np.float32)
np.savetxt("/dev/stdout", freeze(small())(x))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "CNNLITE_BACKEND": "reference"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = np.array(done.stdout.split(), float).reshape(4, 10)
    np.testing.assert_allclose(found, freeze(small())(images), atol=1e-5)
