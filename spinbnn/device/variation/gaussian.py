"""The Gaussian spread of the drop probability itself, as Eq. 22 prints it: a compatibility mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm

from ...errors import ParameterError, suggest
from ...rng import stream

Array = NDArray[np.float64]
KINDS = ("clipped", "logit")
POINTS = 0.1 / 3.0
"""Standard deviation of "1x": the paper's 3 sigma is 10 points."""
_QUADRATURE = norm.ppf((np.arange(4096) + 0.5) / 4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianProbability:
    r"""Drop probabilities spread by a normal law, :math:`\hat p = p + \mathcal N(\mu, \sigma^2)` (Eq. 22), in [0, 1].

    ``kind="clipped"`` is the print, clipped to [0, 1]. ``kind="logit"`` is
    :math:`\operatorname{logit}\hat p = \operatorname{logit}(p + \mu) + s z`, with s such that the standard deviation is sigma:
    it stays inside (0, 1) by itself.

    Parameters
    ----------
    p : float or array_like
        Nominal drop probability [1].
    sigma : float
        Standard deviation of p [1].
    mean : float
        Offset mu [1].
    kind : {"clipped", "logit"}
        How it is kept within [0, 1].

    Raises
    ------
    ParameterError
        If p is no probability (for ``"logit"``: p + mu not inside (0, 1)), sigma is negative (for ``"logit"``: 0.45 or more), or
        the kind is unknown.

    Notes
    -----
    This is not physics. Devices spread in geometry and material, and p follows through a steep exponential: dp/dlnI is 0.17
    to 0.21 Delta at p = 1/2. A spread of 1 % in Ic0 still makes a nearly normal p (sd 7 to 8 points), one of 5 % spreads
    it almost evenly over [0, 1], and one of 10 % piles it up at both ends. The spread of p also depends on p itself and on
    the temperature, and all layers that share a module share its deviation. The published 3 to 10 points presume a trimmed
    device; :func:`spinbnn.device.trim.trim` says what that takes. Kept to repeat the published experiments
    (arXiv:2311.15816, Eq. 22, sections V-A and VI-E3: 1x, 2x, 3x are 3.3, 6.7 and 10 points).

    Examples
    --------
    >>> law = GaussianProbability.level(0.2, 2)
    >>> round(law.sigma, 4), law.of([-1.0, 0.0, 4.0]).round(4).tolist()
    (0.0667, [0.1333, 0.2, 0.4667])
    """

    p: ArrayLike
    sigma: float
    mean: float = 0.0
    kind: str = "clipped"

    def __post_init__(self) -> None:
        where, p = "GaussianProbability", np.asarray(self.p, dtype=float)
        if self.kind not in KINDS:
            raise ParameterError("unknown kind", where=f"{where}, kind", value=self.kind, remedy=suggest(str(self.kind), KINDS))
        if np.any(~((p >= 0) & (p <= 1))):
            raise ParameterError("p must be a probability", where=f"{where}, p", value=p.tolist(), remedy="use values from 0 to 1")
        if not np.isfinite(self.mean) or not 0 <= self.sigma < np.inf:
            raise ParameterError("the mean must be finite and sigma finite and >= 0", where=where, value=(self.mean, self.sigma), remedy="e.g. sigma=0.033")
        if self.kind == "logit":
            shifted = p + self.mean
            if np.any(~((shifted > 0) & (shifted < 1))) or self.sigma >= 0.45:
                raise ParameterError("a logit-normal law needs p + mean inside (0, 1) and sigma below 0.45", where=where, value=(shifted.tolist(), self.sigma), remedy="use kind='clipped'")

    @classmethod
    def level(cls, p: ArrayLike, times: float, kind: str = "clipped") -> GaussianProbability:
        """Return the paper's variation ``times``x: sigma = times / 30, so that 3x is 10 points."""
        return cls(p=p, sigma=times * POINTS, kind=kind)

    def of(self, normal: ArrayLike) -> Array:
        """Return the probabilities that standard normal deviates stand for, broadcast against p [1]."""
        p, z = np.asarray(self.p, dtype=float) + self.mean, np.asarray(normal, dtype=float)
        if self.kind == "clipped":
            return np.clip(p + self.sigma * z, 0.0, 1.0)
        scale = np.array([_logit_scale(float(q), self.sigma) for q in p.ravel()]).reshape(p.shape)
        return np.asarray(expit(logit(p) + scale * z))

    def sample(self, n: int, seed: int = 0) -> Array:
        """Return n independent draws, shape ``(n, *p.shape)``; the first do not depend on n [1]."""
        if n < 1:
            raise ParameterError("at least one draw is needed", where="GaussianProbability.sample, n", value=n, remedy="use n >= 1")
        return self.of(stream(seed, "gaussian-probability").standard_normal((n, *np.shape(self.p))))


def _logit_scale(median: float, sigma: float) -> float:
    """Return the standard deviation in logits that gives sigma in p, by quadrature over 4096 quantiles."""
    if sigma == 0:
        return 0.0
    return float(brentq(lambda s: float(np.std(expit(logit(median) + s * _QUADRATURE))) - sigma, 0.0, 1e4, xtol=1e-9))
