"""Fields that follow geometry and material: every exponent, what is refused, and the models of a population."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import constants
from tolerances import FLOAT64

from spinbnn.device import DeviceParams, SwitchingModel, VariationModel
from spinbnn.device.magnet import magnet
from spinbnn.device.variation import Population, elasticities, variance_budget, with_spreads
from spinbnn.device.variation.physical import BARRIER_HEIGHT, HEIGHT, ratios, tunnel_slope
from spinbnn.errors import ParameterError

DELTA, IC0 = "thermal.delta", "spin_hall.critical_current"
RP, RT, CJ, RA = "electrical.parallel_resistance", "electrical.track_resistance", "electrical.junction_capacitance", "electrical.resistance_area_product"
D, TF, TOX = "geometry.pillar_diameter", "geometry.free_layer_thickness", "geometry.barrier_thickness"
WIDTH, THICK, LENGTH = "geometry.track_width", "geometry.track_thickness", "geometry.track_length"
MS, KI, KEFF = "magnetic.saturation_magnetization", "magnetic.interface_anisotropy", "magnetic.effective_anisotropy"
XI, RHO = "spin_hall.efficiency", "electrical.track_resistivity"

NOMINAL: dict[str, float] = {
    D: 40e-9, TF: 1e-9, TOX: 1.5e-9, WIDTH: 60e-9, THICK: 4e-9, LENGTH: 120e-9, MS: 1.1e6, KEFF: 1.3e5, XI: 0.3, RHO: 1.6e-6, RA: 400e-12,
    RP: 250e3, RT: 700.0, CJ: 60e-18, DELTA: 44.0, IC0: 600e-6, "thermal.reference_temperature": 300.0,
}  # fmt: skip


def followed(changes: dict[str, float], nominal: dict[str, float] = NOMINAL, **keywords: Any) -> dict[str, float]:
    """Return the ratio of every follower where fields are multiplied by a factor."""
    draws = {key: np.array([value * changes.get(key, 1.0)]) for key, value in nominal.items()}
    return {key: float(v[0]) for key, v in ratios(draws, nominal, list(changes), **keywords).items()}


POWERS: dict[str, dict[str, float]] = {
    D: {DELTA: 2, IC0: 0, RP: -2, CJ: 2},
    TF: {DELTA: 1, IC0: 1},
    MS: {DELTA: 0, IC0: 0},
    KEFF: {DELTA: 1, IC0: 1},
    WIDTH: {IC0: 1, RT: -1},
    THICK: {IC0: 1, RT: -1},
    LENGTH: {RT: 1},
    RHO: {RT: 1},
    XI: {IC0: -1},
    RA: {RP: 1},
}


@pytest.mark.parametrize("key", sorted(POWERS))
def test_each_field_follows_with_its_power(key: str) -> None:
    factor = 1.07
    assert followed({key: factor}) == pytest.approx({k: factor**n for k, n in POWERS[key].items()}, rel=1e-9, abs=0)


def test_powers_multiply_over_fields() -> None:
    found = followed({D: 1.1, KEFF: 0.9, WIDTH: 1.2, XI: 0.8})
    assert found[DELTA] == pytest.approx(1.1**2 * 0.9, rel=1e-12)
    assert found[IC0] == pytest.approx(0.9 * 1.2 / 0.8, rel=1e-12)
    assert found[RT] == pytest.approx(1 / 1.2, rel=1e-12) and found[RP] == pytest.approx(1.1**-2, rel=1e-12)


def test_the_sign_of_the_efficiency_does_not_matter() -> None:
    assert followed({XI: 0.8}, NOMINAL | {XI: -0.3})[IC0] == pytest.approx(1 / 0.8, rel=1e-12)


def test_the_barrier_acts_exponentially_on_ra_and_on_the_resistance() -> None:
    """10.25 /nm at 1 eV: from the constants, not from the code."""
    slope = 2 * math.sqrt(2 * 9.1093837e-31 * 1.602176634e-19) / 1.054571817e-34
    assert slope * 1e-9 == pytest.approx(10.25, abs=0.005)
    assert float(tunnel_slope(constants.e)) == pytest.approx(slope, rel=1e-7)
    assert pytest.approx(0.4 * constants.e, rel=1e-12, abs=0) == BARRIER_HEIGHT
    found = followed({TOX: 1.01})
    wanted = math.exp(slope * math.sqrt(0.4) * 0.01 * 1.5e-9)
    assert found[RA] == pytest.approx(wanted, rel=1e-6) and found[RP] == pytest.approx(wanted, rel=1e-6)
    assert found[CJ] == pytest.approx(1 / 1.01, rel=1e-12)
    higher = followed({TOX: 1.01}, NOMINAL | {HEIGHT: 1.6 * constants.e})
    assert math.log(higher[RP]) == pytest.approx(2 * math.log(wanted), rel=1e-6), "ln RA ~ sqrt(phi)"
    both = followed({TOX: 1.01, RA: 1.2, D: 1.1})
    assert both[RP] == pytest.approx(1.2 * wanted / 1.21, rel=1e-6), "the drawn RA, the barrier and the area, each once"


def test_the_interface_acts_through_the_difference_with_the_demagnetisation() -> None:
    """K_eff = K_i/t - mu0 (N_z - N_x) Ms^2/2: a thicker or more magnetised layer is weaker, by more than its own share."""
    nominal = {k: v for k, v in NOMINAL.items() if k != KEFF} | {KI: 0.9e-3, "magnetic.demagnetization_factor": 0.9}
    surface, shape = 0.9e-3 / 1e-9, 0.5 * constants.mu_0 * 0.9 * 1.1e6**2
    effective = surface - shape
    assert followed({KI: 1.01}, nominal)[DELTA] == pytest.approx((1.01 * surface - shape) / effective, rel=1e-9)
    assert followed({MS: 1.01}, nominal)[IC0] == pytest.approx((surface - 1.01**2 * shape) / effective, rel=1e-9)
    thicker = (surface / 1.01 - shape) / effective
    assert followed({TF: 1.01}, nominal)[DELTA] == pytest.approx(1.01 * thicker, rel=1e-9)
    disc = {k: v for k, v in nominal.items() if k != "magnetic.demagnetization_factor"}
    exact = [float(magnet({**disc, D: d}).delta) for d in (40e-9, 42e-9)]
    assert followed({D: 1.05}, disc)[DELTA] == pytest.approx(exact[1] / exact[0], rel=1e-9), "the disc's own factor changes too"


def test_above_the_nucleation_diameter_delta_stays() -> None:
    nominal = NOMINAL | {D: 80e-9}
    assert followed({D: 1.1}, nominal, nucleation_diameter=45e-9)[DELTA] == pytest.approx(1.0, rel=1e-12)
    assert followed({D: 1.1}, nominal)[DELTA] == pytest.approx(1.21, rel=1e-12)
    across = followed({D: 1.25}, NOMINAL, nucleation_diameter=45e-9)
    assert across[DELTA] == pytest.approx((45 / 40) ** 2, rel=1e-12) and across[RP] == pytest.approx(1.25**-2, rel=1e-12), "resistances know no nucleation"


def test_only_what_is_given_follows() -> None:
    assert followed({WIDTH: 1.1}, {WIDTH: 60e-9, RT: 700.0}) == pytest.approx({RT: 1 / 1.1})
    assert followed({"electrical.tmr": 1.1}, NOMINAL | {"electrical.tmr": 1.0}) == {}


def physical(spreads: dict[str, float], base: str = "seed_eq23") -> VariationModel:
    return VariationModel.from_params(with_spreads(DeviceParams.load(base), spreads, keep=False))


def test_nominal_values_of_the_file_stay_and_draws_multiply_them() -> None:
    """A measured Delta far from the macrospin's keeps its value; it takes the ratio only."""
    params = with_spreads(DeviceParams.load("seed_eq23"), {D: 0.03}, keep=False).with_values(thermal__delta=90.0)
    model = VariationModel.from_params(params)
    draws = model.sample(64, seed=1)
    assert draws[DELTA] == pytest.approx(90.0 * (draws[D] / params.value(D)) ** 2, rel=1e-12)
    nominal = model.sample(1, local=False)
    assert nominal[DELTA][0] == pytest.approx(90.0, rel=FLOAT64) and nominal[RP][0] == pytest.approx(params.value(RP), rel=FLOAT64)


