"""The published rule for images out of distribution (Scale-Dropout, Eq. 24)."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike
from torch import Tensor

from .checks import share
from .intervals import weighted_percentile

QUANTILE = 0.10
THRESHOLDS = (0.95, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class OodRule:
    r"""An image is out of distribution if no class is sure in all but the worst passes.

    .. math:: \max_c \, Q_q(\{p_{s,c}\}_s) < \tau

    Per class the weighted q-percentile over the passes (:func:`weighted_percentile`), then the largest.

    Parameters
    ----------
    quantile : float
        q, in (0, 1) [1].
    threshold : float
        tau, in (0, 1] [1].

    Raises
    ------
    ParameterError
        If one of them is outside.

    Notes
    -----
    Ahmed et al., arXiv:2311.15816, Eq. 24. The text says "1-th quantile" in one sentence and "10th percentile"
    in the next, "of the averaged outputs": q = 0.10 per class over the passes is our reading. It reports
    threshold 0.95 and once 0.99. The threshold is fixed, not calibrated: a detection rate says nothing
    without the share of in-distribution images that the same rule rejects.

    Examples
    --------
    >>> passes = [[[0.99, 0.01], [0.99, 0.01]], [[0.97, 0.03], [0.60, 0.40]]]
    >>> rule = OodRule()
    >>> rule.score(passes).tolist(), rule.flags(passes).tolist(), rule.rate(passes)
    ([0.97, 0.6], [False, True], 0.5)
    """

    quantile: float = QUANTILE
    threshold: float = THRESHOLDS[0]

    def __post_init__(self) -> None:
        share(self.quantile, "OodRule, argument 'quantile'")
        share(self.threshold, "OodRule, argument 'threshold'", closed=True)

    def score(self, probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None) -> Tensor:
        """Return what the rule compares, shape ``(B,)``, for ``probs (S, B, C)``: LOW means unusual."""
        return weighted_percentile(probs, self.quantile, weights).amax(-1)

    def flags(self, probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None) -> Tensor:
        """Return the decision on each image, bool, shape ``(B,)``; True says out of distribution."""
        return self.score(probs, weights) < self.threshold

    def rate(self, probs: ArrayLike | Tensor, weights: ArrayLike | Tensor | None = None) -> float:
        """Return the share of images that are flagged: detection rate or, of usual images, rejection rate."""
        return float(self.flags(probs, weights).double().mean())
