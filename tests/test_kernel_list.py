"""kernel_list.py names what there is: setup.py compiles nothing else."""

from pathlib import Path

import pytest

from cnnlite import _ext
from cnnlite.kernel_list import FAMILIES

ENGINE = Path(_ext.__file__).parent / "engine"
FOLDERS = sorted(path.name for path in ENGINE.iterdir() if path.is_dir())
INCLUDED = {
    line.split('"')[1].rsplit("/", 1)[-1]
    for path in (*ENGINE.rglob("*.h"), *ENGINE.rglob("*.c"), *ENGINE.rglob("*.pxi"))
    for line in path.read_text().splitlines()
    if line.startswith(("#include", "cdef extern from")) and '"' in line
}


def test_the_families_are_the_folders_of_the_engine() -> None:
    assert sorted(FAMILIES) == FOLDERS


@pytest.mark.parametrize("family", FOLDERS)
def test_no_header_of_a_family_is_left_out(family: str) -> None:
    headers = {path.name for path in (ENGINE / family).glob("*.h")}
    listed = {f"{name}.h" for name in FAMILIES[family]}
    assert listed <= headers
    assert headers - listed <= INCLUDED, "neither in kernel_list.py nor included by another file"


@pytest.mark.parametrize("family", FOLDERS)
def test_the_bindings_of_a_family_have_its_name(family: str) -> None:
    assert {path.name for path in (ENGINE / family).glob("*.pxi")} <= {f"{family}.pxi"}
