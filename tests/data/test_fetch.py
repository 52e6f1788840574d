"""A download goes on where it stopped, and nothing is read before it is verified."""

import hashlib
import io
import os
import re
import socket
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cnnlite.data import FETCHABLE, DataError, DownloadError, fetch, load, verify
from cnnlite.data.download import Remote, download
from cnnlite.data.published import MD5, REMOTES
from tests.data.official import write_cifar100, write_mnist, write_svhn

PY = "cifar-10-batches-py"
NAME = "cifar-10-python.tar.gz"


class Server(ThreadingHTTPServer):
    """Serves one file, in the way that `mode` says, and remembers what it was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = b""
        self.mode = "ranges"
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{NAME}"

    def archive(self, **changes: object) -> Remote:
        content = self.content
        values = {
            "url": self.url,
            "size": len(content),
            "md5": hashlib.md5(content).hexdigest(),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        return Remote(**{**values, **changes})  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, asked = self.server, self.headers["Range"]
        server.ranges.append(asked)
        content, start = server.content, 0
        if server.mode in ("404", "416"):
            self.send_error(int(server.mode))
            return
        if asked and server.mode != "no ranges":
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])  # type: ignore[index]
            self.send_response(206)
            shown = start + 1 if server.mode == "another range" else start
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if server.mode == "stalls":
            return  # fewer bytes than announced
        end = len(content) // 2 if server.mode == "breaks off" else len(content)
        self.wfile.write(content[start:end])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(python_root: Path) -> Iterator[Server]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.add(python_root / PY, PY)
    with Server() as server:
        server.content = buffer.getvalue()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "fetched"


def test_fetches_verifies_unpacks_and_converts(
    server: Server, folder: Path, python_root: Path, own_cache: Path
) -> None:
    seen: list[tuple[int, int]] = []
    found = fetch(folder, lambda have, total: seen.append((have, total)), [server.archive()], 5)
    assert found == folder / PY
    assert os.listdir(folder) == [PY], "the archive is not kept"
    for path in (python_root / PY).iterdir():
        assert (found / path.name).read_bytes() == path.read_bytes()
    assert len(list(own_cache.rglob("*.npy"))) == 4
    assert seen[-1] == (len(server.content),) * 2
    assert seen == sorted(seen)


def test_what_is_there_is_not_fetched_again(server: Server, python_root: Path) -> None:
    fetch(python_root, files=[server.archive()])
    assert server.ranges == []


def test_a_damaged_file_is_fetched_again(server: Server, python_root: Path) -> None:
    (python_root / PY / "data_batch_1").write_bytes(b"x")
    fetch(python_root, files=[server.archive()], timeout=5)
    assert {report.status for report in verify(python_root)} == {"readable"}


def test_an_interrupted_download_goes_on(server: Server, folder: Path) -> None:
    server.mode = "breaks off"
    archive, half = server.archive(), len(server.content) // 2
    with pytest.raises(DownloadError, match=f"{half} of {archive.size} bytes are there"):
        fetch(folder, files=[archive], timeout=5)
    assert (folder / f"{NAME}.part").stat().st_size == half
    server.mode = "ranges"
    fetch(folder, files=[archive], timeout=5)
    assert server.ranges == [None, f"bytes={half}-"]
    assert os.listdir(folder) == [PY]


def test_ctrl_c_keeps_what_came(server: Server, folder: Path) -> None:
    def interrupt(have: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(folder, interrupt, [server.archive()], 5)
    assert 0 < (folder / f"{NAME}.part").stat().st_size <= len(server.content)
    fetch(folder, files=[server.archive()], timeout=5)


def test_a_server_that_does_not_resume_sends_everything(server: Server, folder: Path) -> None:
    folder.mkdir()
    (folder / f"{NAME}.part").write_bytes(server.content[:100])
    server.mode = "no ranges"
    fetch(folder, files=[server.archive()], timeout=5)
    assert server.ranges == ["bytes=100-"]


@pytest.mark.parametrize("mode", ["another range", "416"])
def test_a_server_that_resumes_wrongly_is_asked_from_the_start_next(
    server: Server, folder: Path, mode: str
) -> None:
    folder.mkdir()
    (folder / f"{NAME}.part").write_bytes(server.content[:100])
    server.mode = mode
    with pytest.raises(DownloadError, match="0 of"):
        fetch(folder, files=[server.archive()], timeout=5)
    assert os.listdir(folder) == []
    server.mode = "ranges"
    fetch(folder, files=[server.archive()], timeout=5)
    assert server.ranges == ["bytes=100-", None]


def test_a_complete_part_is_only_verified(server: Server, folder: Path) -> None:
    for name in (NAME, f"{NAME}.part"):
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(server.content)
        assert download(server.archive(), folder).read_bytes() == server.content
        (folder / NAME).unlink()
    assert server.ranges == []


@pytest.mark.parametrize("change", ["md5", "sha256"])
def test_a_wrong_checksum_is_an_error_and_the_file_goes(
    server: Server, folder: Path, change: str
) -> None:
    with pytest.raises(DataError, match=rf"{NAME}\.part is not the file expected"):
        fetch(folder, files=[server.archive(**{change: "0" * 32})], timeout=5)
    assert os.listdir(folder) == []


@pytest.mark.parametrize("more", [-1, 1])
def test_more_or_fewer_bytes_than_expected(server: Server, folder: Path, more: int) -> None:
    archive = server.archive(size=len(server.content) + more)
    with pytest.raises((DataError, DownloadError)):
        fetch(folder, files=[archive], timeout=5)
    assert not (folder / NAME).exists()
    assert not (folder / PY).exists()


def test_a_damaged_start_is_found_and_the_next_try_works(server: Server, folder: Path) -> None:
    folder.mkdir()
    (folder / f"{NAME}.part").write_bytes(b"x" * 100)
    with pytest.raises(DataError, match="removed"):
        fetch(folder, files=[server.archive()], timeout=5)
    fetch(folder, files=[server.archive()], timeout=5)


@pytest.mark.parametrize(("mode", "reason"), [("404", "Not Found"), ("stalls", "Incomplete")])
def test_what_the_server_says_is_passed_on(
    server: Server, folder: Path, mode: str, reason: str
) -> None:
    server.mode = mode
    with pytest.raises(DownloadError, match=rf"{server.url}: .*{reason}"):
        fetch(folder, files=[server.archive()], timeout=5)


def test_a_refused_connection_says_so(folder: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    archive = Remote(f"http://127.0.0.1:{port}/{NAME}", 10, "", "")
    with pytest.raises(DownloadError, match=r"refused.*0 of 10 bytes.*by hand") as raised:
        fetch(folder, files=[archive], timeout=5)
    assert str(folder / NAME) in str(raised.value)


def test_a_server_that_is_silent_is_given_up(folder: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/{NAME}"
        with pytest.raises(DownloadError, match="timed out"):
            fetch(folder, files=[Remote(url, 10, "", "")], timeout=0.2)


def test_a_full_disk_is_not_taken_for_the_network(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: object, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cnnlite.data.archive.write_all", full)
    with pytest.raises(OSError, match="cannot unpack: No space left"):
        fetch(folder, files=[server.archive()], timeout=5)
    monkeypatch.setattr("cnnlite.data._http.write_all", full)
    (folder / NAME).unlink()
    with pytest.raises(OSError, match="cannot write the download: No space left") as raised:
        fetch(folder, files=[server.archive()], timeout=5)
    assert not isinstance(raised.value, DownloadError)
    assert raised.value.filename == str(folder / f"{NAME}.part")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "x"])
def test_other_protocols_are_refused(folder: Path, url: str) -> None:
    with pytest.raises(ValueError, match="expected http"):
        download(Remote(url, 10, "", ""), folder)


def test_the_published_checksums() -> None:
    archive = REMOTES["cifar10"][0]
    assert archive.url.endswith("www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz")
    assert archive.md5 == "c58f30108f718f92721af3b95e74349a"
    assert archive.sha256 == "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"


def test_verify_reports_each_file(python_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = python_root / PY / "data_batch_1"
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setitem(MD5["cifar10"], "data_batch_1", digest)
    (python_root / PY / "data_batch_2").unlink()
    (python_root / PY / "data_batch_3").write_bytes(b"x")
    reports = verify(python_root)
    assert [report.path.name for report in reports][-1] == "test_batch"
    assert [report.status for report in reports] == [
        "official", "missing", "damaged", "readable", "readable", "readable",
    ]  # fmt: skip
    assert "data_batch_3" in reports[2].detail
    assert reports[3].images == 12


def test_verify_reports_what_is_not_there_at_all(tmp_path: Path, binary_root: Path) -> None:
    assert [report.status for report in verify(tmp_path / "nowhere")] == ["missing"] * 6
    assert [report.status for report in verify(binary_root)] == ["readable"] * 6


class TestOtherDataSets:
    """Their files come from a server of one's own, in the official formats."""

    @pytest.fixture
    def many(self, tmp_path: Path, rng) -> Iterator[dict[str, list[Remote]]]:
        root = tmp_path / "published"
        write_mnist(root / "mnist", rng)
        write_mnist(root / "fashion-mnist", rng)
        write_svhn(root / "svhn", rng)
        write_cifar100(root / "cifar100", rng)
        with tarfile.open(root / "cifar100" / "cifar-100-python.tar.gz", "w:gz") as tar:
            tar.add(root / "cifar100" / "cifar-100-python", "cifar-100-python")
        handler = partial(Quiet, directory=str(root))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            yield {
                name: [remote(server.server_port, root / name / file.name) for file in files]
                for name, files in REMOTES.items()
                if name != "cifar10"
            }
            server.shutdown()
            thread.join()

    @pytest.mark.parametrize("name", [name for name in FETCHABLE if name != "cifar10"])
    def test_are_fetched_verified_and_converted(
        self, many, folder: Path, own_cache: Path, name: str
    ) -> None:
        seen: list[tuple[int, int]] = []
        found = fetch(folder, lambda have, total: seen.append((have, total)), many[name], 5, name)
        assert found.parent == folder
        assert seen[-1] == (sum(file.size for file in many[name]),) * 2
        assert seen == sorted(seen)
        assert not list(folder.rglob("*.part"))
        assert len(list(own_cache.rglob("*.npy"))) == 6
        assert {report.status for report in verify(folder, name)} == {"readable"}
        assert load(name, folder).name == name
        nowhere = [Remote("http://127.0.0.1:9/x", 1, "", "")]
        assert fetch(folder, files=nowhere, name=name) == found, "nothing is fetched again"

    def test_a_wrong_file_is_removed_and_the_others_are_kept(self, many, folder: Path) -> None:
        files = many["mnist"]
        wrong = [*files[:3], replace(files[3], sha256="0" * 64)]
        with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz\.part is not the file"):
            fetch(folder, files=wrong, name="mnist", timeout=5)
        assert sorted(path.name for path in (folder / "mnist").iterdir()) == sorted(
            file.name for file in files[:3]
        )
        fetch(folder, files=files, name="mnist", timeout=5)

    def test_what_is_damaged_is_reported(self, many, folder: Path) -> None:
        fetch(folder, files=many["svhn"], name="svhn", timeout=5)
        (folder / "svhn" / "test_32x32.mat").write_bytes(b"x")
        assert [report.status for report in verify(folder, "svhn")] == ["readable", "damaged"]
        fetch(folder, files=many["svhn"], name="svhn", timeout=5)
        assert [report.status for report in verify(folder, "svhn")] == ["readable", "readable"]

    def test_an_official_file_is_known_by_its_sum(self, many, folder: Path, monkeypatch) -> None:
        fetch(folder, files=many["mnist"], name="mnist", timeout=5)
        monkeypatch.setitem(MD5["mnist"], many["mnist"][0].name, many["mnist"][0].md5)
        reports = verify(folder, "mnist")
        assert [report.status for report in reports] == ["official", *["readable"] * 3]
        assert reports[1].detail.startswith("100 labels")

    def test_other_names_are_refused(self, folder: Path) -> None:
        for function in (lambda: fetch(folder, name="imagenet"), lambda: verify(folder, "x")):
            with pytest.raises(ValueError, match="name is"):
                function()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def remote(port: int, path: Path) -> Remote:
    content = path.read_bytes()
    return Remote(
        f"http://127.0.0.1:{port}/{path.parent.name}/{path.name}",
        len(content),
        hashlib.md5(content).hexdigest(),
        hashlib.sha256(content).hexdigest(),
    )


@pytest.mark.parametrize("name", FETCHABLE)
def test_published_sums_have_the_right_form(name: str) -> None:
    for file in REMOTES[name]:
        assert file.url.startswith("http")
        assert file.size > 4000
        assert re.fullmatch("[0-9a-f]{32}", file.md5)
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
    assert MD5[name]
