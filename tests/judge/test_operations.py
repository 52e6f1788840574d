"""PyTorch judges every operation: generated shapes, settings, dtypes and memory orders."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.judge.cases import Maker, agree, judged
from tests.judge.loss_cases import LOSSES
from tests.judge.operations import CASES, OPERATIONS


@pytest.mark.parametrize("name", OPERATIONS)
def test_forward_and_backward_are_pytorchs(torch: Any, name: str) -> None:
    @judged(CASES.get(name, 25))
    @given(st.data())
    def check(data: Any) -> None:
        agree(torch, OPERATIONS[name](Maker(data.draw)), "operations")

    check()


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_pytorchs(torch: Any, name: str) -> None:
    @judged(25)
    @given(st.data())
    def check(data: Any) -> None:
        agree(torch, LOSSES[name](Maker(data.draw)), "losses")

    check()
