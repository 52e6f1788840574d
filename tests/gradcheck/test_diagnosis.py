"""The checker's words in the corners: one entry, one example, arrays that do not count."""

from typing import Any

import numpy as np

from cnnlite.gradcheck import check_layer
from tests.cli.wrong_layers import RightAffine


class Changed(RightAffine):
    """A right layer, whose gradients are replaced by those of a function of them."""

    def __init__(self, change: Any, inputs: int = 3, outputs: int = 4) -> None:
        super().__init__(inputs, outputs)
        self.change = change

    def backward(self, dy: Any, cache: Any) -> Any:
        dx, grads = super().backward(dy, cache)
        return dx, {**grads, **self.change(grads, dy)}


def test_a_gradient_with_axes_too_many() -> None:
    """A bias that is added to every pixel, summed over neither of its axes."""
    layer = Changed(lambda grads, dy: {"bias": np.broadcast_to(dy, (2, 5, 4))})
    diagnosis = check_layer(layer, (5, 3))["bias"].diagnosis
    assert "a sum is missing, over the axes along which the array is broadcast" in diagnosis


def test_a_parameter_that_does_nothing_has_gradient_0() -> None:
    layer = Changed(lambda grads, dy: {"spare": np.ones(3)})
    layer.params["spare"] = np.ones(3)
    diagnosis = check_layer(layer, (5, 3))["spare"].diagnosis
    assert diagnosis == "the gradient should be zero: the output does not depend on this array"


def test_a_parameter_that_does_nothing_may_have_gradient_0() -> None:
    layer = Changed(lambda grads, dy: {"spare": np.zeros(3)})
    layer.params["spare"] = np.ones(3)
    assert check_layer(layer, (5, 3)).passed


def test_one_number_alone_shows_no_pattern() -> None:
    """Any wrong number is some multiple of the right one."""
    layer = Changed(lambda grads, dy: {"bias": 3 * grads["bias"]}, outputs=1)
    diagnosis = check_layer(layer, (5, 3))["bias"].diagnosis
    assert diagnosis == "1 of 1 entries are wrong; no usual mistake explains it"


def test_one_example_cannot_be_the_only_one_counted() -> None:
    layer = Changed(lambda grads, dy: {"bias": grads["bias"] + 1})
    diagnosis = check_layer(layer, (1, 3))["bias"].diagnosis
    assert diagnosis == "4 of 4 entries are wrong; no usual mistake explains it"


def test_some_of_a_vector_are_wrong() -> None:
    layer = Changed(lambda grads, dy: {"bias": grads["bias"] * [1, 1, 0.5, 1]})
    diagnosis = check_layer(layer, (5, 3))["bias"].diagnosis
    assert diagnosis.startswith("1 of 4 entries are wrong; the others are right")


def test_a_cache_may_be_a_dict_and_is_watched_too() -> None:
    class Dicts(RightAffine):
        def forward(self, x: Any) -> Any:
            y, cache = super().forward(x)
            return y, {"x": cache, "shape": x.shape}

        def backward(self, dy: Any, cache: Any) -> Any:
            result = super().backward(dy, cache["x"])
            cache["x"] += 1
            return result

    report = check_layer(Dicts(), (5, 3))
    assert any("backward changed its cache" in problem for problem in report.problems)


def test_options_by_keyword_are_given() -> None:
    seen: list[dict[str, Any]] = []

    class Keywords(RightAffine):
        def forward(self, x: Any, **options: Any) -> Any:
            seen.append(options)
            return super().forward(x)

    assert check_layer(Keywords(), (5, 3), train=False, seed=4).passed
    assert all(options == {"train": False, "rng": 4} for options in seen)


def test_a_layer_that_never_gives_dx() -> None:
    class NoDx(RightAffine):
        def backward(self, dy: Any, cache: Any) -> Any:
            return None, super().backward(dy, cache)[1]

    report = check_layer(NoDx(), (5, 3))
    assert report["x"].diagnosis == "backward gives no gradient for it"
    assert report["weight"].passed
    assert not report.problems
