"""The default number of threads: the environment, affinity, containers."""

import os
import subprocess
import sys

import pytest

from cnnlite import cpus


def container(tmp_path, membership, files):
    """Lay out what /proc and /sys/fs/cgroup look like inside a container."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(membership)
    for name, text in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return cpus.cgroup_quota(tmp_path / "proc", tmp_path / "cgroup")


@pytest.fixture(autouse=True)
def sixteen_cpus(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 16)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("max 100000", 16), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1),
     ("9900000 100000", 16), ("nonsense", 16), ("1 0", 16), ("", 16)],
)  # fmt: skip
def test_cgroup_v2(tmp_path, limit, expected):
    assert container(tmp_path, "0::/job\n", {"job/cpu.max": limit}) == expected


def test_a_group_above_may_be_the_tighter_one(tmp_path):
    files = {"a/b/cpu.max": "800000 100000", "a/cpu.max": "300000 100000"}
    assert container(tmp_path, "0::/a/b\n", files) == 3


def test_a_path_that_is_not_visible_falls_back_to_the_root(tmp_path):
    assert container(tmp_path, "0::/../elsewhere\n", {"cpu.max": "200000 100000"}) == 2


@pytest.mark.parametrize(("quota", "expected"), [("-1", 16), ("400000", 4)])
def test_cgroup_v1(tmp_path, quota, expected):
    files = {"cpu/docker/cpu.cfs_quota_us": quota, "cpu/docker/cpu.cfs_period_us": "100000"}
    membership = "5:memory:/docker\n4:cpu,cpuacct:/docker\n"
    assert container(tmp_path, membership, files) == expected


def test_without_cgroups_there_is_no_quota(tmp_path):
    assert cpus.cgroup_quota(tmp_path, tmp_path) == 16


def test_the_smaller_of_affinity_and_quota_counts(monkeypatch):
    monkeypatch.delenv("CNNLITE_NUM_THREADS", raising=False)
    monkeypatch.setattr(cpus, "affinity", lambda: 3)
    monkeypatch.setattr(cpus, "cgroup_quota", lambda: 8)
    assert cpus.default_num_threads() == 3
    monkeypatch.setattr(cpus, "cgroup_quota", lambda: 2)
    assert cpus.default_num_threads() == 2


def test_the_environment_wins(monkeypatch):
    monkeypatch.setenv("CNNLITE_NUM_THREADS", "5")
    assert cpus.default_num_threads() == 5


@pytest.mark.parametrize("text", ["0", "-2", "two", "1.5", "\u00b2"])
def test_a_wrong_number_is_refused(monkeypatch, text):
    monkeypatch.setenv("CNNLITE_NUM_THREADS", text)
    with pytest.raises(ValueError, match="CNNLITE_NUM_THREADS is"):
        cpus.default_num_threads()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_affinity_is_respected():
    code = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import cnnlite
print(cnnlite.get_num_threads())
"""
    environment = {k: v for k, v in os.environ.items() if k != "CNNLITE_NUM_THREADS"}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert result.stdout.split() == ["1"], result.stderr
