"""Folders of pictures, and files of arrays, are trained, measured and predicted by commands."""

import itertools
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlite.cli.config_file import read
from cnnlite.cli.runs import open_run
from cnnlite.data import decode_block, decoding, prepare
from cnnlite.report import history
from tests.data.folders import Image, class_folders, picture

Cli = Callable[..., Any]
QUICK = ["--model", "softmax_classifier", "--threads", "1", "--epochs", "1", "--batch-size", "5"]


def train(cli: Cli, *options: str | Path) -> Any:
    return cli("train", *QUICK, "--quiet", "--out", "run", *options)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNLITE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pets(cli: Cli) -> Path:
    """A folder of pictures, in the folder where the command runs."""
    return class_folders(Path("pets"), {"cat": 12, "dog": 12})


class TestFolder:
    def test_from_training_to_prediction(self, cli: Cli, pets: Path) -> None:
        outcome = train(cli, "--data", "pets", "--size", "16", "--grey", "--fit", "resize")
        assert outcome.status == 0, outcome
        assert "validation accuracy" in outcome.out
        assert "test accuracy" not in outcome.out, "there are no test pictures"
        run = open_run(Path("run"))
        assert run.class_names == ("cat", "dog")
        assert run.image_shape == (1, 16, 16)
        assert prepare(pets / "cat" / "000.png", run.settings).shape == (1, 16, 16)
        config = read(Path("run/config.toml"))
        assert (config.data, config.size, config.grey) == (str(pets.resolve()), 16, True)
        outcome = cli("predict", "--run", "run", pets / "dog" / "003.png")
        assert outcome.status == 0, outcome
        assert re.search("cat|dog", outcome.out)
        outcome = cli("evaluate", "run", "--part", "val")
        assert outcome.status == 0, outcome
        assert "over 2 images of pets" in outcome.out

    def test_nothing_is_written_among_the_pictures(self, cli: Cli, pets: Path) -> None:
        """`data show --out` and `lr-find --out` once took the place of a picture."""
        one = (pets / "cat" / "000.png").absolute()
        before = one.read_bytes()
        assert train(cli, "--data", "pets").status == 0
        few = ["--model", "softmax_classifier", "--batch-size", "5", "--steps", "8"]
        for command in (
            ["data", "show", "--data", "pets", "--out", one],
            ["data", "show", "--data", "pets", "--out", "pets/dog/new.png"],
            ["lr-find", "--data", "pets", *few, "--out", one],
            ["evaluate", "run", "--part", "val", "--out", "pets/cat"],
        ):
            assert "is among the pictures of" in cli(*command).complaint
        line = cli("train", *QUICK, "--data", "pets", "--out", "pets/run").complaint
        assert "--out pets/run is in" in line.replace("\\", "/")
        assert line.endswith("where it would be a class: choose another place")
        os.chdir(pets)
        assert "--out runs is in" in cli("train", *QUICK, "--data", ".").complaint
        assert cli("data", "show", "--data", ".").status == 0, "beside the classes it is no harm"
        assert one.read_bytes() == before

    @pytest.mark.filterwarnings("default:.*no image of the class hen")
    def test_a_class_of_one_picture_is_told_that_it_does_not_validate(
        self, cli: Cli, pets: Path
    ) -> None:
        picture(pets / "hen" / "only.png")
        said = "no image of the class hen validates: a class of one has none to spare"
        outcome = train(cli, "--data", "pets")
        assert outcome.status == 0
        assert said in outcome.err

    @pytest.mark.filterwarnings("default:.*the learning rate jumps")
    def test_pictures_that_were_moved_are_named_by_data_dir(self, cli: Cli, pets: Path) -> None:
        assert train(cli, "--data", "pets", "--size", "16").status == 0
        pets.rename("animals")
        lost = "the data of the run, is not there any more: --data-dir names its new place"
        for command in (["evaluate", "run", "--part", "val"], ["train", "--resume", "run"]):
            outcome = cli(*command)
            assert (outcome.status, lost in outcome.err) == (2, True), outcome
        outcome = cli("evaluate", "run", "--part", "val", "--data-dir", "animals")
        assert outcome.status == 0, outcome
        outcome = cli("train", "--resume", "run", "--epochs", "2", "--data-dir", "animals")
        assert outcome.status == 0, outcome
        assert cli("evaluate", "run", "--part", "val").status == 0, "the new place is noted"

    @pytest.mark.parametrize("flag", ["--batch-size", "--overfit"])
    @pytest.mark.parametrize("command", ["train", "lr-find"])
    def test_fewer_pictures_than_a_batch_name_the_flag(
        self, cli: Cli, pets: Path, command: str, flag: str
    ) -> None:
        out = "out" if command == "train" else "out.png"
        outcome = cli(command, "--data", pets, flag, "100", "--out", out)
        assert outcome.status == 2
        assert "X_train has 22 images only: choose at most 22" in outcome.err
        assert f"{flag} 22)" in outcome.err
        assert not Path(out).exists()

    def test_a_size_for_a_folder_that_is_not_there(self, cli: Cli) -> None:
        outcome = train(cli, "--data", "/no/where", "--size", "16")
        assert outcome.status == 2
        assert "'/no/where' is no folder, no file and no data set's name" in outcome.err

    @pytest.mark.filterwarnings("default:.*the learning rate jumps")
    def test_a_run_is_continued_from_anywhere(
        self, cli: Cli, pets: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert train(cli, "--data", "pets", "--size", "8").status == 0
        Path("elsewhere").mkdir()
        monkeypatch.chdir("elsewhere")
        outcome = cli("train", "--resume", "../run", "--epochs", "2", "--quiet")
        assert outcome.status == 0, outcome
        assert len(history.load(Path("../run/history.csv"))) == 2

    def test_from_a_file_of_options(self, cli: Cli, pets: Path) -> None:
        Path("recipe.toml").write_text('data = "pets"\nsize = 8\nfit = "resize"\n')
        assert train(cli, "--config", "recipe.toml").status == 0
        assert open_run(Path("run")).image_shape == (3, 8, 8)

    def test_pictures_as_they_are(self, cli: Cli, pets: Path) -> None:
        assert train(cli, "--data", "pets", "--size", "0").status == 0
        assert open_run(Path("run")).image_shape == (3, 40, 40)

    @pytest.mark.filterwarnings("default:.*broken pictures")
    def test_a_broken_picture_is_named(self, cli: Cli, pets: Path) -> None:
        (pets / "cat" / "bad one.jpg").write_bytes(b"\xff\xd8\xff no")
        line = train(cli, "--data", "pets").complaint
        assert "bad one.jpg cannot be read as a picture" in line
        assert not Path("run").exists(), "nothing is left of a run that did not begin"
        outcome = train(cli, "--data", "pets", "--skip-broken")
        assert outcome.status == 0
        assert "1 broken pictures left out: " in outcome.err
        assert "bad one.jpg" in outcome.err

    def test_ctrl_c_says_what_is_kept(
        self, cli: Cli, pets: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(decoding, "BLOCK", 4)
        decode, calls = decode_block.decode, itertools.count()

        def interrupted(*arguments: Any) -> Any:
            if next(calls) == 13:
                raise KeyboardInterrupt
            return decode(*arguments)

        monkeypatch.setattr(decode_block, "decode", interrupted)
        outcome = train(cli, "--data", "pets")
        assert outcome.status == 130
        (kept,) = re.findall(r"(\d+) of 24 pictures are decoded and kept", outcome.err)
        assert 8 <= int(kept) <= 16
        before = next(calls)
        assert train(cli, "--data", "pets").status == 0
        assert next(calls) - before - 1 == 24 - int(kept)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--data", "nowhere"], "'nowhere' is no folder, no file and no data set's name"),
            (["--data", "mnits"], "did you mean mnist?"),
            (["--data", "pets", "--data-dir", "x"], "root is x, but pets needs no other folder"),
            (["--data", "embedded", "--size", "64"], "--size is for a folder of pictures, and"),
            (["--data", "embedded", "--grey"], "--grey is for a folder of pictures, and embedded"),
            (["--data", "embedded", "--fit", "resize"], "--fit is for a folder of pictures"),
            (["--data", "embedded", "--skip-broken"], "--skip-broken is for a folder of pictures"),
            (["--data", "pets", "--size", "-1"], "--size must be a whole number of at least 0"),
            (["--data", "pets", "--size", "9999"], "size is 9999, expected at most 4096"),
            (["--data", "pets", "--fit", "pad"], "--fit cannot be 'pad' (there are: crop, resize"),
            (["--data", "pets/cat"], "has pictures (0"),
        ],
    )
    def test_what_cannot_be(self, cli: Cli, pets: Path, options: list[str], message: str) -> None:
        assert message in train(cli, *options).complaint
        assert not Path("run").exists()

    def test_without_pillow(self, cli: Cli, pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "PIL", None)
        assert 'pip install "cnnlite[viz]"' in train(cli, "--data", "pets").complaint

    def test_names_that_are_no_text(self, cli: Cli) -> None:
        try:
            class_folders(Path("odd"), {os.fsdecode(b"\xff\n"): 6, "b c": 6})
            class_folders(Path(os.fsdecode(b"\xfe")), {"a": 6, "b": 6})
        except OSError:
            pytest.skip("this file system has no such names")
        assert train(cli, "--data", "odd").status == 0
        record = json.loads(Path("run/record.json").read_text())
        assert sorted(record["class_names"]) == ["\\xff\\n", "b c"]
        line = train(cli, "--data", os.fsdecode(b"\xfe"), "--out", "other").complaint
        assert "cannot be noted in a run folder: rename it" in line

    def test_a_folder_named_like_a_data_set(self, cli: Cli) -> None:
        class_folders(Path("cifar10"), {"a": 6, "b": 6})
        assert train(cli, "--data", "./cifar10").status == 0
        assert "over 2 images of cifar10" in cli("evaluate", "run", "--part", "val").out


