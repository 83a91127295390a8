"""How p follows the temperature at a current that is fixed at 50 % and 300 K."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tolerances import PRINTED

from spinbnn.device import DeviceParams, SwitchingModel, ThermalSwitching
from spinbnn.device.magnet import demagnetization_share

KELVIN = np.array([270.0, 290.0, 310.0, 330.0, 355.0])
SEED = DeviceParams.load("seed_eq23")


def row(model: ThermalSwitching, pulse: float = 10e-9) -> np.ndarray:
    return model.probability(model.current_for(0.5, pulse), pulse, KELVIN)


@pytest.mark.parametrize("barrier", ["seed", "exact"])
@pytest.mark.parametrize("delta", [20.0, 40.0, 80.0])
def test_the_explicit_temperature_moves_p_whatever_barrier_and_delta(barrier: str, delta: float) -> None:
    """The barrier at p = 1/2 is ln(t/(tau0 ln 2)) k T_ref: only t/tau0 = 10 is in .403 .469 .530 .587 .649."""
    model = ThermalSwitching(delta=delta, attempt_time=1e-9, critical_current=500e-6, barrier=barrier)
    assert row(model) == pytest.approx([0.403, 0.469, 0.530, 0.587, 0.649], abs=PRINTED)
    closed = -np.expm1(-10 * (math.log(2) / 10) ** (300 / KELVIN))
    assert row(model) == pytest.approx(closed, rel=1e-9)


def test_another_attempt_time_gives_another_row() -> None:
    model = ThermalSwitching(delta=40.0, attempt_time=0.1e-9, critical_current=500e-6)
    assert row(model)[[0, -1]] == pytest.approx([0.329, 0.776], abs=PRINTED)


@pytest.mark.parametrize(("barrier", "expected"), [("seed", [0.093, 0.315, 0.704, 0.964, 1.000]), ("exact", [0.119, 0.339, 0.670, 0.917, 0.996])])
def test_with_the_anisotropy_of_the_file_the_same_range_turns_never_into_always(barrier: str, expected: list[float]) -> None:
    model = SwitchingModel.from_params(SEED, barrier=barrier)  # type: ignore[arg-type]
    assert isinstance(model, ThermalSwitching)
    assert row(model) == pytest.approx(expected, abs=PRINTED)
    assert row(replace(model, curie_temperature=None)) == pytest.approx([0.403, 0.469, 0.530, 0.587, 0.649], abs=PRINTED)


def test_interface_and_demagnetisation_apart_make_it_steeper() -> None:
    """K_i ~ Ms^2.18 less a demagnetisation ~ Ms^2: K_eff falls as Ms^3.1 at 300 K."""
    q = float(demagnetization_share({key: entry.value for key, entry in SEED.quantities.items()}))
    model = SwitchingModel.from_params(SEED)
    assert isinstance(model, ThermalSwitching)
    apart = replace(model, anisotropy_exponent=None, interface_exponent=2.18, demagnetization=q)
    assert row(apart) == pytest.approx([0.064, 0.291, 0.727, 0.974, 1.000], abs=PRINTED)
    h = 1e-3
    exponent = math.log(float(apart.stiffness(300 + h))) / math.log(float(apart.magnetisation(300 + h)))
    assert exponent == pytest.approx(3.1, abs=0.01)


def test_the_current_matters_more_than_delta() -> None:
    """Freezing Ic0 leaves most of the way between never and always; freezing Delta's anisotropy leaves next to nothing."""
    model = SwitchingModel.from_params(SEED)
    assert isinstance(model, ThermalSwitching)
    current = model.current_for(0.5, 10e-9)

    def p(kelvin: float, delta_at: float, ic0_at: float) -> float:
        frozen = replace(model, delta=float(model.delta_at(delta_at)) * delta_at / 300.0, critical_current=float(model.critical_current_at(ic0_at)), curie_temperature=None)
        return float(frozen.probability(current, 10e-9, kelvin))

    only_delta, only_current = p(355.0, 355.0, 300.0), p(355.0, 300.0, 355.0)
    assert p(355.0, 355.0, 355.0) == pytest.approx(float(model.probability(current, 10e-9, 355.0)), rel=1e-9)
    assert only_delta < 0.75 < 0.98 < only_current
