"""The eight parameter sets that come with spinbnn: complete, sourced, and consistent with their own geometry."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from scipy import constants
from tolerances import FOUR_DIGITS

from spinbnn import resources
from spinbnn.cli.doctor import _assumed
from spinbnn.device import DeviceParams, SwitchingModel, ThermalSwitching
from spinbnn.device.magnet import demagnetization_factor, magnet
from spinbnn.errors import ParameterError

NAMES = ("bench_pmtj40", "bw80_measured", "seed_eq23", "spinlib_vgsot50", "tsmc_itri_8kb", "umn_she45", "uta_tsmc_2025", "utinclab_sot50")
SETS = {name: DeviceParams.load(name) for name in NAMES}
TRACK = ("geometry.track_length", "geometry.track_width", "geometry.track_thickness")


def layer(p: DeviceParams):
    return magnet({key: q.value for key, q in p.quantities.items()})


def area(p: DeviceParams) -> float:
    return math.pi / 4 * p.value("geometry.pillar_diameter") ** 2


def track(p: DeviceParams) -> float:
    length, width, thickness = (p.value(key) for key in TRACK)
    return p.value("electrical.track_resistivity") * length / (width * thickness)


DERIVED: dict[str, Callable[[DeviceParams], float]] = {
    "derived: K_eff V/(k_B T) (magnet)": lambda p: float(layer(p).delta),
    "derived: H_DL = H_k (magnet)": lambda p: float(layer(p).critical_current),
    "derived: gives Ic0 (magnet)": lambda p: p.value("spin_hall.efficiency") * float(layer(p).critical_current) / p.value("spin_hall.critical_current"),
    "derived: delta k_B T/V (magnet)": lambda p: p.value("thermal.delta") * constants.k * p.value("thermal.reference_temperature") / float(layer(p).volume),
    "derived: rho L/(w d)": track,
    "derived: RA over the area of the pillar": lambda p: p.value("electrical.resistance_area_product") / area(p),
    "derived: R_P times the area of the pillar": lambda p: p.value("electrical.parallel_resistance") * area(p),
    "derived: eps0 9.7 A/t_ox (MgO)": lambda p: constants.epsilon_0 * 9.7 * area(p) / p.value("geometry.barrier_thickness"),
    "derived: N_z - N_x with N_x = pi t_F/(4 D), N_z = 1 - 2 N_x": lambda p: 1 - 3 * math.pi * p.value("geometry.free_layer_thickness") / (4 * p.value("geometry.pillar_diameter")),
    "derived: Julliere, 2 P^2/(1 - P^2) with P = 0.73": lambda p: 2 * 0.73**2 / (1 - 0.73**2),
    "derived: twice 68 MA/cm^2 times the section of the track": lambda p: 2 * 68e10 * p.value("geometry.track_width") * p.value("geometry.track_thickness"),
    "derived: twice sqrt(350 fJ/(R_track 2 ns))": lambda p: 2 * math.sqrt(350e-15 / (p.value("electrical.track_resistance") * 2e-9)),
    "derived: no symmetry-breaking field": lambda p: 0.5 if p.get("magnetic.in_plane_field") is None else math.nan,
}
"""How a number whose source is "derived: ..." follows from the others of its file."""


def test_all_eight_are_there() -> None:
    assert set(NAMES) <= set(resources.available("device"))


@pytest.mark.parametrize("name", NAMES)
def test_a_set_is_named_like_its_file_described_and_noted(name: str) -> None:
    params = SETS[name]
    assert params.name == name and len(params.description) > 20 and params.notes
    assert all(q.source.strip() for q in params.quantities.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_set_survives_the_way_out_and_back(name: str) -> None:
    params = SETS[name]
    again = DeviceParams.from_dict(params.to_dict())
    assert again == params and again.content_hash == params.content_hash


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", ["thermal", "two_rate"])
def test_models_come_from_every_set(name: str, model: str) -> None:
    made = SwitchingModel.from_params(SETS[name], model=model)  # type: ignore[arg-type]
    pulse = 10 * float(made.attempt_time)
    target = 0.3
    assert float(made.probability(made.current_for(target, pulse, 320.0), pulse, 320.0)) == pytest.approx(target, rel=1e-9)


def test_derived_numbers_follow_from_the_others_of_their_file() -> None:
    seen = set()
    for params in SETS.values():
        for q in params.quantities.values():
            if q.source.startswith("derived"):
                assert q.source in DERIVED, f"{params.name}: {q.key} says {q.source!r}"
                assert q.value == pytest.approx(DERIVED[q.source](params), rel=FOUR_DIGITS, abs=0), f"{params.name}: {q.key}"
                seen.add(q.source)
    assert seen == set(DERIVED), "a recipe that no file uses"


def test_what_is_not_derived_agrees_with_the_geometry_where_a_note_says_so() -> None:
    seed = SETS["seed_eq23"]
    assert float(layer(seed).delta) == pytest.approx(40.0, rel=FOUR_DIGITS)
    assert float(layer(seed).critical_current) == pytest.approx(500e-6, rel=FOUR_DIGITS, abs=0)
    assert 30e-3 / float(layer(seed).anisotropy_field) == pytest.approx(0.125, abs=5e-4)
    assert DERIVED["derived: eps0 9.7 A/t_ox (MgO)"](seed) == pytest.approx(54e-18, abs=0.5e-18)
    measured = SETS["bw80_measured"]
    assert track(measured) == pytest.approx(776.0, rel=1e-3)
    assert float(layer(measured).delta) == pytest.approx(83.0, abs=0.5)
    assert measured.value("thermal.delta") == 50.6
    umn = SETS["umn_she45"]
    factor = float(demagnetization_factor(45e-9, 0.7e-9))
    assert umn.value("magnetic.effective_anisotropy") == pytest.approx(9e5 - 0.5 * constants.mu_0 * factor * 1.145e6**2, rel=FOUR_DIGITS)


def test_utinclab_is_the_device_of_its_authors_with_their_demagnetisation() -> None:
    """delta 19.9, mu0 H_k 64 mT, threshold 43 MA/cm^2; R_P and RA belong to a diameter of 50 nm; 51.5 with the disc's factor."""
    params = SETS["utinclab_sot50"]
    found = layer(params)
    assert float(found.delta) == pytest.approx(19.9, abs=0.05)
    assert float(found.anisotropy_field) == pytest.approx(64e-3, abs=0.5e-3)
    assert float(found.critical_current) / 2 / (100e-9 * 3e-9) / 1e10 == pytest.approx(43, abs=0.5)
    assert params.value("electrical.resistance_area_product") * 1e12 == pytest.approx(9.82, abs=0.005)
    own = {k: q.value for k, q in params.quantities.items() if k != "magnetic.demagnetization_factor"}
    assert float(magnet(own).delta) == pytest.approx(51.5, abs=0.1)


