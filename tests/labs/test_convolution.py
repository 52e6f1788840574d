"""The lab on convolution: its theorems over random cases, and that not every map obeys them."""

from typing import Any

import numpy as np
import pytest

from cnnlite.labs import Settings, convolution
from cnnlite.labs.convolution import circulant as ct
from cnnlite.labs.convolution import equivariance as eq
from cnnlite.layers import AvgPool2d, MaxPool2d

pytestmark = pytest.mark.usefixtures("one_thread")


def random_shapes(rng: np.random.Generator, cases: int) -> list[tuple[int, ...]]:
    return [tuple(map(int, rng.integers(1, 6, rng.integers(1, 4)))) for _ in range(cases)]


def test_a_circulant_of_three_numbers() -> None:
    expected = [[1, 3, 2], [2, 1, 3], [3, 2, 1]]
    np.testing.assert_array_equal(ct.circulant(np.array([1, 2, 3])), expected)


def test_a_videos_circulant_has_its_frames_circulants_as_blocks() -> None:
    k = np.array([[1, 2], [3, 4]])
    expected = [[1, 2, 3, 4], [2, 1, 4, 3], [3, 4, 1, 2], [4, 3, 2, 1]]
    np.testing.assert_array_equal(ct.circulant(k), expected)
    longer = np.arange(6).reshape(2, 3)
    assert not np.array_equal(ct.circulant(longer), ct.circulant(longer.ravel()))


def test_theorems_hold_over_random_shapes_of_one_to_three_axes(rng: np.random.Generator) -> None:
    statements = convolution.theorems(random_shapes(rng, 60), rng, "signal")
    assert len(statements) == 4
    for statement in statements:
        assert statement.cases == 60
        assert statement.holds, statement


def test_convolution_is_a_product_of_transforms(rng: np.random.Generator) -> None:
    """The definition against NumPy's transform, which knows nothing of our matrices."""
    for shape in random_shapes(rng, 30):
        k, x = rng.standard_normal((2, *shape))
        fast = np.fft.ifftn(np.fft.fftn(k) * np.fft.fftn(x))
        np.testing.assert_allclose(ct.convolve(k, x), fast.real, atol=1e-12)


def test_the_transforms_matrix_is_unitary_and_numpys(rng: np.random.Generator) -> None:
    for shape in random_shapes(rng, 30):
        F, x = ct.dft_matrix(shape), rng.standard_normal(shape)
        np.testing.assert_allclose(F @ F.conj().T, np.eye(x.size), atol=1e-12)
        np.testing.assert_allclose(F @ x.ravel(), np.fft.fftn(x, norm="ortho").ravel(), atol=1e-12)


def test_a_map_seen_shifted_is_what_the_shifts_matrices_make_of_it(
    rng: np.random.Generator,
) -> None:
    for shape in random_shapes(rng, 30):
        size = int(np.prod(shape))
        steps = tuple(int(rng.integers(0, length)) for length in shape)
        A, identity = rng.standard_normal((size, size)), np.eye(size)
        S = np.stack([ct.shift(e.reshape(shape), steps).ravel() for e in identity], axis=1)
        np.testing.assert_allclose(ct.seen_shifted(A, shape, steps), S @ A @ S.T, atol=1e-12)
        C = ct.circulant(rng.standard_normal(shape))
        np.testing.assert_allclose(C @ S, S @ C, atol=1e-12)


def test_a_map_that_does_not_commute_with_shifts_is_no_circulant(rng: np.random.Generator) -> None:
    """The theorem would be empty if the check passed for every linear map."""
    for n in range(2, 12):
        A = rng.standard_normal((n, n))
        found = ct.impulse_response(lambda x, A=A: A @ x, (n,))
        assert np.abs(A - ct.circulant(found)).max() > 0.1


def test_the_mean_over_shifts_is_a_projection(rng: np.random.Generator) -> None:
    """What commutes stays as it is, so that the means reach all equivariant maps."""
    for shape in random_shapes(rng, 30):
        C = ct.circulant(rng.standard_normal(shape))
        np.testing.assert_allclose(ct.equivariant_part(C, shape), C, atol=1e-12)


def test_a_map_that_commutes_but_is_not_linear_is_no_convolution(rng: np.random.Generator) -> None:
    x = rng.standard_normal(9)
    k = ct.impulse_response(np.tanh, (9,))
    np.testing.assert_array_equal(np.tanh(np.roll(x, 3)), np.roll(np.tanh(x), 3))
    assert np.abs(np.tanh(x) - ct.convolve(k, x)).max() > 0.1


def test_layers_hold_what_is_stated(rng: np.random.Generator) -> None:
    x = rng.standard_normal((8, 3, 32, 32))
    for statement in convolution.of_layers(x, 20, rng):
        assert statement.cases >= 20
        assert statement.holds, statement


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(
    ("layer", "stride"),
    [
        (lambda rng: eq.conv(2, rng=rng), 2),
        (lambda _: AvgPool2d(2), 2),
        (lambda _: MaxPool2d(2), 2),
    ],
)
def test_subsampling_commutes_with_no_odd_shift(
    rng: np.random.Generator, layer: Any, stride: int, steps: int
) -> None:
    x = rng.standard_normal((4, 3, 16, 16))
    assert eq.equivariance_error(layer(rng), x, steps, stride) > 0.1


def test_zero_padding_breaks_it_at_the_border_and_only_there(rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 3, 16, 16))
    layer = eq.conv(mode="zeros", rng=rng)
    assert eq.equivariance_error(layer, x, 3) > 0.1
    assert eq.error_away_from_borders(layer, x, 3, reach=1) < 1e-12
    assert eq.error_away_from_borders(layer, x, 3, reach=0) > 1e-3


def test_a_run_holds_and_measures_every_layer() -> None:
    findings = convolution.run(Settings(seed=3))
    assert not findings.failed
    assert len(findings.statements) == 13
    (table,) = findings.tables
    by_name = {row[0]: [float(cell) for cell in row[1:]] for row in table.rows}
    assert max(by_name["Conv2d, circular"]) < 1e-12
    assert min(by_name["Conv2d, zero padding"]) > 0.05
