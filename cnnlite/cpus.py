"""How many CPUs this process may use: what the user says, affinity, containers."""

import math
import os
from pathlib import Path

from cnnlite.environment import MOST_THREADS, NUM_THREADS

__all__ = ["default_num_threads"]


def default_num_threads() -> int:
    """Return CNNLITE_NUM_THREADS, or else the number of CPUs that this process may use.

    Raises:
        ValueError: CNNLITE_NUM_THREADS is not a whole number from 1 to MOST_THREADS.
    """
    asked = NUM_THREADS.value()
    return asked or max(1, min(affinity(), cgroup_quota(), MOST_THREADS))


def affinity() -> int:
    """Return the number of CPUs that the scheduler may put this process on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cgroup_quota(proc: Path = Path("/proc"), mount: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the CPUs' worth of time that a container may use, rounded up; all if unlimited.

    Source: Linux kernel documentation, cgroup-v2 "cpu.max" and cgroup-v1 "cpu.cfs_quota_us".
    """
    quotas = [os.cpu_count() or 1]
    try:
        memberships = (proc / "self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        memberships = []
    for line in memberships:
        _, controllers, group = line.split(":", 2)
        if not controllers:
            root = mount
        elif "cpu" in controllers.split(","):
            root = mount / "cpu"
        else:
            continue
        # A limit on any group above counts too; inside a container the path may not be visible.
        folder = root / group.lstrip("/")
        for parent in (folder, *folder.parents):
            if parent.is_relative_to(root):
                quotas += _quota(parent)
    return min(quotas)


def _quota(group: Path) -> list[int]:
    """Return the limit that one group's files state, if any."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text().strip()
            period = (group / "cpu.cfs_period_us").read_text().strip()
        if quota == "max" or int(quota) <= 0:
            return []
        return [max(1, math.ceil(int(quota) / int(period)))]
    except (OSError, ValueError, ZeroDivisionError):
        return []  # no such file, or a format from the future: no limit that we know of
