"""Stop training some layers from an epoch on: progressive freezing."""

from __future__ import annotations

from cnnlite.checks.numbers import integer, shown
from cnnlite.models.transfer import freeze_layers
from cnnlite.training.callbacks.callback import Callback
from cnnlite.training.state import TrainingState


class Freeze(Callback):
    """Freeze layers when so many epochs are complete: they keep their weights from then on.

        callbacks=[Freeze(3, "0.*"), Freeze(6, "1.*", "2.*")]

    The backward pass ends at the lowest layer that is still trained, so a network that is frozen
    from its input on trains ever faster.  What is frozen follows from the epoch alone: a training
    that is interrupted and resumed freezes the same at the same step.  After the training all is
    as it was before.

    Args:
        epoch: complete epochs before that, from 0.
        patterns: as for `models.freeze_layers`; what is frozen already stays so.

    Attributes:
        frozen: the keys that it has frozen, while it does.

    Raises:
        TypeError, ValueError: epoch is no integer from 0 up, or a pattern no text; `before_train`
            raises for a pattern that matches nothing, or leaves nothing to train.

    Source: Brock et al., FreezeOut: accelerate training by progressively freezing layers, 2017.
    """

    def __init__(self, epoch: int, *patterns: str) -> None:
        self.epoch = integer("Freeze", "epoch", epoch, 0)
        if not patterns or not all(isinstance(pattern, str) for pattern in patterns):
            raise TypeError(f"Freeze: patterns are {shown(patterns)}, expected texts such as '0.*'")
        self.patterns = patterns
        self.frozen: frozenset[str] = frozenset()

    def before_train(self, solver: TrainingState) -> None:
        self._freeze(solver)  # to see that it can be done
        self._thaw(solver)

    def before_epoch(self, solver: TrainingState) -> None:
        self._thaw(solver)  # the epochs before may have been taken back
        if solver.epoch >= self.epoch:
            self._freeze(solver)

    def after_train(self, solver: TrainingState) -> None:
        self._thaw(solver)

    def _freeze(self, solver: TrainingState) -> None:
        before = frozenset(solver.model.frozen_keys)
        freeze_layers(solver.model, *sorted(before), *self.patterns)
        self.frozen = frozenset(solver.model.frozen_keys) - before

    def _thaw(self, solver: TrainingState) -> None:
        for prefix, leaf in solver.model.leaves():
            own = {name for name in leaf.frozen_keys if prefix + name in self.frozen}
            if own:
                leaf.frozen_keys = leaf.frozen_keys - own
        self.frozen = frozenset()
