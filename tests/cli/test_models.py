"""`cnnlite models`: every network with its size."""

import re
from collections.abc import Callable
from typing import Any

from cnnlite.models import MODELS

Cli = Callable[..., Any]


def test_lists_every_network_with_its_parameters(cli: Cli) -> None:
    out = cli("models").out
    for name, make in MODELS.items():
        assert re.search(rf"^{name} +{make().num_params:,} ", out, re.M)
    assert "for 10 classes and images of 3x32x32" in out


def test_what_is_too_small_is_said(cli: Cli) -> None:
    outcome = cli("models", "--size", "6", "--grey", "--classes", "2")
    assert outcome.status == 0
    assert re.search(r"^softmax_classifier +74 ", outcome.out, re.M)
    assert "small_vgg: images of 6x6 pixels are too small" in outcome.out


def test_batch_norm_of_a_single_pixel_has_a_size_too(cli: Cli) -> None:
    out = cli("models", "--size", "2").out
    assert re.search(r"^resnet20 +269,722 +[1-9]", out, re.M)
    assert "BatchNorm" not in out
