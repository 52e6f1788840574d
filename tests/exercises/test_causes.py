"""Usual mistakes: the message names the likely cause."""

from collections.abc import Callable

import pytest

Broken = Callable[..., str]


def test_a_message_says_what_came_what_was_expected_and_where(broken: Broken) -> None:
    said = broken("relu", "forward", "np.maximum(x, 0)", "np.abs(x)")
    lines = said.splitlines()
    assert lines[0] == "relu_forward(x) with x (3, 4) float64"
    assert lines[1].startswith("came 0.23 at index (0, 1), expected 0 (")
    assert lines[2] == "likely: this is the absolute value"


class TestRelu:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("forward", "np.maximum(x, 0)", "x", "nothing is cut off"),
            ("forward", "np.maximum(x, 0)", "np.minimum(x, 0)", "what is positive lost"),
            ("forward", "np.maximum(x, 0)", "1.0 * (x > 0)", "1 or 0"),
            ("forward", "np.maximum(x, 0)", "x * (x > 0).astype(float)", "came dtype float64"),
            ("forward", "return np", "x[x < 0] = 0\n    return np", "input x was modified"),
            ("forward", "np.maximum(x, 0)", "np.maximum(x, 0).T", "it is transposed"),
            ("forward", "return np.maximum(x, 0)", "np.maximum(x, 0)", "a return is missing"),
            ("backward", "x > 0", "x >= 0", "where x is exactly 0"),
            ("backward", "x > 0", "x > -1e9", "dy passes everywhere"),
            ("backward", "x > 0", "dy > 0", "sign of x, not that of dy"),
            ("backward", "dy * (x > 0)", "1.0 * (x > 0)", "local derivative alone"),
            ("backward", "dy *", "-dy *", "the sign is turned"),
            ("backward", "dy *", "3 * dy *", "everything is 3 times"),
            ("backward", "dy *", "0 * dy *", "zero everywhere"),
            ("backward", "dy * (x > 0)", "dy / (x > 0) * 0", "0/0"),
        ],
    )
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("relu", part, old, new)


class TestLinear:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("forward", " + b", "", "bias is missing"),
            ("forward", "x @ w.T", "x @ w", "w is (out, in)"),
            ("dx", "dy @ w,", "dy @ w.T,", "w is (out, in)"),
            ("dw", "dy.T @ x", "x.T @ dy", "it is transposed"),
            ("dw", "dy.T @ x", "dy.T @ x / len(x)", "divided by N"),
            ("dw", "dy.T @ x", "dy[:, :, None] * x[:, None]", "not summed over the batch"),
            ("db", "dy.sum(axis=0)", "dy", "sum over the batch is missing"),
            ("db", "dy.sum(axis=0)", "dy.sum(axis=1)", "summed over the outputs"),
            ("db", "dy.sum(axis=0)", "dy.mean(axis=0)", "divided by N"),
            ("db", "dy.sum(axis=0)", "dy.sum()", "summed over everything"),
            ("db", ", dy.sum(axis=0)", "", "returned 2 results, expected a tuple (dx, dw, db)"),
        ],
    )
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("linear", part, old, new)


class TestSoftmaxLoss:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("softmax", "e.sum(axis=1, keepdims=True)", "e.sum(axis=0)", "over the images"),
            ("softmax", "e.sum(axis=1, keepdims=True)", "e.sum()", "over the whole array"),
            ("softmax", "np.exp(shifted(scores))", "np.exp(scores)", "exp of a large number"),
            ("softmax", "e / e.sum(axis=1, keepdims=True)", "list(e)", "returned a list of 3"),
            ("loss", "losses.mean()", "losses.sum()", "their mean is asked for (1/N)"),
            ("loss", "losses.mean()", "-losses.mean()", "the sign is turned"),
            ("loss", "losses.mean()", "losses", "not averaged over the batch"),
            ("loss", "losses.mean()", "losses.mean() / scores.shape[1]", "by N and by C"),
            ("loss", "losses = np.log(np.exp(s).sum(axis=1)) - s[np.arange(len(s)), targets]",
             "losses = -np.log(softmax(scores)[np.arange(len(s)), targets])", "logarithm of 0"),
            ("gradient", "d / len(d)", "d", "the 1/N of the mean"),
            ("gradient", "] -= 1", "] -= 0", "treated like the others"),
            ("gradient", "d / len(d)", "d / d.size", "by N and by C"),
            ("gradient", "np.arange(len(d)), targets", "targets, targets", "class numbers"),
        ],
    )  # fmt: skip
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("softmax-loss", part, old, new)


