"""The course's numeric gradients, by ours."""

import numpy as np
import pytest

from cnnlite.compat.cs231n.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
    grad_check_sparse,
)


def test_of_a_number_and_of_an_array(capsys: pytest.CaptureFixture[str]) -> None:
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    gradient = eval_numerical_gradient(lambda x: (x**3).sum(), x, verbose=False)
    np.testing.assert_allclose(gradient, 3 * x**2, rtol=1e-8)
    assert capsys.readouterr().out == ""
    df = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = eval_numerical_gradient_array(lambda x: x**2, x, df)
    np.testing.assert_allclose(found, 2 * x * df, rtol=1e-8)


def test_prints_each_derivative_unless_told_not_to(capsys: pytest.CaptureFixture[str]) -> None:
    eval_numerical_gradient(lambda x: 2 * x.sum(), np.zeros(2))
    lines = capsys.readouterr().out.splitlines()
    assert [line[:4] for line in lines] == ["(0,)", "(1,)"]


def test_f_may_know_x_as_an_array_that_changes() -> None:
    params = {"W": np.array([1.0, 2.0])}
    gradient = eval_numerical_gradient(lambda _: (params["W"] ** 2).sum(), params["W"], False)
    np.testing.assert_allclose(gradient, [2, 4], rtol=1e-8)
    np.testing.assert_array_equal(params["W"], [1, 2])


def test_sparse_check_prints_and_puts_x_back(capsys: pytest.CaptureFixture[str]) -> None:
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    grad_check_sparse(lambda x: (x**2).sum(), x, 2 * x, num_checks=3)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all(float(line.rpartition(" ")[2]) < 1e-8 for line in lines)
    np.testing.assert_array_equal(x, [[1.0, -2.0], [0.5, 3.0]])
