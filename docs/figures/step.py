"""Figures of a training step: what goes forward, what is kept, what comes back."""

from docs.figures.drawing import BLUE, GREEN, GREY, ORANGE, RED, Figure, arrow, box, canvas, label


def training_step() -> Figure:
    """Draw forward and backward through three layers and a loss, with the caches between."""
    figure, axes = canvas(8.6, 3.7)
    names = ("Conv2d", "ReLU", "Linear", "loss")
    for i, name in enumerate(names):
        x = 9 + i * 18
        box(axes, x, 5, 10, 4.4, name, BLUE)
        box(axes, x + 0.7, 14, 8.6, 3.8, "cache", GREY)
        box(axes, x, 22.5, 10, 4.4, name, RED)
        arrow(axes, (x + 5, 9.4), (x + 5, 14), GREY)
        arrow(axes, (x + 5, 17.8), (x + 5, 22.5), GREY)
        arrow(axes, (x - 8 if i else x - 5.4, 7.2), (x, 7.2), BLUE)
        if i:
            arrow(axes, (x, 24.7), (x - 8, 24.7), RED)
    label(axes, 3.2, 5, "images", BLUE, 9.5)
    for i, (forward, backward) in enumerate((("y", "dy"), ("y", "dy"), ("scores", "dscores"))):
        label(axes, 23 + i * 18, 5.4, forward, BLUE, 9)
        label(axes, 23 + i * 18, 26.8, backward, RED, 9)
    arrow(axes, (73, 7.2), (78.5, 7.2), BLUE)
    label(axes, 81.5, 7.2, "loss", BLUE, 9.5)
    for i in (0, 2):
        x = 14 + i * 18
        arrow(axes, (x, 26.9), (x, 31), RED)
        label(axes, x, 32.4, "dweight, dbias", RED, 9)
    box(axes, 24, 30.6, 18, 4, "optimizer.step", ORANGE)
    arrow(axes, (20.5, 32.5), (24, 32.5), ORANGE)
    arrow(axes, (44.2, 32.5), (42, 32.5), ORANGE)
    label(axes, 1.2, 2.4, "forward", BLUE, 10, ha="left", weight="bold")
    label(axes, 1.2, 20.4, "backward", RED, 10, ha="left", weight="bold")
    return figure


def floors() -> Figure:
    """Draw what calls what when a layer runs."""
    figure, axes = canvas(8.2, 3.5)
    rows = (
        ("layers", "ReLU().forward(x)", "holds parameters, keeps nothing else", BLUE),
        ("functional", "relu_forward(x)", "checks shapes and dtypes, allocates y", BLUE),
        ("backend", "kernels.relu_forward(x, y)", "one of two, under one name", GREY),
    )
    for i, (floor, call, does, colour) in enumerate(rows):
        y = 2 + i * 7.6
        label(axes, 1.5, y + 2.4, floor, colour, 9.5, ha="left", weight="bold")
        box(axes, 15, y, 27, 4.8, call, colour)
        label(axes, 44, y + 2.4, does, size=9, ha="left")
        arrow(axes, (28.5, y + 4.8), (28.5, y + 7.6), GREY)
    box(axes, 8, 24.8, 24, 4.8, "_ext: compiled, in threads", GREEN)
    box(axes, 36, 24.8, 24, 4.8, "reference: plain NumPy", ORANGE)
    arrow(axes, (28.5, 22), (20, 24.8), GREY)
    arrow(axes, (28.5, 22), (47, 24.8), GREY)
    label(axes, 20, 32, "what runs", GREEN, 9)
    label(axes, 48, 32, "the specification, and the tests' oracle", ORANGE, 9)
    return figure
