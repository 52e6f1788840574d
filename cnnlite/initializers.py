"""Ways to fill a weight with its first values.

Each fills the array that it is given (float32 or float64), in place, and returns it:

    initializers.normal(layer.params["weight"], std=1e-3, rng=0)

Weights are (out, in) for a linear layer and (out, in / groups, kh, kw) for a convolution, of one
axis without kh.  Their fan_in is the number of inputs that one output sums over, in / groups * kh *
kw; their fan_out is the number of outputs that one input takes part in, out * kh * kw.  The weight
of a transposed convolution is (in, out / groups, kh, kw), and its fans are told in the same way, as
PyTorch does: fan_in is out / groups * kh * kw.  Numbers are drawn in float64 and rounded, so
float32 and float64 layers made with the same seed start from the same weights.
"""

import math

import numpy as np

from cnnlite.checks.arrays import check_array, check_writeable
from cnnlite.checks.numbers import choice, count, number, real
from cnnlite.random import RngLike, init_generator, standard_normal
from cnnlite.whitening import whitening

__all__ = [
    "constant",
    "uniform",
    "normal",
    "xavier_uniform",
    "xavier_normal",
    "kaiming_uniform",
    "kaiming_normal",
    "dirac",
    "whitening",
    "calculate_gain",
    "fans",
]


def constant(array: np.ndarray, value: float) -> np.ndarray:
    """Set every element to `value`."""
    check_writeable("constant", "array", array)
    array[...] = number("constant", "value", value)
    return array


def uniform(
    array: np.ndarray, low: float = 0.0, high: float = 1.0, rng: RngLike = None
) -> np.ndarray:
    """Draw from the uniform distribution on [low, high)."""
    low, high = real("uniform", "low", low), real("uniform", "high", high)
    if not 0 <= high - low < math.inf:
        raise ValueError(f"uniform: low is {low} and high is {high}, expected a range from low up")
    return _uniform("uniform", array, low, high, rng)


def normal(
    array: np.ndarray, mean: float = 0.0, std: float = 1.0, rng: RngLike = None
) -> np.ndarray:
    """Draw from the normal distribution with this mean and standard deviation."""
    mean, std = real("normal", "mean", mean), real("normal", "std", std, 0)
    return _normal("normal", array, mean, std, rng)


def xavier_uniform(array: np.ndarray, gain: float = 1.0, rng: RngLike = None) -> np.ndarray:
    """Draw from U(-b, b), b = gain * sqrt(6 / (fan_in + fan_out)).

    Keeps the variance of activations forwards and of gradients backwards, as far as both can be.

    Source:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
        networks", AISTATS 2010, equation 16.
    """
    bound = math.sqrt(3.0) * _xavier_std("xavier_uniform", array, gain)
    return _uniform("xavier_uniform", array, -bound, bound, rng)


def xavier_normal(array: np.ndarray, gain: float = 1.0, rng: RngLike = None) -> np.ndarray:
    """Draw from N(0, std^2), std = gain * sqrt(2 / (fan_in + fan_out)).

    Source:
        Glorot and Bengio 2010, equation 12.
    """
    std = _xavier_std("xavier_normal", array, gain)
    return _normal("xavier_normal", array, 0.0, std, rng)


def kaiming_uniform(
    array: np.ndarray,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: RngLike = None,
) -> np.ndarray:
    """Draw from U(-b, b), b = gain * sqrt(3 / fan).

    With a = sqrt(5) the bound is 1 / sqrt(fan_in): the default of Conv2d and Linear.

    Args:
        array: the weight.
        a: the slope of leaky ReLU for negative inputs.
        mode: "fan_in" keeps the variance forwards, "fan_out" backwards.
        nonlinearity: what follows the layer; see `calculate_gain`.
        rng: None, an integer or a generator.

    Returns:
        The array.

    Raises:
        ValueError: the array is no weight, or a name is unknown.

    Source:
        He et al., "Delving deep into rectifiers", ICCV 2015, equations 10, 14 and 15.
    """
    bound = math.sqrt(3.0) * _kaiming_std("kaiming_uniform", array, a, mode, nonlinearity)
    return _uniform("kaiming_uniform", array, -bound, bound, rng)


