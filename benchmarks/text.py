"""Tables as text that is also Markdown."""

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table; all columns but the first are aligned to the right.

    Args:
        header: the names of the columns.
        rows: cells, as many in each row as there are columns.
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "| " + " | ".join(_aligned(i, cell, width) for i, (cell, width) in enumerate(cells)) + " |"
        for cells in ([*zip(line, widths, strict=True)] for line in lines)
    ]
    rule = (
        "|"
        + "|".join("-" * (width + 1) + ("-" if i == 0 else ":") for i, width in enumerate(widths))
        + "|"
    )
    return "\n".join([text[0], rule, *text[1:]])


def _aligned(column: int, cell: str, width: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
