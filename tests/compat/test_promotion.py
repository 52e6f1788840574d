"""Course functions take what NumPy can compute with, in the dtype in which NumPy does."""

import numpy as np
import pytest

from cnnlite.compat.promotion import promoted, promoted_to


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("float32", "float32"), "float32"),
        (("float32", "float64"), "float64"),
        (("float32", "int64"), "float64"),
        (("float64", "int64"), "float64"),
        (("uint8", "int32"), "float64"),
        (("bool", "bool"), "float64"),
        (("float16", "float16"), "float32"),
        (("float16", "float32"), "float32"),
        (("longdouble", "float32"), "float64"),
    ],
)
def test_dtypes_are_numpys(given: tuple[str, ...], expected: str) -> None:
    arrays = {f"a{i}": np.ones(2, dtype) for i, dtype in enumerate(given)}
    assert [array.dtype for array in promoted("f", **arrays)] == [np.dtype(expected)] * 2


def test_lists_are_arrays_too() -> None:
    x, b = promoted("f", x=np.ones(2, np.float32), b=[0, 128])
    assert x.dtype == b.dtype == np.float64
    np.testing.assert_array_equal(b, [0, 128])


def test_an_array_of_the_right_dtype_is_not_copied() -> None:
    x = np.ones(2, np.float32)
    assert promoted("f", x=x)[0] is x
    assert promoted_to("f", "x", x, x.dtype) is x


@pytest.mark.parametrize("wrong", [["a"], [1j], [None]])
def test_what_is_no_number_is_named(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"affine_forward: w is .*, expected an array of numbers"):
        promoted("affine_forward", x=np.ones(1), w=np.array(wrong))
