"""Training gives the same bits whatever the number of threads: whole steps of every network."""

import hashlib
from typing import Any

import numpy as np
import pytest

import cnnlite
from cnnlite import SGD, CrossEntropyLoss, models
from cnnlite.backend import backend_name, kernels
from cnnlite.kernel_list import KERNELS
from tests import kernel_bits, same_bits, zoo_bits
from tests._ext.instruction_sets import run_again


def bits_of_training(
    name: str, threads: int, algorithm: str = "auto", steps: int = 3, batch: int = 20
) -> str:
    """Train a few steps and return the hash of all weights, buffers and losses."""
    cnnlite.set_num_threads(threads)
    rng = np.random.default_rng(0)
    model = models.MODELS[name](rng=0)
    for _, layer in model.leaves():
        if isinstance(layer, cnnlite.Conv2d):
            layer.algorithm = algorithm
    loss, optimizer = CrossEntropyLoss(), SGD(0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    digest = hashlib.sha256()
    for step in range(steps):
        x = rng.standard_normal((batch, 3, 32, 32)).astype(np.float32)
        scores, cache = model.forward(x, rng=step)
        value, loss_cache = loss.forward(scores, rng.integers(0, 10, batch))
        _, grads = model.backward(loss.backward(loss_cache), cache, need_dx=False)
        optimizer.step(model.params, grads)
        digest.update(repr(value).encode())
    for array in (*model.params.values(), *model.buffers.values()):
        digest.update(array.tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [*((name, "auto") for name in sorted(models.MODELS)), ("three_layer_convnet", "im2col")],
)
def test_any_number_of_threads(name: str, algorithm: str) -> None:
    before = cnnlite.get_num_threads()
    try:
        one, *others = (bits_of_training(name, threads, algorithm) for threads in (1, 2, 3, 4))
    finally:
        cnnlite.set_num_threads(before)
    assert others == [one] * 3


def test_a_training_with_everything_has_the_same_bits_every_time() -> None:
    before = cnnlite.get_num_threads()
    digests = set()
    try:
        for threads in (1, 2, 3, 4, 4):
            cnnlite.set_num_threads(threads)
            digests.add(same_bits.train())
    finally:
        cnnlite.set_num_threads(before)
    assert len(digests) == 1


@pytest.mark.skipif(backend_name == "reference", reason="the twins have bits of their own")
def test_kernels_and_networks_have_the_bits_of_every_other_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those without fused multiply-add have a table of their own; no kernel is left out."""
    never_called = {name for names in KERNELS.values() for name in names}

    def watched(name: str, function: Any) -> Any:
        def call(*arguments: Any, **settings: Any) -> Any:
            never_called.discard(name)
            return function(*arguments, **settings)

        return call

    for name in never_called:
        monkeypatch.setattr(kernels, name, watched(name, getattr(kernels, name)))
    tables = zoo_bits.tables()
    expected = tables[zoo_bits.rounding()]
    assert kernel_bits.digests() == expected["kernels"]
    assert zoo_bits.networks() == expected["networks"]
    assert all(set(table["kernels"]) == set(expected["kernels"]) for table in tables.values())
    assert not never_called


@pytest.mark.slow
@pytest.mark.parametrize("name", ["baseline", "avx2"])
def test_another_instruction_set_has_the_bits_that_are_stored(name: str) -> None:
    test = test_kernels_and_networks_have_the_bits_of_every_other_machine
    run_again(f"{__file__}::{test.__name__}", name)


@pytest.mark.slow
def test_the_serial_build_has_the_same_bits(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("Cython")
    assert same_bits.main([]) == 0, capsys.readouterr().out
