"""The comparison with other frameworks: its options, who takes part, and what its tables say."""

import sys

import pytest

from benchmarks import report, versus
from benchmarks.networks import NETWORKS
from benchmarks.turns import Measured
from benchmarks.versus import read_arguments, sides_of

STEP = {"cnnlite": 0.010, "recompute": 0.008, "im2col": 0.2, "NCHW": 0.05, "NHWC": 0.04,
        "compiled": 0.03, "bf16 NCHW": 0.02, "bf16 NHWC": 0.016, "sgemm": 0.1}  # fmt: skip
MEMORY = {"cnnlite": 60, "recompute": 40, "NCHW": 100, "NHWC": 120}
PREDICT = {"cnnlite": 1e-3, "im2col": 2e-3, "NCHW": 4e-3, "NHWC": 3e-3, "compiled": 5e-3,
           "onnxruntime": 1.5e-3, "openvino": 2e-3}  # fmt: skip


def results() -> list[Measured]:
    """Two networks; the second one is twice as slow in cnnlite, and has other sides that failed."""
    first, second = list(NETWORKS)[:2]
    some = {name: STEP[name] for name in ("cnnlite", "NCHW", "sgemm")}
    return [
        Measured(first, 2, STEP, {1: PREDICT}, MEMORY, {"float64": 1e-12}, {"openvino": 1e-6}),
        Measured(second, 2, {**some, "cnnlite": 0.02}, {1: {**PREDICT, "cnnlite": 2e-3}}),
    ]


