"""A homework that went wrong in every usual way: layers and losses for `cnnlite gradcheck`.

`RightAffine`, `RightReLU` and `RightLoss` are right; each of the others has one mistake, which its
name says. They are written as a student writes them, without cnnlite.
"""

import sys

import numpy as np


class RightAffine:
    """y = x @ weight.T + bias; 3 inputs, 4 outputs, or as many as asked for."""

    def __init__(self, inputs=3, outputs=4):
        rng = np.random.default_rng(5)
        weight, bias = rng.standard_normal((outputs, inputs)), rng.standard_normal(outputs)
        self.params = {"weight": weight, "bias": bias}

    def forward(self, x):
        return x @ self.params["weight"].T + self.params["bias"], x

    def backward(self, dy, cache):
        dx = dy @ self.params["weight"]
        return dx, {"weight": dy.T @ cache, "bias": dy.sum(axis=0)}


class MissingSum(RightAffine):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "bias": dy}


class OnlyTheFirstExample(RightAffine):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "weight": np.outer(dy[0], cache[0])}


class DividedByN(RightAffine):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "weight": grads["weight"] / len(dy)}


class Transposed(RightAffine):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "weight": grads["weight"].T}


class WrongSign(RightAffine):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return -dx, grads


class ScaledDx(RightAffine):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return 3 * dx, grads


class NoBias(RightAffine):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {"weight": grads["weight"]}


class WrongKey(RightAffine):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {"W": grads["weight"], "bias": grads["bias"]}


class WrongShape(RightAffine):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx.ravel(), grads


class Float32Gradient(RightAffine):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "weight": grads["weight"].astype(np.float32)}


class Float32Output(RightAffine):
    def forward(self, x):
        y, cache = super().forward(x)
        return y.astype(np.float32), cache


class OneNaN(RightAffine):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        grads["weight"][2, 1] = np.nan
        return dx, grads


class NaNOutput(RightAffine):
    def forward(self, x):
        y, cache = super().forward(x)
        y[1, 2] = np.nan
        return y, cache


class CacheChanged(RightAffine):
    def backward(self, dy, cache):
        result = super().backward(dy, cache)
        cache *= 0
        return result


class InputChanged(RightAffine):
    def forward(self, x):
        x -= x.mean(axis=1, keepdims=True)
        return super().forward(x.copy())

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx - dx.mean(axis=1, keepdims=True), grads


class DyChanged(RightAffine):
    def backward(self, dy, cache):
        result = super().backward(dy.copy(), cache)
        dy[...] = 0
        return result


class GradientsAddUp(RightAffine):
    total = 0.0

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        self.total = self.total + grads["bias"]
        return dx, {**grads, "bias": self.total}


class NotDeterministic(RightAffine):
    def forward(self, x):
        y, cache = super().forward(x)
        return y + np.random.default_rng().random(), cache


class CountsItsCalls(RightAffine):
    calls = 0

    def forward(self, x):
        self.calls += 1
        y, cache = super().forward(x)
        return y + self.calls, cache


class KeepsItselfInMind(RightAffine):
    def forward(self, x):
        self.x = x
        return super().forward(x)[0], None

    def backward(self, dy, cache):
        return super().backward(dy, self.x)


class IgnoresDy(RightAffine):
    def backward(self, dy, cache):
        return super().backward(np.ones_like(dy), cache)


class NoForward:
    def backward(self, dy, cache):
        return dy, {}


class NoBackward:
    def forward(self, x):
        return x, None


class NoCache(RightAffine):
    def forward(self, x):
        return super().forward(x)[0]


class NoGradients(RightAffine):
    def backward(self, dy, cache):
        return super().backward(dy, cache)[0]


class Raises(RightAffine):
    def backward(self, dy, cache):
        return cache["x"], {}


class Leaves(RightAffine):
    def forward(self, x):
        sys.exit(0)


class NeedsSize:
    def __init__(self, size):
        self.size = size


class RaisesWhenMade:
    def __init__(self):
        self.weight = np.ones((2, 3)) @ np.ones((2, 3))


class RightReLU:
    def forward(self, x):
        return np.maximum(x, 0), x

    def backward(self, dy, cache):
        return dy * (cache > 0), {}


class NoMask(RightReLU):
    def backward(self, dy, cache):
        return dy, {}


class MaskOfDy(RightReLU):
    def backward(self, dy, cache):
        return dy * (dy > 0), {}


class FlippedKernel:
    """A convolution whose weight gradient runs backwards."""

    def __init__(self):
        self.params = {"weight": np.random.default_rng(0).standard_normal((2, 3))}

    def forward(self, x):
        return sum(w * x[..., i : i + 2, j : j + 2] for i, j, w in self._taps()), x

    def backward(self, dy, cache):
        dx, dweight = np.zeros_like(cache), np.zeros((2, 3))
        for i, j, w in self._taps():
            dx[..., i : i + 2, j : j + 2] += w * dy
            dweight[1 - i, 2 - j] = np.sum(dy * cache[..., i : i + 2, j : j + 2])
        return dx, {"weight": dweight}

    def _taps(self):
        return [(i, j, w) for (i, j), w in np.ndenumerate(self.params["weight"])]


class RightLoss:
    """Mean over the batch of the squared scores, half of them; the targets only count."""

    def forward(self, scores, targets):
        return 0.5 * np.sum(scores**2) / len(targets), scores

    def backward(self, cache):
        return cache / len(cache)


class ForgottenDivision(RightLoss):
    def backward(self, cache):
        return cache
