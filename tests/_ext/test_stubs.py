"""The type stubs say what the compiled modules take: mypy believes them and never looks further."""

import ast
import inspect
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from cnnlite import _ext

EXT = Path(_ext.__file__).parent
STUBS = sorted(EXT.glob("*.pyi"))
# classes of the bindings, of no use to Python
ENGINE_ONLY = {"Call", "OwnMemory", "Recording", "Workspace"}

Argument = tuple[str, bool, object]


def compiled_arguments(function) -> list[Argument]:
    """Return the name of each argument, whether it may be left out, and its default value."""
    empty = inspect.Parameter.empty
    return [
        (p.name, p.default is not empty, None if p.default is empty else p.default)
        for p in inspect.signature(function).parameters.values()
    ]


def stub_arguments(function: ast.FunctionDef) -> list[Argument]:
    """Return the same of a stub; the default `...` stays an Ellipsis."""
    arguments = function.args
    assert not [*arguments.kwonlyargs, *filter(None, (arguments.vararg, arguments.kwarg))]
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    defaults = [ast.literal_eval(node) for node in arguments.defaults]
    required = len(names) - len(defaults)
    return [
        (name, i >= required, defaults[i - required] if i >= required else None)
        for i, name in enumerate(names)
    ]


def public_names(module) -> set[str]:
    """Return the functions and classes that the module itself defines."""
    return {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", module.__name__) == module.__name__
    }


def differences(function, stub: ast.FunctionDef) -> list[str]:
    """Return what is wrong with a stub, one line an argument."""
    real, said = compiled_arguments(function), stub_arguments(stub)
    if [name for name, *_ in real] != [name for name, *_ in said]:
        return [f"{stub.name}: takes {[n for n, *_ in real]}, the stub {[n for n, *_ in said]}"]
    wrong = []
    for (name, optional, default), (_, may, value) in zip(real, said, strict=True):
        if optional != may or (value is not ... and value != default):
            wrong.append(f"{stub.name}: {name} has another default in the stub")
    return wrong


def test_every_compiled_module_has_a_stub():
    compiled = {
        path.name.partition(".")[0] for end in EXTENSION_SUFFIXES for path in EXT.glob(f"*{end}")
    }
    assert {path.stem for path in STUBS} == compiled != set()


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.stem)
def test_a_stub_lists_what_its_module_defines(path):
    module = import_module(f"cnnlite._ext.{path.stem}")
    nodes = ast.parse(path.read_text()).body
    said = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert public_names(module) - ENGINE_ONLY == said


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.stem)
def test_a_stub_has_the_compiled_signatures(path):
    module = import_module(f"cnnlite._ext.{path.stem}")
    functions = [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)]
    assert not [line for f in functions for line in differences(getattr(module, f.name), f)]


@pytest.mark.parametrize(
    "stub",
    [
        "def trim(keep): ...",
        "def trim(keep = 1): ...",
        "def trim(kept = 0): ...",
        "def trim(keep = 0, more = 1): ...",
        "def trim(): ...",
    ],
)
def test_a_wrong_stub_is_noticed(stub):
    memory = import_module("cnnlite._ext.memory")
    (node,) = ast.parse(stub).body
    assert differences(memory.trim, node)