def test_the_file_may_give_the_barrier_height() -> None:
    data = DeviceParams.load("seed_eq23").to_dict()
    data["electrical"]["barrier_height"] = {"value": "0.9 eV", "source": "test"}
    logs = []
    for entry in (data, DeviceParams.load("seed_eq23").to_dict()):
        draws = VariationModel.from_params(with_spreads(DeviceParams.from_dict(entry), {TOX: 0.003}, keep=False)).sample(64, seed=1)
        logs.append(np.log(draws[RP] / 331e3))
    assert logs[0] == pytest.approx(1.5 * logs[1], rel=1e-9), "sqrt(0.9/0.4)"
    assert np.std(logs[1]) == pytest.approx(6.48 * 2.0 * 0.003, rel=0.05)


def test_dies_move_what_follows_too() -> None:
    params = with_spreads(DeviceParams.load("seed_eq23"), {}, keep=False)
    params = replace(params, quantities={**params.quantities, D: replace(params[D], sigma_global=0.03)})
    wafer = VariationModel.from_params(params).sample_wafer(4, 3, seed=2)
    assert np.ptp(wafer[DELTA], axis=1) == pytest.approx([0] * 4, abs=1e-9) and np.ptp(wafer[DELTA]) > 0.5
    assert wafer[DELTA] == pytest.approx(40.0 * (wafer[D] / 40e-9) ** 2, rel=1e-9)


