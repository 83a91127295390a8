"""Device files, switching inverse, variation and fitting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spinbnn.device import DeviceParams, SwitchingModel, ThermalSwitching, VariationModel, fit_switching
from spinbnn.errors import DataError, ParameterError, SpinbnnError, UnitError


def _text() -> str:
    from spinbnn import resources

    return resources.find("device", "seed_eq23").read_text()


def _load(tmp_path: Path, text: str) -> DeviceParams:
    path = tmp_path / "device.toml"
    path.write_text(text)
    return DeviceParams.load(path)


def test_shipped_sets_load_and_say_what_is_assumed() -> None:
    seed = DeviceParams.load("seed_eq23")
    assert seed.value("thermal.delta") == 40.0
    assert seed.value("spin_hall.critical_current") == 5e-4
    assert "thermal.delta" in {q.key for q in seed.assumed}
    assert any("symmetry-breaking" in note for note in seed.notes)
    measured = DeviceParams.load("bw80_measured")
    assert measured.value("electrical.track_resistance") == 776.0
    assert not measured["thermal.delta"].assumed


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        ('value = "500 uA"', 'value = "500 uV"', UnitError, ["spin_hall.critical_current", "500 uV"]),
        ('value = "500 uA"', "value = 500", UnitError, ["unit is missing"]),
        ("[spin_hall]\ncritical_current", "[spin_hall]\ncritical_curent", ParameterError, ["did you mean", "critical_current"]),
        ('[thermal]\ndelta = { value = 40, sigma = "7.7 %", source = "assumed"', '[thermal]\ndelta = { value = 40, sigma = "7.7 %"', ParameterError, ["'source' is missing"]),
        ("value = 40,", "value = -1,", ParameterError, ["out of range", "thermal.delta"]),
        ('schema = "spinbnn.device/1"', 'schema = "other/1"', ParameterError, ["schema"]),
        ('sigma = "4 %", source = "assumed", note = "spread: CV(Hk)', 'sigma = "400 %", source = "assumed", note = "spread: CV(Hk)', ParameterError, ["[0, 1)"]),
        ("[thermal]", "[thermal", DataError, ["not valid TOML"]),
    ],
)
def test_bad_files_name_file_key_and_remedy(tmp_path: Path, old: str, new: str, kind: type[SpinbnnError], words: list[str]) -> None:
    text = _text()
    assert old in text, "the case must change something"
    with pytest.raises(kind) as caught:
        _load(tmp_path, text.replace(old, new, 1))
    message = str(caught.value)
    assert "device.toml" in message and "remedy" in message
    assert all(word in message for word in words), message


def test_missing_required_field(tmp_path: Path) -> None:
    text = "\n".join(line for line in _text().splitlines() if not line.startswith("tmr_half_voltage"))
    with pytest.raises(ParameterError, match="required"):
        _load(tmp_path, text)


def test_content_hash_follows_numbers_only(tmp_path: Path) -> None:
    base = DeviceParams.load("seed_eq23")
    other_note = _load(tmp_path, _text().replace("usual textbook value", "another note"))
    other_number = _load(tmp_path, _text().replace('value = "800 ohm"', 'value = "801 ohm"'))
    assert base.content_hash == other_note.content_hash != other_number.content_hash


@pytest.mark.parametrize("barrier", ["seed", "exact"])
def test_current_for_inverts_probability(barrier: str) -> None:
    model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"), barrier=barrier)  # type: ignore[arg-type]
    p = np.array([0.01, 0.1, 0.2, 0.5, 0.9, 0.999])
    for kelvin in (233.15, 300.0, 398.15):
        assert model.probability(model.current_for(p, 10e-9, kelvin), 10e-9, kelvin) == pytest.approx(p, rel=1e-9)


def test_current_for_refuses_what_the_model_cannot_reach() -> None:
    model = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
    with pytest.raises(ParameterError, match="not reached"):
        model.current_for(0.9999, 5e-9)


def test_temperature_laws() -> None:
    model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"))
    assert float(model.delta_at(300.0)) == pytest.approx(40.0, rel=1e-12)
    m = (1 - (398.15 / 1100) ** 1.5) / (1 - (300 / 1100) ** 1.5)
    assert float(model.delta_at(398.15)) == pytest.approx(40 * 300 / 398.15 * m**2.18, rel=1e-12)
    assert float(model.critical_current_at(398.15)) == pytest.approx(500e-6 * m**2.18, rel=1e-12)
    with pytest.raises(ParameterError, match="Curie"):
        model.rates(1e-4, 1200.0)
    with pytest.raises(ParameterError, match="> 0 K"):
        model.rates(1e-4, -5.0)


def test_variation_has_the_spread_and_correlation_of_the_file() -> None:
    variation = VariationModel.from_params(DeviceParams.load("seed_eq23"))
    draws = variation.sample(4096, seed=3)
    for key, cv in (("thermal.delta", 0.077), ("spin_hall.critical_current", 0.04), ("electrical.track_resistance", 0.07)):
        values = draws[key]
        assert np.std(values) / np.mean(values) == pytest.approx(cv, rel=0.03)
        assert np.median(values) == pytest.approx(variation.params.value(key), rel=0.005)
    r = np.corrcoef(np.log(draws["thermal.delta"]), np.log(draws["spin_hall.critical_current"]))[0, 1]
    assert r == pytest.approx(0.5, abs=0.03)
    assert np.all(draws["thermal.attempt_time"] == 1e-9)


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_first_draws_do_not_depend_on_the_number(method: str) -> None:
    variation = VariationModel.from_params(DeviceParams.load("seed_eq23"))
    few, many = variation.sample(5, 7, method), variation.sample(40, 7, method)  # type: ignore[arg-type]
    assert all(np.array_equal(few[k], many[k][:5]) for k in few)
    assert not np.array_equal(few["thermal.delta"], variation.sample(5, 8, method)["thermal.delta"])  # type: ignore[arg-type]


def test_local_and_global_switches() -> None:
    variation = VariationModel.from_params(DeviceParams.load("seed_eq23"))
    nominal = variation.sample(3, 0, local=False)
    assert np.all(nominal["thermal.delta"] == 40.0)


@pytest.mark.parametrize("model", ["exact", "seed"])
def test_fit_recovers_truth_with_honest_intervals(model: str) -> None:
    truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, barrier=model)
    current = np.linspace(175e-6, 225e-6, 11)
    hits = {"delta": 0, "critical_current": 0}
    deviances, runs = [], 60
    for run in range(runs):
        counts = np.random.default_rng(run).binomial(200, truth.probability(current, 10e-9))
        fit = fit_switching(current, 10e-9, 200, counts, model=model)  # type: ignore[arg-type]
        deviances.append(fit.deviance)
        for name, value in (("delta", 40.0), ("critical_current", 500e-6)):
            low, high = fit.interval(name)
            hits[name] += low <= value <= high
    for name, count in hits.items():  # 95 % of 60 = 57; below 51 has a probability of 0.8 %
        assert count >= 51, name
    assert np.mean(deviances) == pytest.approx(9.0, abs=4 * np.sqrt(18 / runs))


def test_profile_interval_agrees_with_the_fisher_width_for_many_shots() -> None:
    truth = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
    current = np.linspace(175e-6, 225e-6, 11)
    fit = fit_switching(current, 10e-9, 100_000, np.round(100_000 * truth.probability(current, 10e-9)))
    low, high = fit.interval("delta")
    assert (np.log(high) - np.log(low)) / 2 == pytest.approx(1.96 * np.sqrt(fit.covariance[0, 0]), rel=0.02)


def test_fit_rejects_a_plateau_and_bad_counts() -> None:
    current = np.linspace(175e-6, 225e-6, 11)
    plateau = np.array([0, 1, 2, 60, 72, 72, 73, 72, 80, 85, 100])
    assert fit_switching(current, 10e-9, 100, plateau).rejected
    for bad in ({"trials": 0}, {"trials": np.nan}, {"switched": 101}, {"current": -1e-4}, {"pulse": 0.0}):
        given = {"current": current, "pulse": 10e-9, "trials": 100, "switched": plateau} | bad
        with pytest.raises(ParameterError):
            fit_switching(given["current"], given["pulse"], given["trials"], given["switched"])  # type: ignore[arg-type]


def test_measured_device_gives_the_numbers_of_the_shipped_set(data_root: Path) -> None:
    import csv

    path = data_root / "mtj_measured" / "psw_device_a.csv"
    if not path.exists():
        pytest.skip("measured switching data are not in SPINBNN_DATA")
    rows = [r for r in csv.DictReader(path.open()) if r["direction"] == "P->AP"]
    volts, p = (np.array([float(r[k]) for r in rows]) for k in ("V", "P_sw"))
    fit = fit_switching(volts / 776, 0.75e-9, 50, np.round(50 * p), tau0=1e-10)
    shipped = DeviceParams.load("bw80_measured")
    assert fit.estimates["delta"] == pytest.approx(shipped.value("thermal.delta"), abs=0.05)
    assert fit.estimates["critical_current"] == pytest.approx(shipped.value("spin_hall.critical_current"), abs=0.5e-6)
    assert fit.deviance == pytest.approx(20.9, abs=0.1)
