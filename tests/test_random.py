"""Random numbers depend on their place, and on nothing else."""

import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

from cnnlite.random import Rng, as_rng, init_generator, manual_seed


def draw(rng: Rng) -> float:
    return float(rng.generator().random())


def test_the_same_place_gives_the_same_numbers() -> None:
    place = Rng(3, step=5).child("0").child("body")
    assert place == Rng(3, 5, "0.body")
    first = place.generator().random(1000)
    Rng(4).generator().random(7)
    np.testing.assert_array_equal(place.generator().random(1000), first)


def test_every_part_of_the_place_counts() -> None:
    places = [Rng(0), Rng(1), Rng(-1), Rng(0, 1), Rng(1, 1), Rng(0, 0, "a"), Rng(0, 0, "b")]
    assert len({draw(place) for place in places}) == len(places)


def test_numbers_do_not_change_between_versions() -> None:
    """A run that was checkpointed last year must continue to the same bits."""
    expected = [1161211541, 1018174972, 975225256, 749231860]
    np.testing.assert_array_equal(Rng(1, 2, "3.body").generator().integers(2**32, size=4), expected)


def test_rng_is_immutable_hashable_and_survives_pickling() -> None:
    place = Rng(1, 2, "x")
    with pytest.raises(AttributeError):
        place.seed = 2  # type: ignore[misc]
    assert {place: 1}[pickle.loads(pickle.dumps(place))] == 1


def test_large_seeds_are_fine() -> None:
    assert draw(Rng(2**200)) != draw(Rng(2**200 + 1))


def test_as_rng_of_each_kind() -> None:
    place = Rng(1, 2, "x")
    assert as_rng(place) is place
    assert as_rng(7) == Rng(7)
    assert as_rng(np.int64(7)) == Rng(7)
    generator = np.random.default_rng(0)
    first, second = as_rng(generator), as_rng(generator)
    assert first != second
    assert as_rng(np.random.default_rng(0)) == first


def test_manual_seed_starts_the_common_stream_again() -> None:
    manual_seed(11)
    first = [as_rng(None) for _ in range(3)]
    assert first == [Rng(11, 0), Rng(11, 1), Rng(11, 2)]
    manual_seed(11)
    assert [as_rng(None) for _ in range(3)] == first


def test_threads_never_get_the_same_step() -> None:
    manual_seed(0)
    got: list[Rng] = []
    workers = [
        threading.Thread(target=lambda: got.extend(as_rng(None) for _ in range(500)))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(set(got)) == 2000


def test_init_generator_uses_a_generator_as_it_is() -> None:
    generator = np.random.default_rng(0)
    assert init_generator(generator) is generator
    assert init_generator(5).random() == init_generator(5).random()
    assert init_generator(5).random() != draw(as_rng(5))


@pytest.mark.parametrize("wrong", ["0", 1.0, True, [1], np.random.RandomState(0)])
def test_what_is_no_rng_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"rng is .*, expected None, an integer, a Generator or"):
        as_rng(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"manual_seed: seed is .*, expected an integer"):
        manual_seed(wrong)  # type: ignore[arg-type]


def test_importing_and_drawing_touch_no_global_random_state() -> None:
    code = (
        "import random, numpy as np\n"
        "np.random.seed(1); random.seed(1)\n"
        "before = str(np.random.get_state()), random.getstate()\n"
        "import cnnlite.random as r\n"
        "r.manual_seed(3); r.as_rng(None).generator().random(10)\n"
        "assert before == (str(np.random.get_state()), random.getstate())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
