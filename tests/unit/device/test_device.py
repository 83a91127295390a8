"""Device files, switching inverse and variation."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from spinbnn.device import DeviceParams, SwitchingModel, ThermalSwitching, VariationModel
from spinbnn.device.fields import FIELDS
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


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('name = "seed_eq23"', "name = 5", ["'name'", "text is needed"]),
        ('name = "seed_eq23"', 'name = { a = "b" }', ["'name'", "text is needed"]),
        ('name = "seed_eq23"', 'name = "x"\ndescripton = "x"', ["unknown key", "did you mean 'description'"]),
        ("notes = [", "more = [", ["unknown key", "'more'"]),
        ("notes = [", 'notes = "one text"\nold = [', ["'old'"]),
        ("notes = [", "notes = [3,", ["'notes'", "text is needed"]),
        ("[thermal]\n", "[thermal]\nbare = 3\n", ["thermal.bare", "unknown field"]),
        ('{ value = "1 ns", source = "assumed"', '{ value = [1], source = "assumed"', ["thermal.attempt_time", "quantity must be text"]),
        ('{ value = "1 ns", source = "assumed"', '{ value = 1979-05-27, source = "assumed"', ["thermal.attempt_time", "quantity must be text"]),
        ('{ value = "1 ns", source = "assumed"', '{ value = "1 ns(", source = "assumed"', ["thermal.attempt_time", "parenthesis"]),
        ('{ value = "1 ns", source = "assumed"', '{ value = "1 ns", source = 7', ["thermal.attempt_time", "text is needed"]),
        ('{ value = "1 ns", source = "assumed"', '{ value = "1 ns", source = " "', ["thermal.attempt_time", "source is empty"]),
        ('{ value = "1 ns", source = "assumed"', '{ value = "1 ns", unit = "s", source = "assumed"', ["unknown key", "unit"]),
        ('source = "assumed", note = "spread: CV(Hk)', 'source = "assumed", note = 5, sigma_global = "1 %" }\nx = { note = "', ["spin_hall.critical_current", "text is needed"]),
        ('sigma = "4 %", source = "assumed", note = "spread: CV(Hk)', 'sigma = true, source = "assumed", note = "spread: CV(Hk)', ["spin_hall.critical_current", "sigma"]),
        ('sigma = "4 %", source = "assumed", note = "spread: CV(Hk)', 'sigma = "-4 %", source = "assumed", note = "spread: CV(Hk)', ["[0, 1)"]),
        ("value = 40,", f"value = {10**400},", ["thermal.delta", "not a finite number"]),
        ("value = 40,", "value = nan,", ["thermal.delta", "not a finite number"]),
        ("[[correlations]]", "[correlations]", ["'correlations'", "must be a list"]),
        ('first = "thermal.delta"', 'first = ["thermal.delta"]', ["entry 0", "text is needed"]),
        ('first = "thermal.delta"', 'first = "thermal.dleta"', ["entry 0", "did you mean 'thermal.delta'"]),
        ('first = "thermal.delta"', 'first = "spin_hall.critical_current"', ["entry 0", "correlated with itself"]),
        ('first = "thermal.delta"', 'first = "thermal.attempt_time"', ["entry 0", "without spread"]),
        ("value = 0.5\n", "value = 1.0\n", ["entry 0", "(-1, 1)"]),
        ("value = 0.5\n", 'value = "0.5 V"\n', ["entry 0", "does not fit"]),
        ('source = "assumed: both', 'extra = 1\nsource = "assumed: both', ["entry 0", "needs first, second"]),
    ],
)
def test_malformed_files_give_one_of_our_errors(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    text = _text()
    assert old in text, "the case must change something"
    with pytest.raises(ParameterError) as caught:
        _load(tmp_path, text.replace(old, new, 1))
    message = str(caught.value)
    assert "device.toml" in message and "remedy" in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize(("key", "wrong"), [("thermal", '"spinbnn"'), ("thermal", "[1, 2]"), ("thermal.delta", '"40"'), ("thermal.delta", "40"), ("thermal.delta", "[40]"), ("notes", '"a text"'), ("notes", "{ a = 1 }"), ("correlations", "7"), ("correlations", '"a"'), ("correlations", '["a"]'), ("description", "[]")])
def test_a_wrong_kind_of_toml_value_names_file_and_key(key: str, wrong: str) -> None:
    data = tomllib.loads(_text())
    *groups, last = key.split(".")
    (data[groups[0]] if groups else data)[last] = tomllib.loads(f"x = {wrong}")["x"]
    with pytest.raises(ParameterError) as caught:
        DeviceParams.from_dict(data, where="mine.toml")
    assert "mine.toml" in str(caught.value) and repr(key) in str(caught.value) and "remedy" in str(caught.value)


def test_a_pair_is_correlated_once_in_either_order(tmp_path: Path) -> None:
    again = '\n[[correlations]]\nfirst = "spin_hall.critical_current"\nsecond = "thermal.delta"\nvalue = 0.4\nsource = "assumed"\n'
    with pytest.raises(ParameterError, match="already"):
        _load(tmp_path, _text() + again)
    other = again.replace('"thermal.delta"', '"electrical.tmr"')
    assert len(_load(tmp_path, _text() + other).correlations) == 2


@pytest.mark.parametrize(
    ("field", "sigma", "relative"),
    [
        ("delta = { value = 40", "0.077", 0.077), ("delta = { value = 40", '"7.7 %"', 0.077), ("delta = { value = 40", '"0.077"', None), ("delta = { value = 40", '"3 1"', None),
        ('tmr = { value = "120 %"', '"4 %"', 0.04), ('tmr = { value = "120 %"', '"0.04"', None),
        ('track_resistance = { value = "800 ohm"', '"8 ohm"', 0.01), ('track_resistance = { value = "800 ohm"', "0.01", 0.01), ('track_resistance = { value = "800 ohm"', '"0.01"', None), ('track_resistance = { value = "800 ohm"', '"8 V"', None),
        ('in_plane_field = { value = "20 mT"', '"2 mT"', 0.1), ('in_plane_field = { value = "-20 mT"', '"2 mT"', 0.1), ('in_plane_field = { value = "0 mT"', '"2 mT"', None),
        ('reference_temperature = { value = "300 K"', '"3 K"', 0.01), ('reference_temperature = { value = "300 K"', '"3 degC"', None),
    ],
)  # fmt: skip
def test_spreads_are_relative_with_percent_and_absolute_with_a_unit(tmp_path: Path, field: str, sigma: str, relative: float | None) -> None:
    name = field.split()[0]
    kept = [line for line in _text().split("[[correlations]]")[0].splitlines() if not line.startswith(name + " ")]
    group = next(key for key in FIELDS if key.endswith("." + name)).split(".")[0]
    if f"[{group}]" not in kept:
        kept.append(f"[{group}]")
    kept.insert(kept.index(f"[{group}]") + 1, f'{field}, sigma = {sigma}, source = "assumed" }}')
    if relative is None:
        with pytest.raises(ParameterError) as caught:
            _load(tmp_path, "\n".join(kept))
        assert f"{group}.{name}" in str(caught.value) and "sigma" in str(caught.value) and "remedy" in str(caught.value)
    else:
        assert _load(tmp_path, "\n".join(kept))[f"{group}.{name}"].sigma == pytest.approx(relative, rel=1e-12)


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
