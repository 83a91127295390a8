"""The fits on measured data and on many synthetic experiments: published deviances, coverage, unbiased spreads."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from spinbnn import rng
from spinbnn.device import DeviceParams, ThermalSwitching
from spinbnn.device.fitting import SwitchingData, compare_models, fit_data, fit_population, read_switching_csv
from spinbnn.device.fitting.options import Options, problem_of
from spinbnn.device.fitting.shape import shape_of

TRUTH = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
RESISTANCE = 776.0


@pytest.fixture
def measured(data_root: Path) -> dict[str, SwitchingData]:
    path = data_root / "mtj_measured" / "psw_device_a.csv"
    if not path.exists():
        pytest.skip("measured switching data are not in SPINBNN_DATA")
    return {data.label: data for data in read_switching_csv(path, track_resistance=RESISTANCE, trials=50)}


@pytest.mark.data
@pytest.mark.parametrize(
    ("label", "model", "tau0", "deviance", "dof"),
    [
        ("A P->AP", "printed", 1e-9, 30.3, 10), ("A P->AP", "printed", 1e-10, 31.6, 10), ("A P->AP", "seed", 1e-10, 31.6, 10), ("A P->AP", "logistic", None, 11.2, 10),
        ("A AP->P", "printed", 1e-9, 129.0, 14), ("A AP->P", "printed", 1e-10, 133.0, 14), ("A AP->P", "seed", 1e-10, 133.0, 14), ("A AP->P", "logistic", None, 96.6, 14),
    ],
)  # fmt: skip
def test_deviances_of_the_measured_device(measured: dict[str, SwitchingData], label: str, model: str, tau0: float | None, deviance: float, dof: int) -> None:
    # "printed" is the quadratic of Eq. 23b without a clamp. With tau0 = 1 ns it alone gives these figures: a barrier that is never
    # negative lets a 0.75 ns pulse switch with 53 % at most. With tau0 = 0.1 ns the clamp changes nothing that is seen.
    fit = fit_data(measured[label], model=model, tau0=tau0)  # type: ignore[arg-type]
    digit = 0.5 if deviance > 100 else 0.05
    assert fit.deviance == pytest.approx(deviance, abs=digit) and fit.dof == dof
    assert fit.rejected == (model != "logistic" or label == "A AP->P")


@pytest.mark.data
def test_parameters_of_the_printed_law(measured: dict[str, SwitchingData]) -> None:
    fit = fit_data(measured["A P->AP"], model="printed", tau0=1e-9)
    assert fit.estimates["delta"] == pytest.approx(34.1, abs=0.05)
    assert fit.estimates["critical_current"] * RESISTANCE == pytest.approx(2.05, abs=0.005)
    assert fit.estimates["i50"] * RESISTANCE == pytest.approx(0.904, abs=5e-4)
    assert fit_data(measured["A P->AP"], model="seed", tau0=1e-9).deviance > 200, "the clamped law with tau0 = 1 ns cannot reach p = 1"


@pytest.mark.data
def test_measured_device_gives_the_numbers_of_the_shipped_set(measured: dict[str, SwitchingData]) -> None:
    fit = fit_data(measured["A P->AP"], tau0=1e-10)
    shipped = DeviceParams.load("bw80_measured")
    assert fit.estimates["delta"] == pytest.approx(shipped.value("thermal.delta"), abs=0.05)
    assert fit.estimates["critical_current"] == pytest.approx(shipped.value("spin_hall.critical_current"), abs=0.5e-6)
    assert fit.deviance == pytest.approx(20.9, abs=0.1)
    assert fit.interval("delta") == pytest.approx((41.9, 61.0), abs=0.05)
    assert fit.interval("critical_current") == pytest.approx((2.639e-3, 2.743e-3), abs=0.5e-6)


@pytest.mark.data
@pytest.mark.parametrize("tau0", [1e-10, None])
def test_back_hopping_is_rejected_and_its_plateau_named(measured: dict[str, SwitchingData], tau0: float | None) -> None:
    compared = compare_models(measured["A AP->P"], tau0=tau0, samples=199)
    assert compared.best is None and "None of these models is accepted" in compared.statement
    assert all(row.verdict == "rejected" for row in compared.rows)
    words = " ".join(compared.shape.sentences(RESISTANCE))
    assert "p stays 0.72 to 0.78 between 0.94 and 1.00 V" in words and "back-hopping" in words
    assert compared.shape.plateau is not None and compared.shape.plateau.p_value < 1e-3
    clean = shape_of(fit_data(measured["A P->AP"], tau0=tau0), 199)
    assert clean.plateau is None and clean.fall is not None and clean.fall > 0.05


@pytest.mark.data
def test_the_file_is_told_that_its_trials_look_like_fifty(data_root: Path) -> None:
    path = data_root / "mtj_measured" / "psw_device_a.csv"
    if not path.exists():
        pytest.skip("measured switching data are not in SPINBNN_DATA")
    for data in read_switching_csv(path, track_resistance=RESISTANCE):
        [note] = [note for note in data.notes() if note.startswith("Warning")]
        assert "n looks like 50, the data say 100" in note and float(note.split("(chance ")[1].split()[0]) < 1e-4


def _errors(barrier: str, widths: list[float], trials: int) -> tuple[float, float, float]:
    """Return Fisher standard errors of delta and ln tau0, and the correlation of ln Ic0 and ln tau0, with tau0 free."""
    truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, barrier=barrier)
    current = np.concatenate([np.linspace(truth.current_for(0.02, t), truth.current_for(0.98, t), 11) for t in widths])
    pulse = np.repeat(widths, 11)
    data = SwitchingData.of(current, pulse, trials, np.round(trials * truth.probability(current, pulse)))
    problem = problem_of(data, Options.of(data, model=barrier, tau0=1e-9, temperature_reference=None, curie_temperature=None, anisotropy_exponent=0.0, lapse=False))  # type: ignore[arg-type]
    eta, slopes = problem.law.eta(np.log([40.0, 5e-4, 1e-9]), problem.design)
    h = np.exp(eta)
    information = (slopes * (trials * h * h / np.expm1(h))) @ slopes.T
    scale = np.sqrt(np.diag(information))
    covariance = np.linalg.inv(information / np.outer(scale, scale)) / np.outer(scale, scale)
    error = np.sqrt(np.diag(covariance))
    return 40.0 * error[0], error[2], covariance[1, 2] / error[1] / error[2]


def test_one_width_holds_tau0_by_the_shape_of_the_barrier_alone() -> None:
    delta, tau0, correlation = _errors("seed", [1e-8], 1000)
    assert delta == pytest.approx(0.67, abs=0.05) and tau0 == pytest.approx(6.8, abs=0.1) and correlation < -0.9999
    assert _errors("seed", [1e-8], 10_000)[1] == pytest.approx(tau0 / math.sqrt(10.0), rel=1e-3)
    assert _errors("exact", [1e-8], 1000)[1] == pytest.approx(0.44, abs=0.01), "fifteen times less, from how the exact barrier closes"


def _coverage(runs: int) -> dict[str, float]:
    i50 = float(TRUTH.current_for(0.5, 10e-9))
    current = np.linspace(TRUTH.current_for(0.02, 10e-9), TRUTH.current_for(0.98, 10e-9), 11)
    p, values = TRUTH.probability(current, 10e-9), {"delta": 40.0, "critical_current": 500e-6, "i50": i50}
    hits = dict.fromkeys(values, 0)
    for run in range(runs):
        fit = fit_data(SwitchingData.of(current, 10e-9, 200, rng.stream(0, "coverage", run).binomial(200, p)), tau0=1e-9)
        for name, value in values.items():
            low, high = fit.interval(name)
            hits[name] += low <= value <= high
    return {name: count / runs for name, count in hits.items()}


@pytest.mark.slow
def test_coverage_of_two_thousand_experiments() -> None:
    for name, share in _coverage(2000).items():
        assert 0.935 <= share <= 0.965, name


def _populations(runs: int) -> tuple[np.ndarray, np.ndarray]:
    """Return corrected and naive sigma(ln Ic0) of 20 devices, 50 pulses at 9 currents, true value 2 %."""
    current = np.linspace(0.91, 1.08, 9) * float(TRUTH.current_for(0.5, 10e-9))
    found = []
    for run in range(runs):
        draw, data = rng.stream(0, "populations", run), []
        for a, b in draw.standard_normal((20, 2)):
            device = ThermalSwitching(delta=40.0 * math.exp(0.05 * b), attempt_time=1e-9, critical_current=500e-6 * math.exp(0.02 * a))
            data.append(SwitchingData.of(current, 10e-9, 50, draw.binomial(50, device.probability(current, 10e-9))))
        fit = fit_population(data, tau0=1e-9)
        found.append((fit.spread["critical_current"], fit.naive[0]))
    corrected, naive = np.array(found).T
    return corrected, naive


@pytest.mark.slow
def test_spread_of_two_hundred_populations_is_unbiased() -> None:
    corrected, naive = _populations(200)
    error = float(np.std(corrected**2, ddof=1)) / math.sqrt(200)
    assert np.mean(corrected**2) == pytest.approx(0.02**2, abs=3 * error), "the variance is what REML leaves unbiased"
    assert error < 0.05 * 0.02**2, "the test must be able to see 15 %"
    assert np.mean(naive) > 0.0235, "without the correction the noise of the counts is in it"
