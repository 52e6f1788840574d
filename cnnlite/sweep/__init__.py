"""Sweeps: many trainings over the options of `cnnlite train`, on the cores or machines there are.

    from cnnlite.sweep import run

    sweep = run({"train": {"model": "small_vgg"}, "over": {"lr": [0.01, 0.1]}}, "sweeps/lr")

command    `cnnlite sweep`
script     `run`, the same for scripts
starting   what comes before the first trial
running    a sweep from its beginning, or from where it was ended, to its end
record     the record of a sweep, by which it is known again
workers    who trains: processes of this machine, a cluster of Dask's or Ray's
trial      one trial, in whatever process it is trained
plans      which trials there are, in what order, and which of them go on
asked      what a sweep's file asks for, checked before anything runs
space      what an option may be, and how it is drawn
results    the table of results
best       the best trial as a configuration for `cnnlite train`
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
