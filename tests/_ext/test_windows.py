"""Windows of any kind, for inference: the twin's results, and nothing outside of arrays."""

import numpy as np
import pytest

from cnnlite import _ext, reference
from tests.test_backend import WINDOWS, sizes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("window", [w for w in WINDOWS if 0 not in w[0]], ids=str)
def test_results_agree_with_the_twin(window: tuple, dtype: type, rng: np.random.Generator) -> None:
    (n, c, *size), *settings = window
    x = rng.standard_normal((n, c, *size)).astype(dtype)
    x[rng.random(x.shape) < 0.02] = np.nan
    for mean, counted in ((False, False), (True, False), (True, True)):
        if mean and settings[3] != (1, 1):
            continue
        for more in (c, c + 3):
            shape = (n, more, *sizes(*window))
            theirs, ours = (np.full(shape, 77, dtype) for _ in range(2))
            reference.windows_forward(x, theirs, *settings, mean, counted)
            _ext.windows_forward(x, ours, *settings, mean, counted)
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_a_mean_of_a_whole_plane_and_every_second_pixel(rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 3, 37, 41)).astype(np.float32)
    for window, mean, size in (
        (((37, 41), (1, 1), (0, 0, 0, 0), (1, 1)), True, (1, 1)),
        (((1, 1), (2, 2), (0, 0, 0, 0), (1, 1)), False, (19, 21)),
        (((1, 1), (3, 2), (0, 0, 0, 0), (1, 1)), False, (13, 21)),
    ):
        theirs, ours = (np.full((2, 5, *size), 77, np.float32) for _ in range(2))
        reference.windows_forward(x, theirs, *window, mean, False)
        _ext.windows_forward(x, ours, *window, mean, False)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "settings", "mean"),
    [
        ((2, 2, 4, 4), ((2, 2), (2, 2), (0, 0, 0, 0), (1, 1)), False),  # fewer channels than x
        ((2, 3, 9, 4), ((1, 1), (1, 1), (0, 0, 0, 0), (1, 1)), False),  # a row too many
        ((2, 3, 4, 4), ((2, 2), (0, 2), (0, 0, 0, 0), (1, 1)), False),
        ((2, 3, 4, 4), ((2, 0), (2, 2), (0, 0, 0, 0), (1, 1)), False),
        ((2, 3, 4, 4), ((2, 2), (2, 2), (-1, 0, 0, 0), (1, 1)), False),
        ((2, 3, 4, 4), ((2, 2), (2, 2), (0, 0, 0, 0), (2, 2)), True),
        ((1, 3, 4, 4), ((2, 2), (2, 2), (0, 0, 0, 0), (1, 1)), False),
    ],
)
def test_what_does_not_fit_is_refused(shape: tuple, settings: tuple, mean: bool) -> None:
    x = np.zeros((2, 3, 8, 8), np.float32)
    with pytest.raises(ValueError, match="windows_forward"):
        _ext.windows_forward(x, np.zeros(shape, np.float32), *settings, mean, False)
