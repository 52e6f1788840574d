"""Which trials there are, in what order, and which of them go on.

A plan is a generator: it yields the trials that are trained next, together, and is sent how good
each has become.  It goes on only when it knows that of all, so what it decides depends on the
sweep's file and on results, never on how many trials ran at once or which was first.  A sweep that
was ended is continued by asking its plan again and answering from what is on the disk.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

from cnnlite.sweep.asked import Asked
from cnnlite.sweep.space import drawn

__all__ = ["Configuration", "Merits", "Plan", "plan"]


class Configuration(NamedTuple):
    """The options of a trial but for its seed, and how many epochs are trained now."""

    number: int
    options: dict[str, Any]
    epochs: int | None  # None to the end


Merits = Mapping[int, float | None]
"""By number, how good a configuration is: higher is better, None if it is lost."""

Plan = Generator[list[Configuration], Merits, None]


def plan(asked: Asked) -> Plan:
    """Return the plan of a sweep."""
    return _proposed(asked) if asked.search == "optuna" else _halved(asked)


def _halved(asked: Asked) -> Plan:
    """Train all to the first rung, the best of them to the next, and so on.

    Of n, the best max(1, n // reduction) go on; of equals, the first.

    Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
    optimization", AISTATS 2016, algorithm 1.
    """
    configurations = drawn(asked.search, asked.over, asked.trials, asked.seed)
    alive = list(range(len(configurations)))
    for epochs in asked.stages:
        if not alive:
            return
        merits = yield [Configuration(number, configurations[number], epochs) for number in alive]
        ranked = sorted(
            (-merit, number) for number in alive if (merit := merits[number]) is not None
        )
        alive = sorted(
            number for _, number in ranked[: max(1, len(alive) // (asked.reduction or 1))]
        )


def _proposed(asked: Asked) -> Plan:
    """Train what Optuna proposes, a batch at a time; its pruner says which go on.

    The sampler hears of a batch when all of it is known, in the order of numbers, and so does the
    pruner, at each rung: Optuna's decisions depend on results alone.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner: Any = optuna.pruners.NopPruner()
    if asked.reduction is not None:
        pruner = optuna.pruners.SuccessiveHalvingPruner(
            min_resource=asked.first, reduction_factor=asked.reduction
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some samplers are called experimental
        sampler = getattr(optuna.samplers, asked.sampler)(seed=asked.seed)
        study = optuna.create_study(sampler=sampler, pruner=pruner, direction="maximize")
    for first in range(0, asked.trials, asked.batch):
        numbers = range(first, min(first + asked.batch, asked.trials))
        trials = {number: study.ask() for number in numbers}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = {
                number: {name: values.suggest(trial, name) for name, values in asked.over.items()}
                for number, trial in trials.items()
            }
        merits: Merits = {}
        for epochs in asked.stages:
            merits = yield [Configuration(number, options[number], epochs) for number in trials]
            for number in list(trials):
                trial, merit = trials[number], merits[number]
                if merit is None:  # a trial without a value is the worst to samplers
                    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                    del trials[number]
                elif epochs is not None and epochs < asked.epochs:
                    trial.report(merit, epochs)
                    if trial.should_prune():
                        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                        del trials[number]
            if not trials:
                break
        for number, trial in trials.items():
            study.tell(trial, merits[number])
