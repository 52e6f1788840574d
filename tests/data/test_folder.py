"""A folder of pictures is decoded once, in bounds, and its faults are told before training."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from cnnlite import Solver, data
from cnnlite.data import (
    DataError,
    decode_block,
    decode_process,
    decode_state,
    decoding,
    picture_cache,
    row_file,
)
from cnnlite.data.errors import DataChanged
from cnnlite.data.folder import folder
from cnnlite.data.pictures import read_picture
from cnnlite.models import softmax_classifier
from tests.data.folders import Image, class_folders, first_values, picture


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return class_folders(tmp_path / "pictures", {"cat": 20, "dog": 10})


class TestWhatItGives:
    def test_the_arrays_of_every_split(self, root: Path) -> None:
        images = folder(root, size=8, val=0.2)
        assert images.class_names == ("cat", "dog")
        assert images.classes == ["cat", "dog"]
        assert images.image_shape == (3, 8, 8)
        assert images["X_train"].shape == (24, 3, 8, 8)
        assert images["X_train"].dtype == np.uint8
        assert not images["X_train"].flags.writeable
        assert np.bincount(images["y_train"]).tolist() == [16, 8]
        assert np.bincount(images["y_val"]).tolist() == [4, 2]
        assert "X_test" not in images
        assert images.name == "pictures"

    def test_each_image_is_what_read_picture_gives(self, root: Path) -> None:
        images = folder(root, size=(6, 8), grey=True, fit="resize")
        assert images.files is not None
        for split, files in images.files.items():
            for image, file, label in zip(
                images[f"X_{split}"], files, images[f"y_{split}"], strict=True
            ):
                expected = read_picture(root / file, (6, 8), True, "resize")
                np.testing.assert_array_equal(image, expected)
                assert file.startswith(images.classes[label])

    def test_prepare_makes_another_picture_in_the_same_way(self, root: Path) -> None:
        images = folder(root, size=8, grey=True, fit="resize")
        settings = json.loads(json.dumps(images.settings))
        found = data.prepare(root / images.files["val"][0], settings)
        np.testing.assert_array_equal(found, images["X_val"][0])

    def test_mean_and_std_are_those_of_the_training_pictures(self, tmp_path: Path, rng) -> None:
        for name in ("a/0", "a/1", "a/2", "b/0", "b/1", "b/2", "b/3"):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            path = tmp_path / f"{name}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(pixels).save(path)
        images = folder(tmp_path, size=8)
        X = images["X_train"].astype(np.float64)
        np.testing.assert_allclose(images.mean, X.mean(axis=(0, 2, 3)), rtol=1e-5)
        np.testing.assert_allclose(images.std, X.std(axis=(0, 2, 3)), rtol=1e-5)
        expected = data.Normalization.from_images(images["X_train"])
        np.testing.assert_array_equal(images.normalization.scale, expected.scale)
        np.testing.assert_array_equal(images.normalization.shift, expected.shift)

    def test_a_network_is_trained_on_it(self, root: Path) -> None:
        images = folder(root, size=8)
        model = softmax_classifier(2, images.image_shape, rng=0)
        solver = Solver(model, images, num_epochs=2, batch_size=8, verbose=False)
        assert len(solver.train()) == 2

    def test_pictures_of_every_size_and_mode_become_alike(self, tmp_path: Path) -> None:
        modes = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"]
        for number, mode in enumerate(modes):
            name = f"{number}.{'tif' if mode == 'CMYK' else 'png'}"
            for label in ("a", "b"):
                path = tmp_path / label / name
                path.parent.mkdir(exist_ok=True)
                Image.new(mode, (5 + 7 * number, 40 - number)).save(path)
        images = folder(tmp_path, size=12)
        assert len(images["X_train"]) + len(images["X_val"]) == 2 * len(modes)

    def test_the_same_for_any_number_of_workers(self, root: Path, own_cache: Path) -> None:
        found = []
        for workers in (1, 3):
            shutil.rmtree(own_cache, ignore_errors=True)
            found.append(np.array(folder(root, size=8, workers=workers)["X_train"]))
        np.testing.assert_array_equal(*found)


class TestSplits:
    def test_train_val_and_test_folders(self, tmp_path: Path) -> None:
        for part, number in (("Train", 3), ("valid", 2), ("test", 1)):
            class_folders(tmp_path / part, {"b": number, "a": number})
        images = folder(tmp_path, size=8)
        assert images.class_names == ("a", "b")
        assert [len(images[f"y_{part}"]) for part in ("train", "val", "test")] == [6, 4, 2]
        assert images.files["test"] == [os.path.join("test", name, "000.png") for name in "ab"]

    def test_a_missing_validation_part_is_made_of_the_training_pictures(
        self, tmp_path: Path
    ) -> None:
        class_folders(tmp_path / "train", {"a": 10, "b": 20})
        class_folders(tmp_path / "test", {"a": 1, "b": 1})
        images = folder(tmp_path, size=8, val=0.2)
        assert np.bincount(images["y_val"]).tolist() == [2, 4]
        assert np.bincount(images["y_train"]).tolist() == [8, 16]
        assert not set(images.files["val"]) & set(images.files["train"])

    def test_the_seed_chooses(self, root: Path) -> None:
        chosen = [folder(root, size=8, seed=seed).files["val"] for seed in (0, 0, 1, 2)]
        assert chosen[0] == chosen[1]
        assert len({tuple(files) for files in chosen}) > 1

    def test_a_class_may_be_missing_from_the_other_parts(self, tmp_path: Path) -> None:
        class_folders(tmp_path / "train", {"a": 2, "b": 2, "c": 2})
        class_folders(tmp_path / "val", {"a": 1, "c": 1})
        assert folder(tmp_path, size=8)["y_val"].tolist() == [0, 2]

    def test_classes_may_be_called_like_a_part(self, tmp_path: Path) -> None:
        class_folders(tmp_path, {"train": 2, "bus": 2, "car": 2})
        assert folder(tmp_path, size=8).classes == ["bus", "car", "train"]

    def test_deeper_folders_belong_to_their_class(self, tmp_path: Path) -> None:
        class_folders(tmp_path, {"a": 2, "b": 2})
        picture(tmp_path / "a" / "more" / "still more" / "x.png", 200)
        images = folder(tmp_path, size=8)
        assert len(images["y_train"]) + len(images["y_val"]) == 5


class TestWhatIsLeftOut:
    def test_hidden_files_and_folders_and_what_is_no_picture(self, root: Path) -> None:
        for name in (".hidden/x.png", "__MACOSX/x.png", "cat/.x.png", "cat/.git/x.png"):
            picture(root / name)
        for name in ("cat/Thumbs.db", "dog/notes.txt", "README.md"):
            (root / name).write_bytes(b"not a picture")
        images = folder(root, size=8)
        assert len(images["y_train"]) + len(images["y_val"]) == 30

    def test_pictures_by_another_name_are_read(self, root: Path) -> None:
        """A JPEG called .png, an ending in capitals, and none at all."""
        Image.new("RGB", (9, 9)).save(root / "cat" / "wrong.png", format="JPEG")
        Image.new("RGB", (9, 9)).save(root / "cat" / "CAPITALS.JPG", format="JPEG")
        Image.new("RGB", (9, 9)).save(root / "cat" / "none", format="PNG")
        images = folder(root, size=8)
        assert len(images["y_train"]) + len(images["y_val"]) == 33


class TestBroken:
    @pytest.fixture
    def broken(self, root: Path) -> Path:
        (root / "cat" / "005.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
        (root / "dog" / "empty.jpg").touch()
        (root / "dog" / "page.jpg").write_text("<html>404</html>")
        return root

    def test_is_an_error_that_names_it(self, broken: Path) -> None:
        with pytest.raises(DataError, match=r"005\.png cannot be read.*PNG"):
            folder(broken, size=8)

    def test_is_left_out_and_named_where_that_is_asked_for(self, broken: Path) -> None:
        with pytest.warns(UserWarning, match=r"3 broken pictures left out") as caught:
            images = folder(broken, size=8, skip_broken=True)
        text = str(caught[0].message)
        assert all(name in text for name in ("005.png", "empty.jpg", "page.jpg"))
        assert sorted(map(os.path.basename, images.settings["skipped"])) == [
            "005.png", "empty.jpg", "page.jpg",
        ]  # fmt: skip
        assert len(images["y_train"]) + len(images["y_val"]) == 29
        for split in ("train", "val"):
            for file, image in zip(images.files[split], images[f"X_{split}"], strict=True):
                np.testing.assert_array_equal(image, read_picture(broken / file, 8))

    def test_is_named_again_from_the_cache(self, broken: Path, monkeypatch) -> None:
        with pytest.warns(UserWarning, match="3 broken"):
            folder(broken, size=8, skip_broken=True)
        monkeypatch.setattr(decode_block, "decode", None)
        with pytest.warns(UserWarning, match=r"page\.jpg"):
            folder(broken, size=8, skip_broken=True)
        with pytest.raises(DataError, match=r"skip_broken=True or --skip-broken"):
            folder(broken, size=8)

    def test_of_many_a_warning_names_some(self, root: Path) -> None:
        for number in range(30):
            (root / "cat" / f"{number}.jpg").touch()
        with pytest.warns(UserWarning, match=r"30 broken pictures.*; and 10 more"):
            folder(root, size=8, skip_broken=True)

    @pytest.mark.parametrize(
        ("part", "fault"), [("cat", "to train the class cat"), (None, "class")]
    )
    def test_a_class_of_broken_pictures_is_an_error(self, root: Path, part, fault) -> None:
        for path in root.rglob("*.png"):
            if part is None or path.parent.name == part:
                path.write_bytes(b"")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(DataError, match=fault):
                folder(root, size=8, skip_broken=True)

    def test_a_link_that_leads_nowhere(self, root: Path) -> None:
        (root / "cat" / "gone.png").symlink_to("nothing.png")
        with pytest.raises(DataError, match=r"gone\.png leads nowhere"):
            folder(root, size=8)
        with pytest.warns(UserWarning, match=r"gone\.png leads nowhere"):
            folder(root, size=8, skip_broken=True)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
    def test_a_pipe_that_nobody_writes_to(self, root: Path) -> None:
        os.mkfifo(root / "cat" / "pipe.png")
        with pytest.raises(DataError, match=r"pipe\.png is not a regular file"):
            folder(root, size=8)


class TestNoDataSet:
    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="there is no such folder"):
            folder(tmp_path / "nowhere")

    def test_a_file_instead_of_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="that is a file, expected a folder"):
            folder(picture(tmp_path / "x.png"))

    def test_nothing_in_it(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="has no pictures: expected one folder for each class"):
            folder(tmp_path)

    def test_folders_without_pictures(self, tmp_path: Path) -> None:
        class_folders(tmp_path, {"a": 0, "b": 0})
        with pytest.raises(DataError, match="has no pictures"):
            folder(tmp_path)

    def test_pictures_without_folders(self, tmp_path: Path) -> None:
        picture(tmp_path / "x.png")
        with pytest.raises(DataError, match=r"has pictures \(x\.png\), but no folders"):
            folder(tmp_path)

    def test_an_empty_class(self, tmp_path: Path) -> None:
        class_folders(tmp_path, {"a": 2, "b": 0, "c": 2})
        (tmp_path / "b" / "notes.txt").touch()
        with pytest.raises(DataError, match="the class b is empty"):
            folder(tmp_path)

    @pytest.mark.parametrize("part", ["", "train"])
    def test_one_class(self, tmp_path: Path, part: str) -> None:
        class_folders(tmp_path / part, {"a": 5})
        with pytest.raises(DataError, match="has one class, a: there must be two"):
            folder(tmp_path)

    def test_one_picture_of_each_class(self, tmp_path: Path) -> None:
        class_folders(tmp_path, {"a": 1, "b": 1})
        with pytest.raises(DataError, match="none is left to validate with"):
            folder(tmp_path)

    def test_more_folders_than_there_can_be_classes(self, root: Path, monkeypatch) -> None:
        """The listing ends at once: a million are not counted."""
        monkeypatch.setattr("cnnlite.data.listing.MAX_CLASSES", 1)
        with pytest.raises(DataError, match="has more than 1 folders, each of which would be"):
            folder(root)

    def test_a_class_that_is_not_trained(self, tmp_path: Path) -> None:
        class_folders(tmp_path / "train", {"a": 2, "b": 2})
        class_folders(tmp_path / "test", {"a": 1, "bird": 1})
        with pytest.raises(DataError, match=r"test has the class bird, which has no folder among"):
            folder(tmp_path)

    def test_a_test_part_without_classes(self, tmp_path: Path) -> None:
        class_folders(tmp_path / "train", {"a": 2, "b": 2})
        picture(tmp_path / "test" / "1.png")
        with pytest.raises(DataError, match=r"test has no pictures in folders of the training"):
            folder(tmp_path)

    def test_parts_and_classes_side_by_side(self, tmp_path: Path) -> None:
        class_folders(tmp_path, {"train": 2, "test": 2, "bus": 2})
        with pytest.raises(DataError, match="which are splits, and also bus, which is none"):
            folder(tmp_path)

    @pytest.mark.parametrize("parts", [["val"], ["test"], ["validation", "test"]])
    def test_parts_without_train_are_no_classes(self, tmp_path: Path, parts) -> None:
        for part in parts:
            class_folders(tmp_path / part, {"a": 2, "b": 2})
        with pytest.raises(DataError, match=r"has .*, but no train: put the pictures to train"):
            folder(tmp_path)

    def test_two_folders_of_one_part(self, tmp_path: Path) -> None:
        for part in ("train", "val", "valid"):
            class_folders(tmp_path / part, {"a": 2, "b": 2})
        with pytest.raises(DataError, match="has val and valid: which"):
            folder(tmp_path)

    def test_a_folder_that_cannot_be_read(self, root: Path, monkeypatch) -> None:
        scandir = os.scandir

        def denied(path: object) -> object:
            if str(path).endswith("dog"):
                raise PermissionError(13, "Permission denied", str(path))
            return scandir(path)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "scandir", denied)
        with pytest.raises(PermissionError, match="dog"):
            folder(root)

    def test_pictures_of_different_sizes_without_a_size(self, root: Path) -> None:
        assert folder(root, size=None).image_shape == (3, 40, 40)
        picture(root / "dog" / "large.png", size=(50, 40))
        with pytest.raises(DataError, match=r"large\.png has 40x50 pixels, others have 40x40"):
            folder(root, size=None)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"size": 0}, ValueError, "size is 0"),
            ({"size": 2.5}, TypeError, r"size is 2\.5"),
            ({"size": (1, 2, 3)}, ValueError, r"size is \(1, 2, 3\)"),
            ({"size": 5000}, ValueError, "size is 5000, expected at most 4096"),
            ({"fit": "pad"}, ValueError, "fit is 'pad'"),
            ({"val": 0}, ValueError, "val is 0"),
            ({"val": 1.0}, ValueError, r"val is 1\.0"),
            ({"seed": 1.5}, TypeError, r"seed is 1\.5"),
            ({"workers": 0}, ValueError, "workers is 0"),
            ({"grey": 1}, TypeError, "grey is 1"),
            ({"skip_broken": "no"}, TypeError, "skip_broken is 'no'"),
        ],
    )
    def test_wrong_arguments(self, root: Path, arguments, error, message) -> None:
        with pytest.raises(error, match=f"folder: {message}"):
            folder(root, **arguments)


class TestLinks:
    def test_to_a_picture_inside(self, root: Path) -> None:
        (root / "cat" / "again.png").symlink_to(root / "cat" / "000.png")
        images = folder(root, size=8)
        assert len(images["y_train"]) + len(images["y_val"]) == 31

    @pytest.mark.parametrize("relative", [True, False])
    def test_that_lead_outside_are_refused(self, root: Path, relative: bool) -> None:
        outside = picture(root.parent / "outside.png")
        link = root / "cat" / "link.png"
        link.symlink_to("../../outside.png" if relative else outside)
        for skip in (False, True):
            with pytest.raises(DataError, match=r"link\.png is a link that leads out of"):
                folder(root, size=8, skip_broken=skip)

    @pytest.mark.parametrize("target", ["..", "../..", "../dog"])
    @pytest.mark.parametrize("place", ["cat/link", "link"])
    def test_to_a_folder_are_refused(self, root: Path, target: str, place: str) -> None:
        (root / place).symlink_to(target if "/" in place else "cat", target_is_directory=True)
        with pytest.raises(DataError, match="link is a link to a folder, which is not followed"):
            folder(root, size=8)

    def test_the_folder_itself_may_be_one(self, root: Path) -> None:
        (root.parent / "link").symlink_to(root)
        assert folder(root.parent / "link", size=8).settings["path"] == str(root)


NAMES = [
    b"with spaces", b"quo'te\"s", b"new\nline", b"\xff\xfe not UTF-8", "ü und 猫".encode(),
    b"tab\t", b"\x1b[31mred", b"back\\slash", b"%s {0}", b"-rf",
]  # fmt: skip


class TestNames:
    @pytest.mark.parametrize("name", NAMES)
    def test_of_any_kind(self, tmp_path: Path, name: bytes) -> None:
        odd = os.fsdecode(name)
        try:
            picture(tmp_path / "x.png").rename(tmp_path / f"{odd}.png")
            class_folders(tmp_path / "pictures", {odd: 3, "plain": 3})
        except OSError:
            pytest.skip("this file system has no such names")
        root = tmp_path / "pictures"
        (tmp_path / f"{odd}.png").rename(root / "plain" / f"{odd}.png")
        images = folder(root, size=8)
        assert len(images["y_train"]) + len(images["y_val"]) == 7
        assert all(label.isprintable() for label in images.class_names)
        json.dumps(images.settings)
        (root / odd / f"{odd} broken.png").touch()
        with pytest.raises(DataError, match="the file is empty") as raised:
            folder(root, size=8)
        assert str(raised.value).isprintable()

    def test_two_names_never_look_alike(self, tmp_path: Path) -> None:
        class_folders(tmp_path, {"a\n": 2, "a\\n": 2, "a\\\\n": 2})
        assert len(set(folder(tmp_path, size=8).class_names)) == 3


class TestCache:
    def test_the_second_call_does_not_decode(self, root: Path, monkeypatch) -> None:
        first = folder(root, size=8)
        monkeypatch.setattr(decode_block, "decode", None)
        second = folder(root, size=8)
        assert isinstance(second["X_train"], np.memmap)
        for key in first:
            np.testing.assert_array_equal(first[key], second[key])
        assert second.mean == first.mean

    def test_the_file_is_a_plain_npy(self, root: Path, own_cache: Path) -> None:
        images = folder(root, size=8)
        (path,) = own_cache.rglob("images.npy")
        whole = np.load(path, allow_pickle=False)
        assert whole.shape == (30, 3, 8, 8)
        np.testing.assert_array_equal(whole[: len(images["X_train"])], images["X_train"])

    @pytest.mark.parametrize("change", ["touched", "added", "removed", "renamed", "moved"])
    def test_a_changed_folder_is_decoded_again(
        self, root: Path, own_cache: Path, change: str
    ) -> None:
        folder(root, size=8)
        path = root / "cat" / "003.png"
        if change == "touched":
            Image.new("RGB", (40, 40), (255, 255, 255)).save(path)
            os.utime(path, ns=(1, 1))
        elif change == "added":
            picture(root / "cat" / "new.png", 77)
        elif change == "removed":
            path.unlink()
        elif change == "renamed":
            path.rename(path.with_name("zzz.png"))
        else:
            path.rename(root / "dog" / "moved.png")
        images = folder(root, size=8)
        for split in ("train", "val"):
            for file, image in zip(images.files[split], images[f"X_{split}"], strict=True):
                np.testing.assert_array_equal(image, read_picture(root / file, 8))
        assert len(os.listdir(own_cache)) == 1, "what was decoded of the old files is removed"

    def test_each_way_has_an_array_of_its_own(self, root: Path, own_cache: Path) -> None:
        for options in ({}, {"grey": True}, {"fit": "resize"}, {"val": 0.3}, {"seed": 1}):
            folder(root, size=8, **options)
        assert len(os.listdir(own_cache)) == 5

    @pytest.mark.parametrize("damage", ["images.npy", "about.json", "short", "json"])
    def test_a_damaged_cache_is_made_again(self, root: Path, own_cache: Path, damage: str) -> None:
        first = np.array(folder(root, size=8)["X_train"])
        (inner,) = own_cache.iterdir()
        if damage == "short":
            os.truncate(inner / "images.npy", 1000)
        elif damage == "json":
            (inner / "about.json").write_text('{"rows": "x"')
        else:
            (inner / damage).unlink()
        np.testing.assert_array_equal(folder(root, size=8)["X_train"], first)

    def test_a_cache_that_cannot_be_written_to(self, root: Path, own_cache: Path) -> None:
        own_cache.write_text("a file")
        with pytest.warns(UserWarning, match="kept in memory.*CNNLITE_CACHE"):
            images = folder(root, size=8)
        np.testing.assert_array_equal(
            images["X_val"][0], read_picture(root / images.files["val"][0], 8)
        )

    def test_a_full_disk_is_told_when_the_note_has_no_room_either(
        self, root: Path, own_cache: Path, monkeypatch
    ) -> None:
        def full(path: Path, content: object) -> None:
            raise OSError(28, "No space left on device", str(path))

        monkeypatch.setattr(decode_state, "replace_file", full)
        with pytest.raises(OSError, match="make room, set CNNLITE_CACHE to another folder"):
            folder(root, size=8)

    def test_a_full_disk_is_told_and_what_was_decoded_is_kept(
        self, root: Path, own_cache: Path, monkeypatch
    ) -> None:
        def full(file: object, content: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(row_file, "write_all", full)
            with pytest.raises(OSError, match=r"no room to cache 0 MB .*CNNLITE_CACHE"):
                folder(root, size=8)
        assert len(folder(root, size=8)["y_train"]) == 27


class TestInterruption:
    @pytest.fixture(autouse=True)
    def small_blocks(self, monkeypatch) -> None:
        monkeypatch.setattr(decoding, "BLOCK", 2)

    def interrupt(self, root: Path, after: int, **options: object) -> None:
        def stop(have: int, total: int) -> None:
            assert total == 30
            if have >= after:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            folder(root, size=8, workers=2, progress=stop, **options)

    def test_what_was_decoded_is_not_decoded_again(self, root: Path, monkeypatch) -> None:
        self.interrupt(root, 10)
        decoded = []
        decode = decode_block.decode

        def counted(path: str, *arguments: object) -> object:
            decoded.append(path)
            return decode(path, *arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(decode_block, "decode", counted)
        images = folder(root, size=8)
        assert len(decoded) == 20
        for split in ("train", "val"):
            for file, image in zip(images.files[split], images[f"X_{split}"], strict=True):
                np.testing.assert_array_equal(image, read_picture(root / file, 8))
        expected = data.Normalization.from_images(images["X_train"])
        np.testing.assert_array_equal(images.normalization.scale, expected.scale)

    def test_of_one_that_skips(self, root: Path) -> None:
        for number in (1, 4, 11):
            (root / "cat" / f"{number:03d}.png").write_bytes(b"")
        self.interrupt(root, 8, skip_broken=True)
        with pytest.warns(UserWarning, match="3 broken"):
            images = folder(root, size=8, skip_broken=True)
        values = sorted(first_values(images["X_train"]) + first_values(images["X_val"]))
        assert values == [5 * i for i in range(30) if i not in (1, 4, 11)]

    def test_no_thread_is_left(self, root: Path) -> None:
        before = threading.active_count()
        self.interrupt(root, 4)
        assert threading.active_count() == before

    def test_the_filters_of_warnings_are_as_before(self, root: Path) -> None:
        before = list(warnings.filters)
        self.interrupt(root, 4)
        (root / "dog" / "001.png").write_bytes(b"")
        with pytest.raises(DataError):
            folder(root, size=8)
        assert warnings.filters == before

    def test_a_killed_process(self, root: Path, own_cache: Path) -> None:
        program = (
            "import os, sys\n"
            "from concurrent.futures import ThreadPoolExecutor, wait\n"
            "from cnnlite.data import decode_state, decoding, folder\n"
            "decoding.BLOCK, decode_state.SECONDS = 2, 0\n"
            "class AtOnce(ThreadPoolExecutor):\n"
            "    def submit(self, *task):\n"
            "        return wait([super().submit(*task)]).done.pop()\n"
            "decode_state.ThreadPoolExecutor = AtOnce\n"
            "kill = lambda have, total: os._exit(9) if have >= 12 else None\n"
            "folder(sys.argv[1], size=8, progress=kill)\n"
        )
        ended = subprocess.run([sys.executable, "-c", program, str(root)], check=False)
        assert ended.returncode == 9
        (part,) = own_cache.iterdir()
        assert part.name.endswith(".part")
        rows = json.loads((part / "about.json").read_text())["rows"]
        assert rows >= 10
        assert len(set(first_values(folder(root, size=8)["X_train"]))) == 27


class TestAFolderThatChangesMeanwhile:
    @pytest.mark.parametrize("skip", [False, True])
    @pytest.mark.parametrize("change", ["written", "removed"])
    def test_is_an_error(self, root: Path, monkeypatch, change: str, skip: bool) -> None:
        monkeypatch.setattr(decoding, "BLOCK", 2)
        path = root / folder(root, size=9).files["train"][-1]

        def meanwhile(have: int, total: int) -> None:
            if have <= 2 and path.exists():
                path.unlink() if change == "removed" else path.write_bytes(b"another")

        verb = "removed" if change == "removed" else "changed"
        with pytest.raises(DataChanged, match=rf"{path.name} was {verb} while .*: start again"):
            folder(root, size=8, workers=1, skip_broken=skip, progress=meanwhile)

    def test_two_processes_at_once_decode_once(self, root: Path, own_cache: Path) -> None:
        program = (
            "import sys\nfrom cnnlite.data import folder\n"
            "print(int(folder(sys.argv[1], size=8)['X_train'].sum()))\n"
        )
        command = [sys.executable, "-c", program, str(root)]
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        sums = {process.communicate()[0] for process in processes}
        assert len(sums) == 1
        assert [process.returncode for process in processes] == [0, 0, 0]
        assert len(os.listdir(own_cache)) == 1


class TestProcesses:
    """Many pictures are decoded by processes, which give what threads do."""

    @pytest.fixture(autouse=True)
    def processes(self, monkeypatch) -> None:
        monkeypatch.setattr(decoding, "PROCESSES_FROM", 1)
        monkeypatch.setattr(decoding, "BLOCK", 4)
        monkeypatch.setattr(decode_block, "decode", None)  # nothing is decoded here

    @pytest.mark.parametrize("options", [{}, {"size": None}, {"grey": True, "fit": "resize"}])
    def test_give_the_same_images(self, root: Path, monkeypatch, options) -> None:
        images = folder(root, **{"size": 8, "workers": 2, **options})
        settings = images.settings
        for split in ("train", "val"):
            for file, image in zip(images.files[split], images[f"X_{split}"], strict=True):
                np.testing.assert_array_equal(image, data.prepare(root / file, settings))
        expected = data.Normalization.from_images(images["X_train"])
        np.testing.assert_array_equal(images.normalization.scale, expected.scale)

    def test_names_of_any_kind(self, tmp_path: Path) -> None:
        odd = os.fsdecode(b"\xff\n'")
        try:
            class_folders(tmp_path / "x", {odd: 4, "b": 4})
        except OSError:
            pytest.skip("this file system has no such names")
        (tmp_path / "x" / odd / "empty.png").touch()
        with pytest.raises(DataError, match="the file is empty"):
            folder(tmp_path / "x", size=8)
        with pytest.warns(UserWarning, match="1 broken"):
            assert len(folder(tmp_path / "x", size=8, skip_broken=True)["y_train"]) == 6

    def test_errors_are_those_of_threads(self, root: Path, monkeypatch) -> None:
        picture(root / "dog" / "large.png", size=(50, 40))
        with pytest.raises(DataError, match=r"large\.png has 40x50 pixels"):
            folder(root, size=None)

    def test_a_picture_that_is_removed_meanwhile(self, root: Path) -> None:
        def meanwhile(have: int, total: int) -> None:
            path.unlink(missing_ok=True)

        names = folder(root, size=9).files["train"]
        path = root / names[-1]
        with pytest.raises(DataChanged, match=r"was removed while .*: start again"):
            folder(root, size=8, workers=1, progress=meanwhile)

    def test_an_interruption_ends_them(self, root: Path, monkeypatch) -> None:
        started = []
        begin = subprocess.Popen.__init__

        def noted(self: object, *arguments: object, **options: object) -> None:
            begin(self, *arguments, **options)  # type: ignore[arg-type]
            started.append(self)

        def stop(have: int, total: int) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(subprocess.Popen, "__init__", noted)
        with pytest.raises(KeyboardInterrupt):
            folder(root, size=8, workers=2, progress=stop)
        assert len(started) == 2
        assert all(process.returncode is not None for process in started)
        assert len(folder(root, size=8)["y_train"]) == 27

    def test_one_that_is_killed_is_told(self, root: Path, monkeypatch) -> None:
        self.begin_with(monkeypatch, "raise SystemExit(3)\n")
        with pytest.raises(DataError, match="was ended from outside"):
            folder(root, size=8)

    def begin_with(self, monkeypatch, program: str) -> None:
        """Let each process that decodes do something else first."""
        ready, main = decode_process.PROGRAM.rsplit("main()", 1)
        monkeypatch.setattr(decode_process, "PROGRAM", f"{ready}{program}main(){main}")

    def check(self, root: Path, images: data.Dataset) -> None:
        for split in ("train", "val"):
            for file, image in zip(images.files[split], images[f"X_{split}"], strict=True):
                np.testing.assert_array_equal(image, read_picture(root / file, 8))
        expected = data.Normalization.from_images(images["X_train"])
        np.testing.assert_array_equal(images.normalization.scale, expected.scale)

    def test_what_one_wrote_before_it_died_in_a_block_is_written_again(
        self, root: Path, monkeypatch
    ) -> None:
        died = (
            "import os\nfrom cnnlite.data import decode_block\n"
            "decode_block.BUFFER_BYTES, decode, left = 1, decode_block.decode, [10]\n"
            "def dies(*arguments):\n"
            "    left[0] -= 1\n"
            "    return decode(*arguments) if left[0] else os._exit(3)\n"
            "decode_block.decode = dies\n"
        )
        with monkeypatch.context() as patch:
            self.begin_with(patch, died)
            with pytest.raises(DataError, match="was ended from outside"):
                folder(root, size=8, workers=1)
        self.check(root, folder(root, size=8))

    def test_a_full_disk_is_told_as_by_threads(self, root: Path, own_cache, monkeypatch) -> None:
        pytest.importorskip("resource")
        with monkeypatch.context() as patch:
            limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
            self.begin_with(patch, limit)
            with pytest.raises(OSError, match=r"no room to cache 0 MB .*CNNLITE_CACHE") as caught:
                folder(root, size=8, workers=2)
        assert caught.value.filename.endswith("images.npy")
        self.check(root, folder(root, size=8))

    @pytest.mark.parametrize("number", [0, 7, 29])
    def test_rows_close_up_over_broken_pictures(self, root: Path, own_cache, number: int) -> None:
        paths = sorted(root.rglob("*.png"))
        for path in (paths[number], paths[(number + 1) % 30], paths[16]):
            path.write_bytes(b"")
        with pytest.warns(UserWarning, match="3 broken"):
            images = folder(root, size=8, workers=2, skip_broken=True)
        self.check(root, images)
        (path,) = own_cache.rglob("images.npy")
        assert path.stat().st_size == 128 + 27 * 3 * 8 * 8
        assert np.load(path).shape == (27, 3, 8, 8)

    def test_all_of_them_killed_at_once(self, root: Path, own_cache: Path) -> None:
        """Processes that still write have the cache's lock until they end."""
        pytest.importorskip("resource")
        for name in ("cat/001", "cat/009", "dog/004"):
            (root / f"{name}.png").write_bytes(b"")
        program = (
            "import os, signal, sys\n"
            "from cnnlite.data import decode_state, decoding, folder\n"
            "decoding.PROCESSES_FROM, decoding.BLOCK, decode_state.SECONDS = 1, 3, 0\n"
            "kill = lambda have, total: have < 15 or os.kill(os.getpid(), signal.SIGKILL)\n"
            "folder(sys.argv[1], size=8, skip_broken=True, workers=2, progress=kill)\n"
        )
        ended = subprocess.run([sys.executable, "-c", program, str(root)], check=False)
        assert ended.returncode == -9
        with pytest.warns(UserWarning, match="3 broken"):
            images = folder(root, size=8, skip_broken=True)
        assert len(os.listdir(own_cache)) == 1
        self.check(root, images)

    def test_one_that_outlives_its_parent_keeps_the_lock(self, tmp_path: Path) -> None:
        fcntl = pytest.importorskip("fcntl")
        (tmp_path / "images.npy").touch()
        how = decode_block.How(str(tmp_path), (3, 8, 8), True, False, "crop", False)
        images = row_file.RowFile(tmp_path / "images.npy", how.shape)
        descriptor = os.open(tmp_path, os.O_RDONLY)
        with contextlib.closing(images):
            with picture_cache._only_writer(tmp_path):
                process = decode_process.DecodeProcess(how, images)
            try:
                with pytest.raises(BlockingIOError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                process.close()
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)


def test_memory_is_bounded(tmp_path: Path) -> None:
    """Ten times the pictures take no more memory than a few blocks."""
    pytest.importorskip("resource")
    class_folders(tmp_path / "pictures", {"a": 1, "b": 1})
    for label in "ab":
        large = picture(tmp_path / f"{label}.png", size=(512, 512))
        for number in range(150):
            shutil.copy(large, tmp_path / "pictures" / label / f"x{number}.png")
    program = (
        "import resource, sys\nfrom cnnlite.data import folder\n"
        "from cnnlite.data.pictures import read_picture\n"
        "read_picture(sys.argv[2])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "images = folder(sys.argv[1], size=512, workers=2)\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(after - before, images['X_train'].nbytes // 1024)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "pictures"), str(tmp_path / "a.png")]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    more, whole = map(int, output.split())
    assert whole > 200_000
    assert more < whole / 3