class TestConvolution:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("forward", "+ b[k]", "", "bias is missing"),
            ("forward", "window * w[k]", "window * w[k, :, ::-1, ::-1]", "filter is flipped"),
            ("forward", "    x = surround(x, padding)\n    f,", "    f,", "padding is missing"),
            ("forward", "(window * w[k])", "(window[:1] * w[k, :1])", "only the first channel"),
            ("forward", "(window * w[k])", "(window[-1] * w[k, -1])", "only the last channel"),
            ("forward", "w[k]).sum()", "w[k].swapaxes(1, 2)).sum()", "rows and columns of the"),
            ("forward", "+ b[k]", "+ b[k] * len(w[k])", "once for each channel"),
            ("forward", "ow), x.dtype", "ow)", "made without dtype is float64"),
            ("forward", "x.shape[3] - kw) // stride + 1", "x.shape[3] - kw) // stride",
             "came shape (1, 1, 3, 3), expected (1, 1, 3, 4)"),
            ("dx", "dx[n, :, rows, columns] +=", "dx[n, :, rows, columns] =", "windows overlap"),
            ("dx", "w[k] * dy", "w[k, :, ::-1, ::-1] * dy", "filter is flipped"),
            ("dx", "padding : padding + h, padding : padding + w_", "", "padding is still there"),
            ("dw", "dw[k] +=", "dw[k] =", "add to dw, not overwrite it"),
            ("dw", "return dx, dw,", "return dx, dw / len(x),", "divided by N"),
            ("dw", "return dx, dw,", "return dx, dw[:, :, ::-1, ::-1],", "dw is flipped"),
            ("dw", "dw[k] +=", "dw[k] += n * 0 if n < len(x) - 1 else",
             "only the last image counts"),
            ("db", "dy.sum(axis=(0, 2, 3))", "dy.sum(axis=(2, 3))", "over the batch is missing"),
            ("db", "dy.sum(axis=(0, 2, 3))", "dy.sum(axis=0)", "rows and columns is missing"),
            ("db", "dy.sum(axis=(0, 2, 3))", "dy.mean(axis=(0, 2, 3))", "mean over"),
        ],
    )  # fmt: skip
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("convolution", part, old, new)

    def test_an_ignored_stride(self, broken: Broken) -> None:
        said = broken("convolution", "forward", "    f, _,", "    stride = 1\n    f, _,")
        assert "the stride is ignored" in said


class TestMaxPool:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("forward", ".max(axis", ".mean(axis", "the mean is taken"),
            ("forward", ".max(axis", ".min(axis", "the minimum is taken"),
            ("forward", "return y", "return np.maximum(y, 0)", "negative maxima become 0"),
            ("forward", "    oh, ow", "    stride = size\n    oh, ow", "move by their size"),
            ("forward", "    oh, ow", "    stride = 1\n    oh, ow", "the stride is ignored"),
            ("forward", "// stride + 1", "// -stride * -1 + 1", "a window of its own"),
            ("forward", "ow), x.dtype", "ow)", "float64"),
            ("backward", "[place] +=", "[place] =", "add, not overwrite"),
            ("backward", "[place] +=", "[...] +=", "every pixel of a window gets all"),
            ("backward", "[place] += dy[n, c, i, j]", "[...] += dy[n, c, i, j] / size**2",
             "spread over the whole window"),
            ("backward", "+= dy[n, c, i, j]", "+= 1", "multiply with dy"),
            ("backward", "[place] +=", "[window == window.max()] +=", "only the first gets"),
            ("backward", "window.argmax()", "window.size - 1 - window[::-1, ::-1].argmax()",
             "it should be the first"),
        ],
    )  # fmt: skip
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("max-pool", part, old, new)


