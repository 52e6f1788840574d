"""`cnnlite data`: fetch, verify, show."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnlite.data
from cnnlite.cli.data import NAMES
from cnnlite.data import DownloadError, FileReport

Cli = Callable[..., Any]


def test_without_a_command_lists_them(cli: Cli) -> None:
    outcome = cli("data")
    assert outcome.status == 0
    assert all(name in outcome.out for name in ("fetch", "verify", "show"))


class TestFetch:
    def test_says_where_the_data_is(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        def fetch(root: Path, progress: Callable[[int, int], None], name: str) -> Path:
            progress(1, 2)
            progress(2, 2)
            return root / "cifar-10-batches-py"

        monkeypatch.setattr(cnnlite.data, "fetch", fetch)
        outcome = cli("data", "fetch", "cifar10", "--data-dir", "here")
        assert outcome.status == 0
        assert outcome.out == f"cifar10 is in {Path('here/cifar-10-batches-py')}\n"

    @pytest.mark.parametrize(
        "error", [DownloadError("no route to host"), cnnlite.data.DataError("wrong checksum")]
    )
    def test_what_goes_wrong_is_one_line(
        self, cli: Cli, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def fetch(*_: object, name: str) -> Path:
            raise error

        monkeypatch.setattr(cnnlite.data, "fetch", fetch)
        outcome = cli("data", "fetch")
        assert outcome.status == 2
        assert outcome.err.strip().splitlines()[-1] == f"cnnlite data fetch: {error}"

    def test_another_data_set(self, cli: Cli) -> None:
        line = cli("data", "fetch", "imagenet").complaint
        assert "'imagenet' is not one of 'cifar10', 'cifar100', 'mnist', 'fashion-mnist'" in line

    def test_the_names_are_those_of_the_library(self) -> None:
        assert NAMES == cnnlite.data.FETCHABLE


class TestVerify:
    def test_nothing_there(self, cli: Cli) -> None:
        outcome = cli("data", "verify", "--data-dir", "nowhere")
        assert outcome.status == 2
        assert outcome.err == (
            "cnnlite data verify: CIFAR-10 is not in nowhere: cnnlite data fetch cifar10\n"
        )

    def test_one_damaged_file_fails(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        reports = [
            FileReport(Path("a/data_batch_1"), "readable", "10000 images", 10_000),
            FileReport(Path("a/test_batch"), "damaged", "it is cut off"),
        ]
        monkeypatch.setattr(cnnlite.data, "verify", lambda root, name: reports)
        outcome = cli("data", "verify")
        assert outcome.status == 1
        assert "it is cut off" in outcome.out
        assert outcome.err == f"cnnlite data verify: {Path('a/test_batch')} is damaged\n"

    @pytest.mark.cifar10
    def test_of_the_real_files(self, cli: Cli, cifar10_root: Path) -> None:
        outcome = cli("data", "verify", "--data-dir", cifar10_root)
        assert outcome.status == 0
        assert outcome.out.count("10000 images in 10 classes") == 6


class TestShow:
    def test_draws_the_first_images_large_and_names_the_rows(self, cli: Cli) -> None:
        image = pytest.importorskip("PIL.Image")
        outcome = cli("data", "show", "--out", "sheet.png")
        assert outcome.status == 0
        assert outcome.out.startswith("Dataset embedded: 10 classes")
        expected = cnnlite.data.embedded(num_train=100, num_validation=0, num_test=0)
        sheet = cnnlite.data.contact_sheet(expected["X_train"], expected["y_train"])
        large = sheet.repeat(3, axis=0).repeat(3, axis=1)
        with image.open("sheet.png") as picture:
            pixels = np.asarray(picture)
        np.testing.assert_array_equal(pixels[-len(large) :, -large.shape[1] :], large)
        names = pixels[-len(large) :, : -large.shape[1]]
        rows = np.array_split(names, 10)
        assert all(row.min() < 100 for row in rows), "each row has its name beside it"
        assert pixels[: -len(large)].min() < 100, "and a title is above them"

    def test_very_many_classes_make_no_picture_that_nobody_can_look_at(
        self, cli: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = pytest.importorskip("PIL.Image")
        monkeypatch.setattr("cnnlite.cli.data.DRAWN", 2)
        monkeypatch.setattr("cnnlite.data.dataset.SHOWN", 3)
        out = cli("data", "show", "--name", "embedded", "--out", "few.png").out
        assert re.match(r"Dataset embedded: 10 classes \(\S+( \S+)*, and 7 more\)", out)
        assert "the first images of the first 2 of 10 classes, one class a row" in out
        with image.open("few.png") as picture:
            assert picture.height < 4 * 3 * 32

    def test_draws_them_augmented(self, cli: Cli) -> None:
        pytest.importorskip("PIL")
        plain = cli("data", "show", "--name", "embedded", "--out", "plain.png")
        names = "crop,flip,jitter,mixup"
        found = cli("data", "show", "--name", "embedded", "--augment", names, "--out", "some.png")
        assert plain.status == found.status == 0
        assert Path("plain.png").read_bytes() != Path("some.png").read_bytes()
        none = cli("data", "show", "--name", "embedded", "--augment", "none", "--out", "none.png")
        assert none.status == 0
        assert Path("none.png").is_file()

    def test_an_augmentation_that_there_is_not(self, cli: Cli) -> None:
        outcome = cli("data", "show", "--name", "embedded", "--augment", "crop,flop")
        assert outcome.status != 0
        assert "augment: 'flop' is none of crop, flip, jitter" in outcome.err

    @pytest.mark.parametrize("name", ["data", "data.xyz", "data.txt"])
    def test_an_ending_that_is_no_pictures(self, cli: Cli, name: str) -> None:
        pytest.importorskip("PIL")
        assert "is no picture's, expected .png" in cli("data", "show", "--out", name).complaint

    def test_without_pillow_describes_only(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "PIL", None)
        outcome = cli("data", "show")
        assert outcome.status == 0
        assert "cnnlite[viz]" in outcome.out
        assert not Path("data.png").exists()

    def test_a_folder_that_is_not_there(self, cli: Cli) -> None:
        assert "picture.png" in cli("data", "show", "--out", "no/picture.png").complaint

    def test_another_data_set(self, cli: Cli) -> None:
        line = cli("data", "show", "--name", "mnist").complaint
        assert "MNIST is not in" in line
        assert "cnnlite data fetch mnist" in line
        line = cli("data", "show", "--data", "mnits").complaint
        assert "'mnits' is no folder, no file and no data set's name; did you mean mnist?" in line

    def test_a_folder_of_pictures(self, cli: Cli) -> None:
        image = pytest.importorskip("PIL.Image")
        cli("data", "draw", "shapes", "--per-class", "5", "--size", "40")
        outcome = cli("data", "show", "--data", "shapes", "--size", "20", "--grey")
        assert outcome.out.startswith("Dataset shapes: 2 classes (horizontal stripes, vertical")
        assert "train      8 images 1x20x20 uint8" in outcome.out
        with image.open("data.png") as picture:
            assert picture.height > 200


class TestDraw:
    def test_says_what_it_drew(self, cli: Cli) -> None:
        pytest.importorskip("PIL")
        outcome = cli("data", "draw", "shapes", "--classes", "3", "--per-class", "2")
        assert outcome.out == "6 pictures of 3 classes are in shapes\n"
        assert len(list(Path("shapes").rglob("*.png"))) == 6
        assert "is not written over" in cli("data", "draw", "shapes").complaint

    def test_wrong_numbers(self, cli: Cli) -> None:
        pytest.importorskip("PIL")
        assert "expected 2 to 10" in cli("data", "draw", "x", "--classes", "1").complaint

    def test_without_pillow(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "PIL", None)
        assert 'pip install "cnnlite[viz]"' in cli("data", "draw", "x").complaint
