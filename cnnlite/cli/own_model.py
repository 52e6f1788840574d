"""A network of one's own: `--model FILE.py:FUNCTION`.

The file is a program, and does whatever its author wants.  So it runs only if the user has named it
on this command line, or has trained with the very same file before: the digests of such files are
kept in the user's own cache folder, never in the run folder, which may come from somebody else.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import inspect
import sys
import traceback
import types
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cnnlite.cli.config import is_own
from cnnlite.isolated.source import read_source
from cnnlite.layers import Layer

__all__ = ["COPY", "ModelError", "OwnModel", "of_run"]

COPY = "model.py"
"""The copy of the file in a run folder."""
GIVEN = "num_classes, image_shape and rng"


class ModelError(ValueError):
    """A file or a function that gives no network; the message names both."""


class OwnModel(NamedTuple):
    """A function in a Python file that makes a network.

    Attributes:
        file: where the file is.
        function: its name.
        source: what is in the file.
        folder: where the file may import its neighbours from; None for a copy, which has none.
    """

    file: Path
    function: str
    source: bytes
    folder: Path | None

    @classmethod
    def named(cls, text: str) -> OwnModel:
        """Read the file that FILE.py:FUNCTION names.

        Raises:
            ModelError: it is not of this form.
            OSError: the file cannot be read.
        """
        name, colon, function = text.rpartition(":")
        if not colon or not name.endswith(".py") or not function.isidentifier():
            raise ModelError(f"--model {text}: expected FILE.py:FUNCTION, as in net.py:make")
        file = Path(name).expanduser().resolve()
        try:
            return cls(file, function, read_source(file), file.parent)
        except ValueError as error:
            raise ModelError(str(error)) from None

    def __str__(self) -> str:
        return f"{self.file}:{self.function}"

    def trust(self) -> None:
        """Note that the user has run this file; where that cannot be, it must be named again."""
        with contextlib.suppress(OSError):
            self._note.parent.mkdir(parents=True, exist_ok=True)
            self._note.touch()

    @property
    def trusted(self) -> bool:
        """Whether the user has run this file before."""
        return self._note.is_file()

    @property
    def _note(self) -> Path:
        return _notes() / hashlib.sha256(self.source).hexdigest()

    def make(self, num_classes: int, image_shape: tuple[int, ...], seed: int) -> Layer:
        """Run the file, call the function, and try the network on one image.

        The function is given those of the arguments num_classes, image_shape and rng, a NumPy
        generator, that it has.

        Raises:
            ModelError: the file or the function fails, or gives something else than a Layer that
                turns an image into one score a class.
        """
        from cnnlite.random import manual_seed
        from cnnlite.training.evaluation import model_dtype

        manual_seed(seed)  # for layers that are made without rng
        np.random.seed(seed % 2**32)  # noqa: NPY002  # and for those that draw from NumPy's own
        function = self._function()
        self.trust()
        rng = np.random.default_rng(seed)
        args, options = self._arguments(function, num_classes, image_shape, rng)
        model = self._run("failed", function, *args, **options)
        if not isinstance(model, Layer):
            what = "nothing" if model is None else f"a {type(model).__name__}"
            if isinstance(model, type):
                what = f"the class {model.__name__}"
            raise ModelError(f"{self} returned {what}, expected a Layer such as a Sequential")
        image = np.zeros((1, *image_shape), model_dtype(model))
        scores = self._run(f"made a network that cannot take an image {image.shape}", model, image)
        if np.shape(scores) != (1, num_classes):
            raise ModelError(
                f"{self} made a network that turns an image {image.shape} into "
                f"{np.shape(scores)}, expected (1, {num_classes}): one score a class"
            )
        return model

    def _function(self) -> Callable[..., Any]:
        """Execute the file, as Python would, and return the function."""
        if self.folder is not None and str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        module = types.ModuleType(f"own_{self.file.stem}")
        module.__file__ = str(self.file)
        sys.modules[module.__name__] = module  # where dataclasses look for it
        names = module.__dict__

        def execute() -> None:
            exec(compile(self.source, str(self.file), "exec", dont_inherit=True), names)

        self._run("cannot be loaded", execute, what=str(self.file))
        functions = [name for name in names if callable(names[name]) and name[:1] != "_"]
        if self.function not in names:
            near = difflib.get_close_matches(self.function, functions, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ModelError(f"{self.file} has no function {self.function}{hint}")
        if not callable(names[self.function]):
            what = f"{names[self.function]!r:.60}"
            raise ModelError(f"{self} is {what}, expected a function that returns a Layer")
        found: Callable[..., Any] = names[self.function]
        return found

    def _arguments(
        self, function: Callable[..., Any], num_classes: int, image_shape: tuple[int, ...], rng: Any
    ) -> tuple[list[Any], Mapping[str, Any]]:
        given = {"num_classes": num_classes, "image_shape": image_shape, "rng": rng}
        known = {**given, "input_shape": image_shape}  # the zoo's word for it
        args: list[Any] = []
        options: dict[str, Any] = {}
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                options = {**given, **options}
            elif name in known and parameter.kind is parameter.POSITIONAL_ONLY:
                args.append(known[name])
            elif name in known:
                options[name] = known[name]
            elif parameter.default is parameter.empty and parameter.kind is not (
                parameter.VAR_POSITIONAL
            ):
                raise ModelError(
                    f"{self} has the parameter {name} without a default; it is given {GIVEN}"
                )
        return args, options

    def _run(
        self, failed: str, work: Callable[..., Any], *args: Any, what: str = "", **options: Any
    ) -> Any:
        """Call something of the user's; an error becomes one line with its place in the file."""
        try:
            return work(*args, **options)
        except (Exception, SystemExit) as error:
            frames = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in frames if frame.filename == str(self.file)]
            line = error.lineno if isinstance(error, SyntaxError) else [None, *lines][-1]
            where = f" (line {line})" if line else ""
            reason = error.msg if isinstance(error, SyntaxError) else str(error)
            text = f"{what or self} {failed}: {type(error).__name__}: {reason}{where}"
            if isinstance(error, ModuleNotFoundError) and self.folder is None:
                text += "; the run folder has a copy of one file only: name the original by --model"
            raise ModelError(text) from error


def of_run(run: Path, model: str, named: str | None) -> OwnModel | None:
    """Return the network of one's own that a run was trained with, None for one of the zoo.

    Args:
        run: the run folder, which has a copy of the file.
        model: what its config.toml says.
        named: FILE.py:FUNCTION of the command line.

    Raises:
        ModelError: there is no such network, or its code is not to be run unasked.
        OSError: the file cannot be read.
    """
    if not is_own(model):
        if named is not None:
            raise ModelError(f"{run} was trained with {model} of the zoo: leave --model out")
        return None
    copy = run / COPY
    if named is None:
        function = model.rpartition(":")[2]
        own = OwnModel(copy, function, read_source(copy), None)
        if not own.trusted:
            raise ModelError(
                f"{run} has a network of its own, and nobody has run its code here yet: read "
                f"{copy}, and if you trust it, add --model {copy}:{function}"
            )
        return own
    own = OwnModel.named(named)
    if copy.is_file() and read_source(copy) != own.source:
        warnings.warn(f"{own.file} has changed since {run} was trained", stacklevel=2)
    return own


def _notes() -> Path:
    """Where the digests are: in a folder of the user's own, wherever arrays are cached."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("cnnlite", appauthor=False)) / "own-models"
