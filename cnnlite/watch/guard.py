"""Who may ask a live page's server: who knows its token, calls it by its name, and is its page."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from cnnlite.watch.address import HOST

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard"]

HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Of every answer: nothing of it is kept, shown in another page, or told to another server."""
NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of answers that bring none of their own."""


class Guard:
    """Refuse what does not come from this computer's user, before the application sees it.

    A name that a stranger's server has been given (DNS rebinding) is not in `Host`; a stranger's
    page that opens a web socket has another `Origin`; and neither knows the token.

    Args:
        app: the application that is guarded.
        token: the first part of every path.
        port: of the server.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token = app, token.encode()
        names = [HOST, "localhost"]
        self._hosts = {f"{name}:{port}".encode() for name in names}
        if port == 80:  # which browsers leave out
            self._hosts |= {name.encode() for name in names}
        self._origins = {b"http://" + host for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with 403, a web socket before it is opened."""
        if scope["type"] not in ("http", "websocket"):
            return
        if self._welcome(scope):
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            start = {"type": "http.response.start", "status": 403}
            await _with_headers(send)({**start, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"Forbidden\n"})

    def _welcome(self, scope: Scope) -> bool:
        given: dict[bytes, list[bytes]] = {b"host": [], b"origin": []}
        for name, value in scope["headers"]:
            given.setdefault(name.lower(), []).append(value)
        token = scope["path"].split("/")[1:2] or [""]
        known = hmac.compare_digest(token[0].encode(errors="replace"), self._token)
        local = len(given[b"host"]) == 1 and given[b"host"][0].lower() in self._hosts
        origins = given[b"origin"]
        own = len(origins) == 1 and origins[0].lower() in self._origins
        if scope["type"] == "http":  # which a browser sends without an origin, where it may
            own = own or not origins
        return known and local and own


def _with_headers(send: Send) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            more = {"content-security-policy": NOTHING, **HEADERS}
            message = {
                **message,
                "headers": [
                    *message["headers"],
                    *(
                        (name.encode(), value.encode())
                        for name, value in more.items()
                        if name.encode() not in there
                    ),
                ],
            }
        await send(message)

    return add
