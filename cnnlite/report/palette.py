"""The colours of a page and its figures, for a light and for a dark screen."""

__all__ = [
    "COLORS", "DARK", "EMPTY", "FAINT", "INK", "LINE", "PAPER", "RIGHT", "VARIABLES", "WRONG",
]  # fmt: skip

PAPER, CARD, INK, FAINT, LINE, EDGE, EMPTY, LINK = (
    "#ffffff", "#f5f7f9", "#1f2933", "#52606d", "#d9dee4", "#8493a1", "#eef1f4", "#005a8f",
)  # fmt: skip

# Okabe and Ito's colours, which colour-blind people tell apart.
RIGHT, WRONG = "#0072b2", "#d55e00"
COLORS = (RIGHT, WRONG, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b5b95")

DARK = {
    PAPER: "#191f26", CARD: "#10141a", INK: "#e4e9ee", FAINT: "#a3afbb", LINE: "#313b46",
    EDGE: "#6b7a89", EMPTY: "#262f39", LINK: "#6cbdf0", RIGHT: "#3d9be0",
    "#56b4e9": "#a6dcff", "#6b5b95": "#b3a4d9",
}  # fmt: skip
"""What takes the place of a colour on a dark screen, where another one does."""

VARIABLES = {
    "paper": PAPER, "card": CARD, "ink": INK, "faint": FAINT, "line": LINE, "edge": EDGE,
    "link": LINK, "right": RIGHT, "wrong": WRONG,
}  # fmt: skip
"""By the name that the style sheet knows them by."""
