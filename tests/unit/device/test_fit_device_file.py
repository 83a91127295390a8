"""From fits to device files."""

from __future__ import annotations

import math
import tomllib

import numpy as np
import pytest

from spinbnn.device import (
    DeviceParams,
    SwitchingModel,
    ThermalSwitching,
    VariationModel,
    device_of,
    fit_data,
    fit_population,
    fit_switching,
)
from spinbnn.device.fitting import SwitchingData
from spinbnn.errors import ParameterError
from spinbnn.rng import stream

CURRENT = np.linspace(170e-6, 230e-6, 11)
BASE = DeviceParams.load("seed_eq23")


def counts(delta: float, ic0: float, trials: int, name: int = 0) -> np.ndarray:
    truth = ThermalSwitching(delta=delta, attempt_time=1e-9, critical_current=ic0)
    return stream(3, "device_file", name).binomial(trials, truth.probability(CURRENT, 10e-9))


def test_the_file_gives_back_the_fitted_probability() -> None:
    fit = fit_switching(CURRENT, 10e-9, 2000, counts(40.0, 500e-6, 2000), tau0=1e-9)
    made = device_of(fit, BASE, name="mine", data="counts.csv")
    again = DeviceParams.from_dict(tomllib.loads(made.to_toml()))
    assert again == made
    ours = SwitchingModel.from_params(again).probability(CURRENT, 10e-9)
    assert ours == pytest.approx(fit.to_model().probability(CURRENT, 10e-9), rel=1e-12)
    assert "counts.csv" in again["thermal.delta"].source
    assert again["thermal.attempt_time"].source == "declared for the fit"
    assert again["electrical.parallel_resistance"] == BASE["electrical.parallel_resistance"]
    low, high = fit.interval("delta")
    assert f"{low:.4g}"[:3] in again["thermal.delta"].source and f"{high:.4g}"[:3] in again["thermal.delta"].source


def test_one_device_has_no_spread_and_no_correlation() -> None:
    made = device_of(fit_switching(CURRENT, 10e-9, 2000, counts(40.0, 500e-6, 2000), tau0=1e-9), BASE, name="mine", data="d")
    assert made["thermal.delta"].sigma == made["spin_hall.critical_current"].sigma == 0
    assert made["electrical.track_resistance"].sigma == BASE["electrical.track_resistance"].sigma > 0
    assert not made.correlations
    assert np.ptp(VariationModel.from_params(made).sample(16)["thermal.delta"]) == 0


def test_a_population_gives_its_spread_and_correlation() -> None:
    z = stream(4, "population").standard_normal((24, 2))
    datasets = []
    for k, (a, b) in enumerate(z):
        delta, ic0 = 40 * math.exp(0.08 * (0.6 * a + 0.8 * b)), 500e-6 * math.exp(0.03 * a)
        datasets.append(SwitchingData.of(CURRENT, 10e-9, 500, counts(delta, ic0, 500, k), label=f"device {k}"))
    fitted = fit_population(datasets, tau0=1e-9)
    made = device_of(fitted, BASE, name="lot", data="lot.csv")
    drawn = VariationModel.from_params(made).sample(4096, seed=1)
    logs = np.log([drawn["spin_hall.critical_current"], drawn["thermal.delta"]])
    assert np.std(logs[0]) == pytest.approx(fitted.spread["critical_current"], rel=0.05)
    assert np.std(logs[1]) == pytest.approx(fitted.spread["delta"], rel=0.05)
    assert np.corrcoef(logs)[0, 1] == pytest.approx(fitted.correlation, abs=0.05)
    assert np.median(drawn["spin_hall.critical_current"]) == pytest.approx(fitted.median["critical_current"], rel=0.005, abs=0)


def test_what_gives_no_device_file_says_why() -> None:
    free = fit_switching(CURRENT, 10e-9, 2000, counts(40.0, 500e-6, 2000))
    with pytest.raises(ParameterError, match="not identifiable"):
        device_of(free, BASE, name="x", data="d")
    data = SwitchingData.of(CURRENT, 10e-9, 2000, counts(40.0, 500e-6, 2000), label="")
    few = SwitchingData.of(CURRENT, 10e-9, 40, counts(40.0, 500e-6, 40), label="")  # too few to reject the logistic
    with pytest.raises(ParameterError, match="cannot hold this law"):
        device_of(fit_data(few, model="logistic"), BASE, name="x", data="d")
    with pytest.raises(ParameterError, match="cannot hold this law"):
        device_of(fit_data(data, tau0=1e-9, lapse=True), BASE, name="x", data="d")
    plateau = np.where(CURRENT > 200e-6, 1400, 0)
    with pytest.raises(ParameterError, match="reject this law"):
        device_of(fit_switching(CURRENT, 10e-9, 2000, plateau, tau0=1e-9), BASE, name="x", data="d")