def test_spinlib_between_a_film_and_a_disc() -> None:
    params = SETS["spinlib_vgsot50"]
    values = {k: q.value for k, q in params.quantities.items()}
    deltas = [float(magnet(values | {"magnetic.demagnetization_factor": n}).delta) for n in (1.0, float(demagnetization_factor(50e-9, 1.1e-9)))]
    assert deltas == pytest.approx([23.7, 36.4], abs=0.1)
    assert params.value("electrical.track_resistance") == 1112.0


def test_the_benchmark_device() -> None:
    found = layer(SETS["bench_pmtj40"])
    assert float(found.anisotropy_field) == pytest.approx(0.240, abs=5e-4)
    assert float(found.threshold(SETS["bench_pmtj40"].value("magnetic.in_plane_field"))) == pytest.approx(263.8e-6, rel=1e-3, abs=0)


def test_retention_of_the_assumed_delta() -> None:
    """tau0 exp(42.6) is 10 years at tau0 = 0.1 ns, as the note of tsmc_itri_8kb says."""
    years = 1e-10 * math.exp(42.6) / (365.25 * 86400)
    assert years == pytest.approx(10, rel=0.1)


def test_spreads_are_the_single_source_budget() -> None:
    bench = SETS["bench_pmtj40"]
    spread = {key: q.sigma for key, q in bench.quantities.items() if q.sigma}
    assert spread == {
        "geometry.pillar_diameter": 0.031, "geometry.free_layer_thickness": 0.003, "magnetic.saturation_magnetization": 0.02, "magnetic.effective_anisotropy": pytest.approx(math.hypot(0.02, 0.04), rel=1e-3),
        "electrical.track_resistivity": 0.07, "electrical.resistance_area_product": 0.031, "electrical.tmr": 0.04,
    }  # fmt: skip
    assert bench.correlations[0].value == pytest.approx(0.02 / math.hypot(0.02, 0.04), abs=5e-4)
    for name in set(NAMES) - {"bench_pmtj40"}:
        spreads = {key: q.sigma for key, q in SETS[name].quantities.items() if q.sigma}
        ic0 = 0.1 if name == "uta_tsmc_2025" else 0.04
        assert spreads.pop("electrical.track_resistance") == 0.07, name
        assert spreads == {"thermal.delta": 0.077, "spin_hall.critical_current": ic0, "electrical.parallel_resistance": 0.07, "electrical.tmr": 0.04}, name


def test_saturation_says_whether_a_field_breaks_the_symmetry() -> None:
    model = SwitchingModel.from_params(SETS["utinclab_sot50"])
    assert isinstance(model, ThermalSwitching)
    two = SwitchingModel.from_params(SETS["utinclab_sot50"], model="two_rate")
    assert float(model.probability(model.current_limit, 1e-7)) == pytest.approx(0.5, abs=1e-3)
    assert float(two.probability(two.current_limit, 1e-7)) == pytest.approx(0.5, abs=1e-3)


def test_doctor_lists_what_is_assumed() -> None:
    problems: list[str] = []
    assumed = _assumed(problems)
    for name in NAMES:
        assert len(assumed[name]) == len(SETS[name].assumed)
    assert any(line.startswith("thermal.delta") for line in assumed["tsmc_itri_8kb"])
    assert not any(line.startswith("thermal.delta") for line in assumed["bw80_measured"])


def test_the_shape_of_a_spread_is_read_and_counts() -> None:
    data = SETS["seed_eq23"].to_dict()
    data["thermal"]["delta"]["distribution"] = "truncated"
    other = DeviceParams.from_dict(data)
    assert other["thermal.delta"].distribution == "truncated" and other.content_hash != SETS["seed_eq23"].content_hash
    assert DeviceParams.from_dict(other.to_dict()) == other
    data["thermal"]["delta"]["distribution"] = "normal"
    with pytest.raises(ParameterError, match="unknown distribution"):
        DeviceParams.from_dict(data)