class TestNpz:
    def test_is_trained_and_measured(self, cli: Cli, rng: np.random.Generator) -> None:
        X = rng.integers(0, 256, (40, 1, 12, 12), dtype=np.uint8)
        y = np.arange(40) % 2
        np.savez("data.npz", X_train=X, y_train=y, X_test=X, y_test=y)
        outcome = train(cli, "--data", "data.npz")
        assert outcome.status == 0, outcome
        assert "test accuracy" in outcome.out
        assert read(Path("run/config.toml")).data == str(Path("data.npz").resolve())
        assert "over 40 images of data" in cli("evaluate", "run").out
        Image.fromarray(X[0, 0]).save("x.png")
        assert cli("predict", "--run", "run", "x.png").status == 0

    def test_what_is_wrong_is_one_line(self, cli: Cli, rng: np.random.Generator) -> None:
        X = rng.random((40, 12, 12, 3))
        np.savez("data.npz", X=X, y=np.arange(40) % 2)
        assert "channels last" in train(cli, "--data", "data.npz").complaint


def test_a_picture_that_is_no_folder(cli: Cli) -> None:
    picture(Path("x.png"))
    assert "x.png is no .npz file" in train(cli, "--data", "x.png").complaint


def test_pictures_are_decoded_for_each_batch(cli: Cli, pets: Path, tmp_path: Path) -> None:
    assert train(cli, "--data", pets, "--size", "8", "--stream").status == 0
    assert [path.name[:7] for path in (tmp_path / "cache").iterdir()] == ["survey-"]
    assert read(Path("run/config.toml")).stream
    assert cli("evaluate", "run", "--part", "val").status == 0
    losses = Path("run/losses.csv").read_text()
    options = ("--quiet", "--out", "kept", "--data", pets, "--size", "8")
    assert cli("train", *QUICK, *options).status == 0
    assert Path("kept/losses.csv").read_text() == losses
    refused = train(cli, "--data", "embedded", "--stream")
    assert "--stream is for a folder of pictures, and embedded is none" in refused.complaint


def test_a_folder_of_mapped_arrays(cli: Cli, rng: np.random.Generator) -> None:
    Path("set").mkdir()
    np.save("set/X.npy", rng.integers(0, 256, (40, 3, 8, 8), dtype=np.uint8))
    np.save("set/y.npy", np.arange(40) % 2)
    assert train(cli, "--data", "set").status == 0
    assert cli("evaluate", "run", "--part", "val").status == 0
    refused = cli("train", "--data", "set", "--size", "8", "--out", "other")
    assert "--size is for a folder of pictures, and set is none" in refused.complaint
