"""The server of a live page: two addresses, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol

from cnnlite.report import document
from cnnlite.report.document import Section
from cnnlite.training.control import Busy
from cnnlite.watch import address, commands
from cnnlite.watch.board import FIRST, Board
from cnnlite.watch.commands import Command
from cnnlite.watch.guard import Guard

if TYPE_CHECKING:
    import socket

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

__all__ = ["Server", "Watched"]

PERIOD = 0.4  # seconds between two looks at what is new
MOST_PAGES = 8  # that are open at once
MOST_CONNECTIONS = 32  # those of pages included
MOST_LOSSES = 2000  # in one message; of more, every second or third is sent
PATIENCE = 10.0  # seconds that a page may take to receive a message
FAULTS = 10  # messages of a page that make no sense, before it is left
SILENT = logging.NullHandler()
FAREWELL = 5.0  # seconds that open pages have to hear how the training ended


class Watched(Protocol):
    """What a page looks at: a training, or a run folder."""

    title: str
    board: Board

    def state(self) -> Mapping[str, Any]:
        """Return where it is at the moment, as plain values; "ended" is a text at the end."""

    def rows(self, start: int) -> list[dict[str, Any]]:
        """Return the rows of the history from a number on."""

    def losses(self, start: int) -> Sequence[float | None]:
        """Return the losses of steps from a number on; None where one is not finite."""

    def events(self, start: int) -> list[dict[str, Any]]:
        """Return what was done by hand, from a number on."""

    def obey(self, command: Command) -> None:
        """Do what a page asks for.

        Raises:
            ValueError, Busy: it cannot be done; the message says why.
        """


class Server:
    """Serves one page, to this computer alone, until it is stopped.

    Args:
        watched: what the page shows.
        port: the only one that will do; None takes the first that is free.
        token: the part of the address that nobody can guess.

    Attributes:
        address: of the page.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, watched: Watched, port: int | None, token: str) -> None:
        self._watched, self._token = watched, token
        self._socket = address.listen(port)
        self.port: int = self._socket.getsockname()[1]
        self.address = address.url(self.port, token)
        self._pages: set[WebSocket] = set()
        self._server = self._uvicorn()
        self._thread = threading.Thread(
            target=self._serve, args=(self._socket,), name="cnnlite live page", daemon=True
        )

    def start(self) -> None:
        """Begin to serve; returns at once."""
        self._watched.board.start()
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the server runs."""
        return self._thread.is_alive()

    @property
    def looked_at(self) -> bool:
        """Whether a page is open."""
        return bool(self._pages)

    def stop(self) -> None:
        """End the server, after open pages have heard what there is to hear; takes a while.

        A page that does not listen is not waited for.
        """
        if self._thread.ident is None:  # what stood between its making and its start went wrong
            self._socket.close()
            return
        if self._pages:
            self._farewell.wait(FAREWELL)
        self._server.should_exit = True
        self._thread.join(FAREWELL)
        self._server.force_exit = True
        self._watched.board.end()

    def _uvicorn(self) -> Any:
        import uvicorn
        from starlette.applications import Starlette
        from starlette.routing import Route, WebSocketRoute

        self._farewell = threading.Event()  # every page has heard the end
        logging.getLogger("uvicorn").addHandler(SILENT)  # nothing on the terminal
        routes = [
            Route("/{token}/", self._page),
            Route("/{token}/state", self._state),
            WebSocketRoute("/{token}/live", self._live),
        ]
        app = Guard(Starlette(routes=routes), self._token, self.port)
        return uvicorn.Server(
            uvicorn.Config(
                app,
                loop="asyncio",
                http="h11",
                ws="websockets-sansio",
                ws_max_size=commands.LARGEST,
                ws_per_message_deflate=False,
                h11_max_incomplete_event_size=16 * 1024,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=1,
                lifespan="off",
                log_config=None,
                log_level="error",  # others have the token in them
                access_log=False,
                server_header=False,
                proxy_headers=False,
            )
        )

    def _serve(self, listener: socket.socket) -> None:
        try:
            self._server.run(sockets=[listener])
        finally:
            listener.close()
            with contextlib.suppress(ValueError, Busy):
                self._watched.obey(Command("resume"))  # nobody could end a pause any more

    async def _page(self, request: Request) -> Response:
        from starlette.responses import HTMLResponse

        text, policy = await asyncio.to_thread(self._html)
        return HTMLResponse(text, headers={"content-security-policy": policy})

    def _html(self) -> tuple[str, str]:
        watched = self._watched
        watched.board.renew()
        shown, state = watched.board.shown, watched.state()
        version = max((one.version for one in shown), default=0)
        panel = Section(FIRST, "Live", _read("live.html"), data={**state, "version": version})
        hosts = (address.HOST, "localhost")  # what 'self' does not mean in every browser
        connect = " ".join(f"ws://{host}:{self.port}" for host in hosts)
        scripts = [_read("live.js")]
        text = document.render(
            [panel, *(one.section for one in shown)],
            watched.title,
            scripts=scripts,
            styles=[_read("live.css")],
            connect=connect,
        )
        return text, f"{document.policy(scripts, connect)}; frame-ancestors 'none'"

    async def _state(self, request: Request) -> Response:
        from starlette.responses import JSONResponse

        return JSONResponse({"type": "state", **self._watched.state()})

    async def _live(self, socket: WebSocket) -> None:
        from starlette.websockets import WebSocketDisconnect

        if len(self._pages) >= MOST_PAGES:
            await socket.close(1013)
            return
        await socket.accept()
        self._pages.add(socket)
        self._farewell.clear()
        self._watched.board.looked_at = True
        tasks = [asyncio.create_task(part(socket)) for part in (self._tell, self._listen)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await asyncio.wait_for(socket.close(), 1)
        except (WebSocketDisconnect, TimeoutError, RuntimeError, OSError):
            pass  # it has gone, or does not listen
        finally:
            for task in tasks:
                task.cancel()
            self._pages.discard(socket)
            if not self._pages:
                self._watched.board.looked_at = False
                self._farewell.set()

    async def _listen(self, socket: WebSocket) -> None:
        """Do what a page asks for, until it goes or has sent too much that makes no sense."""
        faults = 0
        while faults < FAULTS:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                if message.get("text") is None:
                    raise ValueError("the message is no text")
                self._watched.obey(commands.parse(message["text"]))
            except ValueError as error:
                faults += 1
                await _send(socket, {"type": "refused", "why": str(error)})
            except Busy as error:
                await _send(socket, {"type": "refused", "why": str(error)})

    async def _tell(self, socket: WebSocket) -> None:
        """Tell a page what is new, as fast as it listens; what it misses is never stored."""
        given = socket.query_params.get("version", "")
        version = int(given) if given.isdecimal() and len(given) < 16 else 0
        rows = losses = events = 0
        sent: dict[str, Any] = {}
        while True:
            state = dict(self._watched.state())
            new_rows, new_events = self._watched.rows(rows), self._watched.events(events)
            values = self._watched.losses(losses)
            stride = -(-len(values) // MOST_LOSSES) or 1
            if state != sent or values or new_rows or new_events:
                sent = state
                more = {
                    "rows": new_rows, "events": new_events,
                    "losses": {"start": losses, "stride": stride, "values": values[::stride]},
                }  # fmt: skip
                await _send(socket, {"type": "state", **state, **more})
                rows, events = rows + len(new_rows), events + len(new_events)
                losses += len(values)
            whole = state["ended"] is not None and self._watched.board.quiet
            newest = version
            for shown in self._watched.board.shown:
                if shown.version > version:
                    await asyncio.wait_for(socket.send_text(shown.text), PATIENCE)
                    newest = max(newest, shown.version)
            version = newest
            if whole:
                return
            await asyncio.sleep(PERIOD)


async def _send(socket: WebSocket, message: Mapping[str, Any]) -> None:
    await asyncio.wait_for(socket.send_text(json.dumps(message, allow_nan=False)), PATIENCE)


def _read(name: str) -> str:
    return (files("cnnlite.watch") / "page" / name).read_text(encoding="utf-8")
