"""The watch over hostile input sees what it is there to see."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz import BESIDES, watched


@pytest.fixture(autouse=True)
def not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.done", {})


@pytest.mark.parametrize(
    ("deed", "report"),
    [
        (lambda path: eval("1 + 1"), "did this: .*exec"),
        (lambda path: os.system("true"), "did this: .*os.system"),
        (lambda path: path.with_name("outside").write_text("x"), "did this: .*open"),
        (lambda path: os.mkdir(path.with_name("folder")), "did this: .*os.mkdir"),
        (lambda path: bytes(BESIDES + 17 * 100), "reading 100 bytes of deeds took"),
    ],
    ids=["eval", "system", "write", "mkdir", "memory"],
)
def test_deeds_are_seen(tmp_path: Path, deed: Callable[[Path], object], report: str) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    with pytest.raises(AssertionError, match=report), watched("deeds", folder, 100, ()):
        deed(folder)


def test_refusals_and_files_inside_are_no_deeds(tmp_path: Path) -> None:
    with watched("deeds", tmp_path, 100, (ValueError,)):
        (tmp_path / "a").write_text("x")
        (tmp_path / "a").unlink()
        raise ValueError("refused")
    with pytest.raises(TypeError), watched("deeds", tmp_path, 100, (ValueError,)):
        raise TypeError("a fault of ours")
