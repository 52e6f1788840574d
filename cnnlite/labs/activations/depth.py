"""What happens to gradients on their way back through many layers."""

from typing import NamedTuple

import numpy as np

from cnnlite.functional import linear_backward, linear_forward
from cnnlite.labs.activations.theory import slope
from cnnlite.layers import Layer

EXAMPLES = 64  # in the batch


class Flow(NamedTuple):
    """What was measured in a network, from its first layer to its last."""

    gradient: np.ndarray  # (depth + 1,): the gradient's norm before each layer, and after the last
    activity: np.ndarray  # (depth,): the mean of each layer's output
    factor: np.ndarray  # (depth,): what each layer multiplies the gradient's mean square by
    predicted: np.ndarray  # (depth,): gain^2 times the mean of g'(z)^2 in it
    excess: np.ndarray  # (depth,): the factor of the norm by g alone, less the steepest slope


def flow(
    g: Layer, steepest: float, depth: int, width: int, gain: float, rng: np.random.Generator
) -> Flow:
    """Send random inputs forward through a random network, and a random gradient back.

    A layer is a -> g(W a), its weights drawn with standard deviation gain/sqrt(width).  Two
    statements:

    - Going back through g the gradient becomes g'(z) dy, so its norm is multiplied by at most the
      steepest slope: 1/4 for the sigmoid, 1 for the others.  W multiplies it by at most its own
      norm, so the layer by at most |W| max g'.
    - In a wide network the layer as a whole multiplies the gradient's mean square by
      gain^2 E g'(z)^2: the gradient's elements are sums of many terms, almost independent of z.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", 2010; Schoenholz et al., "Deep information propagation", 2017.

    Args:
        g: the activation.
        steepest: its largest slope.
        depth, width: number of layers, and of units in each.
        gain: scale of the weights.
        rng: source of weights, inputs and gradient.
    """
    a = rng.standard_normal((EXAMPLES, width))
    layers, activity = [], []
    for _ in range(depth):
        W = rng.standard_normal((width, width)) * (gain / np.sqrt(width))
        z, cache = linear_forward(a, W)
        a = g(z)
        layers.append((cache, slope(g, z)))
        activity.append(a.mean())
    dy: np.ndarray = rng.standard_normal(a.shape)
    gradient, predicted, excess = [np.linalg.norm(dy)], [], []
    for cache, slopes in reversed(layers):
        dz = slopes * dy
        excess.append(np.linalg.norm(dz) / np.linalg.norm(dy) - steepest)
        dx, *_ = linear_backward(dz, cache)
        assert dx is not None
        dy = dx
        gradient.append(np.linalg.norm(dy))
        predicted.append(gain**2 * np.mean(slopes**2))
    norms, factors, excesses = (np.array(a[::-1]) for a in (gradient, predicted, excess))
    return Flow(norms, np.array(activity), (norms[:-1] / norms[1:]) ** 2, factors, excesses)
