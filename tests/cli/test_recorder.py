"""The run folder is whole after each epoch, not only at the end."""

from pathlib import Path

import numpy as np

from cnnlite import Solver
from cnnlite.callbacks import Callback
from cnnlite.checkpoint import load_weights
from cnnlite.cli import runs
from cnnlite.cli.recorder import Recorder
from cnnlite.data import embedded
from cnnlite.models import softmax_classifier
from cnnlite.report import history


def test_files_follow_each_epoch(tmp_path: Path) -> None:
    class Look(Callback):
        def after_epoch(self, solver: Solver) -> None:
            assert len(history.load(tmp_path / runs.HISTORY)) == solver.epoch
            last = load_weights(tmp_path / runs.LAST_WEIGHTS)
            np.testing.assert_array_equal(last["1.weight"], solver.model.params["1.weight"])
            best = load_weights(tmp_path / runs.WEIGHTS)
            np.testing.assert_array_equal(best["1.weight"], solver.best_params["1.weight"])
            seen.append(solver.epoch)

    seen: list[int] = []
    data = embedded(num_train=300, num_validation=100, num_test=0)
    solver = Solver(
        softmax_classifier(rng=0), data, num_epochs=3, batch_size=100, verbose=False,
        callbacks=[Recorder(tmp_path), Look()],
    )  # fmt: skip
    solver.train()
    assert seen == [1, 2, 3]
