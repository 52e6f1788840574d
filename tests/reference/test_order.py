"""Twins of kernels that cut long sums say how they are cut."""

from importlib import import_module

import pytest

from cnnlite.kernel_list import ENGINE

SUMS = [name for name in ENGINE if name.startswith(("batch_norm", "conv2d", "linear"))]


@pytest.mark.parametrize("name", SUMS)
def test_a_twin_states_the_order_of_its_kernels_sums(name: str) -> None:
    module = import_module(getattr(import_module("cnnlite.reference"), name).__module__)
    told = f"{module.__doc__}{getattr(module, name).__doc__}"
    assert "Order:" in told
