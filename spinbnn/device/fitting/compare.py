"""Several laws on the same counts: information criteria, a verdict on each, and the shape that none of them has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import ParameterError, SpinbnnError
from ...tables import Table
from .data import SwitchingData
from .fit import Goodness, fit_data
from .goodness import Progress, enough_samples
from .options import MODELS
from .result import SwitchingFit
from .shape import Shape, shape_of

DEFAULT = ("exact", "seed", "exact+lapse", "two_rate", "logistic")
"""Laws that are compared where none are named; ``two_rate_field`` joins them where tau0 is declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedModel:
    """One row of a comparison.

    Parameters
    ----------
    name : str
        Model, with ``+lapse``, ``+lapse_lower`` or ``+lapse_upper`` where rates were fitted.
    fit : SwitchingFit or None
        None where the law could not be fitted.
    parameters, aic, aicc, deviance, dof, p_value
        NaN where there is no fit; AICc counts the points, and is infinite where they are too few for it [1].
    verdict : str
        ``"rejected"``, ``"not rejected"``, ``"cannot be tested"`` or why there is no fit.
    """

    name: str
    fit: SwitchingFit | None
    parameters: int | None
    aic: float
    aicc: float
    deviance: float
    dof: int | None
    p_value: float
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelComparison:
    """The models by rising AICc; made by :func:`compare_models`."""

    rows: tuple[ComparedModel, ...]
    shape: Shape
    data: SwitchingData

    @property
    def accepted(self) -> list[ComparedModel]:
        """The models that the data do not reject, best first."""
        return [row for row in self.rows if row.verdict == "not rejected"]

    @property
    def best(self) -> ComparedModel | None:
        """The accepted model with the least AICc (AIC where that is not finite), None if there is none."""
        return self.accepted[0] if self.accepted else None

    @property
    def least(self) -> float:
        """The least finite AICc of all models."""
        return min((row.aicc for row in self.rows if math.isfinite(row.aicc)), default=math.nan)

    @property
    def statement(self) -> str:
        """The result in one or two sentences."""
        if self.best is None:
            return "None of these models is accepted: each is rejected, could not be fitted or cannot be tested. No parameter of a rejected model should be used."
        text = f"Best accepted model: {self.best.name} (AICc {self.best.aicc:.1f}, p = {self.best.p_value:.2g})."
        if self.best.name.startswith("logistic"):
            text += " It is an empirical curve: it gives i50 and a width, and no delta or Ic0."
            physical = next((row for row in self.accepted if not row.name.startswith("logistic")), None)
            text += f" Best accepted law with physics: {physical.name} (AICc {physical.aicc:.1f})." if physical else " No law with physics is accepted."
        return text

    def report(self) -> Table:
        """Return the comparison as a table."""
        from .report import comparison_table

        return comparison_table(self)

    def _repr_html_(self) -> str:
        return self.report().to_html()


def compare_models(
    data: SwitchingData, models: Sequence[str] | None = None, *, tau0: float | None = None, temperature_reference: float | None = None,
    curie_temperature: float | None = None, anisotropy_exponent: float = 0.0, goodness: Goodness = "auto", samples: int = 999, seed: int = 0,
    progress: Progress | None = None,
) -> ModelComparison:  # fmt: skip
    r"""Fit several laws to the same counts.

    .. math:: \mathrm{AIC} = 2k - 2\ell, \qquad \mathrm{AICc} = \mathrm{AIC} + \frac{2k(k+1)}{N - k - 1}

    with ``k`` parameters (a free tau0 is one) and ``N`` points. Binomial coefficients are left out of the log-likelihood.

    Parameters
    ----------
    data : SwitchingData
        Counts.
    models : sequence of str, optional
        Names of :func:`fit_switching`'s models, with ``+lapse``, ``+lapse_lower`` or ``+lapse_upper`` behind them.
    tau0, temperature_reference, curie_temperature, anisotropy_exponent
        As for :func:`fit_switching`.
    goodness : {"auto", "chi2", "bootstrap"}
        As for :func:`fit_switching`; "auto" here by default, since the verdicts rest on it. Under "auto" ``two_rate_field``
        keeps the chi-squared tail: its refits take minutes.
    samples, seed, progress
        Of the bootstrap; at least 100 samples.

    Returns
    -------
    ModelComparison
        A law that cannot be fitted has a row that says why. A plateau or a fall of p is looked for against the first thermal law
        that could be fitted.

    Raises
    ------
    ParameterError
        If a name is unknown, or no law can be fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from spinbnn.device import ThermalSwitching
    >>> truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
    >>> current = np.linspace(175e-6, 225e-6, 11)
    >>> data = SwitchingData.of(current, 10e-9, 1000, np.round(1000 * truth.probability(current, 10e-9)))
    >>> compared = compare_models(data, ["exact", "logistic"], tau0=1e-9, samples=100)
    >>> compared.best.name, [row.verdict for row in compared.rows]
    ('exact', ['not rejected', 'rejected'])
    """
    enough_samples(samples, "compare_models")
    names = tuple(models) if models is not None else (*DEFAULT, *(("two_rate_field",) if tau0 is not None else ()))
    rows = []
    for name in names:
        model, _, extra = name.partition("+")
        lapse = {"": False, "lapse": True, "lapse_lower": "lower", "lapse_upper": "upper"}.get(extra)
        if model not in MODELS or lapse is None:
            raise ParameterError("unknown model", where="compare_models, models", value=name, remedy=f"one of {', '.join(MODELS)}, with +lapse, +lapse_lower or +lapse_upper behind it")
        try:
            fit = fit_data(
                data, model=model, lapse=lapse, tau0=tau0, temperature_reference=temperature_reference, curie_temperature=curie_temperature,  # type: ignore[arg-type]
                anisotropy_exponent=anisotropy_exponent, goodness="chi2" if model == "two_rate_field" and goodness == "auto" else goodness, samples=samples, seed=seed, progress=progress,
            )  # fmt: skip
        except SpinbnnError as error:
            rows.append(ComparedModel(name=name, fit=None, parameters=None, aic=math.nan, aicc=math.nan, deviance=math.nan, dof=None, p_value=math.nan, verdict=f"no fit: {error.what}"))
            continue
        rows.append(_row(name, fit))
    fitted = [row.fit for row in rows if row.fit is not None]
    if not fitted:
        raise ParameterError("none of the models can be fitted", where="compare_models", value={row.name: row.verdict for row in rows}, remedy="measure several currents with probabilities between 0.05 and 0.95")
    reference = next((fit for fit in fitted if fit.model in ("exact", "seed")), fitted[0])
    order = sorted(rows, key=lambda row: (row.fit is None, row.aicc if math.isfinite(row.aicc) else math.inf, row.aic if row.fit else 0.0))
    return ModelComparison(rows=tuple(order), shape=shape_of(reference, samples), data=data)


def _row(name: str, fit: SwitchingFit) -> ComparedModel:
    k, points = len(fit.problem.coordinates), fit.data.points
    aic = 2.0 * k - 2.0 * fit.log_likelihood
    spare = points - k - 1
    aicc = aic + 2.0 * k * (k + 1) / spare if spare > 0 else math.inf
    verdict = "cannot be tested" if fit.dof <= 0 else "rejected" if fit.rejected else "not rejected"
    return ComparedModel(name=name, fit=fit, parameters=k, aic=aic, aicc=aicc, deviance=fit.deviance, dof=fit.dof, p_value=fit.p_value, verdict=verdict)
