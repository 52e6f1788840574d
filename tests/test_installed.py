"""A package counts as missing however it is hidden, and that is no traceback."""

import sys
from types import ModuleType
from typing import Any

import pytest

from cnnlite.installed import is_installed


class Forbids:
    """A finder that does not let a package be found."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "hidden":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_a_package_that_is_hidden_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [Forbids(), *sys.meta_path])
    monkeypatch.setitem(sys.modules, "forbidden", None)
    monkeypatch.setitem(sys.modules, "pretended", ModuleType("pretended"))
    assert is_installed("numpy")
    for name in ("hidden", "forbidden", "pretended", "there_is_none"):
        assert not is_installed(name)
