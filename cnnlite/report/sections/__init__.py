"""The sections of a page, each a function from what is seen of a training."""

from __future__ import annotations

from cnnlite.report.document import Section
from cnnlite.report.sections.attention import attention
from cnnlite.report.sections.card import card
from cnnlite.report.sections.comparison import comparison
from cnnlite.report.sections.confusion import confusion
from cnnlite.report.sections.curves import curves
from cnnlite.report.sections.difficulty import difficulty
from cnnlite.report.sections.inside import inside
from cnnlite.report.sections.layers import layers
from cnnlite.report.sections.learning import learning
from cnnlite.report.sections.mistakes import mistakes
from cnnlite.report.sections.network import network
from cnnlite.report.sections.sweep import sweep_sections
from cnnlite.report.seen import Seen

__all__ = ["SECTIONS", "comparison", "sections", "sweep_sections"]

SECTIONS = (
    card, curves, network, layers, learning, inside, attention, confusion, mistakes, difficulty,
)  # fmt: skip
"""In their order in a page."""


def sections(seen: Seen) -> list[Section]:
    """Return the sections that there is something to show in."""
    found = (section(seen) for section in SECTIONS)
    return [section for section in found if section is not None]
