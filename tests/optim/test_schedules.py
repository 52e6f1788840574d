"""Schedules: endpoints, warm-up, PyTorch as the judge, and clear errors."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from cnnlite.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    CosineRestarts,
    Cyclic,
    Exponential,
    Linear,
    MultiStep,
    OneCycle,
    Polynomial,
    Schedule,
    Step,
    Triangular,
    Warmup,
)

TOTAL = 40


def judged(torch: Any, name: str, lr: float = 1.0, **options: Any) -> list[float]:
    """The learning rates that PyTorch's scheduler gives at steps 0 to TOTAL - 1."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr)
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
    rates = []
    for _ in range(TOTAL):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) < TOTAL:
            scheduler.step()
    return rates


PAIRS: list[tuple[Schedule, str, dict[str, Any]]] = [
    (Constant(), "ConstantLR", {"factor": 1.0}),
    (Step(7, 0.5), "StepLR", {"step_size": 7, "gamma": 0.5}),
    (Step(0.25), "StepLR", {"step_size": 10, "gamma": 0.1}),
    (MultiStep((0.5, 0.75)), "MultiStepLR", {"milestones": [20, 30], "gamma": 0.1}),
    (Cosine(), "CosineAnnealingLR", {"T_max": TOTAL}),
    (Cosine(final=0.1), "CosineAnnealingLR", {"T_max": TOTAL, "eta_min": 0.1}),
    (Exponential(0.01), "ExponentialLR", {"gamma": 0.01 ** (1 / TOTAL)}),
    (OneCycle(), "OneCycleLR", {"max_lr": 1.0, "total_steps": TOTAL}),
    (
        OneCycle(0.2, "linear", 10, 100),
        "OneCycleLR",
        {
            "max_lr": 1.0,
            "total_steps": TOTAL,
            "pct_start": 0.2,
            "anneal_strategy": "linear",
            "div_factor": 10,
            "final_div_factor": 100,
        },
    ),
    (Linear(), "LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": TOTAL}),
    (Linear(0.2), "LinearLR", {"start_factor": 1.0, "end_factor": 0.2, "total_iters": TOTAL}),
    *((Polynomial(p), "PolynomialLR", {"power": p, "total_iters": TOTAL}) for p in (0.5, 1, 2, 3)),
    *(
        (
            CosineRestarts(first, mult, 0.1),
            "CosineAnnealingWarmRestarts",
            {"T_0": 10 if first == 0.25 else first, "T_mult": mult, "eta_min": 0.1},
        )
        for first in (0.25, 1, 3, 7)
        for mult in (1, 2, 3)
    ),
    *(
        (
            Cyclic(0.2, up, down, mode, gamma),
            "CyclicLR",
            {
                "base_lr": 0.2,
                "max_lr": 1.0,
                "step_size_up": up,
                "step_size_down": down,
                "mode": mode,
                "gamma": gamma,
                "cycle_momentum": False,
            },
        )
        for up, down in ((5, None), (3, 8), (1, 1), (30, None))
        for mode, gamma in (("triangular", 1.0), ("triangular2", 1.0), ("exp_range", 0.97))
    ),
    *(
        (
            OneCycle(start, strategy, 10, 100, three_phase=True),
            "OneCycleLR",
            {
                "max_lr": 1.0,
                "total_steps": TOTAL,
                "pct_start": start,
                "anneal_strategy": strategy,
                "div_factor": 10,
                "final_div_factor": 100,
                "three_phase": True,
            },
        )
        for start in (0.1, 0.3, 0.45, 0.5)
        for strategy in ("cos", "linear")
    ),
]


