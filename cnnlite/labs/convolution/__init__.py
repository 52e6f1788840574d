"""A linear map that commutes with shifts has to be a convolution.

It is a circular convolution; as a matrix it is a circulant, which the discrete Fourier transform
makes diagonal (`circulant`).  Layers commute with shifts except at their borders, and up to their
stride (`equivariance`).
"""

from functools import partial

import numpy as np

from cnnlite.labs.convolution import circulant as ct
from cnnlite.labs.convolution import equivariance as eq
from cnnlite.labs.convolution.picture import draw
from cnnlite.labs.lab import Findings, Lab, Settings, Statement, Table, Worst, pixels
from cnnlite.layers import AvgPool2d, MaxPool2d

ROUNDING = 1e-12  # of float64, where numbers are of the order of 1


def theorems(shapes: list[tuple[int, ...]], rng: np.random.Generator, of: str) -> list[Statement]:
    """Check each theorem of `circulant` on a random signal of each shape."""
    matrix = Worst(f"{of}: circulant(k) x = k * x", ROUNDING)
    commute = Worst(f"{of}: circulant(k) S = S circulant(k) for each shift S", ROUNDING)
    diagonal = Worst(f"{of}: F circulant(k) F^H = diag(DFT of k)", ROUNDING)
    every = Worst(f"{of}: a linear map that commutes with shifts is a circulant", ROUNDING)
    for shape in shapes:
        k, x = rng.standard_normal(shape), rng.standard_normal(shape)
        C, F = ct.circulant(k), ct.dft_matrix(shape)
        matrix.add(np.abs(C @ x.ravel() - ct.convolve(k, x).ravel()))
        seen = (ct.seen_shifted(C, shape, steps) for steps in np.ndindex(shape))
        commute.add(max(np.abs(other - C).max() for other in seen))
        diagonal.add(np.abs(F @ C @ F.conj().T - np.diag(np.fft.fftn(k).ravel())))

        T = ct.equivariant_part(rng.standard_normal(C.shape), shape)
        found = ct.impulse_response(lambda d, T=T: (T @ d.ravel()).reshape(d.shape), shape)  # type: ignore[misc]
        every.add(np.abs(T - ct.circulant(found)))
    return [worst.statement for worst in (matrix, commute, diagonal, every)]


def of_layers(x: np.ndarray, cases: int, rng: np.random.Generator) -> list[Statement]:
    """Check what holds for layers: any weights, any shift.

    Args:
        x: images (N, 3, H, W) in float64.
        cases: how many random layers.
        rng: chooses weights, shifts and images.
    """
    kernel = Worst("Conv2d, circular: its response to an impulse is its turned weight", ROUNDING)
    circular = Worst("Conv2d, circular: commutes with each shift", ROUNDING)
    zeros = Worst("Conv2d, zero padding: commutes with shifts away from the border", ROUNDING)
    strided = Worst(
        "Conv2d, circular, stride t: a shift of t pixels is one of the output", ROUNDING
    )
    pooled = Worst("MaxPool2d(t), AvgPool2d(t): the same", ROUNDING)
    for _ in range(cases):
        images = x[rng.integers(len(x), size=2)]
        steps, t = int(rng.integers(1, 9)), int(rng.choice([2, 4]))
        kernel.add(impulse_error(rng))
        circular.add(eq.equivariance_error(eq.conv(rng=rng), images, steps))
        zeros.add(eq.error_away_from_borders(eq.conv(mode="zeros", rng=rng), images, steps, 1))
        strided.add(eq.equivariance_error(eq.conv(t, rng=rng), images, t * steps, t))
        for pool in (MaxPool2d(t), AvgPool2d(t)):
            pooled.add(eq.equivariance_error(pool, images, t * steps, t))
    return [worst.statement for worst in (kernel, circular, zeros, strided, pooled)]


def impulse_error(rng: np.random.Generator) -> float:
    """Return the error with which calling a random layer recovers its weights.

    What networks call convolution is a cross-correlation, y[n] = sum_m w[m] x[n + m - 1] for three
    weights.  So its kernel is k[m] = w[1 - m]: the weights turned around.
    """
    layer = eq.conv(rng=rng)
    weight, bias = layer.params["weight"], layer.params["bias"]
    turned = weight[:, :, ::-1, ::-1]
    error = 0.0
    for channel in range(weight.shape[1]):
        x = np.zeros((1, weight.shape[1], 6, 7))
        x[0, channel, 0, 0] = 1
        k = layer(x)[0] - bias[:, None, None]
        expected = np.zeros_like(k)
        expected[:, :3, :3] = turned[:, channel]
        expected = np.roll(expected, (-1, -1), axis=(1, 2))  # the kernel's centre is the origin
        error = max(error, float(np.abs(k - expected).max()))
    return error


def run(settings: Settings) -> Findings:
    """Check the theorems on random signals, and measure layers on images."""
    rng = settings.rng()
    cases = 300 if settings.full else 100
    rows: list[tuple[int, ...]] = [(int(n),) for n in rng.integers(1, 17, cases)]
    videos = [tuple(map(int, rng.integers(1, 6, rng.choice([2, 3])))) for _ in range(cases)]
    images = settings.images(cases, 0)
    x = pixels(images, np.float64)

    settings.say("circulants")
    statements = theorems(rows, rng, "signal") + theorems(videos, rng, "video")
    settings.say("layers")
    statements += of_layers(x, cases, rng)
    errors = eq.errors_by_shift(x, rng)
    shown = (1, 2, 3, 4, 8)
    table = Table(
        "relative equivariance error by shift, in pixels",
        ("layers", *map(str, shown)),
        [(name, *(f"{by_shift[s]:.1e}" for s in shown)) for name, by_shift in errors.items()],
    )
    setting = f"layers: random weights, the first {cases} training images ({images.name}), float64"
    return Findings(setting, statements, [table], partial(draw, errors), (9, 6.2))


LAB = Lab("convolution", "A linear map that commutes with shifts is a convolution", run)
