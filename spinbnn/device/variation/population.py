"""Process variation: populations of devices drawn from the spreads of a device file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, qmc

from ...errors import ParameterError
from ...rng import sequence, stream
from ..parameters import DeviceParams

Array = NDArray[np.float64]
LOGIT = ("switching.saturation",)
"""Fields bounded above by 1; they take no spread here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariationModel:
    r"""Log-normal spread of device parameters, within a die (local) and between dies (global).

    .. math:: v = v_0 \exp(\sigma_g z_g + \sigma_l z_l), \qquad \sigma = \sqrt{\ln(1 + c_v^2)}

    The nominal value is the median. Local draws are correlated by the file's correlation matrix; a die shares one
    global draw for each parameter. The streams are called ``"local"`` and ``"global"``, die and key: the name of the device
    has no part in them.

    Parameters
    ----------
    params : DeviceParams
        Nominal values and relative spreads.

    Examples
    --------
    >>> from spinbnn.device import DeviceParams, VariationModel
    >>> draws = VariationModel.from_params(DeviceParams.load("seed_eq23")).sample(256, seed=1)
    >>> sorted(draws) == sorted(DeviceParams.load("seed_eq23").quantities), draws["thermal.delta"].shape
    (True, (256,))
    """

    params: DeviceParams
    keys: tuple[str, ...]
    root: tuple[tuple[float, ...], ...]

    @classmethod
    def from_params(cls, params: DeviceParams) -> VariationModel:
        """Build from the spreads and correlations of a device file.

        Raises
        ------
        ParameterError
            If the correlations contradict each other (matrix not positive definite).
        """
        keys = tuple(k for k, q in params.quantities.items() if q.sigma > 0)
        if bad := [k for k in LOGIT if k in keys]:
            raise ParameterError("this field is bounded by 1 and takes no log-normal spread", where=params.origin, value=bad[0], remedy="remove its sigma")
        matrix = np.eye(len(keys))
        for c in params.correlations:
            if c.first in keys and c.second in keys:
                i, j = keys.index(c.first), keys.index(c.second)
                matrix[i, j] = matrix[j, i] = c.value
        try:
            root = np.linalg.cholesky(matrix) if keys else matrix
        except np.linalg.LinAlgError:
            raise ParameterError("the correlations contradict each other", where=params.origin, value=matrix.tolist(), remedy="make the matrix positive definite") from None
        return cls(params=params, keys=keys, root=tuple(tuple(float(v) for v in row) for row in root))

    def sample(
        self, n: int, seed: int = 0, method: Literal["sobol", "random"] = "sobol", *, local: bool = True, die: int | None = None
    ) -> dict[str, Array]:
        """Draw ``n`` devices.

        Parameters
        ----------
        n : int
            Number of devices [1].
        seed : int
            Seed; the first k of n draws equal the draws of ``sample(k)``.
        method : {"sobol", "random"}
            Scrambled Sobol points or independent draws.
        local : bool
            Whether the within-die spread is on.
        die : int or None
            Number of the die whose global draw all devices share, >= 0; None switches the global spread off.

        Returns
        -------
        dict of str to ndarray, shape (n,)
            Every parameter of the device in SI units, the varied and the constant ones.

        Raises
        ------
        ParameterError
            If n is not positive, the method is unknown or the die is no whole number.
        """
        if n < 1:
            raise ParameterError("at least one device is needed", where="sample, n", value=n, remedy="use n >= 1")
        if method not in ("sobol", "random"):
            raise ParameterError("unknown method", where="sample, method", value=method, remedy="use 'sobol' or 'random'")
        if die is not None and (isinstance(die, bool) or not isinstance(die, int | np.integer) or die < 0):
            raise ParameterError("a die is a whole number >= 0", where="sample, die", value=die, remedy="use die=0, or die=None for no spread between dies")
        quantities = self.params.quantities
        out = {key: np.full(n, q.value) for key, q in quantities.items()}
        if local and self.keys:
            z = self._normals(n, seed, method) @ np.asarray(self.root).T
            for column, key in enumerate(self.keys):
                out[key] = out[key] * np.exp(_log_sigma(quantities[key].sigma) * z[:, column])
        if die is not None:
            for key, q in quantities.items():
                if q.sigma_global > 0:
                    shift = stream(seed, "global", die, key).standard_normal()
                    out[key] = out[key] * math.exp(_log_sigma(q.sigma_global) * shift)
        return out

    def _normals(self, n: int, seed: int, method: str) -> Array:
        dimensions = len(self.keys)
        if method == "random":
            # drawn row by row, so that the first k rows do not depend on n
            return stream(seed, "local").standard_normal((n, dimensions))
        engine = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(sequence(seed, "local")))
        points = engine.random_base2(max(1, math.ceil(math.log2(n))))[:n]
        return np.asarray(norm.ppf(np.clip(points, 1e-12, 1 - 1e-12)))


def _log_sigma(cv: float) -> float:
    return math.sqrt(math.log1p(cv**2))
