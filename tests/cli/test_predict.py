"""`cnnlite predict`: pictures of any size and kind, and files that are none."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.cli.predict import softmax

Image = pytest.importorskip("PIL.Image")
Cli = Callable[..., Any]


def picture(path: Path, width: int, height: int, mode: str = "RGB") -> Path:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def test_lists_the_likeliest_classes_first(cli: Cli, finished_run: Path, tmp_path: Path) -> None:
    outcome = cli("predict", picture(tmp_path / "a.png", 40, 60), "--run", finished_run)
    assert outcome.status == 0
    rows = [line for line in outcome.out.splitlines() if "%" in line]
    chances = [float(row.split("%")[0].split()[-1]) for row in rows]
    assert len(rows) == 5
    assert chances == sorted(chances, reverse=True)


def test_top_10_adds_up(cli: Cli, finished_run: Path, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", 32, 32)
    out = cli("predict", path, "--run", finished_run, "--top", "10").out
    chances = [float(line.split("%")[0].split()[-1]) for line in out.splitlines() if "%" in line]
    assert sum(chances) == pytest.approx(100, abs=0.6)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("no.png", None, "no.png: no such file"),
        ("text.png", b"not a picture", "text.png cannot be read as a picture: "),
        ("empty.png", b"", "empty.png cannot be read as a picture: "),
        ("cut.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "cut.png cannot be read as a picture: "),
    ],
)
def test_what_is_no_picture_is_one_line(
    cli: Cli, finished_run: Path, name: str, content: bytes | None, what: str
) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    line = cli("predict", name, "--run", finished_run).complaint
    assert line.startswith(f"cnnlite predict: {what}")


def test_a_picture_that_is_cut_off_is_one_line(cli: Cli, finished_run: Path) -> None:
    path = picture(Path("a.png"), 100, 100)
    path.write_bytes(path.read_bytes()[:500])
    assert "a.png cannot be read as a picture" in cli("predict", path).complaint


def test_a_decompression_bomb_is_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    path = picture(Path("a.png"), 100, 100)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "cannot be read as a picture" in cli("predict", path).complaint


def test_a_small_file_that_claims_to_be_huge_is_one_line(cli: Cli) -> None:
    Image.new("1", (8193, 8193)).save("a.png")
    assert Path("a.png").stat().st_size < 2**15
    line = cli("predict", "a.png").complaint
    assert (
        "cannot be read as a picture: it has 8193 x 8193 pixels, more than the 67,108,864" in line
    )


def test_a_format_that_is_a_program_is_not_read(cli: Cli) -> None:
    """Pillow would start Ghostscript for it."""
    Image.new("RGB", (32, 32)).save("a.eps")
    assert "cannot be read as a picture" in cli("predict", "a.eps").complaint


@pytest.mark.parametrize(
    ("names", "complaint"),
    [(["cat"], "names 1 classes, not 10"), (["\x1b[2J"] * 10, "a class's name cannot be printed")],
)
def test_a_record_with_other_classes_is_one_line(
    cli: Cli, finished_run: Path, names: list[str], complaint: str
) -> None:
    shutil.copytree(finished_run, "run")
    record = json.loads(Path("run/record.json").read_text())
    Path("run/record.json").write_text(json.dumps({**record, "class_names": names}))
    line = cli("predict", picture(Path("a.png"), 32, 32), "--run", "run").complaint
    assert line.startswith("cnnlite predict: run/record.json")
    assert line.endswith(complaint)


def test_a_folder_is_no_picture(cli: Cli, tmp_path: Path) -> None:
    assert "cannot be read as a picture" in cli("predict", tmp_path).complaint


def test_without_a_run_says_how_to_make_one(cli: Cli) -> None:
    line = cli("predict", picture(Path("a.png"), 32, 32)).complaint
    assert "train one with cnnlite train" in line


def test_without_pillow_says_how_to_get_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    line = cli("predict", "a.png").complaint
    assert line == 'cnnlite predict: reading pictures needs Pillow: pip install "cnnlite[viz]"'


def test_softmax_of_huge_scores_is_finite() -> None:
    np.testing.assert_allclose(softmax(np.array([1e4, 0.0, -1e4], np.float32)), [1, 0, 0])
