"""Who trains trials: processes of this machine by joblib, or a cluster of Dask's or Ray's.

These libraries start processes, send them jobs of a few hundred bytes, and bring back what
`train_trial` returns.  Arrays do not travel: processes of this machine map what has been loaded
here, those of a cluster load for themselves, and run folders are on a disk that all see.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cnnlite.cli.config import ConfigError
from cnnlite.installed import is_installed
from cnnlite.report.sweep import Trial
from cnnlite.sweep.trial import Job, train_trial

__all__ = ["BACKENDS", "Workers", "check", "connected"]

PACKAGES = {"loky": "joblib", "dask": "distributed", "ray": "ray"}
BACKENDS = tuple(PACKAGES)
PATIENCE = 5.0
"""Seconds that a cluster has to answer."""

IDLE = 60.0
"""Seconds after which a process without work ends."""

Result = tuple[Job, "Trial | str"]
"""What has come of a job, or why its process ended without a word."""


class Workers(NamedTuple):
    """Processes that train trials.

    Attributes:
        what: they are, for people.
        at_once: trials that are trained at the same time.
        train: trains jobs, and gives what came of each as it comes; on this machine, each with the
            data set that the function gives for it.
        parent: the process whose end they notice; None on other machines.
    """

    what: str
    at_once: int
    train: Callable[[Sequence[Job], Callable[[Job], Any]], Iterator[Result]]
    parent: int | None = None


def check(backend: str, address: str | None) -> None:
    """Find out whether there can be workers, before anything else is done.

    Raises:
        ConfigError: there is no such backend, its package is not installed, or it has no address.
    """
    from cnnlite.terminal import did_you_mean

    if backend not in BACKENDS:
        raise ConfigError(f"--backend cannot be {backend!r}{did_you_mean(backend, BACKENDS)}")
    if not is_installed(PACKAGES[backend]):
        extra = "sweep" if backend == "loky" else backend
        raise ConfigError(
            f"--backend {backend} needs {PACKAGES[backend]}: pip install 'cnnlite[{extra}]'"
        )
    if address is not None and backend == "loky":
        raise ConfigError("--address is that of a cluster, and needs --backend dask or ray")


@contextlib.contextmanager
def connected(backend: str, address: str | None, count: int, threads: int) -> Iterator[Workers]:
    """Start workers of this machine, or meet those of a cluster.

    Args:
        backend: one of BACKENDS.
        address: of a cluster; None starts workers here.
        count: of those that are started here.
        threads: that each trial may use.

    Raises:
        ConfigError: nobody answers at the address.
    """
    if backend == "dask":
        with _dask(address, count) as workers:
            yield workers
    elif backend == "ray":
        with _ray(address, count, threads) as workers:
            yield workers
    else:
        yield _loky(count, threads)


def _loky(count: int, threads: int) -> Workers:
    def train(jobs: Sequence[Job], data: Callable[[Job], Any]) -> Iterator[Result]:
        from joblib.externals.loky.process_executor import BrokenProcessPool

        left = {job.number: job for job in jobs}
        try:
            for trial in _parallel(list(left.values()), data, count, threads):
                yield left.pop(trial.number), trial
        except BrokenProcessPool:
            # One that was being trained is to blame: alone, each shows whether it is the one.
            for job in [job for job in left.values() if _begun(job)]:
                try:
                    (trial,) = _parallel([job], data, max(2, count), threads)
                    yield left.pop(job.number), trial
                except BrokenProcessPool as error:
                    del left[job.number]
                    yield job, f"its process ended without a word: {str(error).split('.')[0]}"
            if left:
                yield from train(list(left.values()), data)

    return Workers("processes of joblib", count, train, os.getpid())


def _parallel(
    jobs: Sequence[Job], data: Callable[[Job], Any], count: int, threads: int
) -> Iterator[Trial]:
    """Train jobs in processes, or in this one where one is enough."""
    from joblib import Parallel, delayed, parallel_config

    options = {"inner_max_num_threads": threads, "idle_worker_timeout": IDLE} if count > 1 else {}
    with parallel_config("loky", **options):
        parallel = Parallel(n_jobs=count, batch_size=1, return_as="generator_unordered")
        yield from parallel(delayed(_train_here)(job, data(job)) for job in jobs)


def _train_here(job: Job, data: Any) -> Trial:
    """Train a trial in a process of this machine, which ends when the sweep's has."""
    alone = os.getpid() == job.parent
    for name in () if alone else ("SIGINT", "SIGHUP"):  # the sweep's process tells when to end
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    trial = train_trial(job, data)
    if not alone and os.getppid() != job.parent:
        os._exit(1)  # nobody is left to be told, and joblib would wait for minutes
    return trial


