"""`cnnlite predict`: pictures of any size and kind, many of them, and files that are none."""

import csv
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.cli.runs import open_run
from cnnlite.data import prepare
from cnnlite.report.answers import softmax

Image = pytest.importorskip("PIL.Image")
Cli = Callable[..., Any]


def picture(path: Path, width: int, height: int, mode: str = "RGB", seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with five pictures, one of them hidden, one in a folder, and other files."""
    folder = tmp_path / "album"
    (folder / "more").mkdir(parents=True)
    for seed, name in enumerate(["10.png", "9.png", "a b'c.jpg", "more/x.bmp", ".hidden.png"]):
        picture(folder / name, 40 + seed, 60, seed=seed)
    (folder / "notes.txt").write_text("no picture")
    return folder


def rows_of(out: str) -> list[list[str]]:
    """The cells of a table's rows, which two spaces separate."""
    return [re.split(r" {2,}", line.strip()) for line in out.splitlines()[1:]]


def test_lists_the_likeliest_classes_first(cli: Cli, finished_run: Path, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", 40, 60)
    outcome = cli("predict", path, "--run", finished_run)
    assert outcome.status == 0
    ((name, label, chance, *others),) = rows_of(outcome.out)
    opened = open_run(finished_run)
    assert opened.normalization is not None
    x = opened.normalization.apply(prepare(path, opened.settings)[None])
    chances = softmax(opened.model()(x)[0])
    order = np.argsort(-chances)
    names = opened.class_names
    assert (name, label, chance) == (str(path), names[order[0]], f"{chances[order[0]]:.1%}")
    assert others == [f"{names[i]} {chances[i]:.1%}" for i in order[1:3]]


def test_top_10_adds_up(cli: Cli, finished_run: Path, tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", 32, 32)
    for top in ("10", "99"):
        out = cli("predict", path, "--run", finished_run, "--top", top).out
        chances = [float(number) for number in re.findall(r"([\d.]+)%", out)]
        assert len(chances) == 10
        assert sum(chances) == pytest.approx(100, abs=0.6)


def test_folders_files_and_patterns_each_picture_once(
    cli: Cli, finished_run: Path, album: Path
) -> None:
    outcome = cli("predict", album, "album/*.png", "album/9.png", "--run", finished_run)
    assert outcome.status == 0
    names = [Path(row[0]).name for row in rows_of(outcome.out)]
    assert names == ["9.png", "10.png", "a b'c.jpg", "x.bmp"]


def test_batches_give_what_single_pictures_give(
    cli: Cli, finished_run: Path, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cli("predict", album, "--run", finished_run).out
    monkeypatch.setattr("cnnlite.cli.predict.BATCH", 2)
    assert cli("predict", album, "--run", finished_run).out == whole


def test_a_broken_picture_is_named_and_the_others_go_on(
    cli: Cli, finished_run: Path, album: Path
) -> None:
    (album / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n123")
    (album / "notes.png").write_text("no picture")
    outcome = cli("predict", album, "missing.png", "*.gif", "--run", finished_run)
    assert outcome.status == 1
    assert len(rows_of(outcome.out)) == 4
    lines = outcome.err.splitlines()
    assert all(line.startswith("cnnlite predict: ") for line in lines)
    for what in ("broken.png", "notes.png", "missing.png: no such file", "no file matches *.gif"):
        assert sum(what in line for line in lines) == 1, (what, lines)


def test_csv_and_json_hold_what_was_printed(cli: Cli, finished_run: Path, album: Path) -> None:
    flags = ("--csv", "all.csv", "--json", "all.json")
    rows = rows_of(cli("predict", album, "--run", finished_run, *flags).out)
    with open("all.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    content = json.loads(Path("all.json").read_text())
    assert len(rows) == len(table) == len(content) == 4
    for row, line, entry in zip(rows, table, content, strict=True):
        assert row[0] == line["file"] == entry["file"]
        assert row[1] == line["class"] == entry["class"]
        assert row[2] == f"{float(line['probability']):.1%}" == f"{entry['probability']:.1%}"
        assert row[3] == f"{line['second']} {float(line['second probability']):.1%}"
        assert sum(entry["probabilities"].values()) == pytest.approx(1)
        assert max(entry["probabilities"], key=entry["probabilities"].get) == entry["class"]


def test_the_sheet_has_every_picture(
    cli: Cli, finished_run: Path, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("predict", album, "--run", finished_run, "--sheet", "s.png").status == 0
    with Image.open("s.png") as sheet:
        four = sheet.size
    monkeypatch.setattr("cnnlite.cli.predict.MOST_DRAWN", 2)
    out = cli("predict", album, "--run", finished_run, "--sheet", "s.png").out
    assert "s.png has the first 2 of 4 pictures" in out
    with Image.open("s.png") as sheet:
        assert sheet.size[0] < four[0]
        assert sheet.size[1] == four[1]


@pytest.mark.skipif(sys.platform == "win32", reason="names of POSIX")
def test_names_of_any_bytes_are_printed_and_written(cli: Cli, finished_run: Path) -> None:
    if sys.platform != "darwin":
        picture(Path("x.png"), 32, 32)
        os.rename("x.png", b"caf\xe9\n.png")
    picture(Path("a\x1b[2J.png"), 32, 32)
    files = ("--csv", "all.csv", "--json", "all.json", "--sheet", "s.png")
    outcome = cli("predict", ".", "--run", finished_run, *files)
    assert outcome.status == 0
    assert "\x1b" not in outcome.out
    assert len(outcome.out.splitlines()) == len(json.loads(Path("all.json").read_text())) + 1
    Path("all.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (["--csv", "no/a.csv"], "the folder of no/a.csv does not exist"),
        (["--json", "no/a.json"], "the folder of no/a.json does not exist"),
        (["--sheet", "no/a.png"], "the folder of no/a.png does not exist"),
        (["--sheet", "a.txt"], "a.txt: the ending '.txt' is no picture's, expected .png"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(
    cli: Cli, flags: list[str], what: str
) -> None:
    line = cli("predict", "nothing.png", *flags).complaint  # there is no run either
    assert line.replace("\\", "/") == f"cnnlite predict: {what}"


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
    line = cli("predict", path, "--run", finished_run).complaint
    assert "a.png cannot be read as a picture" in line


def test_a_decompression_bomb_is_one_line(
    cli: Cli, finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(Path("a.png"), 100, 100)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    line = cli("predict", path, "--run", finished_run).complaint
    assert "cannot be read as a picture" in line


def test_a_small_file_that_claims_to_be_huge_is_one_line(cli: Cli, finished_run: Path) -> None:
    Image.new("1", (8193, 8193)).save("a.png")
    assert Path("a.png").stat().st_size < 2**15
    line = cli("predict", "a.png", "--run", finished_run).complaint
    assert (
        "cannot be read as a picture: it has 8193 x 8193 pixels, more than the 67,108,864" in line
    )


def test_a_format_that_is_a_program_is_not_read(cli: Cli, finished_run: Path) -> None:
    """Pillow would start Ghostscript for it."""
    Image.new("RGB", (32, 32)).save("a.eps")
    line = cli("predict", "a.eps", "--run", finished_run).complaint
    assert "cannot be read as a picture" in line


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["cat"], "does not fit softmax_classifier with the 1 classes"),
        (["\x1b[2J"] * 10, "a class's name cannot be printed"),
    ],
)
def test_a_record_with_other_classes_is_one_line(
    cli: Cli, run_copy: Path, names: list[str], complaint: str
) -> None:
    record = json.loads((run_copy / "record.json").read_text())
    (run_copy / "record.json").write_text(json.dumps({**record, "class_names": names}))
    line = cli("predict", picture(Path("a.png"), 32, 32), "--run", run_copy).complaint
    assert "record.json" in line
    assert complaint in line


def test_a_folder_without_pictures(cli: Cli, finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    line = cli("predict", "empty", "--run", finished_run).complaint
    assert line == "cnnlite predict: empty holds no picture"


def test_without_a_run_says_how_to_make_one(cli: Cli) -> None:
    line = cli("predict", picture(Path("a.png"), 32, 32)).complaint
    assert "train one with cnnlite train" in line


def test_without_pillow_says_how_to_get_it(
    cli: Cli, finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    line = cli("predict", "a.png", "--run", finished_run).complaint
    assert line == 'cnnlite predict: reading pictures needs Pillow: pip install "cnnlite[viz]"'


def test_a_run_on_numbers_takes_no_pictures(cli: Cli, run_copy: Path) -> None:
    record = json.loads((run_copy / "record.json").read_text())
    (run_copy / "record.json").write_text(json.dumps({**record, "normalization": None}))
    line = cli("predict", "a.png", "--run", run_copy).complaint
    assert "was trained on numbers that are no pictures" in line


def test_softmax_of_huge_scores_is_finite() -> None:
    scores = np.array([[1e4, 0.0, -1e4], [0.0, 0.0, np.nan]], np.float32)
    np.testing.assert_allclose(softmax(scores)[0], [1, 0, 0])
    assert np.isnan(softmax(scores)[1]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--csv", "{run}/config.toml"], "is a file of the run, and is not written over"),
        (["--json", "{run}/weights.safetensors"], "is a file of the run"),
        (["--sheet", "{run}/kept/epoch-0001.png"], "is a file of the run"),
        (["--csv", "{picture}"], "is one of the pictures, and is not written over"),
        (["--sheet", "{picture}"], "is one of the pictures"),
        (["--csv", "x", "--json", "./x"], "--csv and --json name the same file, x"),
        (["--csv", "."], "--csv . is a folder, expected a file to write"),
    ],
)
def test_an_output_never_takes_the_place_of_an_input(
    options: list[str], message: str, cli: Cli, finished_run: Path, tmp_path: Path
) -> None:
    path = picture(tmp_path / "a.png", 40, 60)
    files = [path, *filter(Path.is_file, finished_run.rglob("*"))]
    before = {file: file.read_bytes() for file in files}
    given = [text.format(run=finished_run, picture=path) for text in options]
    outcome = cli("predict", path, "--run", finished_run, *given)
    assert outcome.status == 2
    assert message in outcome.err
    assert not outcome.out
    assert {file: file.read_bytes() for file in files} == before
