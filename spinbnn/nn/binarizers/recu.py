"""ReCU: weights in the tails of their distribution are clamped, and get no gradient; the tails shrink."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .base import Binarizer, check_option, check_progress
from .bireal import approximate_sign
from .libra import normalize_weight
from .sign import binary_sign, needs_gradient, plain_sign


class ReCUBinarizer(Binarizer):
    r"""Normalised weights clamped at a quantile; the gradient of a piecewise quadratic for the inputs.

    Weights: ``W~`` of :func:`~spinbnn.nn.binarizers.libra.normalize_weight` per filter, clamped to ``[-Q, Q]``, and
    the sign of that with a straight-through gradient. For a Laplace distribution of scale ``b`` the quantiles are
    ``Q_tau = -b ln(2 - 2 tau) = -Q_(1-tau)``; ``b`` is its maximum-likelihood estimate, ``mean|W~|`` over the layer,
    and no gradient flows through it. As clamping between -Q and Q > 0 changes no sign, the whole is

    ``y = sign(W~)``, ``dL/dW~ = dL/dy 1[|W~| <= Q_tau]``.

    With the progress u of training, ``tau = tau_min + (tau_max - tau_min) (e^u - 1) / (e - 1)``.

    Inputs: ``sign(x)``; while training, the gradient is taken at the standardised input ``v = x / sqrt(var + 1e-5)``,
    var over all of one image's features, and passes through that division: ``dL/dv = dL/dy max(2 - 2|v|, 0)``.

    Parameters
    ----------
    tau_min, tau_max : float
        Quantile at the start and at the end, above 0.5 and below 1 [].

    References
    ----------
    Xu et al., "ReCU: reviving the dead weights in binary neural networks", ICCV 2021, arXiv 2103.12369. The schedule
    and the standardised input are those of the authors' code.

    Examples
    --------
    >>> rule = ReCUBinarizer()
    >>> rule.anneal(1.0)
    >>> round(rule.tau, 12), round(rule.quantile(1.0), 6)
    (0.99, 3.912023)
    """

    name = "recu"
    INPUT_EPS = 1e-5

    def __init__(self, tau_min: float = 0.85, tau_max: float = 0.99) -> None:
        super().__init__()
        check_option(0.5 < tau_min < 1, self.name, "tau_min", tau_min, "above 0.5 and below 1, e.g. 0.85")
        check_option(
            tau_min <= tau_max < 1, self.name, "tau_max", tau_max, "tau_min or more, below 1, e.g. 0.99"
        )
        self.tau_min, self.tau_max = float(tau_min), float(tau_max)
        self.tau = self.tau_min

    @property
    def options(self) -> dict[str, Any]:
        """Return the options that make it again."""
        return {"tau_min": self.tau_min, "tau_max": self.tau_max}

    def anneal(self, progress: float) -> None:
        """Set tau for a progress of training from 0 to 1."""
        share = math.expm1(check_progress(progress)) / math.expm1(1.0)
        self.tau = self.tau_min + (self.tau_max - self.tau_min) * share

    def quantile(self, scale: float) -> float:
        """Return ``Q_tau`` of a Laplace distribution of the given scale b []."""
        return -scale * math.log(2.0 - 2.0 * self.tau)

    def weight(self, w: Tensor) -> Tensor:
        """Return ``sign(W~)``, shape of ``w``."""
        normal = normalize_weight(w)
        if not needs_gradient(normal):
            return plain_sign(normal)
        return binary_sign(normal, self.quantile(float(normal.detach().abs().mean())))

    def input(self, x: Tensor) -> Tensor:
        """Return ``sign(x)``."""
        if not self.training or not needs_gradient(x):
            return approximate_sign(x)
        flat = x.flatten(1)
        variance = (flat.square().mean(dim=1) - flat.mean(dim=1).square()).clamp(min=0.0)  # faster than var()
        inverse = torch.rsqrt(variance + self.INPUT_EPS)
        return approximate_sign(x * inverse.view(-1, *[1] * (x.ndim - 1)))