def _begun(job: Job) -> bool:
    """Whether a process of this session has had a trial in hand."""
    import json
    from pathlib import Path

    from cnnlite.report.sweep import TRIAL, trial_folder

    try:
        file = trial_folder(Path(job.folder), job.number) / TRIAL
        found: Mapping[str, Any] = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return False
    return (found.get("state"), found.get("session")) == ("running", job.session)


@contextlib.contextmanager
def _dask(address: str | None, count: int) -> Iterator[Workers]:
    from distributed import Client, KilledWorker, LocalCluster, as_completed

    with contextlib.ExitStack() as stack:
        if address is None:
            cluster = LocalCluster(
                n_workers=count, threads_per_worker=1, dashboard_address=None, silence_logs=50
            )
            stack.enter_context(cluster)
            client = stack.enter_context(Client(cluster))
        else:
            _knock(address, "dask")
            try:
                client = stack.enter_context(Client(address, timeout=PATIENCE))
            except (OSError, ValueError) as error:
                raise ConfigError(f"--address {address}: no scheduler of Dask's: {error}") from None
            count = sum(client.nthreads().values())
            if not count:
                raise ConfigError(f"--address {address}: the cluster has no workers yet")

        def train(jobs: Sequence[Job], data: Callable[[Job], Any]) -> Iterator[Result]:
            futures = {client.submit(train_trial, job, pure=False): job for job in jobs}
            for future in as_completed(list(futures)):
                try:
                    result: Trial | str = future.result()
                except KilledWorker as error:
                    result = f"its process ended without a word: {error}"
                yield futures[future], result

        yield Workers("workers of Dask", count, train)


@contextlib.contextmanager
def _ray(address: str | None, count: int, threads: int) -> Iterator[Workers]:
    import ray
    from ray.exceptions import RayTaskError, WorkerCrashedError

    if address is not None:
        _knock(address, "ray")
    started = not ray.is_initialized()
    if started:
        quiet = {"logging_level": "error", "log_to_driver": False, "configure_logging": False}
        here = {"include_dashboard": False, "num_cpus": count * threads}
        try:
            ray.init(address=address or "local", **quiet, **({} if address else here))
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise ConfigError(f"--address {address}: no cluster of Ray's: {error}") from None
    try:
        if address is not None:
            count = max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)
        remote: Any = ray.remote(num_cpus=threads, max_retries=0)(train_trial)

        def train(jobs: Sequence[Job], data: Callable[[Job], Any]) -> Iterator[Result]:
            left = {remote.remote(job): job for job in jobs}
            while left:
                (first,), _ = ray.wait(list(left), num_returns=1)
                job = left.pop(first)
                try:
                    yield job, ray.get(first)
                except WorkerCrashedError as error:
                    yield job, f"its process ended without a word: {str(error).splitlines()[0]}"
                except RayTaskError as error:
                    raise (error.cause if isinstance(error.cause, Exception) else error) from None

        yield Workers("workers of Ray", count, train)
    finally:
        if started:
            ray.shutdown()


def _knock(address: str, backend: str) -> None:
    """Raise ConfigError unless somebody answers at an address, as HOST:PORT."""
    if backend == "ray" and address == "auto":
        return
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise ConfigError(f"--address {address}: expected HOST:PORT")
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"--address {address} does not answer: {reason}") from None
