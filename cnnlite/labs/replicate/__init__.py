"""The same training in two frameworks, and where they diverge.

The same network, weights and batches go through PyTorch and through cnnlite, step by step
(`side_by_side`).  Neither computes anything wrong, and yet their losses diverge: sums are added in
different orders and rounded differently (`summation`), and at a network's kinks the last digit
decides which side is taken.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from cnnlite.data import Dataset
from cnnlite.interop.torch import from_torch, state_from_torch, to_torch
from cnnlite.labs.lab import Findings, Lab, Settings, Statement, Table, Unavailable, Worst
from cnnlite.labs.replicate import side_by_side as sbs
from cnnlite.labs.replicate import summation
from cnnlite.labs.replicate.picture import draw
from cnnlite.labs.replicate.side_by_side import Run
from cnnlite.threads import get_num_threads

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
SMOOTH = "float32, smooth"
SAME_WEIGHTS = {"float32": 1e-5, "float64": 1e-13, SMOOTH: 1e-5}
"""The largest relative difference of the loss after one forward pass."""
WHOLE_EPOCH = {"float64": 1e-12, SMOOTH: 1e-5}
"""The same over a whole epoch, where no rounding crosses a kink, or there is none."""


def compare(data: Dataset, dtype: np.dtype, seed: int = 0, smooth: bool = False) -> Run:
    """Train an epoch in both frameworks from the same float32 numbers.

    Args:
        data: its training images.
        dtype: np.float32 or np.float64.
        seed: seed of the weights and of the batches' order.
        smooth: as for `side_by_side.network`.
    """
    ours = sbs.Ours(sbs.network(seed, smooth).astype(dtype))
    theirs, given = sbs.Theirs(ours.model), sbs.Theirs(ours.model)
    bit = sbs.Ours(sbs.one_bit_off(sbs.network(seed, smooth).astype(dtype)))
    run = Run()
    for batch in sbs.epoch(data, dtype, seed):
        run.same.append(given.loss_with(ours.model.state_dict(), batch))
        run.ours.append(ours.step(batch))
        run.theirs.append(theirs.step(batch))
        run.bit.append(bit.step(batch))
        weights = ours.weights()
        run.apart.append(sbs.distance(theirs.weights(), weights))
        run.apart_bit.append(sbs.distance(bit.weights(), weights))
    return run


def any_order(cases: int, rng: np.random.Generator) -> tuple[list[Statement], float]:
    """Check the bound of `summation`, and count how often orders differ.

    Returns:
        The statements, and the share of cases in which not all orders gave the same bits.
    """
    import torch

    from cnnlite.functional import linear_forward

    orders = Worst("sum in any order: error, of gamma(n) sum |a b|", 1)
    kernels = Worst("the same of the frameworks' matrix products", 1)
    differ = 0
    for _ in range(cases):
        n = int(2 ** rng.uniform(0, 12))
        scale = 10.0 ** rng.uniform(-3, 3, n)
        a = (rng.standard_normal(n) * scale).astype(np.float32)
        b = rng.standard_normal(n).astype(np.float32)
        truth, allowed = summation.exact(a, b), summation.bound(a, b)
        found = summation.sums(a, b)
        orders.add(max(abs(s - truth) for s in found.values()) / allowed)
        differ += len(set(found.values())) > 1
        ours = linear_forward(a[None], b[None])[0]
        theirs = torch.nn.functional.linear(torch.from_numpy(a[None]), torch.from_numpy(b[None]))
        kernels.add(max(abs(float(s) - truth) for s in (ours[0, 0], theirs[0, 0])) / allowed)
    return [orders.statement, kernels.statement], differ / cases


def exchanged(cases: int, rng: np.random.Generator) -> Statement:
    """Check that states go to PyTorch and back without losing a bit."""
    worst = Worst("states to PyTorch and back: bytes that differ", 0)
    for number in range(cases):
        model = sbs.network(int(rng.integers(2**31))).astype(FLOATS[number % 2])
        module = to_torch(model)
        back = from_torch(module).state_dict()
        there = state_from_torch(module.state_dict())
        for key, array in model.state_dict().items():
            same = array.tobytes() == there[key].tobytes() == back[key].tobytes()
            worst.add(0.0 if same else 1.0)
    return worst.statement


@contextmanager
def _threads_of_torch() -> Iterator[None]:
    """Give PyTorch as many threads as cnnlite has, inside the `with` block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(get_num_threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run(settings: Settings) -> Findings:
    """Check the bound and the exchange, and compare an epoch in float32 and float64.

    Raises:
        Unavailable: PyTorch is not installed.
    """
    try:
        import torch
    except ImportError:
        raise Unavailable("the lab needs PyTorch: pip install 'cnnlite[torch]'") from None
    rng = settings.rng()
    data = settings.images(None, 0)
    with _threads_of_torch():
        settings.say("sums")
        statements, differ = any_order(2000 if settings.full else 300, rng)
        statements.append(exchanged(20, rng))
        runs = {}
        for dtype in FLOATS:
            settings.say(f"an epoch in {dtype.name}")
            runs[dtype.name] = compare(data, dtype, settings.seed)
        settings.say("an epoch without kinks")
        runs[SMOOTH] = compare(data, FLOATS[0], settings.seed, smooth=True)
        model = sbs.network(settings.seed)
        layers = [
            sbs.layer_by_layer(model.astype(dtype), next(sbs.epoch(data, dtype, settings.seed)))
            for dtype in FLOATS
        ]
    for which, weights, limits in (("same", "same", SAME_WEIGHTS), ("theirs", "own", WHOLE_EPOCH)):
        for name, allowed in limits.items():
            worst = Worst(f"{name}, {weights} weights: loss, of itself", allowed)
            for part in runs[name].gap(which) / runs[name].ours:
                worst.add(part)
            statements.append(worst.statement)
    setting = (
        f"{len(data['y_train'])} images ({data.name}), an epoch in batches of {sbs.BATCH}; two "
        f"convolutions with batch-norm and a linear layer; PyTorch {torch.__version__}"
    )
    tables = [
        Table(
            "losses over the epoch: largest difference to cnnlite",
            ("", *runs),
            [
                _largest("PyTorch", runs, "theirs"),
                _largest("PyTorch, given cnnlite's weights before each step", runs, "same"),
                _largest("cnnlite, one weight's last bit changed at the start", runs, "bit"),
                ("weights of PyTorch at the end", *(f"{r.apart[-1]:.1e}" for r in runs.values())),
                ("the same with the bit", *(f"{r.apart_bit[-1]:.1e}" for r in runs.values())),
            ],
        ),
        Table(
            "sums of random products, float32",
            ("", "cases"),
            [("four orders of addition do not all agree", f"{differ:.0%}")],
        ),
        Table(
            "first batch, layer by layer: PyTorch's output from ours, relative",
            ("after", *(dtype.name for dtype in FLOATS)),
            [
                (name, f"{single:.1e}", f"{double:.1e}")
                for (name, single), (_, double) in zip(*layers, strict=True)
            ],
        ),
    ]
    return Findings(setting, statements, tables, partial(draw, runs), (9, 3.8))


def _largest(name: str, runs: dict[str, Run], which: str) -> tuple[str, ...]:
    return name, *(f"{found.gap(which).max():.1e}" for found in runs.values())


LAB = Lab("replicate", "One training in PyTorch and in cnnlite: where they part, and why", run)
