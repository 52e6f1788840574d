"""`cnnlite bench`: the ladder of convolution, measured on this machine."""

import click

from cnnlite.cli._group import fail
from cnnlite.environment import MOST_THREADS

Layer = tuple[str, int, int, int, int, int, int, int]
LAYERS: tuple[Layer, ...] = (  # name, channels, image, filters, kernel, padding, stride, batch
    ("3x3", 3, 8, 4, 3, 1, 1, 2),
    ("7x7", 3, 32, 32, 7, 3, 1, 128),
    ("3x3", 16, 32, 16, 3, 1, 1, 128),
    ("3x3", 32, 32, 32, 3, 1, 1, 128),
    ("3x3", 64, 16, 64, 3, 1, 1, 128),
    ("3x3", 128, 8, 128, 3, 1, 1, 128),
    ("3x3/2", 16, 32, 32, 3, 1, 2, 128),
    ("1x1", 64, 16, 128, 1, 0, 1, 128),
)


@click.command()
@click.option("--threads", type=click.IntRange(1, MOST_THREADS), help="Threads of the kernels.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
def bench(threads: int | None, rounds: int) -> None:
    """Measure the rungs of convolution: naive, im2col, tiled, winograd.

    GFLOP/s count the multiplications of the definition, so that Winograd, which does fewer, can
    pass the machine's limit. In brackets is the share of NumPy's product of two 2048x2048 float32
    matrices with as many threads; the error is relative, of float32 against float64. Layers are
    named by kernel (/stride), channels and image: "3x3/2 16-32 @32". The batch is 128, but 2 where
    the naive rung is there.
    """
    from cnnlite import get_num_threads, rates, set_num_threads
    from cnnlite.backend import backend_name, kernels
    from cnnlite.cli import ladder
    from cnnlite.cli._group import progress_note, show_table

    if backend_name != "compiled":
        fail(f"CNNLITE_BACKEND is {backend_name!r}: only the compiled kernels are made to be fast")
    if threads is not None:
        set_num_threads(threads)
    sgemm = rates.sgemm_rate(get_num_threads(), rounds)
    click.echo(
        f"{get_num_threads()} threads, {kernels.instruction_set()}; NumPy's sgemm {sgemm:.0f} "
        f"GFLOP/s, cnnlite's {rates.product_rate(rounds):.0f}; memory "
        f"{rates.memory_rate(rounds):.0f} GB/s"
    )
    rows = []
    with progress_note("measuring") as say:
        for numbers in LAYERS:
            layer = ladder.Conv(*numbers)
            name = f"{layer.name} {layer.channels}-{layer.filters} @{layer.size}"
            say(name)
            rungs = ladder.rungs_for(layer)
            for rung, found in ladder.measure(layer, rungs, rounds).items():
                cells = [_rate(rate, sgemm) for rate in found]
                rows.append((name, rung, *cells, f"{ladder.error(layer, rung):.0e}"))
                name = ""
    numbers_of = (*ladder.PASSES, "error")
    show_table(("layer", "rung", *numbers_of), rows, numbers_of, drop=numbers_of[:0:-1])


def _rate(rate: float, sgemm: float) -> str:
    return f"{rate:.3g} ({rate / sgemm:.0%})" if rate < 10 else f"{rate:.0f} ({rate / sgemm:.0%})"
