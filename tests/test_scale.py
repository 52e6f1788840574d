"""The model of a training on many machines: its arithmetic, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import scale
from benchmarks.scale import MOST, WAYS, Bucket, Exchange, Link, Work, efficiency, images_for

LINK = Link(latency=1e-3, bandwidth=1e6, message=1e-4, byte=0)
BUCKETS = (Bucket(MOST, 0.25), Bucket(MOST, 0.5), Bucket(MOST // 2, 1.0))
WORK = Work("two buckets and a half", BUCKETS, 1e6, 0.01)


@pytest.mark.parametrize(
    ("way", "ranks", "expected"),
    [
        ("direct", 2, Exchange(1, 1, MOST)),
        ("direct", 8, Exchange(2, 14, 2 * 7 / 8 * MOST)),
        ("halving", 8, Exchange(6, 6, 2 * 7 / 8 * MOST)),
        ("ring", 8, Exchange(14, 14, 2 * 7 / 8 * MOST)),
        ("tree", 8, Exchange(6, 6, 6 * MOST)),
    ],
)
def test_what_each_way_sends(way: str, ranks: int, expected: Exchange) -> None:
    assert WAYS[way](MOST, ranks) == expected


def test_a_small_bucket_is_added_up_by_each_rank() -> None:
    assert WAYS["direct"](1000, 8) == Exchange(1, 7, 7000)


def test_a_bucket_travels_as_long_as_its_bytes_or_as_the_processor_needs() -> None:
    assert Exchange(2, 0, 3e6).travels(LINK) == pytest.approx(3)
    assert Exchange(2, 10**5, 3e6).travels(LINK) == pytest.approx(20)
    costly = replace(LINK, byte=1e-6)
    assert Exchange(2, 0, 3e6).travels(costly) == pytest.approx(6)


def test_a_step_hides_what_travels_during_backward() -> None:
    """A bucket takes 1.05 s; backward, 2/3 of the passes, has 4 s, or 2/3 of a second."""
    one, busy = MOST / 1e6, 3 * 2 * 1e-4
    expected = 6 + one / 2 + 1e-3 + busy  # what travels last is ready last
    assert scale.step_seconds(WORK, 600, 2, LINK) == pytest.approx(expected)
    expected = 1 / 3 + 0.25 * 2 / 3 + 2.5 * one + 1e-3 + busy  # all wait for the one before
    assert scale.step_seconds(WORK, 100, 2, LINK) == pytest.approx(expected)
    assert scale.step_seconds(WORK, 100, 1, LINK) == pytest.approx(1)


def test_buckets_are_those_of_the_layers_from_the_last() -> None:
    buckets = scale.measured("airbench 64/256/256", 1, 1e9).buckets
    assert sum(bucket.nbytes for bucket in buckets) == 4 * 1_972_792
    assert all(bucket.nbytes <= 4 * 256 * 256 * 9 for bucket in buckets)
    ready = [bucket.ready for bucket in buckets]
    assert ready == sorted(ready)
    assert ready[-1] == 1


def test_the_fewest_images_of_a_rank_that_reach_an_efficiency() -> None:
    number = images_for(WORK, 0.9, 16, LINK)
    assert efficiency(WORK, number, 16, LINK) >= 0.9 > efficiency(WORK, number - 1, 16, LINK)


@pytest.mark.parametrize("way", WAYS)
def test_more_ranks_and_slower_networks_are_never_better(way: str) -> None:
    shares = [efficiency(WORK, 128, ranks, LINK, way) for ranks in (1, 2, 4, 16, 64, 256)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1
    fast = Link(latency=1e-4, bandwidth=1e7, message=1e-5, byte=0)
    assert efficiency(WORK, 128, 16, fast, way) > shares[3]


def test_steps_between_exchanges_share_their_cost() -> None:
    once, eighth = (scale.step_seconds(WORK, 1, 16, LINK, "ring", n) - 0.01 for n in (1, 8))
    assert once == pytest.approx(8 * eighth)


def test_the_tables_need_no_measurement_with_a_rate() -> None:
    work = scale.measured("ResNet-20", 128, 60e9)
    assert work.nbytes == 1_078_888
    assert work.seconds == pytest.approx(work.flops / 60e9)
    text = scale.report([work], 128, {"1 Gbit/s": Link()}, "direct")
    assert "| ResNet-20 " in text
    assert "256 ranks" in text
