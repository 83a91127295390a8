"""The answer of a Bayesian network: a weighted mixture of class probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ParameterError
from . import metrics


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prediction:
    r"""Class probabilities of S masks for B images, with the weights of the masks.

    Attributes
    ----------
    probs : Tensor
        float64, shape ``(S, B, C)``.
    weights : Tensor
        float64, shape ``(S,)``, sum 1.
    masks : Tensor or None
        uint8, 1 = drop: ``(S, L)``, or ``(S, B, L)`` if every image had its own masks.
    method : str
        ``"exact"``, ``"mass"``, ``"sampled"`` or ``"tree"``.
    seed : int or None
        Of the masks; None if nothing was drawn.
    profile_id : str or None
        Of the hardware profile, when the network runs on a chip.
    covered : float
        Probability of the masks of a ``"mass"`` mixture; 1 elsewhere. The mean lies within ``1 - covered`` of the exact one.
    note : str
        What ``"auto"`` took and why, or why the network ran pass by pass; empty otherwise.

    Raises
    ------
    ParameterError
        If shapes do not fit, a row of ``probs`` is no distribution, or ``weights`` are none.

    Examples
    --------
    >>> p = Prediction(probs=torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]], dtype=torch.float64),
    ...                weights=torch.tensor([0.75, 0.25], dtype=torch.float64))
    >>> p.mean.tolist(), p.labels.tolist(), p.variance.tolist()
    ([[0.75, 0.25]], [0], [[0.1875, 0.1875]])
    """

    probs: Tensor
    weights: Tensor
    masks: Tensor | None = None
    method: str = ""
    seed: int | None = None
    profile_id: str | None = None
    covered: float = 1.0
    note: str = ""

    def __post_init__(self) -> None:
        if self.probs.ndim != 3 or self.weights.shape != self.probs.shape[:1]:
            raise ParameterError(
                "probabilities and weights do not fit",
                where="Prediction",
                value=(tuple(self.probs.shape), tuple(self.weights.shape)),
                remedy="(S, B, C) and (S,)",
            )
        metrics.check_distributions(self.probs, "Prediction, probs")
        if not bool((self.weights >= 0).all()) or not abs(float(self.weights.sum()) - 1.0) <= 1e-9:
            raise ParameterError(
                "the weights of a mixture are finite, at least 0 and sum to 1",
                where="Prediction, weights",
                value=float(self.weights.sum()),
                remedy="divide them by their sum",
            )

    @property
    def samples(self) -> int:
        """Number S of mixture components."""
        return len(self.weights)

    @property
    def mean(self) -> Tensor:
        """Predictive distribution ``sum_s w_s p_s``, shape ``(B, C)`` (Scale-Dropout, Eq. 18)."""
        return torch.einsum("s,sbc->bc", self.weights, self.probs)

    @property
    def variance(self) -> Tensor:
        """Weighted variance ``sum_s w_s (p_s - mean)^2``, shape ``(B, C)`` (Eq. 19)."""
        return torch.einsum("s,sbc->bc", self.weights, (self.probs - self.mean).square())

    @property
    def standard_deviation(self) -> Tensor:
        """Square root of :attr:`variance`, shape ``(B, C)``."""
        return self.variance.sqrt()

    @property
    def entropy(self) -> Tensor:
        """Entropy of the mean [nats], shape ``(B,)``: the total uncertainty."""
        return metrics.predictive_entropy(self.probs, self.weights)

    @property
    def expected_entropy(self) -> Tensor:
        """Mean entropy of the components [nats], shape ``(B,)``: the uncertainty of the data."""
        return metrics.expected_entropy(self.probs, self.weights)

    @property
    def mutual_information(self) -> Tensor:
        """Entropy minus expected entropy [nats], shape ``(B,)``, at least 0: the uncertainty of the model."""
        return metrics.mutual_information(self.probs, self.weights)

    @property
    def variation_ratio(self) -> Tensor:
        """Weight of the components that name another class than the majority, shape ``(B,)``."""
        return metrics.variation_ratio(self.probs, self.weights)

    @property
    def labels(self) -> Tensor:
        """Most probable class of the mean, int64, shape ``(B,)``."""
        return self.mean.argmax(1)

    @property
    def confidence(self) -> Tensor:
        """Largest mean probability, shape ``(B,)``."""
        return self.mean.max(1).values

    def interval(self, level: float = 0.95) -> tuple[Tensor, Tensor]:
        """Return the central interval of the class probabilities by weighted percentiles (Eq. 21).

        The q-percentile is the smallest component value whose cumulative weight reaches q.

        Parameters
        ----------
        level : float
            Weight within the interval, in (0, 1).

        Returns
        -------
        tuple of Tensor
            Lower and upper bounds, each ``(B, C)``.
        """
        if not 0.0 < level < 1.0:
            raise ParameterError(
                "the level of an interval lies in (0, 1)",
                where="interval, argument 'level'",
                value=level,
                remedy="e.g. 0.95",
            )
        tails = ((1.0 - level) / 2.0, (1.0 + level) / 2.0)
        low, high = metrics.percentiles(self.probs, self.weights, *tails)
        return low, high

    def normal_interval(self, passes: int, level: float = 0.95, *, clip: bool = True) -> tuple[Tensor, Tensor]:
        """Return the normal interval of the mean of ``passes`` passes (Eq. 20, with the standard deviation).

        Where the mean of T passes falls, which closes with T; :meth:`interval` is where ONE pass falls.

        Parameters
        ----------
        passes : int
            T, the passes that are averaged; of an exact mixture those of the hardware.
        level : float
            In (0, 1).
        clip : bool
            Cut the bounds to [0, 1].

        Returns
        -------
        tuple of Tensor
            Lower and upper bounds, each ``(B, C)``.
        """
        return metrics.normal_interval(self.probs, self.weights, passes=passes, level=level, clip=clip)
