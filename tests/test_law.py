"""Imports follow the listing in docs/architecture.md: down only, in no circle, nothing private."""

import importlib
import sys
from pathlib import Path

import pytest

from tests.law import ROOT, House, listed_rooms, listing

ORDER = listed_rooms(ROOT / "docs" / "architecture.md")


@pytest.fixture(scope="module")
def cnnlite() -> House:
    return House(ROOT / "cnnlite")


def test_the_listing_names_every_room_once(cnnlite: House) -> None:
    assert sorted(ORDER) == sorted(cnnlite.rooms())


def test_imports_point_down_the_listing(cnnlite: House) -> None:
    assert cnnlite.upward(ORDER) == []


def test_there_is_no_circle_not_even_for_type_checkers(cnnlite: House) -> None:
    assert cnnlite.circles() == []


def test_a_name_with_an_underscore_stays_in_its_folder(cnnlite: House) -> None:
    assert cnnlite.crossing() == []


def test_compiled_modules_are_under_the_law_too(cnnlite: House) -> None:
    arrows = set(cnnlite.arrows())
    assert ("cnnlite._ext.memory", "cnnlite.environment") in arrows
    assert ("cnnlite._ext.engine", "cnnlite._ext.runtime") in arrows  # by cimport


def test_the_training_room_follows_its_own_list(cnnlite: House) -> None:
    order = ["__init__", *listing(importlib.import_module("cnnlite.training").__doc__ or "")]
    assert sorted(order) == sorted(cnnlite.rooms("cnnlite.training"))
    assert cnnlite.upward(order, "cnnlite.training") == []


HOUSES = {
    "upward": {
        "attic/__init__.py": "",
        "attic/box.py": "",
        "cellar/__init__.py": "from {house}.attic import box\n",
    },
    "upward in Cython": {
        "attic/__init__.py": "",
        "attic/box.pyx": "",
        "cellar/__init__.py": "",
        "cellar/pump.pyx": "from {house}.attic.box cimport lid, handle\n",
    },
    "circle": {
        "attic/__init__.py": "",
        "attic/box.py": "from {house}.attic.lid import Lid\nclass Box: ...\n",
        "attic/lid.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
        "    from {house}.attic.box import Box\nclass Lid: ...\n",
        "cellar/__init__.py": "",
    },
    "circle of parts": {
        "attic/__init__.py": "",
        "attic/left/__init__.py": "",
        "attic/left/a.py": "from {house}.attic.right import b\n",
        "attic/left/c.py": "",
        "attic/right/__init__.py": "",
        "attic/right/b.py": "",
        "attic/right/d.py": "from {house}.attic.left import c\n",
        "cellar/__init__.py": "",
    },
    "private module": {
        "attic/__init__.py": "from {house}.cellar import _pump\n",
        "cellar/__init__.py": "",
        "cellar/_pump.py": "",
    },
    "private function": {
        "attic/__init__.py": "from {house}.cellar.pump import _on\n",
        "cellar/__init__.py": "",
        "cellar/pump.py": "def _on(): ...\n",
    },
    "private attribute": {
        "attic/__init__.py": "from {house}.cellar import pump as p\np._on()\n",
        "cellar/__init__.py": "",
        "cellar/pump.py": "def _on(): ...\n",
    },
    "private module above": {
        "attic/__init__.py": "from {house} import _key\n",
        "cellar/__init__.py": "",
        "_key.py": "",
    },
}


@pytest.mark.parametrize("fault", HOUSES)
def test_what_is_against_the_law_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    name = f"house_{list(HOUSES).index(fault)}"
    for file, text in {"__init__.py": "", **HOUSES[fault]}.items():
        path = tmp_path / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(house=name))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    house = House(tmp_path / name)
    found = {
        "upward": house.upward(["__init__", "attic", "cellar", "_key"]),
        "circle": house.circles(),
        "private": house.crossing(),
    }
    assert [kind for kind, faults in found.items() if faults] == [fault.split()[0]]