def cells(table: str) -> dict[str, dict[str, str]]:
    """The cells of a table by the names of row and column."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]]
             for line in table.splitlines() if line.startswith("| ")]  # fmt: skip
    header, *rows = lines
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


def test_the_table_of_training_has_ratios_means_and_memory() -> None:
    first, second = list(NETWORKS)[:2]
    found = cells(report.training(results()))
    assert found[first]["compiled"] == "30.00*"
    assert found[first]["ratio"] == "3.00"
    assert found[first]["to bf16"] == "2.00"  # of recompute, which is faster
    assert (found[first]["share"], found[first]["share, recompute"]) == ("60%", "40%")
    assert found[first]["time, recompute"] == "0.80"
    missing = ("NHWC", "bf16", "to bf16", "share", "share, recompute", "time, recompute")
    assert {found[second][name] for name in missing} == {"n/a"}
    assert found["geometric mean"]["ratio"] == "2.74"  # of 3 and 2.5
    assert found["smallest"]["ratio"] == "2.50"
    assert found["smallest"]["to bf16"] == "2.00"
    assert found["mean"]["share, recompute"] == "40%"


def test_the_table_of_inference_is_relative_to_the_fastest_of_all() -> None:
    first, second = list(NETWORKS)[:2]
    found = cells(report.inference(results(), 1))
    assert found[first]["onnxruntime"] == "1.50*"
    assert (found[first]["ratio"], found[second]["ratio"]) == ("1.50", "0.75")
    assert (found["geometric mean"]["ratio"], found["smallest"]["ratio"]) == ("1.06", "0.75")


def test_tables_without_any_other_framework_say_so() -> None:
    (first, _) = results()
    first.step = {name: STEP[name] for name in ("cnnlite", "sgemm")}
    first.predict[1] = {"cnnlite": 1e-3}
    assert cells(report.training([first]))["geometric mean"]["ratio"] == "n/a"
    assert cells(report.inference([first], 1))["smallest"]["ratio"] == "n/a"


def test_threads_and_agreement_have_tables() -> None:
    one, _ = results()
    four = Measured(one.network, 4, {**STEP, "cnnlite": 0.005, "compiled": 0.02})
    found = cells(report.scaling([one, four]))[one.network]
    assert (found["cnnlite, 4 threads"], found["PyTorch, 4 threads"]) == ("2.00", "1.50")
    assert cells(report.agreement([one, four]))[one.network]["scores, openvino"] == "1.0e-06"


def test_quick_keeps_the_networks_and_threads_that_are_given() -> None:
    """It ignored --networks, and --threads and --seconds."""
    quick = read_arguments(["--quick"])
    assert (quick.networks, quick.threads, quick.seconds) == (["vanilla CNN", "VGG"], [2], 1)
    words = ["--quick", "--networks", "ResNet-20", "--threads", "1", "4", "--seconds", "2.5"]
    given = read_arguments(words)
    assert (given.networks, given.threads, given.seconds) == (["ResNet-20"], [1, 4], 2.5)
    whole = read_arguments([])
    assert (whole.networks, whole.threads, whole.seconds) == (list(NETWORKS), [1, 2, 4], 5)


def test_who_takes_part_depends_on_the_options() -> None:
    def names(*words: str) -> set[str]:
        return set(sides_of(read_arguments(list(words)))[0]) - {"openvino", "onnxruntime"}

    everybody = names()
    assert {"recompute", "compiled", "bf16 compiled"} < everybody
    assert everybody - names("--no-compile") == {"compiled", "bf16 compiled"}
    bfloat16 = {name for name in everybody if name.startswith(("bf16", "bfloat16"))}
    assert names("--isa", "avx2") == everybody - bfloat16
    assert names("--quick") == everybody - bfloat16 - {"compiled", "recompute"}
    assert names("--only", "predictions") == {"cnnlite", "im2col", "NCHW", "NHWC", "compiled"}
    assert names("--only", "steps") == everybody
    _, left_out = sides_of(read_arguments(["--isa", "avx2"]))
    assert "onnxruntime" in " ".join(left_out)


@pytest.mark.parametrize("done", [0, 1, 3])
def test_ctrl_c_prints_what_was_measured(
    done: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], torch: object
) -> None:
    """A run that was stopped after ten minutes had measured nothing."""
    first, second = list(NETWORKS)[:2]
    taken: list[Measured] = []

    def measure(network: str, threads: int, *_: object) -> Measured:
        if len(taken) == done:
            raise KeyboardInterrupt
        predict = {1: PREDICT, 128: PREDICT}
        agreed = {"float64": 1e-12}, {"openvino": 1e-6}
        taken.append(Measured(network, threads, STEP, predict, MEMORY, *agreed))
        return taken[-1]

    monkeypatch.setattr(versus, "measure", measure)
    words = ["versus", "--quick", "--threads", "1", "2", "--networks", first, second]
    monkeypatch.setattr(sys, "argv", words)
    assert versus.main() == 130
    tables = capsys.readouterr().out
    assert len(taken) == done
    for threads, networks in ((1, [first, second][:done]), (2, [first][: done - 2])):
        _, there, text = tables.partition(f"## {threads} thread")
        assert bool(there) == bool(networks)
        for network in networks:
            assert f"| {network} " in text.partition("## ")[0]
    assert ("## Threads" in tables) == (done > 2)


@pytest.mark.parametrize(("only", "there", "missing"), [
    ("steps", "ms a training step", "ms for an image"),
    ("predictions", "ms for an image", "ms a training step"),
])  # fmt: skip
def test_one_half_alone_has_its_own_tables(
    only: str, there: str, missing: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], torch: object,
) -> None:  # fmt: skip
    def measure(network: str, threads: int, *given: object) -> Measured:
        assert given[-1] == only
        if only == "steps":
            return Measured(network, threads, STEP, {}, MEMORY, {"float64": 1e-12})
        predict = {1: PREDICT, 128: PREDICT}
        return Measured(network, threads, {}, predict, MEMORY, {}, {"openvino": 1e-6})

    monkeypatch.setattr(versus, "measure", measure)
    words = ["versus", "--threads", "1", "2", "--networks", "VGG", "--only", only]
    monkeypatch.setattr(sys, "argv", words)
    assert versus.main() == 0
    tables = capsys.readouterr().out
    assert tables.count(there) == 2
    assert missing not in tables
    assert ("## Threads" in tables) == (only == "steps")