class TestMomentum:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("sgd", "w - lr * dw", "w + lr * dw", "uphill"),
            ("sgd", "w - lr * dw", "w - dw", "learning rate is missing"),
            ("sgd", "return w - lr * dw", "w -= lr * dw\n    return w.copy()", "input w was mod"),
            ("sgd", "return w - lr * dw", "return -lr * dw", "the change of w"),
            ("velocity", "momentum * v + dw", "momentum * v - lr * dw", "the other convention"),
            ("velocity", "momentum * v + dw", "momentum * v + (1 - momentum) * dw", "damped"),
            ("velocity", "momentum * v + dw", "v + dw", "all of the old velocity is kept"),
            ("velocity", "momentum * v + dw", "v + momentum * dw", "momentum is on the gradient"),
            ("weights", "w - lr * new_v, new_v", "w - lr * v, new_v", "velocity of before"),
            ("weights", "w - lr * new_v, new_v", "w - lr * dw, new_v", "gradient alone"),
            ("weights", "w - lr * new_v, new_v", "w + lr * new_v, new_v", "uphill"),
            ("weights", "w - lr * new_v, new_v", "w - lr * new_v", "expected a tuple (new_w, new_"),
            ("nesterov", "lr * (dw + momentum * new_v)", "lr * new_v", "plain momentum"),
            ("nesterov", "dw + momentum * new_v", "dw + momentum * v", "velocity of before"),
            ("nesterov", "dw + momentum * new_v", "dw + new_v", "only its share"),
        ],
    )
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("momentum", part, old, new)


class TestDropout:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("mask", ">= p", "< p", "p is the probability to drop"),
            ("mask", ">= p", "", "came dtype float64, expected bool"),
            ("mask", "rng.random(shape)", "rng.random(shape[1:])", "came shape"),
            ("mask", "rng.random(shape) >= p", "(rng.random(shape[-1]) >= p) | (rng.random(shape)"
             " > 2)", "repeats itself along axis 0"),
            ("mask", "return rng.random", "import numpy\n    return numpy.random.random",
             "not all randomness comes from rng"),
            ("mask", "return rng.random", "import numpy\n    rng = numpy.random.default_rng(0)\n"
             "    return rng.random", "does not come from rng"),
            ("mask", "rng.random(shape) >= p", "True", "returned True, expected a bool array"),
            ("train", "x * keep / (1 - p)", "x * keep", "scale of training is missing"),
            ("train", "x * keep / (1 - p)", "x * keep * (1 - p)", "smaller still"),
            ("train", "x * keep / (1 - p)", "x * keep / p", "not to keep"),
            ("train", "x * keep / (1 - p)", "x / (1 - p)", "the mask is missing"),
            ("train", "x * keep", "x * (keep == 0)", "dropped is what should be kept"),
            ("test", "(1 - p) if train else x", "(1 - p)", "though train is False"),
            ("test", "else x", "else x * (1 - p)", "scales in training only"),
            ("backward", "dy * keep / (1 - p)", "dy * keep", "scale of training is missing"),
            ("backward", "dy * keep / (1 - p)", "dy", "as if train were False"),
            ("backward", "(1 - p) if train else dy", "(1 - p)", "though train is False"),
        ],
    )  # fmt: skip
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("dropout", part, old, new)


