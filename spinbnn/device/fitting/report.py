"""Fits, comparisons and populations as tables and as plain data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ...tables import Cell, Column, Table

if TYPE_CHECKING:  # pragma: no cover
    from .compare import ModelComparison
    from .hierarchy import PopulationFit
    from .result import SwitchingFit

UNITS = {"critical_current": "A", "i50": "A", "width": "A", "tau0": "s"}
STEPS = ((1e-15, "f"), (1e-12, "p"), (1e-9, "n"), (1e-6, "µ"), (1e-3, "m"), (1.0, ""))
LAWS = {
    "exact": "exact barrier", "seed": "seed barrier (Eq. 23b, clamped)", "printed": "seed barrier as printed, not clamped",
    "two_rate": "exact barrier, backward rate in a constant ratio", "two_rate_field": "two rates under an in-plane field", "logistic": "logistic curve (empirical)",
}  # fmt: skip
"""Names of the laws in words."""


def scale_of(name: str, value: float) -> tuple[float, str]:
    """Return the factor and the unit in which a quantity is printed.

    Examples
    --------
    >>> scale_of("i50", 2e-4), scale_of("delta", 40.0)
    ((1e-06, 'µA'), (1.0, '1'))
    """
    if name not in UNITS:
        return 1.0, "1"
    scale, prefix = next((s for s in reversed(STEPS) if abs(value) >= s[0] * (2.0 if s[0] == 1e-3 else 1.0)), STEPS[0])
    return scale, prefix + UNITS[name]


def verdict(fit: SwitchingFit) -> str:
    """Return REJECTED, not rejected, or that it cannot be tested."""
    if fit.dof <= 0:
        return "cannot be tested (no degrees of freedom)"
    return "REJECTED" if fit.rejected else "not rejected"


def goodness_text(fit: SwitchingFit) -> str:
    """Return the verdict with deviance, degrees of freedom, p-value, how it was had, and dispersion."""
    if fit.dof <= 0:
        return f"The fit cannot be tested: {fit.data.points} points for {fit.data.points} parameters leave no degree of freedom."
    from .goodness import sparse_points

    text = f"{verdict(fit)}: deviance {fit.deviance:.1f} on {fit.dof} degrees of freedom, p = {fit.p_value:.2g} ({fit.p_value_method}), dispersion {fit.dispersion:.2g}."
    sparse = sparse_points(fit.problem, fit.optimum.u)
    if 5 * sparse >= fit.data.points and fit.p_value_method == "chi-squared":
        text += f" {sparse} of {fit.data.points} points expect fewer than five events: the chi-squared tail is rough there, goodness='bootstrap' does without it."
    return text


def noise_text(fit: SwitchingFit) -> str:
    """Return what the beta-binomial fit says, or nothing."""
    if fit.noise == "binomial":
        return ""
    test = fit.overdispersion
    ratio = "" if test is None else f" (likelihood ratio against rho = 0: {test.ratio:.1f}, p = {test.p_value:.2g})"
    return (
        f"Beta-binomial: rho = {fit.estimates['rho']:.2g}{ratio}; the counts scatter more than binomially, intervals are widened accordingly. "
        "The deviance alone cannot tell a drifting device from a wrong law; the p-value tests the residuals for a trend."
    )  # fmt: skip


def fit_table(fit: SwitchingFit, level: float = 0.95) -> Table:
    """Return estimates with profile intervals; the note holds the verdict, tau0 and what the data identify."""
    rows: list[list[Cell]] = []
    for name, value in fit.estimates.items():
        scale, unit = scale_of(name, value)
        ends = fit.ends(name, level)
        rows.append([name, unit, value / scale, *("unbounded" if end is None else end / scale for end in ends)])
    if fit.identifiable.get("tau0") is False:
        rows += [[name, UNITS[name], "not identifiable", "", ""] for name in ("critical_current", "tau0")]
    tau0 = "" if fit.tau0 is None else f"tau0 = {fit.tau0:g} s (declared)."
    where = f"i50 and slope at a pulse of {fit.reference_pulse:g} s; T = {fit.temperature:g} K." if "i50" in fit.estimates else f"T = {fit.temperature:g} K."
    parts = [goodness_text(fit), noise_text(fit), tau0, fit.identifiability, where, *fit.data.notes()]
    tail = 50.0 * (1.0 - level)
    heads: list[Column | str] = ["parameter", "unit", Column("estimate"), Column(f"{tail:g} %"), Column(f"{100 - tail:g} %")]
    return Table(f"Fit of the {LAWS[fit.model]}", heads, rows, note=" ".join(p for p in parts if p))


def fit_data_of(fit: SwitchingFit, level: float = 0.95) -> dict[str, Any]:
    """Return a fit as plain data for JSON; None where the data give no end, or the fit cannot be tested."""
    return {
        "label": fit.data.label, "model": fit.model, "noise": fit.noise, "tau0": fit.tau0, "temperature": fit.temperature, "reference_pulse": fit.reference_pulse,
        "estimates": dict(fit.estimates), "intervals": {name: list(fit.ends(name, level)) for name in fit.estimates}, "level": level,
        "identifiable": dict(fit.identifiable), "identifiability": fit.identifiability, "parameters": list(fit.parameters), "covariance": fit.covariance.tolist(),
        "deviance": fit.deviance, "dof": fit.dof, "p_value": None if math.isnan(fit.p_value) else fit.p_value, "p_value_method": fit.p_value_method,
        "rejected": fit.rejected, "dispersion": None if math.isnan(fit.dispersion) else fit.dispersion, "data_hash": fit.data_hash, "notes": fit.data.notes(),
    }  # fmt: skip


def comparison_table(comparison: ModelComparison, resistance: float | None = None) -> Table:
    """Return one row for each law, least AICc first; the note names the best accepted law, or says that there is none, and the shape."""
    rows: list[list[Cell]] = []
    for row in comparison.rows:
        against = "" if row.dof is None else f"{row.deviance:.1f}/{row.dof}"
        rows.append([row.name, "" if row.parameters is None else str(row.parameters), row.aic, row.aicc if math.isfinite(row.aicc) else None, against, row.p_value, row.verdict])
    heads: list[Column | str] = ["model", "k", Column("AIC", "", 5), Column("AICc", "", 5), "deviance/dof", Column("p", "", 2), "verdict"]
    return Table("Comparison of models", heads, rows, note=" ".join([comparison.statement, *comparison.shape.sentences(resistance), *comparison.data.notes()]))


def population_table(fit: PopulationFit) -> Table:
    """Return means and spreads over the devices, naive and corrected for the noise of the counts."""
    rows: list[list[Cell]] = []
    for i, name in enumerate(fit.names):
        scale, unit = scale_of(name, fit.median[name])
        low, high = fit.interval(f"median {name}")
        rows.append([f"median of {name}", unit, fit.median[name] / scale, low / scale, high / scale, ""])
        low, high = fit.interval(f"sigma {name}")
        rows.append([f"sigma(ln {name})", "%", 100 * fit.spread[name], 100 * low, 100 * high, f"naive {100 * fit.naive[i]:.3g} %, moments {100 * fit.moments[i]:.3g} %"])
    low, high = fit.interval("correlation")
    rows.append([f"correlation of ln {fit.names[0]}, ln {fit.names[1]}", "1", fit.correlation, low, high, f"naive {fit.naive_correlation:.2f}"])
    heads: list[Column | str] = ["quantity", "unit", Column("estimate"), Column("2.5 %"), Column("97.5 %"), "beside it"]
    return Table(f"Population of {fit.devices} devices" + (f", {fit.direction}" if fit.direction else ""), heads, rows, note=fit.note)


def population_data_of(fit: PopulationFit) -> dict[str, Any]:
    """Return a population as plain data for JSON."""
    intervals = {f"{kind} {name}": list(fit.interval(f"{kind} {name}")) for kind in ("median", "sigma") for name in fit.names}
    return {
        "devices": fit.devices, "direction": fit.direction, "names": list(fit.names), "median": dict(fit.median), "spread": dict(fit.spread), "correlation": fit.correlation,
        "naive": list(fit.naive), "moments": list(fit.moments), "intervals": intervals | {"correlation": list(fit.interval("correlation"))}, "failed": dict(fit.failed),
    }  # fmt: skip
