"""Networks are tested on two images, where threads would only wait for each other."""

from collections.abc import Iterator

import pytest

from cnnlite import get_num_threads, set_num_threads


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = get_num_threads()
    set_num_threads(1)
    yield
    set_num_threads(before)
