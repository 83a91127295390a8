"""Normal deviates from Sobol points, a Latin hypercube or plain draws, and the log-normal factor that one stands for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, qmc

from ...errors import ParameterError
from ...rng import sequence, stream

Array = NDArray[np.float64]
Method = Literal["sobol", "lhs", "random"]
METHODS = ("sobol", "lhs", "random")
EDGE = 1e-12
"""Distance from 0 and 1 at which a point is clipped: 7 standard deviations."""


def normal_points(n: int, dimensions: int, seed: int, names: Sequence[str | int], method: str = "sobol") -> Array:
    """Return standard normal deviates, shape ``(n, dimensions)``.

    Parameters
    ----------
    n, dimensions : int
        Points, and deviates of each [1].
    seed : int
        Seed.
    names : sequence of str or int
        Name of the stream (:func:`spinbnn.rng.sequence`).
    method : {"sobol", "lhs", "random"}
        Scrambled Sobol points, a Latin hypercube, or independent draws. But for ``"lhs"`` the first k points do not depend
        on n.

    Raises
    ------
    ParameterError
        If the method is unknown.

    Examples
    --------
    >>> normal_points(4, 2, 0, ["example"]).shape
    (4, 2)
    >>> bool((normal_points(4, 2, 0, ["example"]) == normal_points(9, 2, 0, ["example"])[:4]).all())
    True
    """
    check_method(method)
    if method == "random":
        # drawn row by row, so that the first k rows do not depend on n
        return stream(seed, *names).standard_normal((n, dimensions))
    generator = np.random.default_rng(sequence(seed, *names))
    if method == "lhs":
        points = qmc.LatinHypercube(dimensions, rng=generator).random(n)
    else:
        points = qmc.Sobol(dimensions, scramble=True, rng=generator).random_base2(max(1, math.ceil(math.log2(n))))[:n]
    return np.asarray(norm.ppf(np.clip(points, EDGE, 1 - EDGE)))


def lognormal_factor(cv: float, z: ArrayLike) -> Array:
    r"""Return :math:`e^{\sigma z}` with :math:`\sigma = \sqrt{\ln(1 + c_v^2)}`: median 1, standard deviation over mean ``cv`` [1].

    Examples
    --------
    >>> float(lognormal_factor(0.1, 0.0)), round(float(lognormal_factor(0.1, 1.0)), 4)
    (1.0, 1.1049)
    """
    return np.asarray(np.exp(math.sqrt(math.log1p(cv**2)) * np.asarray(z, dtype=float)))


def check_method(method: str) -> None:
    """Raise unless the method is one of :data:`METHODS`."""
    if method not in METHODS:
        raise ParameterError("unknown method", where="sample, method", value=method, remedy="use 'sobol', 'lhs' or 'random'")
