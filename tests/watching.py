"""A tiny training with a live page, in a thread of its own, which begins with a pause."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from cnnlite.callbacks import Callback
from cnnlite.solver import Solver
from tests import trainings

LONG = 60.0  # seconds until something that does not come counts as missing


class Answer(NamedTuple):
    """What a server has answered."""

    status: int
    headers: Mapping[str, str]
    text: str


def ask(address: str, path: str = "", method: str = "GET", **headers: str) -> Answer:
    """Ask for an address as it stands, tidied up by nobody."""
    parts = urlsplit(address)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=LONG)
    with contextlib.closing(connection):
        place = parts.path + quote(path, safe="/?=%&")
        connection.putrequest(method, place, skip_host="host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())


class BeginsPaused(Callback):
    """Lets a test come before the first step."""

    def before_train(self, solver: Solver) -> None:
        solver.control.pause()


class Watched:
    """A training that is watched.

    Attributes:
        solver: the training.
        address: of its page.
    """

    def __init__(self, live: Any, **options: Any) -> None:
        self.live = live
        self.errors: list[BaseException] = []
        self._announced = threading.Event()
        live._announce = lambda line: self._announced.set()
        callbacks = [BeginsPaused(), *options.pop("callbacks", []), live]
        self.solver = trainings.solver(callbacks=callbacks, **{"num_epochs": 40, **options})
        self.thread = threading.Thread(target=self._train)
        self.thread.start()
        assert self._announced.wait(LONG), self.errors
        self.address: str = live.address

    def _train(self) -> None:
        try:
            self.solver.train()
        except BaseException as error:
            self.errors.append(error)

    def end(self) -> None:
        """Stop the training, and wait until it has ended."""
        self.solver.control.stop()
        self.thread.join(LONG)
        assert not self.thread.is_alive()


class Page:
    """The other end of a page's web socket."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def hear(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first message that is wanted; others are lost."""
        while True:
            message = json.loads(self.socket.recv(timeout=LONG))
            if wanted(message):
                return message

    def state(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first state that is wanted."""
        return self.hear(lambda message: message["type"] == "state" and wanted(message))


@contextlib.contextmanager
def pages() -> Iterator[Callable[[str], Page]]:
    """Give a function that opens the web socket of an address's page, as a browser does."""
    from websockets.sync.client import connect

    with contextlib.ExitStack() as stack:

        def begin(address: str) -> Page:
            origin = "/".join(address.split("/")[:3])
            place = f"ws{address[4:]}live"
            return Page(
                stack.enter_context(
                    connect(place, origin=origin, max_size=None, proxy=None, close_timeout=1)
                )
            )

        yield begin
