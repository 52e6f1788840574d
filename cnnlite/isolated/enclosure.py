"""On Linux, as far as the system lets anybody: what a file can see and change is its own.

`enclose` gives what is forked afterwards namespaces of its own: it sees no process but those it has
started, which all end with the first of them, and no network.  `fence` lets a process and its
descendants write in one folder only, and send signals to one another only.  Neither needs a right;
where one is refused, as in many containers, the file runs without it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from pathlib import Path

LINUX = sys.platform.startswith("linux")
# From linux/sched.h: of users, processes, the network, and System V's messages and memory.
NEW_USER, NEW_PROCESSES, NEW_NETWORK, NEW_MESSAGES = 0x10000000, 0x20000000, 0x40000000, 0x08000000
NO_NEW_PRIVILEGES = 38  # from linux/prctl.h
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # Landlock's, on every architecture
PATH_BENEATH = 1
# From linux/landlock.h: write, remove and make files and folders of all kinds.
WRITE_FILE, TRUNCATE = 1 << 1, 1 << 14
MAKE_AND_REMOVE = sum(1 << bit for bit in range(4, 13))
MOVE = 1 << 13
BIND_AND_CONNECT = 0b11
SOCKETS_AND_SIGNALS = 0b11
SINCE = {"move": 2, "truncate": 3, "network": 4, "signals": 6}  # versions of Landlock


def enclose() -> bool:
    """Give what is forked from now on namespaces of its own; return whether the system let us."""
    if not LINUX:
        return False
    user, group = os.getuid(), os.getgid()
    kinds = NEW_USER | NEW_PROCESSES | NEW_NETWORK | NEW_MESSAGES
    if ctypes.CDLL(None).unshare(kinds):
        return False
    maps = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
    for name, text in maps.items():
        with contextlib.suppress(OSError):  # then it has no name, but its rights are the same
            Path("/proc/self", name).write_text(text)
    return True


def fence(folder: Path) -> bool:
    """Let this process write below `folder` and to /dev/null only; return whether that is so now.

    It may read what it could read.  Where the system can, it makes no connections (TCP), and sends
    signals to its own descendants only.
    """
    if not LINUX:
        return False
    call = ctypes.CDLL(None).syscall
    version = call(CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    files = WRITE_FILE | (TRUNCATE if version >= SINCE["truncate"] else 0)
    handled = files | MAKE_AND_REMOVE | (MOVE if version >= SINCE["move"] else 0)
    network = BIND_AND_CONNECT if version >= SINCE["network"] else 0
    scoped = SOCKETS_AND_SIGNALS if version >= SINCE["signals"] else 0
    attributes = struct.pack("=QQQ", handled, network, scoped)
    rules = call(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return False
    try:
        for place, allowed in ((folder, handled), (Path(os.devnull), files)):
            opened = os.open(place, os.O_PATH | os.O_CLOEXEC)  # type: ignore[attr-defined,unused-ignore]
            try:
                call(ADD_RULE, rules, PATH_BENEATH, struct.pack("=Qi", allowed, opened), 0)
            finally:
                os.close(opened)
        ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return call(RESTRICT_SELF, rules, 0) == 0
    finally:
        os.close(rules)