class TestBatchNorm:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("train", "x.var(axis=0)\n        un", "x.var(axis=0, ddof=1)\n        un", "N - 1"),
            ("train", "np.sqrt(var + eps) +", "(var + eps) +", "its square root"),
            ("train", "np.sqrt(var + eps) +", "np.sqrt(var) +", "eps is missing"),
            ("train", "np.sqrt(var + eps) +", "(np.sqrt(var) + eps) +", "to the standard dev"),
            ("train", "    if train:", "    if False:", "running statistics are used though"),
            ("train", "x.mean(axis=0), x.var(axis=0)\n        un", "x.mean(), x.var()\n        un",
             "one mean and variance"),
            ("train", "mean, var = x.mean(axis=0), x.var(axis=0)\n",
             "mean, var = x.mean(axis=1)[:, None], x.var(axis=1)[:, None]\n"
             "        running_mean = running_var = 0\n", "the batch is axis 0"),
            ("train", "+ eps) + beta", "+ eps)", "beta is missing"),
            ("train", "gamma * (x - mean)", "(x - mean)", "gamma is missing"),
            ("test", "    if train:", "    if True:", "statistics are used though train is Fal"),
            ("running-mean", "(1 - momentum) * running_mean + momentum * mean",
             "momentum * running_mean + (1 - momentum) * mean", "old and new are swapped"),
            ("running-mean", "(1 - momentum) * running_mean + momentum * mean", "mean",
             "the share 1 - momentum is kept"),
            ("running-mean", "(1 - momentum) * running_mean", "running_mean",
             "all of the old ones is kept"),
            ("running-var", ", ddof=1", "", "the biased variance is taken up"),
            ("running-var", "momentum * unbiased", "momentum * np.sqrt(unbiased)",
             "standard deviation is taken up"),
            ("running-var", "= (1 - momentum) * running_var + momentum * unbiased",
             "*= 1 - momentum\n        running_var += momentum * unbiased", "modified in place"),
            ("dx", "(dy - dbeta / n - xhat * dgamma / n)", "dy", "mean and variance are treated"),
            ("dx", "- xhat * dgamma / n", "", "the variance is treated as a constant"),
            ("dx", "- dbeta / n", "", "the mean is treated as a constant"),
            ("dx", "gamma / std", "1 / std", "gamma is missing"),
            ("dx", "n = len(x)", "n = 1", "not divided by N"),
            ("dgamma", "dy * xhat", "dy * x", "not with x itself"),
            ("dgamma", ").sum(axis=0)", ")", "sum over the batch is missing"),
            ("dgamma", "(dy * xhat).sum", "dy.sum", "where is it?"),
            ("dbeta", "dgamma, dbeta\n", "dgamma, dy.sum(axis=1)\n", "the batch is axis 0"),
            ("dbeta", "dy.sum(axis=0)", "dy.mean(axis=0)", "divided by N"),
        ],
    )  # fmt: skip
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("batch-norm", part, old, new)


class TestTape:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("add", ", [(self, 1.0), (other, 1.0)]", "", "the edges are missing"),
            ("add", "[(self, 1.0), (other", "[(self, other.value), (other", "came"),
            ("add", "Var(self.value + other.value, [", "(self.value + other.value, [",
             "gave a tuple, expected a Var"),
            ("multiply", "[(self, other.value), (other, self.value)]",
             "[(self, self.value), (other, other.value)]", "are swapped"),
            ("multiply", "[(self, other.value), (other, self.value)]",
             "[(self, 1.0), (other, 1.0)]", "those of a sum"),
            ("sin", "math.cos(", "-math.cos(", "the sign of the derivative"),
            ("sin", "math.cos(", "math.sin(", "the function itself"),
            ("ln", "1 / x.value", "x.value", "upside down"),
            ("ln", "math.log(", "math.log10(", "base 10"),
            ("order", "        seen.add(id(node))\n", "        seen.add(id(node))\n"
             "        found.append(node)\n        return [visit(p) for p, _ in node.edges]\n",
             "when it is first met"),
            ("order", "return found", "return found[::-1]", "the list is in reverse"),
            ("order", "return found", "return found[:-1]", "result itself is missing"),
            ("order", "id(node)", "node.value", "two numbers of one value"),
            ("order", "        if id(node) in seen:\n            return\n",
             "        if len(found) > 99:\n            return\n", "it is reached in two ways"),
            ("backward", "adjoint += node", "adjoint = node", "added, not overwritten"),
            ("backward", "        node.adjoint = 0.0\n", "        pass\n",
             "of the first call are still there"),
            ("backward", "reversed(nodes)", "reversed(sorted(nodes, key=lambda v: -len(v.edges)))",
             "came"),
            ("backward", "node.adjoint * slope", "slope", "without the adjoint"),
            ("backward", "node.adjoint * slope", "node.adjoint + slope", "not added"),
            ("backward", "    result.adjoint = 1.0\n", "", "not filled in"),
            ("together", "[(self, other.value), (other, self.value)]", "[(self, other.value)]",
             "y.adjoint] of (x + y) * (y + 1) at x, y = 3, 4"),
        ],
    )  # fmt: skip
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("tape", part, old, new)

    def test_an_adjoint_passed_on_too_early(self, broken: Broken) -> None:
        """Depth first, from the result: the detour over b comes too late."""
        said = broken(
            "tape",
            "backward",
            "    for node in reversed(nodes):\n",
            "    todo, done = [result], set()\n    while todo:\n        node = todo.pop(0)\n"
            "        if id(node) in done:\n            continue\n        done.add(id(node))\n"
            "        todo += [parent for parent, _ in node.edges]\n",
        )
        assert "an adjoint is passed on before all of it is there" in said


