"""Small data sets in the formats of the official files."""

import gzip
import pickle
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

FINE = [f"class_{number:02d}" for number in range(100)]


def idx(array: np.ndarray) -> bytes:
    """An IDX file of bytes."""
    shape = b"".join(struct.pack(">I", length) for length in array.shape)
    return b"\0\0\x08" + bytes([array.ndim]) + shape + array.astype(np.uint8).tobytes()


def write_mnist(folder: Path, rng: np.random.Generator, compressed: bool = True) -> dict[str, Any]:
    """Write the four files of MNIST; returns what they hold."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {}
    for part, number in (("train", 100), ("t10k", 30)):
        content[f"{part}-images-idx3"] = rng.integers(0, 256, (number, 28, 28), dtype=np.uint8)
        content[f"{part}-labels-idx1"] = np.arange(number) % 10
    for name, array in content.items():
        data = gzip.compress(idx(array), mtime=0) if compressed else idx(array)
        (folder / f"{name}-ubyte{'.gz' if compressed else ''}").write_bytes(data)
    return content


def write_cifar100(
    root: Path, rng: np.random.Generator, binary: bool = False, protocol: int = 2
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Write the files of CIFAR-100; returns pixels and labels of each part."""
    folder = root / ("cifar-100-binary" if binary else "cifar-100-python")
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        part: (rng.integers(0, 256, (number, 3072), dtype=np.uint8), np.arange(number) % 100)
        for part, number in (("train", 300), ("test", 100))
    }
    for part, (pixels, labels) in parts.items():
        if binary:
            records = np.column_stack([labels // 5, labels, pixels]).astype(np.uint8)
            (folder / f"{part}.bin").write_bytes(records.tobytes())
            continue
        content = {
            "filenames": [f"picture_s_{i:06d}.png" for i in range(len(labels))],
            "batch_label": "training batch 1 of 1",
            "fine_labels": labels.tolist(),
            "coarse_labels": (labels // 5).tolist(),
            "data": pixels,
        }
        (folder / part).write_bytes(pickle.dumps(content, protocol))
    coarse = [f"super_{number}" for number in range(20)]
    if binary:
        (folder / "fine_label_names.txt").write_text("\n".join(FINE) + "\n")
        (folder / "coarse_label_names.txt").write_text("\n".join(coarse) + "\n")
    else:
        meta = {"fine_label_names": FINE, "coarse_label_names": coarse}
        (folder / "meta").write_bytes(pickle.dumps(meta, protocol))
    return parts


CODES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 9}
CLASSES = {"f8": 6, "f4": 7, "i1": 8, "u1": 9, "i2": 10, "u2": 11, "i4": 12, "u4": 13}


def element(code: int, content: bytes, order: str, small: bool = True) -> bytes:
    """One element of a MAT-file; up to four bytes go into its head."""
    if small and len(content) <= 4 and code < 14:
        return struct.pack(f"{order}I", len(content) << 16 | code) + content.ljust(4, b"\0")
    return struct.pack(f"{order}II", code, len(content)) + content + bytes(-len(content) % 8)


def mat(
    arrays: dict[str, np.ndarray], compressed: bool = True, order: str = "<", stored: str = ""
) -> bytes:
    """A MAT-file of version 5; `stored` is the kind of number in which arrays are written."""
    text = b"MATLAB 5.0 MAT-file, Platform: PCWIN64".ljust(124)
    data = text + struct.pack(f"{order}H", 0x0100) + (b"IM" if order == "<" else b"MI")
    for name, array in arrays.items():
        kind = array.dtype.str[1:]
        flags = struct.pack(f"{order}II", CLASSES[kind], 0)
        shape = np.array(array.shape, f"{order}i4").tobytes()
        numbers = array.astype(f"{order}{stored or kind}").tobytes(order="F")
        body = b"".join(
            [
                element(6, flags, order, small=False),
                element(5, shape, order),
                element(1, name.encode(), order),
                element(CODES[stored or kind], numbers, order),
            ]
        )
        matrix = element(14, body, order)
        if compressed:
            packed = zlib.compress(matrix)
            matrix = struct.pack(f"{order}II", 15, len(packed)) + packed
        data += matrix
    return data


def write_svhn(folder: Path, rng: np.random.Generator, **form: Any) -> dict[str, Any]:
    """Write the two files of SVHN; returns their arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {}
    for part, number in (("train", 100), ("test", 30)):
        X = rng.integers(0, 256, (32, 32, 3, number), dtype=np.uint8)
        y = (np.arange(number) % 10 + 1).astype(np.uint8)[:, None]
        content[part] = (X, y)
        (folder / f"{part}_32x32.mat").write_bytes(mat({"X": X, "y": y}, **form))
    return content
