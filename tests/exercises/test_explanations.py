"""A cause is named where it explains the whole result, and nowhere else."""

from typing import Any

import numpy as np
import pytest

from cnnlite.exercises import EXERCISES, Case, Part
from cnnlite.exercises.causes import cause_of
from cnnlite.exercises.judge import wrong_with
from cnnlite.isolated.wire import encode

X = np.arange(1.0, 25.0).reshape(2, 3, 4) ** 2


def said(came: Any, expected: Any, **inputs: np.ndarray) -> str:
    """What is said of an answer."""
    case = Case("f(x)", inputs, expected)
    reply = {"result": encode(came), "inputs": encode(inputs), "alias": []}
    return wrong_with(Part("f", 1, "f", lambda rng: [case]), case, reply) or ""


class TestNumbersThatAreNearlyRight:
    def test_the_digits_that_differ_are_shown(self) -> None:
        text = said(4.0778869, 4.0778891)
        assert text.startswith("came 4.0778869, expected 4.0778891\n")
        assert said(1.0, 2.0).startswith("came 1, expected 2")
        lines = said(np.array([1.0, 2.0 + 3e-7]), np.array([1.0, 2.0]))
        assert lines.startswith("came 2.0000003 at index (1,), expected 2 (1 of 2")

    def test_whatever_the_difference_both_numbers_are_not_the_same_text(self) -> None:
        rng = np.random.default_rng(0)
        for scale in 10.0 ** np.arange(-6.0, 1):
            right = float(rng.uniform(1, 9))
            first = said(right * (1 + scale), right).splitlines()
            if first:
                came, _, wanted = first[0].removeprefix("came ").partition(", expected ")
                assert came != wanted

    @pytest.mark.parametrize("epsilon", [1e-3, 1e-5, 1e-7, 1e-8])
    def test_an_epsilon_in_the_logarithm_is_suspected(self, epsilon: float) -> None:
        part = next(p for p in EXERCISES["softmax-loss"].parts if p.name == "loss")
        case = part.cases(np.random.default_rng(0))[0]
        scores, targets = case.inputs["scores"], case.inputs["targets"]
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        came = -np.log(p[np.arange(len(p)), targets] + epsilon).mean()
        assert "an epsilon keeps p away from 0" in (cause_of(case, np.asarray(came)) or "")

    def test_an_epsilon_anywhere_is_suspected(self) -> None:
        text = said(X + 1e-5 * X**2 / X.max(), X, x=X)
        assert "likely: nearly right: a small number was added" in text

    def test_float32_on_the_way_is_told_from_it(self) -> None:
        right = np.sqrt(1e3 + X)
        assert "float32, which has seven digits" in said(
            right.astype(np.float32).astype(np.float64) * 1.0, right * (1 + 1e-6), x=X
        )


class TestOneNumber:
    def test_it_has_no_factor(self) -> None:
        for came in (2.0, 3.0, 1.0000004, 0.5, -7.0):
            assert "times" not in said(came * 1.3, 1.3, x=X)
            assert "times" not in said(np.array([came * 1.3]), np.array([1.3]), x=X)

    def test_it_may_have_the_wrong_sign(self) -> None:
        assert "the sign is turned" in said(-1.3, 1.3)

    def test_an_array_with_one_number_that_is_not_zero_has_no_factor(self) -> None:
        right = np.array([0.0, 0.0, 4.0])
        assert "times" not in said(3 * right, right)


class TestArrays:
    @pytest.mark.parametrize(
        ("came", "cause"),
        [
            (3 * X, "everything is 3 times what it should be, and 3 is x.shape[1]"),
            (X / 6, "that is 1/(x.shape[0] * x.shape[1])"),
            (X / 24, "that is 1/(x.shape[0] * x.shape[1] * x.shape[2])"),
            (1.7 * X, "everything is 1.7 times what it should be"),
            (-X, "the sign is turned"),
            (X + 2, "everything is too large by 2"),
            (X - 2, "everything is too small by 2"),
            (0 * X, "it is zero everywhere"),
            (X.transpose(2, 1, 0), "transpose((2, 1, 0)) would make it right"),
            (X[:, ::-1], "it runs backwards along axis 1"),
            (X[::-1, :, ::-1], "it runs backwards along axis 0 and axis 2"),
            (np.roll(X, 1, 2), "it is shifted by one along axis 2"),
            (X[:, :, None], "only the shape is not: reshape, or keepdims"),
            (X.sum(axis=1), "summed over axis 1, which the result should keep"),
            (X.mean(axis=2, keepdims=True), "averaged over axis 2, which the result should keep"),
        ],
    )  # fmt: skip
    def test_cause(self, came: np.ndarray, cause: str) -> None:
        assert cause in said(came, X, x=X)

    def test_a_square_that_is_transposed(self) -> None:
        square = X[0, :3, :3]
        assert "it is transposed" in said(square.T.copy(), square)

    def test_a_sum_that_is_missing(self) -> None:
        assert "the sum over axis 0 is missing" in said(X, X.sum(axis=0))
        assert "the mean over axis 2 is missing" in said(X, X.mean(axis=2))

    def test_a_shape_alone_does_not_make_it_transposed(self) -> None:
        assert "transposed" not in said(np.ones((4, 3)), X[0])

    def test_numbers_without_a_cause_get_none(self) -> None:
        rng = np.random.default_rng(0)
        for shape in ((4,), (3, 3), (2, 3, 4), (2, 2, 2, 2)):
            for _ in range(50):
                came, right = rng.standard_normal(shape), rng.standard_normal(shape)
                assert "likely" not in said(came, right, x=X)
        for _ in range(50):
            assert "likely" not in said(*rng.uniform(1, 2, 2))

    @pytest.mark.parametrize("name", EXERCISES)
    def test_random_numbers_are_explained_by_no_suspect(self, name: str) -> None:
        rng = np.random.default_rng(1)
        for part in EXERCISES[name].parts:
            for case in part.cases(np.random.default_rng(0)):
                if case.judge is None:
                    expected = np.asarray(case.expected, np.float64)
                    came = rng.standard_normal(expected.shape) + 7
                    assert cause_of(case, came) is None, (name, part.name)

    def test_one_wrong_element_is_not_explained_by_what_explains_the_others(self) -> None:
        came = 3 * X
        came[1, 2, 3] += 1
        assert "likely" not in said(came, X, x=X)

    def test_numbers_without_end_do_no_harm(self) -> None:
        for odd in (np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324):
            assert said(np.full_like(X, odd), X, x=X)
            assert said(odd, 1.0)


class TestResultsInAnotherOrder:
    OF = ("dx", "dw", "db")

    def of(self, results: Any, take: int, expected: np.ndarray) -> str:
        case = Case("f(x)", {"x": X}, expected)
        part = Part("f", 1, "f", lambda rng: [case], take, self.OF)
        reply = {"result": encode(results), "inputs": encode({"x": X}), "alias": []}
        return wrong_with(part, case, reply) or ""

    def test_they_are_recognised(self) -> None:
        a, b, c = X, X[0] + 1, X[0, 0] + 2
        assert "dx is right, but stands in the place of dw" in self.of((b, a, c), 0, a)
        assert "db is right, but stands in the place of dx" in self.of((c, b, a), 2, c)
        assert self.of((b, a, c), 2, c) == ""

    def test_of_one_shape_too(self) -> None:
        assert "return dx, dw, db" in self.of((2 * X, X, None), 0, X)

    def test_what_is_right_nowhere_is_not_swapped(self) -> None:
        assert "place" not in self.of((2 * X, 3 * X, 4 * X), 0, X)
