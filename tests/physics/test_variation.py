"""The spread of p that a spread of devices makes, and the budget of Delta: the figures of the literature, reproduced."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tolerances import SPREAD_OF_P

from spinbnn.device import DeviceParams, SwitchingModel, VariationModel
from spinbnn.device.parameters import Correlation
from spinbnn.device.trim import bits_for
from spinbnn.device.variation import (
    GaussianProbability,
    Population,
    sensitivity,
    spread_probability,
    variance_budget,
    with_spreads,
)

IC0, DELTA, KEFF = "spin_hall.critical_current", "thermal.delta", "magnetic.effective_anisotropy"
D, TF, MS = "geometry.pillar_diameter", "geometry.free_layer_thickness", "magnetic.saturation_magnetization"
PULSE = 10e-9


def spread(barrier: str, **spreads: float) -> float:
    """Return sd(p) of drawn devices at the nominal current of p = 1/2."""
    params = with_spreads(DeviceParams.load("seed_eq23"), {k.replace("__", "."): v for k, v in spreads.items()}, keep=False)
    devices = Population.draw(VariationModel.from_params(params), 2**13, seed=1)
    p = devices.probability(devices.nominal_current(0.5, PULSE, barrier=barrier), PULSE, barrier=barrier)  # type: ignore[arg-type]
    return float(p.std())


TABLE = [
    ("seed", IC0, 0.002, 0.017), ("seed", IC0, 0.005, 0.043), ("seed", IC0, 0.01, 0.084), ("seed", IC0, 0.02, 0.160), ("seed", IC0, 0.05, 0.299), ("seed", IC0, 0.10, 0.387),
    ("seed", KEFF, 0.01, 0.093), ("seed", KEFF, 0.02, 0.173), ("seed", KEFF, 0.05, 0.315), ("seed", KEFF, 0.10, 0.399), ("seed", DELTA, 0.05, 0.046),
    ("exact", IC0, 0.01, 0.067), ("exact", IC0, 0.05, 0.262), ("exact", IC0, 0.10, 0.362),
]  # fmt: skip


@pytest.mark.parametrize(("barrier", "key", "cv", "wanted"), TABLE)
def test_spread_of_p_without_trim(barrier: str, key: str, cv: float, wanted: float) -> None:
    """Ic0 alone; Delta and Ic0 together, which K_eff moves in proportion; Delta alone."""
    assert spread(barrier, **{key.replace(".", "__"): cv}) == pytest.approx(wanted, abs=SPREAD_OF_P)


def test_the_short_cut_gives_the_same_as_drawn_devices() -> None:
    model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"), barrier="seed")
    for keyword, key in (("critical_current", IC0), ("common", KEFF), ("delta", DELTA)):
        quick = spread_probability(model, PULSE, **{keyword: 0.05}).std()  # type: ignore[arg-type]
        assert quick == pytest.approx(spread("seed", **{key.replace(".", "__"): 0.05}), abs=SPREAD_OF_P)
    row = sensitivity(model, PULSE, spreads=0.05).rows[0]
    assert row == pytest.approx([5.0, 0.299, 0.315, 0.046], abs=SPREAD_OF_P)


def test_untrimmed_p_is_no_normal_law() -> None:
    """5 % in Ic0: nearly even over [0, 1]; 10 %: more than half of the devices in the outer tenths, which no clipped normal law has."""
    model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"), barrier="seed")
    five = spread_probability(model, PULSE, critical_current=0.05)
    assert np.quantile(five, [0.05, 0.95]) == pytest.approx([0.09, 0.997], abs=5e-3)
    ten = spread_probability(model, PULSE, critical_current=0.1)
    law = GaussianProbability(p=0.5, sigma=float(ten.std())).sample(2**13, seed=1)
    outer = [float(np.mean((p < 0.1) | (p > 0.9))) for p in (ten, law)]
    assert outer[0] > 0.5 > 0.35 > outer[1]


def listed_inputs() -> VariationModel:
    """Return the spreads of the vgsot-sim budget: CV(t_F) 0.3 %, CV(Ms) 2 %, CV(D) 3.1 %, CV(Hk) 4 % independent of Ms.

    K_eff = Hk Ms/2, so that its spread is that of both, and its correlation with Ms the share of Ms.
    """
    both = math.hypot(0.04, 0.02)
    params = with_spreads(DeviceParams.load("seed_eq23"), {TF: 0.003, MS: 0.02, D: 0.031, KEFF: both}, keep=False)
    link = Correlation(first=KEFF, second=MS, value=0.02 / both, source="K_eff = Hk Ms/2")
    return VariationModel.from_params(DeviceParams(**{f: getattr(params, f) for f in ("name", "description", "quantities", "notes")}, correlations=(link,)))


def test_the_listed_inputs_give_the_published_spread_of_delta() -> None:
    model = listed_inputs()
    draws = model.sample(2**13, seed=2)
    assert np.std(draws[DELTA]) / np.mean(draws[DELTA]) == pytest.approx(0.077, abs=1e-3)
    field = draws[KEFF] / draws[MS]
    assert np.std(field) / np.mean(field) == pytest.approx(0.04, rel=0.02) and abs(np.corrcoef(np.log(field), np.log(draws[MS]))[0, 1]) < 0.01
    shares = {row[0]: row[3] for row in variance_budget(model, DELTA, (MS, KEFF)).rows}
    assert shares[D] + shares[TF] == pytest.approx(66, abs=0.5), "geometry"
    assert (shares[KEFF], shares[MS]) == (pytest.approx(27, abs=0.5), pytest.approx(7, abs=0.5)), "anisotropy field, magnetisation"
    assert sum(shares.values()) == pytest.approx(100, rel=1e-9)


def test_the_budget_is_the_variance_of_the_draws() -> None:
    """First order against drawn devices, for a field that several correlated ones move."""
    model = listed_inputs()
    draws = model.sample(2**13, seed=3)
    total = float(variance_budget(model, IC0).note.split()[1]) / 100
    assert np.std(np.log(draws[IC0])) == pytest.approx(total, rel=0.02)
    for order in ((MS, KEFF), (KEFF, MS)):
        assert sum(row[3] for row in variance_budget(model, IC0, order).rows) == pytest.approx(100, rel=1e-9), "the order shares out, it does not add"


def test_correlated_draws_of_delta_and_ic0_come_from_the_geometry() -> None:
    """Delta and Ic0 share K_eff: their correlation follows, nobody puts it in."""
    draws = listed_inputs().sample(2**13, seed=4)
    shared, delta, current = 0.04**2 + 0.02**2 + 0.003**2, math.sqrt((2 * 0.031) ** 2 + 0.04**2 + 0.02**2 + 0.003**2), math.sqrt(0.04**2 + 0.02**2 + 0.003**2)
    assert np.corrcoef(np.log(draws[DELTA]), np.log(draws[IC0]))[0, 1] == pytest.approx(shared / (delta * current), abs=0.01)


def test_junction_resistance_of_the_listed_inputs() -> None:
    """CV(RA) 3.1 % and CV(D) 3.1 % make CV(R_P) = 7 %."""
    params = with_spreads(DeviceParams.load("seed_eq23"), {"electrical.resistance_area_product": 0.031, D: 0.031}, keep=False)
    draws = VariationModel.from_params(params).sample(2**13, seed=5)["electrical.parallel_resistance"]
    assert np.std(draws) / np.mean(draws) == pytest.approx(0.07, abs=1e-3)


@pytest.mark.parametrize(("barrier", "wanted"), [("exact", {0.03: 5, 0.10: 3}), ("seed", {0.03: 5, 0.10: 4})])
def test_bits_of_the_trim_at_five_per_cent(barrier: str, wanted: dict[float, int]) -> None:
    """The table of docs/variation.md: +-15 % in current, Ic0 spread by 5 %, p = 1/2."""
    params = with_spreads(DeviceParams.load("seed_eq23"), {IC0: 0.05}, keep=False)
    devices = Population.draw(VariationModel.from_params(params), 4096, seed=0)
    for error, bits in wanted.items():
        assert bits_for(devices.model(barrier), devices.nominal(barrier), error, pulse=PULSE, span=0.3) == bits  # type: ignore[arg-type]
