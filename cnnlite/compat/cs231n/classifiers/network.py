"""What the course's networks share: L2 regularisation, and parameters in files."""

from __future__ import annotations

import io
from collections.abc import Iterable, MutableMapping
from pathlib import Path

import numpy as np

from cnnlite.checks.arrays import Array
from cnnlite.files import replace_file

__all__ = ["Network"]

SAVED = Path("cs231n", "saved")
"""Where the course keeps parameters, seen from the folder of the notebooks."""


class Network:
    """A network with parameters in a dict.

    Attributes:
        params: the parameters, by name.
        reg: strength of the L2 regularisation.
    """

    params: dict[str, Array]
    reg: float

    def regularised(
        self, loss: float, grads: MutableMapping[str, Array], keys: Iterable[str]
    ) -> float:
        """Return the loss plus 0.5 * reg * sum of squares, and add reg times weights to gradients.

        Args:
            loss: without regularisation.
            grads: gradients by name, which are changed.
            keys: the names of the weights.
        """
        if not self.reg:
            return loss
        for key in keys:
            weight = np.asarray(self.params[key])
            loss += 0.5 * self.reg * float(np.square(weight).sum(dtype=np.float64))
            grads[key] = grads[key] + (self.reg * weight).astype(grads[key].dtype, copy=False)
        return loss

    def save(self, fname: str) -> None:
        """Write the parameters to a file, as `numpy.savez` does, and say so.

        Args:
            fname: its name in cs231n/saved, or in the current folder where there is no such folder.

        Raises:
            OSError: it cannot be written.
        """
        content = io.BytesIO()
        np.savez(content, **self.params)  # type: ignore[arg-type]  # no name is allow_pickle
        replace_file(_place(fname), content.getvalue())
        print(fname, "saved.")

    def load(self, fname: str) -> bool:
        """Take the parameters from a file that `save` has written, and say so.

        Args:
            fname: as for `save`.

        Returns:
            Whether there is such a file.

        Raises:
            ValueError: it holds something else than parameters of these names.
        """
        path = _place(fname)
        if not path.exists():
            print(fname, "not available.")
            return False
        content = np.load(path)
        names = set(content.files) if isinstance(content, np.lib.npyio.NpzFile) else set()
        if names != set(self.params):
            kind = type(self).__name__
            raise ValueError(
                f"{kind}.load: {path} holds {sorted(names) or 'no parameters'}, expected "
                f"{sorted(self.params)}"
            )
        with content:
            self.params = {key: content[key] for key in self.params}
        print(fname, "loaded.")
        return True


def _place(fname: str) -> Path:
    return (SAVED if SAVED.is_dir() else Path()) / fname
