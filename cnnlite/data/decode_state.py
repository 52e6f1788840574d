"""How far the decoding of a folder's pictures is, noted on disk as it goes on."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path

from cnnlite.data.cache import no_room
from cnnlite.data.decode_block import Block, Faults, Images
from cnnlite.data.decoding import Job, decoded_blocks, image_shape
from cnnlite.data.row_file import HEADER, RowFile
from cnnlite.files import replace_file

__all__ = ["State", "decode_and_note", "states"]

SECONDS = 0.25  # between notes of how far it is; the last one waits for what is not on the disk yet


@dataclass(frozen=True)
class State:
    """How far it is: everything that a later process needs besides the pixels."""

    shape: tuple[int, int, int]
    rows: int
    skipped: Faults
    sums: list[int]

    @classmethod
    def first(cls, job: Job) -> State:
        shape = image_shape(job)
        return cls(shape, 0, [], [0] * (2 * shape[0]))

    @classmethod
    def read(cls, path: Path) -> State:
        found = json.loads(path.read_bytes())
        channels, height, width = (int(length) for length in found["shape"])
        skipped = [(str(name), str(fault)) for name, fault in found["skipped"]]
        sums = [int(number) for number in found["sums"]]
        return cls((channels, height, width), int(found["rows"]), skipped, sums)

    def write(self, path: Path) -> None:
        replace_file(path, json.dumps(vars(self)).encode())

    def after(self, block: Block) -> State:
        sums = [a + b for a, b in zip(self.sums, block.sums, strict=True)]
        return State(self.shape, self.rows + block.rows, self.skipped + block.skipped, sums)

    @property
    def pictures(self) -> int:
        return self.rows + len(self.skipped)

    @property
    def length(self) -> int:
        return HEADER + self.rows * prod(self.shape)


def decode_and_note(job: Job, state: State, images: RowFile, about: Path) -> State:
    """Decode what is missing into a file, and note how far it is now and then, and at the end.

    Args:
        job: what is decoded.
        state: how far it is.
        images: the file.
        about: where that is noted.

    Returns:
        How far it is: at the end.

    Raises:
        DataError, OSError: as `decoded_blocks`; the disk is full.
    """
    size = len(job.pictures) * prod(state.shape)
    going_on = states(job, state, images)
    with ThreadPoolExecutor(1) as notes, contextlib.closing(going_on):
        last, noted = notes.submit(_note, images, state, about), time.monotonic()
        try:
            for state in going_on:
                if last.done() and time.monotonic() - noted > SECONDS:
                    last.result()
                    last, noted = notes.submit(_note, images, state, about), time.monotonic()
            images.finish(state.rows)
        except OSError as error:
            path = images.path
            raise no_room(error, path, size) if error.filename == str(path) else error from error
        finally:
            notes.submit(_note, images, state, about).result()
    return state


def states(job: Job, state: State, images: Images) -> Generator[State]:
    """Decode what is missing, and yield how far it is after each block."""
    with contextlib.closing(decoded_blocks(job, state.shape, state.pictures, images)) as blocks:
        for block in blocks:
            if state.skipped:
                begin = state.pictures
                rows = images[begin : begin + block.rows]
                images[state.rows : state.rows + block.rows] = rows
            state = state.after(block)
            yield state
            if job.progress is not None:
                job.progress(state.pictures, len(job.pictures))


def _note(images: RowFile, state: State, about: Path) -> None:
    """Note how far it is, once the pictures are on the disk."""
    try:
        images.sync()
        state.write(about)
    except OSError as error:
        raise no_room(error, about, state.length) from error
