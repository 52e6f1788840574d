"""The part of a download that talks to the server."""

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnnlite.data.errors import DownloadError
from cnnlite.files import write_all

__all__ = ["receive"]

_CHUNK = 2**16


def receive(
    url: str, size: int, part: Path, progress: Callable[[int, int], None] | None, timeout: float
) -> None:
    """Download into a file, going on with what it holds already.

    Args:
        url: where from, http or https.
        size: the bytes expected in all.
        part: the file; it stays when the download breaks off.
        progress: called with the bytes that are there and the bytes expected.
        timeout: seconds to wait for the server.

    Raises:
        DownloadError: the server cannot be reached, or the connection broke.
        OSError: the file cannot be written; the message names it.
    """
    try:
        _receive(url, size, part, progress, timeout)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise _explain(error, url, size, part) from error


def _receive(
    url: str, size: int, part: Path, progress: Callable[[int, int], None] | None, timeout: float
) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "cnnlite"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    with _open(request, part, timeout) as response:
        resumed = response.status == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            part.unlink()
            raise http.client.HTTPException("the server sent another range than was asked for")
        # A server that does not know Range sends everything again.
        with open(part, "ab" if resumed else "wb", buffering=0) as file:
            have = have if resumed else 0
            while chunk := response.read(_CHUNK):
                have += len(chunk)
                if have > size:
                    break  # not what was expected; the check says so
                write_all(file, chunk)
                if progress is not None:
                    progress(have, size)
            os.fsync(file.fileno())
    if have < size:
        raise http.client.IncompleteRead(b"", size - have)


def _open(request: urllib.request.Request, part: Path, timeout: float) -> Any:
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()  # longer than what the server has: the next try starts again
        raise


def _explain(error: Exception, url: str, size: int, part: Path) -> OSError:
    from_network = isinstance(
        error, (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)
    )
    if not from_network and isinstance(error, OSError):
        return OSError(error.errno, f"cannot write the download: {error.strerror}", str(part))
    have = part.stat().st_size if part.exists() else 0
    reason = getattr(error, "reason", None) or error
    return DownloadError(
        f"{url}: {reason}. {have} of {size} bytes are there, and the same command "
        f"goes on from them; or put the archive there by hand as {part.with_suffix('')}"
    )
