"""Public names of functional, layers and optim: each stands in one file's `__all__`."""

import importlib
import pkgutil
from types import ModuleType

import pytest

from cnnlite import functional, layers, optim

PACKAGES = [functional, layers, optim]

# Public in their files, for the package's other files; not among its names.
INSIDE = {
    "cnnlite.functional": {"exp", "expm1", "log", "log1p", "power", "tanh"},
    "cnnlite.layers": {
        "Again", "BACKWARD", "DottedArrays", "EVALUATION", "FORWARD", "Fusible", "Grads",
        "IncompatibleKeys", "PYTHON", "PairLayer", "Parts", "Pass", "Profile", "ProfileRow",
        "RECOMPUTE", "Ran", "Recipe", "Recipes", "Row", "STEP", "Step", "Stopwatch", "Summary",
        "all_taken", "arrays_in", "backward_parts", "between", "block_of",
        "check_arrays", "check_overlaps", "cut_into_steps", "exchanged", "filled", "first_names",
        "makes_dx", "network_table", "new_bytes", "profile", "recipes", "recipes_of", "recording",
        "rows_of", "run_noting", "summarize", "summary_table", "trace", "work_of",
    },
    "cnnlite.optim": {
        "Owners", "check_gradients", "check_state", "step_count", "wholly",
    },
}  # fmt: skip


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_a_star_import_gives_every_name_and_nothing_else(package: ModuleType) -> None:
    names: dict[str, object] = {}
    exec(f"from {package.__name__} import *", names)
    del names["__builtins__"]
    assert sorted(names) == sorted(package.__all__)
    assert len(package.__all__) == len(set(package.__all__))
    assert not [name for name, value in names.items() if isinstance(value, ModuleType)]
    for name, value in names.items():
        home = getattr(value, "__module__", package.__name__)
        assert home.startswith(package.__name__), name


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_no_file_is_forgotten(package: ModuleType) -> None:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if not module.ispkg:
            public = set(getattr(importlib.import_module(module.name), "__all__", ()))
            assert public - INSIDE[package.__name__] <= set(package.__all__), module.name
