"""Pythons of other machines and versions, unpacked from Debian's and PyPI's packages.

The system is left as it is: lists and packages lie in a folder of this tree.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIBRARIES = (
    *("libc6", "libgcc-s1", "libstdc++6", "libcrypt1", "libexpat1", "zlib1g"),
    *("libffi8", "libbz2-1.0", "liblzma5", "libsqlite3-0", "libuuid1"),
)
MIRROR = (
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian"
)


def unpack_python(
    folder: Path, version: str, architecture: str, libraries: tuple[str, ...], suite: str = ""
) -> Path:
    """Unpack Debian's Python and what it needs, once.

    Args:
        folder: where lists, packages and the unpacked files go.
        version: "3.11".
        architecture: as Debian names it, "arm64".
        libraries: packages, beside LIBRARIES, that this version of Debian has for it.
        suite: "sid"; else the system's own sources are asked.

    Returns:
        The folder that stands for /.
    """
    root, lists, archives = (folder / name for name in ("root", "lists", "archives"))
    if root.exists():
        return root
    for needed in (lists / "partial", archives):
        needed.mkdir(parents=True, exist_ok=True)
    settings = [f"Dir::State::Lists={lists}", f"APT::Architecture={architecture}"]
    settings += [f"APT::Architectures={architecture}", "Dir::Cache::pkgcache="]
    if suite:
        sources = folder / "sources.list"
        sources.write_text(f"{MIRROR} {suite} main\n")
        settings += [f"Dir::Etc::SourceList={sources}", "Dir::Etc::SourceParts=/dev/null"]
    apt = ["apt-get", "-q", *(f"-o{setting}" for setting in settings)]
    names = [*LIBRARIES, *libraries, f"python{version}", f"python{version}-minimal"]
    names += [f"libpython{version}-minimal", f"libpython{version}-stdlib"]
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "download", *names], cwd=archives, check=True)
    draft = folder / "root-draft"
    for archive in archives.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(archive), str(draft)], check=True)
    return draft.rename(root)


def unpack_wheels(folder: Path, version: str, machine: str, names: tuple[str, ...]) -> Path:
    """Unpack PyPI's wheels for a version and a machine ("aarch64"), once; return their folder."""
    site, draft = folder / "site", folder / "site-draft"
    if not site.exists():
        platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in ("2_28", "2_17")]
        where = (*platforms, "--only-binary=:all:", f"--python-version={version}")
        pip = (sys.executable, "-m", "pip", "install", "-q", *where, f"--target={draft}")
        subprocess.run([*pip, *names], check=True)
        draft.rename(site)
    return site