class TestCirculant:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("shift", "np.roll(x, steps)", "np.roll(x, -steps)", "in the other direction"),
            ("shift", "np.roll(x, steps)", "np.roll(x, 1)", "shifted by one, whatever steps"),
            ("shift", "return np.roll(x, steps)",
             "y = np.zeros(len(x))\n    if steps >= 0:\n        y[steps:] = x[: len(x) - steps]\n"
             "    return y", "what leaves at one end is lost"),
            ("matrix", "w[(i - j) % n]", "w[(j - i) % n]", "w is the first row"),
            ("matrix", "w[(i - j) % n]", "w[(i - j) % n] * (i >= j)", "it is not cyclic"),
            ("matrix", "w[(i - j) % n]", "w[i]", "every column is w itself"),
            ("matrix", "w[(i - j) % n]", "w[(i + j) % n]", "the columns are shifted upwards"),
            ("convolve", "circulant(w) @ x", "circulant(w).T @ x", "this is correlation"),
            ("convolve", "circulant(w) @ x", "np.convolve(w, x)[: len(x)]", "it is not cyclic"),
            ("convolve", "circulant(w) @ x", "w * x", "without a sum over k"),
            ("convolve", "circulant(w) @ x", "circulant(w) * x", "the sum over axis 1 is missing"),
            ("commutator", "p @ c - c @ p", "p * c - c * p", "element by element"),
            ("commutator", "[1])", "[-1])", "the shift goes in the other direction"),
            ("commutator", "p @ c - c @ p", "c @ p - p @ c", "the sign is turned"),
            ("commutator", "p @ c - c @ p", "p @ c + c @ p", "are added"),
            ("dx", "circulant(w).T", "circulant(w)", "takes the transposed matrix"),
            ("dx", "circulant(w).T @ dy, circulant(x).T @ dy",
             "circulant(x).T @ dy, circulant(w).T @ dy", "another order; return dx, dw"),
            ("dw", "circulant(x).T @ dy", "dy.copy()", "the other factor is missing"),
        ],
    )  # fmt: skip
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("circulant", part, old, new)


class TestDual:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("add", "self.tangent + other.tangent", "self.tangent * other.tangent", "multiplied"),
            ("add", ", self.tangent + other.tangent", "", "the tangent is missing"),
            ("add", "self.tangent - other", "self.tangent + other", "in a difference too"),
            ("add", "tangent=0.0", "tangent=1.0", "a constant has the tangent 0"),
            ("add", "as_dual(other) - self", "self - as_dual(other)", "other - self is asked"),
            ("multiply", "self.value * other.tangent + self.tangent * other.value",
             "self.tangent * other.tangent", "that is not the product rule"),
            ("multiply", "self.value * other.tangent + self.tangent * other.value",
             "self.value * self.tangent + other.value * other.tangent", "with the other's"),
            ("multiply", "self.value * other.tangent + self", "self", "has a second term"),
            ("multiply", "+ self.tangent * other.value",
             "+ self.tangent * other.value + self.tangent * other.tangent", "epsilon squared"),
            ("divide", "rise / other.value**2", "self.tangent / other.tangent if other.tangent"
             " else 0", "that is not the quotient rule"),
            ("divide", "other.value - self.value", "other.value + self.value", "has a minus"),
            ("divide", "other.value**2", "other.value", "not by its square"),
            ("divide", "as_dual(other) / self", "self / as_dual(other)", "turned upside down"),
            ("functions", "math.cos(x.value) * x.tangent", "math.cos(x.value)", "chain rule"),
            ("functions", "math.cos(x.value) * x.tangent", "math.sin(x.tangent)",
             "applied to the tangent"),
            ("functions", "math.exp(x.value) * x.tangent", "x.tangent", "goes through unchanged"),
            ("functions", "math.cos(x.value)", "-math.cos(x.value)", "the sign of the derivative"),
            ("functions", "x.tangent / x.value", "1 / x.tangent", "at the tangent, not at the va"),
            ("functions", "def ln(x):", "def log(x):", "name 'ln' is not defined"),
            ("derivative", "1.0)).tangent", "1.0)).value", "this is the value"),
            ("derivative", "Dual(x, 1.0)", "Dual(x)", "the tangent of x itself is not 1"),
            ("gradient", "float(i == k)", "1.0", "all tangents are 1 at once"),
            ("gradient", "return runs", "return runs[::-1]", "in reverse order"),
            ("gradient", "return runs", "return sum(runs)", "one number"),
        ],
    )  # fmt: skip
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("dual", part, old, new)


