"""Where a live page is: its port and its token, and the file of a run folder that says so."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import secrets
import socket
import sys
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from cnnlite.checks.numbers import integer
from cnnlite.data.unpickle import read_regular_file

__all__ = [
    "FIRST_PORT", "HOST", "NAME", "answers", "checked_port", "forget", "listen", "new_token",
    "read", "url", "write",
]  # fmt: skip

HOST = "127.0.0.1"
"""The only address that is listened at: nothing outside this computer reaches it."""
FIRST_PORT = 8765
"""Where the search for a free port begins."""
TRIED = 100
"""Ports that are tried; after that the system chooses."""
NAME = "live.json"
"""The file in the folder of a run whose training has a page; only its owner can read it."""
MOST = 4096
"""Bytes of that file."""
FORM = re.compile(r"http://127\.0\.0\.1:\d{1,5}/[A-Za-z0-9_-]{43}/")
PATIENCE = 2.0  # seconds until a server that does not answer counts as gone


def new_token() -> str:
    """Return 256 random bits, as a part of an address."""
    return secrets.token_urlsafe(32)


def url(port: int, token: str) -> str:
    """Return the address of a page."""
    return f"http://{HOST}:{port}/{token}/"


def checked_port(owner: str, port: int | None) -> int | None:
    """Return a port that may be asked for; None, which means any that is free.

    Raises:
        TypeError, ValueError: it is no integer, or no port from 1 to 65535.
    """
    if port is None:
        return None
    number = integer(owner, "port", port, 1)
    if number > 65535:
        raise ValueError(f"{owner}: port is {number}, expected a number from 1 to 65535")
    return number


def listen(port: int | None) -> socket.socket:
    """Return a socket of this computer alone that listens.

    Args:
        port: the only one that will do; None takes the first free one from FIRST_PORT on.

    Raises:
        OSError: `port` is taken, or may not be used.
    """
    wanted = [port] if port else [*range(FIRST_PORT, FIRST_PORT + TRIED), 0]
    for number in wanted:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if sys.platform != "win32":  # where it would share the port with another program
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, number))
            listener.listen(32)
            return listener
        except OSError as error:
            listener.close()
            if number == wanted[-1]:
                raise OSError(
                    error.errno, f"port {number} cannot be used ({error.strerror}): choose another"
                ) from None
    raise AssertionError("the last port either listens or raises")


def write(run: Path, address: str) -> None:
    """Note the address in a run folder, for `cnnlite watch`.

    Raises:
        OSError: it cannot be written.
    """
    forget(run)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(run / NAME, flags, 0o600), "w", encoding="utf-8") as file:
        json.dump({"address": address, "process": os.getpid()}, file)


def forget(run: Path) -> None:
    """Remove what `write` has noted."""
    with contextlib.suppress(OSError):
        (run / NAME).unlink()


def read(run: Path) -> str | None:
    """Return the address that a run folder notes, if it is one of this computer's.

    A folder may come from anyone, so that nothing else is taken from it.
    """
    try:
        address = json.loads(read_regular_file(run / NAME, MOST))["address"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return address if isinstance(address, str) and FORM.fullmatch(address) else None


def answers(address: str) -> bool:
    """Return whether a live page's server is there."""
    opener = build_opener(ProxyHandler({}))  # no proxy is asked for this computer
    try:
        with opener.open(address + "state", timeout=PATIENCE) as answer:
            return bool(json.loads(answer.read(2**20))["type"] == "state")
    except (http.client.HTTPException, OSError, ValueError, KeyError, TypeError, RecursionError):
        return False  # an URLError is an OSError