@pytest.mark.parametrize(("schedule", "name", "options"), PAIRS)
def test_as_pytorch(torch: Any, schedule: Schedule, name: str, options: dict[str, Any]) -> None:
    ours = [schedule(step, TOTAL) for step in range(TOTAL)]
    assert ours == pytest.approx(judged(torch, name, **options), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("start", [0.01, 1 / 3, 1.0])
@pytest.mark.parametrize(
    ("schedule", "name", "options"),
    [
        (Cosine(), "CosineAnnealingLR", {"T_max": 32}),
        (Step(9, 0.5), "StepLR", {"step_size": 9, "gamma": 0.5}),
        (CosineRestarts(5), "CosineAnnealingWarmRestarts", {"T_0": 5}),
        (Polynomial(2), "PolynomialLR", {"power": 2, "total_iters": 32}),
    ],
)
@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")
def test_warmup_before_any_schedule_as_pytorch(
    torch: Any, schedule: Schedule, name: str, options: dict[str, Any], start: float
) -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    module = torch.optim.lr_scheduler
    parts = [
        module.LinearLR(optimizer, start_factor=start, total_iters=8),
        getattr(module, name)(optimizer, **options),
    ]
    judge = module.SequentialLR(optimizer, parts, milestones=[8])
    for step in range(TOTAL):
        ours = Warmup(schedule, 0.2, start)(step, TOTAL)
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
        optimizer.step()
        judge.step()


def test_warmup_rises_to_the_first_factor_of_a_schedule_that_begins_lower() -> None:
    schedule = Warmup(lambda step, total: 0.5 if step == 0 else 0.25, 2, 0.0)
    assert [schedule(step, 5) for step in range(4)] == [0, 0.25, 0.5, 0.25]


def test_warmup_as_long_as_the_training_or_longer() -> None:
    assert [Warmup(Cosine(), 1.0, 0.0)(step, 4) for step in range(4)] == [0, 0.25, 0.5, 0.75]
    assert Warmup(Cosine(), 8, 0.0)(3, 4) == 0.375
    assert Warmup(Cosine(), 0, 0.0)(0, 4) == 1


@pytest.mark.parametrize(
    "schedule", [*(schedule for schedule, _, _ in PAIRS), Warmup(), Cyclic(), CosineRestarts()]
)
def test_factor_stays_between_0_and_1_for_every_length(schedule: Schedule) -> None:
    """Trainings of one or two steps, and the step after the last, must not divide by zero."""
    for total in (1, 2, 3, 10):
        for step in range(total + 1):
            assert 0 <= schedule(step, total) <= 1 + 1e-15


@pytest.mark.parametrize("peak", [0, 0.23, 7, 1.0])
def test_the_triangle_is_the_line_between_three_points(peak: float) -> None:
    top = peak if isinstance(peak, int) else round(peak * 30)
    schedule = Triangular(0.2, peak, 0.07)
    places, factors = ([0, top, 30], [0.2, 1, 0.07]) if top else ([0, 30], [1, 0.07])
    wanted = np.interp(np.arange(30), places, factors)
    np.testing.assert_allclose([schedule(step, 30) for step in range(30)], wanted, rtol=1e-12)


def test_endpoints() -> None:
    assert Cosine()(0, 100) == 1
    assert Cosine()(50, 100) == pytest.approx(0.5)
    assert Cosine()(100, 100) == 0
    assert Exponential(0.01)(0, 100) == 1
    assert Exponential(0.01)(100, 100) == pytest.approx(0.01)
    assert OneCycle()(0, 100) == pytest.approx(1 / 25)
    assert OneCycle()(29, 100) == pytest.approx(1)
    assert OneCycle()(99, 100) == pytest.approx(1 / 25 / 1e4)
    assert MultiStep((0.5,))(49, 100) == 1
    assert MultiStep((0.5,))(50, 100) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "kind", [Constant, Cosine, Exponential, Linear, Polynomial, CosineRestarts]
)
@pytest.mark.parametrize("warmup", [5, 0.1])
def test_warmup_rises_in_equal_parts_then_the_schedule_begins(kind: Any, warmup: float) -> None:
    schedule = kind(warmup=warmup)
    factors = [schedule(step, 50) for step in range(50)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factors[5:] == [kind()(step, 45) for step in range(45)]


def test_warmup_as_long_as_the_training() -> None:
    assert [Cosine(warmup=1.0)(step, 4) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]


def test_milestones_count_from_the_start_of_training() -> None:
    schedule = MultiStep((10,), warmup=4)
    assert [schedule(step, 20) for step in (3, 9, 10)] == pytest.approx([1, 1, 0.1])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Step(0), ValueError, "Step: step_size is 0, expected a length above 0"),
        (lambda: Step(1.5), ValueError, "Step: step_size is 1.5, expected a number of steps"),
        (lambda: Cosine(warmup=-1), ValueError, "Cosine: warmup is -1, expected a number of"),
        (lambda: Cosine(warmup=float("nan")), ValueError, "Cosine: warmup is nan, expected a"),
        (
            lambda: Cosine(warmup="5%"),
            TypeError,
            "Cosine: warmup is '5%', expected a number of steps",
        ),
        (lambda: Cosine(final="0"), TypeError, "Cosine: final is '0', expected a number"),
        (lambda: Cosine(final=2), ValueError, "Cosine: final is 2, expected a number from 0"),
        (lambda: Exponential(0), ValueError, "Exponential: final is 0, expected a number"),
        (lambda: MultiStep((0.5, 1.5)), ValueError, r"MultiStep: milestones\[1\] is 1.5"),
        (lambda: MultiStep((0.5,), 2), ValueError, "MultiStep: gamma is 2, expected a number"),
        (
            lambda: OneCycle(0.6, three_phase=True),
            ValueError,
            "OneCycle: pct_start is 0.6, expected",
        ),
        (lambda: OneCycle(three_phase=1), TypeError, "OneCycle: three_phase is 1, expected True"),
        (lambda: Polynomial(-1), ValueError, "Polynomial: power is -1, expected a number from 0"),
        (lambda: Linear(2), ValueError, "Linear: final is 2, expected a number from 0 to 1"),
        (lambda: CosineRestarts(0), ValueError, "CosineRestarts: T_0 is 0, expected a length"),
        (lambda: CosineRestarts(2, 1.5), TypeError, "CosineRestarts: T_mult is 1.5, expected an"),
        (lambda: CosineRestarts(2, 0), ValueError, "CosineRestarts: T_mult is 0, expected an"),
        (lambda: Cyclic(0.1, 0), ValueError, "Cyclic: step_size_up is 0, expected a length above"),
        (lambda: Cyclic(mode="saw"), ValueError, "Cyclic: mode is 'saw', expected"),
        (lambda: Warmup(Cosine), TypeError, "Warmup: schedule is .*, expected a schedule or"),
        (lambda: Warmup(0.5), TypeError, "Warmup: schedule is 0.5, expected a schedule"),
        (lambda: Warmup(Cosine(), -1), ValueError, "Warmup: length is -1, expected a number of"),
        (lambda: Warmup(Cosine(), 5, 2), ValueError, "Warmup: start is 2, expected a number from"),
        (lambda: OneCycle(1.5), ValueError, "OneCycle: pct_start is 1.5, expected a number"),
        (lambda: OneCycle(0.3, "exp"), ValueError, "OneCycle: anneal_strategy is 'exp', expected"),
        (
            lambda: OneCycle(div_factor=0),
            ValueError,
            "OneCycle: div_factor is 0, expected a",
        ),
        (
            lambda: Cosine()(-1, 10),
            ValueError,
            "schedule: step is -1, expected an integer from 0 up",
        ),
        (lambda: OneCycle()(0, 0), ValueError, "schedule: total_steps is 0, expected an integer"),
    ],
)
def test_bad_arguments(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_frozen_and_named() -> None:
    with pytest.raises(FrozenInstanceError):
        Cosine().final = 0.5  # type: ignore[misc]
    assert {kind.__name__.lower() for kind in SCHEDULES.values()} == set(SCHEDULES)