def kaiming_normal(
    array: np.ndarray,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: RngLike = None,
) -> np.ndarray:
    """Draw from N(0, std^2), std = gain / sqrt(fan); arguments as for `kaiming_uniform`.

    Source:
        He et al. 2015, equations 10, 14 and 15.
    """
    std = _kaiming_std("kaiming_normal", array, a, mode, nonlinearity)
    return _normal("kaiming_normal", array, 0.0, std, rng)


def dirac(array: np.ndarray, groups: int = 1) -> np.ndarray:
    """Make a convolution pass its input channels on: ones at the kernel's centre, else zeros.

    Output channel i of each group gets input channel i of that group, as far as there are any.

    Args:
        array: weight of a convolution, (out, in / groups, kh, kw) or (out, in / groups, k).
        groups: the number of groups of the convolution.

    Returns:
        The array.

    Raises:
        ValueError: the array does not have three or four axes, or out is not a multiple of groups.

    Source:
        Zagoruyko and Komodakis, "DiracNets", 2017, section 3.
    """
    check_writeable("dirac", "array", array)
    groups = count("dirac", "groups", groups)
    if array.ndim not in (3, 4):
        raise ValueError(
            f"dirac: array has shape {array.shape}, expected (out, in, kh, kw) or (out, in, k)"
        )
    if array.shape[0] % groups:
        raise ValueError(
            f"dirac: groups is {groups}, expected a divisor of the {array.shape[0]} output "
            f"channels (array {array.shape})"
        )
    centre = tuple(size // 2 for size in array.shape[2:])
    array[...] = 0
    for group in np.split(array, groups):  # views
        np.fill_diagonal(group[:, :, *centre], 1)
    return array


def calculate_gain(nonlinearity: str, param: float = 0.01) -> float:
    """Return the factor for weights with which a nonlinearity keeps the variance.

    Args:
        nonlinearity: "linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu" or "selu".
        param: the negative slope of leaky ReLU.

    Returns:
        The gain, as PyTorch's function of this name gives it.

    Raises:
        ValueError: the name is unknown.
    """
    return _gain("calculate_gain", nonlinearity, "param", param)


def fans(array: np.ndarray) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight with two or more axes.

    Raises:
        ValueError: the array has fewer than two axes, or no elements.
    """
    return _fans("fans", array)


def _fans(name: str, array: np.ndarray) -> tuple[int, int]:
    check_array(name, "array", array)
    if array.ndim < 2 or array.size == 0:
        raise ValueError(
            f"{name}: array has shape {array.shape}, expected two or more axes, none 0"
        )
    window = math.prod(array.shape[2:])
    return array.shape[1] * window, array.shape[0] * window


def _uniform(name: str, array: np.ndarray, low: float, high: float, rng: RngLike) -> np.ndarray:
    check_writeable(name, "array", array)
    array[...] = init_generator(rng, name).uniform(low, high, array.shape)
    return array


def _normal(name: str, array: np.ndarray, mean: float, std: float, rng: RngLike) -> np.ndarray:
    check_writeable(name, "array", array)
    array[...] = mean + std * standard_normal(init_generator(rng, name), array.shape)
    return array


def _xavier_std(name: str, array: np.ndarray, gain: float) -> float:
    return real(name, "gain", gain, 0) * math.sqrt(2.0 / sum(_fans(name, array)))


def _kaiming_std(name: str, array: np.ndarray, a: float, mode: str, nonlinearity: str) -> float:
    choice(name, "mode", mode, ("fan_in", "fan_out"))
    fan = _fans(name, array)[mode == "fan_out"]
    return _gain(name, nonlinearity, "a", a) / math.sqrt(fan)


def _gain(name: str, nonlinearity: str, argument: str, param: float) -> float:
    """Return the gain; `argument` is what the caller's function calls the slope."""
    param = real(name, argument, param)
    gains = {
        "linear": 1.0,
        "conv2d": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2.0),
        "leaky_relu": math.sqrt(2.0 / (1.0 + param**2)),
        "selu": 3 / 4,
    }
    gain: float = gains[choice(name, "nonlinearity", nonlinearity, gains)]
    return gain
