"""PyTorch judges every operation: generated shapes, settings, dtypes and memory orders."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cnnlite.functional as F
from tests.judge.cases import Maker, agree, judged
from tests.judge.operations import CASES, OPERATIONS


@pytest.mark.parametrize("name", OPERATIONS)
def test_forward_and_backward_are_pytorchs(torch: Any, name: str) -> None:
    @judged(CASES.get(name, 25))
    @given(st.data())
    def check(data: Any) -> None:
        agree(torch, OPERATIONS[name](Maker(data.draw)), "operations")

    check()


def test_no_operation_is_left_out() -> None:
    forward = {name.removesuffix("_forward") for name in F.__all__ if name.endswith("_forward")}
    assert set(OPERATIONS) == forward | {"im2col", "col2im"}