def test_spreads_without_effect_or_without_their_fields_are_refused() -> None:
    params = DeviceParams.load("seed_eq23")
    spread = replace(params[KEFF], key=KI, value=1e-3, sigma=0.02)
    with pytest.raises(ParameterError, match="no effect"):
        VariationModel.from_params(with_spreads(replace(params, quantities={**params.quantities, KI: spread}), {KI: 0.02}, keep=False))
    bare = replace(params, quantities={k: v for k, v in params.quantities.items() if k != TF})
    with pytest.raises(ParameterError, match="missing") as caught:
        VariationModel.from_params(with_spreads(bare, {D: 0.03}, keep=False))
    assert TF in str(caught.value)
    assert VariationModel.from_params(with_spreads(bare, {WIDTH: 0.03}, keep=False)).following == (RT, IC0), "the track needs no free layer"


def test_a_draw_that_is_not_perpendicular_is_named() -> None:
    params = DeviceParams.load("spinlib_vgsot50")
    wide = VariationModel.from_params(with_spreads(params, {KI: 0.1}, keep=False))
    with pytest.raises(ParameterError, match="drawn device") as caught:
        wide.sample(256, seed=1)
    number = int(str(caught.value).split("draw ")[1].split("\n")[0])
    assert 0 < number < 256
    assert wide.sample(number, seed=1)[DELTA].size == number, "all before it are good"
    with pytest.raises(ParameterError, match="drawn device"):
        wide.sample(number + 1, seed=1)


@pytest.mark.parametrize("barrier", ["exact", "seed"])
@pytest.mark.parametrize("base", ["seed_eq23", "spinlib_vgsot50", "bench_pmtj40"])
def test_the_model_of_a_population_is_that_of_its_devices(base: str, barrier: str) -> None:
    """One model with arrays against one model a device, at a temperature where every law of the file matters."""
    params = DeviceParams.load(base)
    spreads = {D: 0.03, TF: 0.01, MS: 0.02, WIDTH: 0.04, (KI if KEFF not in params.quantities else KEFF): 0.02, "thermal.attempt_time": 0.1}
    devices = Population.draw(VariationModel.from_params(with_spreads(params, spreads, keep=False)), 8, seed=3)
    current = float(devices.nominal_current(0.5, 10e-9, barrier=barrier))  # type: ignore[arg-type]
    for kelvin in (300.0, 350.0):
        p = devices.probability(current, 10e-9, kelvin, barrier)  # type: ignore[arg-type]
        for i in range(8):
            single = params.with_values(**{k.replace(".", "__"): float(v[i]) for k, v in devices.draws.items()})
            alone = SwitchingModel.from_params(single, barrier=barrier)  # type: ignore[arg-type]
            assert p[i] == pytest.approx(float(alone.probability(current, 10e-9, kelvin)), rel=1e-9, abs=1e-15)
            assert devices.retention(kelvin)[i] == pytest.approx(single.value("thermal.attempt_time") * math.exp(float(alone.delta_at(kelvin))), rel=1e-9)


@pytest.mark.parametrize("spreads", [{D: 0.03, KEFF: 0.05, "magnetic.in_plane_field": 0.1}, {"magnetic.in_plane_field": 0.1}, {KEFF: 0.05}])
def test_the_two_rate_model_of_a_population_too(spreads: dict[str, float]) -> None:
    params = DeviceParams.load("bench_pmtj40")
    devices = Population.draw(VariationModel.from_params(with_spreads(params, spreads, keep=False)), 5, seed=3)
    many = devices.model(kind="two_rate").probability(230e-6, 10e-9, 320.0)
    for i in range(5):
        single = params.with_values(**{k.replace(".", "__"): float(v[i]) for k, v in devices.draws.items()})
        assert many[i] == pytest.approx(float(SwitchingModel.from_params(single, model="two_rate").probability(230e-6, 10e-9, 320.0)), rel=1e-9)


def test_fields_that_the_models_take_as_one_number_are_refused() -> None:
    devices = Population.draw(physical({"thermal.curie_temperature": 0.01}), 4)
    with pytest.raises(ParameterError, match="one number"):
        devices.model()


