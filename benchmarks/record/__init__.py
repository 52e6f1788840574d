"""The record: trainings on CIFAR-10 and what they reach, one line each, and the page made of them.

    lines.py      what a line says, and the tables that have them
    configs.py    what a recipe and options give, and its digest
    folders.py    what a finished run folder says
    flops.py      the multiplications and additions of a training
    running.py    a training for each seed, as a process that is timed
    twin.py       the training step of a Solver in PyTorch
    steps.py      steps here and in PyTorch, in turns
    whole.py      whole trainings in PyTorch
    summary.py    what several seeds say together
    held_out.py   CIFAR-10 for a search, which sees no test image
    page.py       docs/results/record.md; figure.py draws its curve
    __main__.py   the command
"""  # fmt: skip
