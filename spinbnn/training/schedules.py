"""Learning rate of each step: warm-up, then cosine, steps or constant."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import ParameterError, suggest

SCHEDULES = ("cosine", "step", "constant")


def cosine(step: int, steps: int, learning_rate: float) -> float:
    """Return the learning rate of a step: ``lr/2 (1 + cos(pi step / steps))``.

    Examples
    --------
    >>> cosine(0, 10, 1.0), round(cosine(5, 10, 1.0), 12)
    (1.0, 0.5)
    """
    return 0.5 * learning_rate * (1.0 + math.cos(math.pi * step / steps))


def learning_rate_at(
    step: int,
    *,
    steps: int,
    epochs: int,
    learning_rate: float,
    schedule: str = "cosine",
    warmup: int = 0,
    milestones: Sequence[int] = (),
    factor: float = 0.1,
) -> float:
    r"""Return the learning rate of a step, counted over all epochs.

    During the first ``warmup`` epochs, with :math:`w` = ``warmup * steps`` and step :math:`k`, it is
    :math:`\eta (k + 1) / w`. After them

    - ``cosine``: :math:`\frac{\eta}{2}(1 + \cos \pi \frac{k - w}{N - w})`, N = ``epochs * steps``;
    - ``step``: :math:`\eta f^m`, m the number of milestones that the epoch has reached;
    - ``constant``: :math:`\eta`.

    Parameters
    ----------
    step : int
        From 0 to ``epochs * steps - 1``.
    steps, epochs : int
        Mini-batches of an epoch, and epochs.
    learning_rate : float
        Its largest value.
    schedule : str
        One of the three.
    warmup : int
        Epochs of linear warm-up.
    milestones : sequence of int
        Epochs, counted from 0, whose first step has the next smaller rate; ``step`` alone reads them.
    factor : float
        Of each milestone.

    Examples
    --------
    >>> [learning_rate_at(k, steps=2, epochs=4, learning_rate=1.0, schedule="step", warmup=1, milestones=[2, 3])
    ...  for k in (0, 1, 2, 3, 4, 6)]
    [0.5, 1.0, 1.0, 1.0, 0.1, 0.010000000000000002]
    """
    first = warmup * steps
    if step < first:
        return learning_rate * (step + 1) / first
    if schedule == "cosine":
        return cosine(step - first, epochs * steps - first, learning_rate)
    if schedule == "step":
        return float(learning_rate * factor ** sum(step // steps >= epoch for epoch in milestones))
    return learning_rate


def check_schedule(
    schedule: str, warmup: int, milestones: Sequence[int], factor: float, epochs: int, where: str
) -> None:
    """Refuse a schedule that cannot be; ``where`` is a pattern with a place for the argument's name.

    Raises
    ------
    ParameterError
        On an unknown schedule, a warm-up that leaves no epoch, milestones out of order or without use.
    """
    if schedule not in SCHEDULES:
        raise ParameterError(
            "unknown schedule",
            where=where.format("schedule"),
            value=schedule,
            remedy=suggest(schedule, SCHEDULES),
        )
    if not 0 <= warmup < epochs:
        raise ParameterError(
            "the warm-up must leave at least one epoch",
            where=where.format("warmup"),
            value=warmup,
            remedy=f"0 to {epochs - 1}, with {epochs} epochs",
        )
    given = list(milestones)
    if (schedule == "step") != bool(given):
        raise ParameterError(
            "milestones belong to the schedule 'step', which needs them",
            where=where.format("milestones"),
            value=given,
            remedy=f"e.g. schedule='step', milestones=[{max(1, epochs // 2)}]",
        )
    if given != sorted(set(given)) or any(
        epoch != int(epoch) or not warmup <= epoch < epochs for epoch in given
    ):
        raise ParameterError(
            "milestones are epochs in rising order, after the warm-up and before the end",
            where=where.format("milestones"),
            value=given,
            remedy=f"whole numbers from {warmup} to {epochs - 1}",
        )
    if not 0 < factor < 1:
        raise ParameterError(
            "the factor of a milestone lies between 0 and 1",
            where=where.format("factor"),
            value=factor,
            remedy="e.g. 0.1",
        )