def test_tracks_of_a_population_follow_the_temperature() -> None:
    devices = Population.draw(physical({RHO: 0.05}), 6, seed=1)
    coefficient = devices.params.value("electrical.track_temperature_coefficient")
    assert coefficient != 0
    assert devices.track_resistance(400.0) == pytest.approx(devices.draws[RT] * (1 + 100 * coefficient), rel=1e-12)
    assert devices.track_resistance() == pytest.approx(devices.draws[RT], rel=1e-12)


def test_statistics_and_draws_are_what_was_drawn() -> None:
    devices = Population.draw(physical({D: 0.03}), 200, seed=1)
    rows = {row[0]: row for row in devices.statistics(pulse=10e-9).rows}
    assert set(rows) >= {"pillar_diameter", "delta", "parallel_resistance"} and rows["delta"][6] == "follows" and rows["pillar_diameter"][6] == "drawn"
    assert rows["delta"][3] == pytest.approx(100 * devices.draws[DELTA].std() / devices.draws[DELTA].mean(), rel=1e-9)
    p = devices.probability(devices.nominal_current(0.5, 10e-9), 10e-9)
    table = devices.table(p=p)
    names = [column.head for column in table.heads()]
    assert table.rows[7][names.index("p")] == p[7] and table.rows[7][names.index("thermal.delta")] == devices.draws[DELTA][7]
    assert len(table.rows) == 200


def test_elasticities_are_the_powers() -> None:
    model = physical({D: 0.03, KEFF: 0.02, WIDTH: 0.01})
    assert elasticities(model, DELTA) == pytest.approx({D: 2, KEFF: 1, WIDTH: 0}, abs=1e-6)
    assert elasticities(model, IC0) == pytest.approx({D: 0, KEFF: 1, WIDTH: 1}, abs=1e-6)
    own = physical({DELTA: 0.05})
    assert elasticities(own, DELTA) == pytest.approx({DELTA: 1}, abs=1e-6)
    with pytest.raises(ParameterError, match="no spread"):
        elasticities(own, IC0)
    with pytest.raises(ParameterError, match="order"):
        variance_budget(model, DELTA, ["electrical.tmr"])


def test_the_height_of_the_barrier_acts_on_the_resistance_by_itself() -> None:
    """ln RA = 2 sqrt(2 m phi) t/hbar: with phi 2 % higher, of 0.4 eV and 1.5 nm."""
    slope = 2 * math.sqrt(2 * 9.1093837e-31 * 0.4 * 1.602176634e-19) / 1.054571817e-34
    nominal = NOMINAL | {HEIGHT: 0.4 * constants.e}
    found = followed({HEIGHT: 1.02}, nominal)
    assert found == pytest.approx({RA: math.exp(slope * 1.5e-9 * (math.sqrt(1.02) - 1)), RP: math.exp(slope * 1.5e-9 * (math.sqrt(1.02) - 1))}, rel=1e-6)
    both = followed({HEIGHT: 1.02, TOX: 0.99}, nominal)
    assert both[RP] == pytest.approx(math.exp(slope * 1.5e-9 * (math.sqrt(1.02) * 0.99 - 1)), rel=1e-6)
    params = DeviceParams.load("seed_eq23")
    data = with_spreads(params, {}, keep=False).to_dict()
    data["electrical"]["barrier_height"] = {"value": "0.4 eV", "sigma": "2 %", "source": "made up"}
    del data["geometry"]["barrier_thickness"]
    with pytest.raises(ParameterError, match="thickness"):
        VariationModel.from_params(DeviceParams.from_dict(data))


def test_the_sign_of_the_field_has_no_part_in_a_population() -> None:
    data = DeviceParams.load("seed_eq23").to_dict()
    data["magnetic"]["in_plane_field"] |= {"sigma": "5 %"}
    found = []
    for sign in ("", "-"):
        data["magnetic"]["in_plane_field"]["value"] = f"{sign}30 mT"
        devices = Population.draw(VariationModel.from_params(DeviceParams.from_dict(data)), 64, seed=2)
        found.append(np.asarray(devices.model(kind="two_rate").field_ratio))  # type: ignore[attr-defined]
    assert np.array_equal(*found) and float(found[0].min()) > 0.1


def test_devices_without_spread_are_as_many() -> None:
    same = Population.draw(VariationModel.from_params(with_spreads(DeviceParams.load("seed_eq23"), {}, keep=False)), 5)
    p = same.probability(same.nominal_current(0.5, 10e-9), 10e-9)
    assert p == pytest.approx(np.full(5, 0.5), rel=1e-9) and same.retention().shape == (5,)
    assert same.statistics(pulse=10e-9).title == "5 devices of seed_eq23" and len(same.table(p=p).rows) == 5
