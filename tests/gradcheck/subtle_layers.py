"""Layers with one mistake each, which the first values (weight 1, bias 0, training) do not show.

Those whose name begins with Right are right.  They are written as a student writes them.
"""

import math

import numpy as np

IMAGES = (4, 3, 4, 4)


def per_channel(a):
    return a[:, None, None]


class RightChannelScale:
    """y = x * weight, a weight for each channel of (N, 3, H, W)."""

    def __init__(self):
        self.params = {"weight": np.ones(3, np.float32)}

    def forward(self, x, train=True):
        return x * per_channel(self.params["weight"]), x

    def backward(self, dy, cache, need_dx=True):
        dweight = (dy * cache).sum(axis=(0, 2, 3))
        return dy * per_channel(self.params["weight"]), {"weight": dweight}


class DxIsDy(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        return dy.copy(), super().backward(dy, cache)[1]


class ScaleInPlace(RightChannelScale):
    def forward(self, x, train=True):
        x *= per_channel(self.params["weight"])
        return x.copy(), x


class DyInPlace(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        grads = super().backward(dy, cache)[1]
        dy *= per_channel(self.params["weight"])
        return dy.copy(), grads


class WeightSquared(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        dx, grads = super().backward(dy, cache)
        return dx * per_channel(self.params["weight"]), grads


class GradientUsesY(RightChannelScale):
    def forward(self, x, train=True):
        y, _ = super().forward(x)
        return y, y.copy()


class WeightDecay(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        dx, grads = super().backward(dy, cache)
        return dx, {"weight": grads["weight"] + 0.01 * self.params["weight"]}


class ClipsItsWeight(RightChannelScale):
    def forward(self, x, train=True):
        np.clip(self.params["weight"], 0.9, 1.1, out=self.params["weight"])
        return super().forward(x)


class ReplacesItsWeight(RightChannelScale):
    def forward(self, x, train=True):
        self.params["weight"] = self.params["weight"].copy()
        return super().forward(x)


class BackwardStepsItself(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        result = super().backward(dy, cache)
        self.params["weight"] -= 0.1 * result[1]["weight"]
        return result


class NoGradientsWithoutDx(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        return super().backward(dy, cache) if need_dx else (None, {})


class HalfGradientsWithoutDx(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        dx, grads = super().backward(dy, cache)
        return (dx, grads) if need_dx else (None, {"weight": grads["weight"] / 2})


class RaisesWithoutDx(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        dx, grads = super().backward(dy, cache)
        return (dx if need_dx else undefined), grads  # noqa: F821


class PopsItsCache(RightChannelScale):
    def forward(self, x, train=True):
        y, cache = super().forward(x)
        return y, [cache]

    def backward(self, dy, cache, need_dx=True):
        return super().backward(dy, cache.pop())


class ReusesItsOutput(RightChannelScale):
    def forward(self, x, train=True):
        y, cache = super().forward(x)
        if getattr(self, "y", None) is None or self.y.shape != y.shape:
            self.y = np.empty_like(y)
        self.y[...] = y
        return self.y, cache


class ReusesItsGradients(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        dx, grads = super().backward(dy, cache)
        if not hasattr(self, "gradient"):
            self.gradient = np.empty(3)
        self.gradient[...] = grads["weight"]
        return dx, {"weight": self.gradient}


class Float32Forward(RightChannelScale):
    def forward(self, x, train=True):
        y, _ = super().forward(x.astype(np.float32).astype(np.float64))
        return y, x


class Float32Backward(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        return super().backward(dy.astype(np.float32).astype(np.float64), cache)


class Float16Weight(RightChannelScale):
    def forward(self, x, train=True):
        weight = self.params["weight"].astype(np.float16).astype(np.float64)
        return x * per_channel(weight), x


class MissingBatchSum(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        dx, _ = super().backward(dy, cache)
        return dx, {"weight": (dy * cache).sum(axis=(2, 3))}


class FirstExampleOnly(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        dx, _ = super().backward(dy, cache)
        return dx, {"weight": (dy * cache)[0].sum(axis=(1, 2))}


class FixedBatch(RightChannelScale):
    """Right for a batch of four at most."""

    def backward(self, dy, cache, need_dx=True):
        dx, _ = super().backward(dy, cache)
        return dx, {"weight": (dy * cache)[:4].sum(axis=(0, 2, 3))}


class FailsForOne(RightChannelScale):
    def backward(self, dy, cache, need_dx=True):
        dy[1]
        return super().backward(dy, cache)


class RemembersItsShape(RightChannelScale):
    def forward(self, x, train=True):
        self.n = len(x)
        y, cache = super().forward(x)
        return y / self.n, cache

    def backward(self, dy, cache, need_dx=True):
        return super().backward(dy / self.n, cache)


class RemembersItsMode(RightChannelScale):
    def forward(self, x, train=True):
        self.train = train
        y, cache = super().forward(x)
        return (y if train else y / 2), cache

    def backward(self, dy, cache, need_dx=True):
        return super().backward(dy if self.train else dy / 2, cache)


class OneEvalFormula(RightChannelScale):
    """y / 2 in evaluation, which backward does not know."""

    def forward(self, x, train=True):
        y, cache = super().forward(x)
        return (y if train else y / 2), cache


class FailsInEval(RightChannelScale):
    def forward(self, x, train=True):
        y, cache = super().forward(x)
        return (y if train else undefined), cache  # noqa: F821


class RightBatchNorm:
    """Batch normalisation over (N, H, W), by the paper."""

    eps = 1e-5

    def __init__(self):
        self.params = {"weight": np.ones(3), "bias": np.zeros(3)}
        self.buffers = {"mean": np.zeros(3), "var": np.ones(3)}

    def forward(self, x, train=True):
        mean, var = self.buffers["mean"], self.buffers["var"]
        if train:
            m, v = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
            mean += 0.1 * (m - mean)
            var += 0.1 * (v - var)
            mean, var = m, v
        std = np.sqrt(per_channel(var) + self.eps)
        x_hat = (x - per_channel(mean)) / std
        y = x_hat * per_channel(self.params["weight"]) + per_channel(self.params["bias"])
        return y, (x_hat, std, train, y.copy())

    def backward(self, dy, cache, need_dx=True):
        x_hat, _, _, _ = cache
        axes = (0, 2, 3)
        grads = {"weight": (dy * x_hat).sum(axis=axes), "bias": dy.sum(axis=axes)}
        return self.dx(dy * per_channel(self.params["weight"]), *cache), grads

    def dx(self, dx_hat, x_hat, std, train, y):
        if not train:
            return dx_hat / std
        mean = dx_hat.mean(axis=(0, 2, 3), keepdims=True)
        product = (dx_hat * x_hat).mean(axis=(0, 2, 3), keepdims=True)
        return (dx_hat - mean - x_hat * product) / std


class DxWithoutGamma(RightBatchNorm):
    def backward(self, dy, cache, need_dx=True):
        return self.dx(dy, *cache), super().backward(dy, cache)[1]


class DgammaWithY(RightBatchNorm):
    def backward(self, dy, cache, need_dx=True):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "weight": (dy * cache[3]).sum(axis=(0, 2, 3))}


class MeanIsConstant(RightBatchNorm):
    def dx(self, dx_hat, x_hat, std, train, y):
        product = (dx_hat * x_hat).mean(axis=(0, 2, 3), keepdims=True)
        return (dx_hat - x_hat * product) / std if train else dx_hat / std


class VarianceIsConstant(RightBatchNorm):
    def dx(self, dx_hat, x_hat, std, train, y):
        mean = dx_hat.mean(axis=(0, 2, 3), keepdims=True)
        return (dx_hat - mean) / std if train else dx_hat / std


class DxUsesY(RightBatchNorm):
    def dx(self, dx_hat, x_hat, std, train, y):
        return super().dx(dx_hat, y, std, train, y)


class BiasedByN(RightBatchNorm):
    def dx(self, dx_hat, x_hat, std, train, y):
        n = dx_hat.size / 3
        return super().dx(dx_hat, x_hat, std * np.sqrt(n / (n - 1)), train, y)


class EpsForgotten(RightBatchNorm):
    eps = 1e-8  # so small that only small numbers show it

    def dx(self, dx_hat, x_hat, std, train, y):
        return super().dx(dx_hat, x_hat, np.sqrt(std**2 - self.eps), train, y)


class EpsAfterTheRoot(EpsForgotten):
    eps = 1e-5

    def dx(self, dx_hat, x_hat, std, train, y):
        std = np.sqrt(std**2 - self.eps) + self.eps
        return RightBatchNorm.dx(self, dx_hat, x_hat, std, train, y)


class TrainFormulaInEval(RightBatchNorm):
    def dx(self, dx_hat, x_hat, std, train, y):
        return super().dx(dx_hat, x_hat, std, True, y)


class EvalDxWithoutStd(RightBatchNorm):
    """The first running variance is 1."""

    eps = 0

    def dx(self, dx_hat, x_hat, std, train, y):
        return super().dx(dx_hat, x_hat, std if train else 1.0, train, y)


class MovesBuffersInEval(RightBatchNorm):
    def forward(self, x, train=True):
        result = super().forward(x, train)
        self.buffers["mean"] += 0.1 * x.mean(axis=(0, 2, 3))
        return result


class BackwardMovesBuffers(RightBatchNorm):
    def backward(self, dy, cache, need_dx=True):
        self.buffers["mean"] *= 0.9
        return super().backward(dy, cache)


class RightDropout:
    random = True

    def forward(self, x, train=True, rng=None):
        if not train:
            return x.copy(), None
        mask = (np.random.default_rng(rng).random(x.shape) < 0.5) * 2.0
        return x * mask, mask

    def backward(self, dy, cache):
        return (dy.copy() if cache is None else dy * cache), {}


class MaskDrawnAgain(RightDropout):
    def backward(self, dy, cache):
        return dy * ((np.random.default_rng(7).random(dy.shape) < 0.5) * 2.0), {}


class MaskInSelf(RightDropout):
    def forward(self, x, train=True, rng=None):
        y, self.mask = super().forward(x, train, rng)
        return y, None

    def backward(self, dy, cache):
        return super().backward(dy, self.mask)


class MaskNotScaled(RightDropout):
    def backward(self, dy, cache):
        return super().backward(dy, None if cache is None else cache / 2)


class DropsInEvalBackward(RightDropout):
    def forward(self, x, train=True, rng=None):
        y, _ = super().forward(x, train, rng)
        return y, super().forward(x, True, rng)[1]


class RightResidual:
    """y = x + alpha * tanh(x), alpha 0 at first."""

    def __init__(self):
        self.params = {"alpha": np.zeros(1)}

    def forward(self, x):
        t = np.tanh(x)
        return x + self.params["alpha"] * t, t

    def backward(self, dy, cache):
        dx = dy + self.params["alpha"] * dy * (1 - cache**2)
        return dx, {"alpha": np.array([np.sum(dy * cache)])}


class BranchForgotten(RightResidual):
    def backward(self, dy, cache):
        return dy.copy(), super().backward(dy, cache)[1]


class ShortcutForgotten(RightResidual):
    def __init__(self):
        self.params = {"alpha": np.full(1, 0.5)}

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx - dy, grads


class RightSquare:
    """y = x @ weight + bias, weight the unit matrix at first; two biases."""

    def __init__(self):
        self.params = {"weight": np.eye(3), "a": np.zeros(3), "b": np.zeros(3)}

    def forward(self, x):
        return x @ self.params["weight"] + self.params["a"] + self.params["b"], x

    def backward(self, dy, cache):
        bias = dy.sum(axis=0)
        grads = {"weight": cache.T @ dy, "a": bias, "b": bias.copy()}
        return dy @ self.params["weight"].T, grads


class WeightNotTransposed(RightSquare):
    def backward(self, dy, cache):
        return dy @ self.params["weight"], super().backward(dy, cache)[1]


class OneArrayForTwo(RightSquare):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, "b": grads["a"]}


class GradientInTheParameter(RightSquare):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        self.params["a"][...] = grads["a"]
        return dx, {**grads, "a": self.params["a"]}


class RightGelu:
    def forward(self, x):
        return x * self.cdf(x), x

    def backward(self, dy, cache):
        pdf = np.exp(-(cache**2) / 2) / math.sqrt(2 * math.pi)
        return dy * (self.cdf(cache) + cache * pdf), {}

    def cdf(self, x):
        return 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


class GeluOfTanhBackward(RightGelu):
    def backward(self, dy, cache):
        k = math.sqrt(2 / math.pi)
        t = np.tanh(k * (cache + 0.044715 * cache**3))
        slope = k * (1 + 3 * 0.044715 * cache**2)
        return dy * (0.5 * (1 + t) + 0.5 * cache * (1 - t**2) * slope), {}


class GeluOfSigmoidBackward(RightGelu):
    def backward(self, dy, cache):
        s = 1 / (1 + np.exp(-1.702 * cache))
        return dy * (s + 1.702 * cache * s * (1 - s)), {}


class RightEverySecond:
    """A window of one pixel with stride 2."""

    def forward(self, x):
        return x[:, :, ::2, ::2].copy(), x.shape

    def backward(self, dy, cache):
        dx = np.zeros(cache)
        dx[:, :, ::2, ::2] = dy
        return dx, {}


class StrideIgnored(RightEverySecond):
    def backward(self, dy, cache):
        dx = np.zeros(cache)
        dx[:, :, : dy.shape[2], : dy.shape[3]] = dy
        return dx, {}


class StrideRepeated(RightEverySecond):
    def backward(self, dy, cache):
        return dy.repeat(2, axis=2).repeat(2, axis=3), {}


class RightSoftmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        return y, y.copy()

    def backward(self, dy, cache):
        return cache * (dy - (dy * cache).sum(axis=1, keepdims=True)), {}


class SoftmaxDiagonal(RightSoftmax):
    def backward(self, dy, cache):
        return dy * cache * (1 - cache), {}
