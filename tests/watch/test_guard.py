"""Nobody but this computer's user, from a page of this server, gets an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("starlette")
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from cnnlite.watch import address
from cnnlite.watch.commands import LARGEST
from tests.watching import Page, Watched, ask


def _refuse(place: str, origin: str | None) -> None:
    with (
        pytest.raises(InvalidStatus, match="403"),
        connect(place, origin=origin, proxy=None),  # type: ignore[arg-type]
    ):
        pass


def test_only_the_address_with_its_token_is_answered(paused: Watched) -> None:
    root = "{0.scheme}://{0.netloc}/".format(urlsplit(paused.address))
    token = paused.address[len(root) : -1]
    assert len(token) == 43
    assert ask(paused.address).status == 200
    paths = [
        "", "state", "live", f"{token[:-1]}/", f"{token}x/", f"{'A' * 43}/", f"x/{token}/",
        f"?token={token}", "%2e%2e/", f"{'é' * 10}/",
    ]  # fmt: skip
    for path in paths:
        answer = ask(root, path)
        assert (answer.status, answer.text) == (403, "Forbidden\n"), path
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    "path",
    ["../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc%2fpasswd", "static/live.js",
     "live.html", "state/../../x", "//etc/passwd", "page/..%5c..%5cx", "live"],
)  # fmt: skip
def test_no_path_leads_to_a_file(paused: Watched, path: str) -> None:
    answer = ask(paused.address, path)
    assert answer.status in (404, 403), answer.text[:300]
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"host": "evil.example:80"}, {"host": "127.0.0.1"},
     {"host": "127.0.0.1.evil.example:{port}"}, {"host": "localhost:1"}, {"host": "[::1]:{port}"},
     {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "https://localhost:{port}"}],
)  # fmt: skip
def test_another_host_or_origin_is_refused(paused: Watched, headers: dict[str, str]) -> None:
    """A name that leads here (DNS rebinding), or a page of somebody else's."""
    port = urlsplit(paused.address).port
    given = {name: value.replace("{port}", str(port)) for name, value in headers.items()}
    assert ask(paused.address, **given).status == 403
    if "origin" in given:
        _refuse(f"ws{paused.address[4:]}live", given["origin"])


def test_a_web_socket_needs_origin_and_token(paused: Watched) -> None:
    origin = paused.address[: paused.address.index("/", 8)]
    place = f"ws{paused.address[4:]}live"
    for wrong, its in ((place, None), (place.replace(paused.address[-9:-1], "AAAAAAAA"), origin)):
        _refuse(wrong, its)


def test_the_page_may_load_nothing_and_run_nothing_but_its_own(paused: Watched) -> None:
    answer = ask(paused.address)
    policy = answer.headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["frame-ancestors"] == "'none'"
    assert all(source.startswith("'sha256-") for source in rules["script-src"].split())
    port = urlsplit(paused.address).port
    assert rules["connect-src"] == f"ws://127.0.0.1:{port} ws://localhost:{port}"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
    assert "src=" not in answer.text.split("<script")[0]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_the_page_can_only_be_read(paused: Watched, method: str) -> None:
    assert ask(paused.address, method=method).status == 405


def _send_on(page: Page, message: str) -> None:
    for _ in range(1000):
        page.socket.send(message)
        page.hear(lambda told: told["type"] == "refused")


BAD = [
    "", "{", "null", "[]", '"pause"', "{}", '{"do": null}', '{"do": "eval"}', '{"do": "__class__"}',
    '{"do": "pause", "value": 1}', '{"do": "lr"}', '{"do": "lr", "value": "1"}',
    '{"do": "lr", "value": true}', '{"do": "lr", "value": NaN}', '{"do": "lr", "value": -1}',
    '{"do": "lr", "value": 1e999}', '{"do": "lr", "value": ' + "9" * 500 + "}",
    '{"do": "lr", "value": 1, "more": 2}', "[" * 900, '{"do": "begin"}', '{"do": "clock"}',
]  # fmt: skip


def test_a_message_that_makes_no_sense_is_refused_and_does_nothing(
    paused: Watched, open_page: Callable[[str], Page]
) -> None:
    for start in range(0, len(BAD), 5):
        socket = open_page(paused.address)
        for text in BAD[start : start + 5]:
            socket.socket.send(text)
            assert socket.hear(lambda message: message["type"] == "refused")["why"], text
    assert paused.solver.step == 0
    assert [event["what"] for event in paused.solver.events] == ["pause"]
    assert paused.thread.is_alive()


@pytest.mark.parametrize(
    "message", ["x" * (LARGEST + 1), "x" * 10_000_000, b"\x00\x01"], ids=["large", "huge", "bytes"]
)
def test_a_message_too_large_or_of_bytes_does_nothing(
    paused: Watched, open_page: Callable[[str], Page], message: str | bytes
) -> None:
    socket = open_page(paused.address)
    if isinstance(message, bytes):
        socket.socket.send(message)
        told = socket.hear(lambda message: message["type"] == "refused")
        assert told["why"] == "the message is no text"
    else:
        with pytest.raises(ConnectionClosed):
            _send_on(socket, message)
    assert json.loads(ask(paused.address, "state").text)["step"] == 0  # others are still served


def test_a_page_that_sends_nothing_but_nonsense_is_left(
    paused: Watched, open_page: Callable[[str], Page]
) -> None:
    socket = open_page(paused.address)
    with pytest.raises(ConnectionClosed):
        _send_on(socket, "nonsense")


def test_the_number_of_pages_is_bounded(
    watch: Callable[..., Watched], open_page: Callable[[str], Page]
) -> None:
    from cnnlite.watch.server import MOST_PAGES

    address = watch().address
    opened = [open_page(address) for _ in range(MOST_PAGES)]
    for one in opened:
        one.state(lambda state: True)
    with pytest.raises((InvalidStatus, ConnectionClosed)):
        open_page(address).state(lambda state: True)


def test_the_address_in_a_run_folder_is_taken_from_this_computer_only(tmp_path: Any) -> None:
    """A folder that somebody sent could lead to a page of theirs."""
    token = "a" * 43
    for place in (
        f"http://evil.example:80/{token}/", f"http://127.0.0.1:80@evil.example/{token}/",
        f"javascript:alert(1)//{token}/", f"http://127.0.0.1:8765/{token}/../x", 5, None,
    ):  # fmt: skip
        (tmp_path / address.NAME).write_text(json.dumps({"address": place}))
        assert address.read(tmp_path) is None
    for text in ("", "{", "[]", "[" * 100_000, "x" * 100_000):
        (tmp_path / address.NAME).write_text(text)
        assert address.read(tmp_path) is None
    good = f"http://127.0.0.1:8765/{token}/"
    address.write(tmp_path, good)
    assert address.read(tmp_path) == good
    assert (tmp_path / address.NAME).stat().st_mode & 0o077 == 0
    address.forget(tmp_path)
    assert address.read(tmp_path) is None