class TestIm2col:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("im2col", "return stacked.reshape(len(x), -1, stacked.shape[3])",
             "return stacked.reshape(len(x), -1, stacked.shape[3]).swapaxes(1, 2)",
             "it is to be a column"),
            ("im2col", "axis=2)", "axis=1)", "it changes slowest"),
            ("im2col", "padding, padding), (padding, padding)", "0, 0), (0, 0)",
             "the padding is missing"),
            ("col2im", "view += apart", "view[...] = apart", "not written over one another"),
            ("col2im", "padded[:, :, padding : padding + h, padding : padding + w].copy()",
             "padded", "the padding is still there"),
            ("forward", " + b[:, None]", "", "the bias is missing"),
            ("im2col", "padded[:, :, down, j : j + stride * columns : stride]",
             "padded[:, :, i : i + rows, j : j + columns]", "came"),
            ("dx", "dx = col2im", "dx = -col2im", "the sign is turned"),
            ("dw", ".sum(axis=0).reshape(w.shape)", "[-1].reshape(w.shape)",
             "only the last image counts"),
            ("db", "flat.sum(axis=(0, 2))", "flat.sum(axis=0)", "came shape"),
        ],
    )  # fmt: skip
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("im2col", part, old, new)


class TestFocalLoss:
    @pytest.mark.parametrize(
        ("part", "old", "new", "cause"),
        [
            ("effective", "(1 - beta**counts) / (1 - beta)", "1.0 * counts", "beta is not used"),
            ("effective", " / (1 - beta)", "", "division by 1 - beta is missing"),
            ("effective", "beta**counts", "counts**beta", "are swapped in the power"),
            ("effective", "(1 - beta**counts) / (1 - beta)", "(1 - beta) / (1 - beta**counts)",
             "turned upside down"),
            ("weights", " * (len(weight) / weight.sum())", " * 1.0", "are not scaled"),
            ("weights", "len(weight) / weight.sum()", "1 / weight.sum()", "of the weights is 1"),
            ("weights", "1 / effective_number(counts, beta)", "effective_number(counts, beta)",
             "frequent classes weigh more"),
            ("weights", "1 / effective_number(counts, beta)", "1 / counts", "number of images"),
            ("loss", "log_p).mean()", "log_p).sum()", "their mean is asked for"),
            ("loss", "log_p).mean()", "log_p).sum() / weight[targets].sum()",
             "sum of the weights; the mean over the N"),
            ("loss", "(weight[targets] * (1", "((1", "the class weights are missing"),
            ("loss", "(1 - np.exp(log_p)) ** gamma * ", "", "(1 - p)^gamma is missing"),
            ("loss", "(1 - np.exp(log_p)) ** gamma", "np.exp(log_p) ** gamma", "is p^gamma"),
            ("loss", "(1 - np.exp(log_p)) ** gamma", "(1 - np.exp(log_p)) * gamma", "an exponent"),
            ("loss", "-(weight", "(weight", "the sign is turned"),
            ("loss", "    s = scores - scores.max(axis=1, keepdims=True)\n", "    s = scores\n",
             "0/0"),
            ("gradient", " / n\n", "\n", "1/N of the mean"),
            ("gradient", "weight[targets] * (miss", "(miss", "the class weights are missing"),
            ("gradient", "miss**gamma - moving", "miss**gamma", "treated as a constant"),
            ("gradient", "(miss**gamma - moving)", "1", "the gradient of cross-entropy"),
        ],
    )  # fmt: skip
    def test_cause(self, broken: Broken, part: str, old: str, new: str, cause: str) -> None:
        assert cause in broken("focal-loss", part, old, new)
