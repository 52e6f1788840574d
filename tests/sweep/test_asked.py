"""What is wrong with a sweep is said before anything runs, in the words of `cnnlite train`."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from cnnlite.cli.config import ConfigError, options
from cnnlite.sweep.asked import read, resolved
from cnnlite.sweep.space import drawn

GOOD: dict[str, Any] = {"over": {"lr": [0.1, 0.2]}}
RANDOM = {"search": "random", "trials": 3}
OPTUNA = {"search": "optuna", "trials": 3}


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({}, "no [over]"),
        ({"train": {"lr": 0.1}}, "no [over]"),
        ({"over": {"lrr": [1.0]}}, "unknown key 'lrr' in [over] of s; did you mean lr?"),
        ({**GOOD, "train": {"modle": "x"}}, "'modle' in [train] of s; did you mean model?"),
        ({**GOOD, "trian": {}}, "unknown table 'trian' in s; did you mean train?"),
        ({**GOOD, "lr": 0.1}, "options of cnnlite train belong into [train] or [over]"),
        ({**GOOD, "train": 3}, "'train' in s must be a table"),
        ({**GOOD, "sweep": {"serch": "grid"}}, "did you mean search?"),
        ({**GOOD, "sweep": {"search": "gird"}}, "cannot be 'gird'; did you mean grid?"),
        ({**GOOD, "sweep": {"metric": "val_ac"}}, "did you mean val_acc?"),
        ({**GOOD, "halving": {"redution": 2}}, "did you mean reduction?"),
        ({"over": {"lr": []}}, "empty list"),
        ({"over": {"seed": []}}, "empty list"),
        ({"over": {"lr": 0.1}}, "must be a list of values, as [0.1]"),
        ({"over": {"lr": [0.1, -1.0]}}, "must be a positive number, not -1.0"),
        ({"over": {"epochs": [1, 2.5]}}, "must be a whole number, not 2.5"),
        ({"over": {"model": ["smal_vgg"]}}, "cannot be 'smal_vgg'; did you mean small_vgg?"),
        ({"over": {"seed": [0, 1, 0]}}, "'seed' in [over] of s has 0 twice"),
        ({"over": {"lr": [1, 1.0]}}, "has 1.0 twice"),
        ({"over": {"augment": ["flip", "flip"]}}, "has 'flip' twice"),
        ({"over": {"freeze": [["0.*"], ["0.*"]]}}, "has ['0.*'] twice"),
        ({"over": {"freeze": ["0.*"]}}, "must be a list of texts"),
        ({**GOOD, "train": {"lr": 0.3}}, "'lr' is given twice in s: in [train] and in [over]"),
        ({"over": {"seed": [1]}, "train": {"seed": 1}}, "'seed' is given twice"),
        ({"over": {"lr": {"min": 0.1, "max": 1.0}}}, "is a range, of which a grid does not know"),
        ({"over": {"seed": {"min": 0, "max": 9}}}, "seeds are not searched"),
        ({**GOOD, "sweep": {"trials": 3}}, "'trials' in [sweep] of s is for random and optuna"),
        ({**GOOD, "sweep": {"search": "random"}}, "'trials' in [sweep] of s is missing"),
        ({**GOOD, "sweep": RANDOM}, "is 3, but there are only 2 combinations"),
        ({**GOOD, "sweep": {**RANDOM, "trials": 0}}, "must be a whole number of at least 1"),
        ({**GOOD, "sweep": {**RANDOM, "trials": True}}, "must be a whole number"),
        ({**GOOD, "sweep": {**RANDOM, "trials": 10**9}}, "combinations"),
        ({**GOOD, "sweep": {**OPTUNA, "trials": 10**9}}, "of 100,000 at most"),
        ({**GOOD, "sweep": {**RANDOM, "sampler": "TPESampler"}}, "is for optuna"),
        ({**GOOD, "sweep": {**OPTUNA, "sampler": "TPESampelr"}}, "did you mean TPESampler?"),
        ({"over": {"seed": [1, 2]}, "sweep": OPTUNA}, "nothing to propose but seeds"),
        ({"over": {"lr": {"min": 1.0, "max": 0.1}}, "sweep": RANDOM}, "a min below its max"),
        ({"over": {"lr": {"min": 1.0}}, "sweep": RANDOM}, "has no max"),
        ({"over": {"lr": {"min": "none", "max": 1.0}}, "sweep": RANDOM}, "must be numbers, not 'n"),
        ({"over": {"clip_norm": ["none", "none"]}}, "has 'none' twice"),
        ({"over": {"lr": {"min": 0.0, "max": 1.0}}, "sweep": RANDOM}, "a positive number"),
        ({"over": {"lr": {"min": 0.1, "max": 1.0, "lgo": True}}, "sweep": RANDOM}, "mean log?"),
        (
            {"over": {"momentum": {"min": 0.0, "max": 0.5, "log": True}}, "sweep": RANDOM},
            "log needs a min above 0",
        ),
        (
            {"over": {"epochs": {"min": 1, "max": 9, "step": 0.5}}, "sweep": RANDOM},
            "step must be a whole number",
        ),
        ({"over": {"model": {"min": 1, "max": 2}}, "sweep": RANDOM}, "needs a list of values"),
        ({"over": {"group": {"min": 1, "max": 2}}, "sweep": RANDOM}, "needs a list of values"),
        (
            {"over": {"optimizer": ["sgd", "adam"], "momentum": [0.9]}},
            "s, with optimizer = 'adam', momentum = 0.9: 'momentum' does not fit",
        ),
        (
            {"over": {"optimizer": ["sgd", "adam"], "momentum": [0.9, 0.5]}, "sweep": OPTUNA},
            "'momentum' does not fit",
        ),
        ({"over": {"recipe": ["resnet20"], "model": ["vanilla_cnn"]}}, "leave 'model' out"),
        ({"over": {"epochs": [5, 9]}, "halving": {}}, "[over] can have neither epochs nor smoke"),
        ({**GOOD, "halving": {"first": 10}}, "must be below the epochs, which are 10"),
        ({**GOOD, "halving": {"reduction": 1}}, "must be a whole number of at least 2"),
    ],
)
def test_a_fault_is_named(tables: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(tables, "s")
    assert said in str(error.value)


VALUES: dict[str, list[Any]] = {
    "recipe": ["resnet20"], "model": ["small_vgg"], "init": ["runs/1"], "whiten": ["0"],
    "freeze": [["0.*"], []], "data": ["embedded"], "data_dir": ["x"], "group": [["*: lr=1"], []],
    "fit": ["crop", "resize"], "optimizer": ["sgd", "muon"], "loss": ["hinge", "focal"],
    "schedule": ["cosine", "plateau"], "augment": [False, True, "flip"],
    "train_sizes": ["24,32@3"], "tta": ["none", "mirror"], "momentum": [0.0, 0.5],
    "ema": [0.9, 0.99], "label_smoothing": [0.0, 0.1], "multiply": ["float32", "bfloat16"],
}  # fmt: skip


@pytest.mark.parametrize("option", options(), ids=lambda option: option.name)
def test_a_sweep_goes_over_any_option_of_train(option: Any) -> None:
    """Also over those that a new version brings: flags, and numbers from 1 to 2."""
    boolean = isinstance(option.default, bool)
    values = VALUES.get(option.name, [False, True] if boolean else [1, 2])
    asked = read({"over": {option.name: values}})
    assert asked.trials * len(asked.seeds) == len(values)
    assert asked.differing == ([] if len(values) == 1 and option.name == "seed" else [option.name])


def test_none_is_a_value_of_what_may_be_left_out() -> None:
    tables: dict[str, Any] = {
        "train": {"recipe": "airbench94", "train_sizes": "none", "group": ["none"]},
        "over": {"whiten": ["0", "none"], "clip_norm": ["none", 1.0], "freeze": ["none"]},
    }
    asked = read(tables, "s")
    found = [resolved({**asked.fixed, **options}) for options in asked.known]
    assert [(config.whiten, config.clip_norm) for config in found] == [
        ("0", None), ("0", 1.0), (None, None), (None, 1.0),
    ]  # fmt: skip
    assert {(config.freeze, config.group, config.train_sizes) for config in found} == {
        ((), (), None)
    }
    assert json.loads(json.dumps(asked.known)) == asked.known


def test_each_configuration_is_trained_with_every_seed() -> None:
    asked = read({"over": {"seed": [3, 1], "lr": [0.1, 0.2]}})
    assert (asked.seeds, asked.trials) == ((3, 1), 2)
    assert drawn("grid", asked.over, 2, 0) == [{"lr": 0.1}, {"lr": 0.2}]


@pytest.mark.parametrize(
    ("halving", "epochs", "rungs"),
    [
        ({"reduction": 3}, 9, [1, 3, 9]),
        ({"reduction": 3}, 10, [1, 3, 9, 10]),
        ({"reduction": 2, "first": 3}, 24, [3, 6, 12, 24]),
        ({"reduction": 10}, 2, [1, 2]),
    ],
)
def test_rungs_grow_by_the_reduction_to_the_end(
    halving: dict[str, int], epochs: int, rungs: list[int]
) -> None:
    assert read({**GOOD, "train": {"epochs": epochs}, "halving": halving}).rungs == rungs


def test_files_of_the_page_are_good_ones() -> None:
    """Each TOML block of docs/use/sweeps.md, and the example."""
    root = Path(__file__).parents[2]
    blocks = re.findall(r"```toml\n(.*?)```", (root / "docs/use/sweeps.md").read_text(), re.S)
    texts = [*blocks, (root / "examples/sweep.toml").read_text()]
    assert [read(tomllib.loads(text)).search for text in texts] == ["grid", "optuna", "grid"]
