"""The catalogue has an entry for every layer, and the docs' table is its contents."""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from cnnlite import layers
from cnnlite.catalogue import CATALOGUE, LAYERS, Entry
from cnnlite.layers import Container, Layer

PAGE = Path(__file__).parent.parent / "docs" / "use" / "layers.md"
EXAMPLES = [(entry, example) for entry in CATALOGUE.values() for example in entry.examples]


def test_every_layer_has_an_entry() -> None:
    kinds = {getattr(layers, name) for name in layers.__all__} - {Layer, Container}
    assert kinds == {entry.layer for entry in LAYERS.values()}
    assert all(entry.examples[0].title == entry.name for entry in LAYERS.values())


def test_the_docs_list_what_the_catalogue_holds() -> None:
    table = PAGE.read_text(encoding="utf-8").split("<!-- catalogue -->\n")[1].split("\n\n")[0]
    families, lacking = defaultdict(set), defaultdict(set)
    for entry in LAYERS.values():
        families[entry.family].add(entry.name)
        lacking[entry.family] |= {example.lacks for example in entry.examples} - {""}
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    assert families == {family: set(re.findall(r"`(\w+)`", names)) for family, names, _ in rows}
    assert lacking == {family: set(lacks.split("; ")) - {""} for family, _, lacks in rows}


@pytest.mark.parametrize(("entry", "example"), EXAMPLES)
def test_an_example_is_made_anew_each_time(entry: Entry, example: object) -> None:
    first, second = (entry.make(example) for _ in range(2))  # type: ignore[arg-type]
    before = {key: array.copy() for key, array in second.params.items()}
    for array in first.params.values():
        array += 1
    np.testing.assert_equal(dict(second.params), before)
