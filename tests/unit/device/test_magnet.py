"""The free layer as one moment: demagnetisation, anisotropy, spin-orbit field, thresholds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import constants, integrate, special
from tolerances import FLOAT64

from spinbnn.device.magnet import anisotropy_ratio, demagnetization_factor, demagnetization_share, magnet
from spinbnn.errors import ParameterError

BENCH: dict[str, Any] = {
    "geometry.pillar_diameter": 40e-9, "geometry.free_layer_thickness": 1e-9, "geometry.track_width": 60e-9, "geometry.track_thickness": 4e-9,
    "magnetic.saturation_magnetization": 1.1e6, "magnetic.effective_anisotropy": 1.318e5, "spin_hall.efficiency": 0.3,
    "thermal.reference_temperature": 300.0, "thermal.curie_temperature": 1100.0,
}  # fmt: skip
M350 = (1 - (350 / 1100) ** 1.5) / (1 - (300 / 1100) ** 1.5)


def without(*keys: str, **more: float) -> dict[str, Any]:
    return {k: v for k, v in BENCH.items() if k not in keys} | {k.replace("__", "."): v for k, v in more.items()}


def test_demagnetisation_of_a_disc_is_its_magnetostatic_energy() -> None:
    """N_z from the charges of both faces: (2R/t) int dk J1(k)^2/k^2 (1 - exp(-k t/R)), R = 1 (Joseph 1966, eq. for a cylinder)."""
    for thickness in (0.05, 0.5, 2.0):
        value, _ = integrate.quad(lambda k, t=thickness: special.j1(k) ** 2 / k**2 * -math.expm1(-k * t), 0, 2000, limit=4000)
        nz = 2.0 / thickness * value
        assert float(demagnetization_factor(2.0, thickness)) == pytest.approx(nz - (1 - nz) / 2, abs=2e-4)


@pytest.mark.parametrize(("ratio", "factor"), [(1e-6, 1.0), (1e3, -0.5)])
def test_demagnetisation_of_film_and_wire(ratio: float, factor: float) -> None:
    assert float(demagnetization_factor(1.0, ratio)) == pytest.approx(factor, abs=1e-3)


def test_a_cylinder_as_high_as_0_9065_wide_is_isotropic() -> None:
    """N_z = N_x = 1/3 at t/D = 0.9065 (D.-X. Chen et al., doi:10.1109/20.102932: magnetometric factors of cylinders)."""
    assert float(demagnetization_factor(1.0, 0.9065)) == pytest.approx(0.0, abs=5e-4)


def test_the_benchmark_device() -> None:
    found = magnet(BENCH)
    volume = math.pi / 4 * 40e-9**2 * 1e-9
    assert float(found.volume) == pytest.approx(volume, rel=1e-12, abs=0)
    assert float(found.delta) == pytest.approx(1.318e5 * volume / (constants.k * 300), rel=1e-12)
    assert float(found.anisotropy_field) == pytest.approx(0.2396, abs=5e-5)
    field = constants.hbar * 0.3 / (2 * constants.e * 1.1e6 * 1e-9 * 240e-18)  # T/A
    assert float(found.sot_field_per_ampere) == pytest.approx(field, rel=1e-12)
    assert float(found.critical_current) == pytest.approx(float(found.anisotropy_field) / field, rel=1e-12, abs=0)


def test_thresholds() -> None:
    found = magnet(BENCH)
    assert float(found.threshold()) == pytest.approx(float(found.critical_current) / 2, rel=1e-12, abs=0)
    assert float(found.threshold(30e-3)) == pytest.approx(263.66e-6, rel=1e-4, abs=0)
    assert float(found.threshold(-30e-3)) == float(found.threshold(30e-3))
    with pytest.raises(ParameterError, match="too large"):
        found.threshold(0.2)


def test_interface_anisotropy_less_demagnetisation() -> None:
    values = without("magnetic.effective_anisotropy", magnetic__interface_anisotropy=0.85e-3)
    demagnetisation = 0.5 * constants.mu_0 * float(demagnetization_factor(40e-9, 1e-9)) * 1.1e6**2
    assert float(magnet(values).effective_anisotropy) == pytest.approx(0.85e6 - demagnetisation, rel=1e-12)
    film = magnet(values | {"magnetic.demagnetization_factor": 1.0})
    assert float(film.effective_anisotropy) == pytest.approx(0.85e6 - 0.5 * constants.mu_0 * 1.1e6**2, rel=1e-12)
    both = magnet(values | {"magnetic.effective_anisotropy": 1e5})
    assert float(both.effective_anisotropy) == 1e5, "K_eff replaces what the interface gives"
    with pytest.raises(ParameterError, match="not perpendicular"):
        magnet(values | {"magnetic.interface_anisotropy": 0.6e-3})


def test_every_temperature_law_of_the_anisotropy() -> None:
    constant = magnet(BENCH, 350.0)
    assert float(constant.effective_anisotropy) == 1.318e5
    assert float(constant.saturation_magnetization) == pytest.approx(1.1e6 * M350, rel=1e-12)
    power = magnet(BENCH | {"thermal.anisotropy_exponent": 2.18}, 350.0)
    assert float(power.effective_anisotropy) == pytest.approx(1.318e5 * M350**2.18, rel=1e-12)
    assert float(power.delta) == pytest.approx(float(magnet(BENCH).delta) * 300 / 350 * M350**2.18, rel=1e-12)
    assert float(power.critical_current) == pytest.approx(float(magnet(BENCH).critical_current) * M350**2.18, rel=1e-12, abs=0)
    split = magnet(without("magnetic.effective_anisotropy", magnetic__interface_anisotropy=0.85e-3, magnetic__interface_anisotropy_exponent=2.18), 350.0)
    demagnetisation = 0.5 * constants.mu_0 * float(demagnetization_factor(40e-9, 1e-9)) * (1.1e6 * M350) ** 2
    assert float(split.effective_anisotropy) == pytest.approx(0.85e6 * M350**2.18 - demagnetisation, rel=1e-12)
    both = magnet(BENCH | {"thermal.anisotropy_exponent": 3.0, "magnetic.interface_anisotropy_exponent": 2.18}, 350.0)
    assert float(both.effective_anisotropy) == pytest.approx(1.318e5 * M350**3, rel=1e-12), "the exponent of K_eff goes first"


def test_an_effective_anisotropy_with_an_interface_exponent_keeps_its_value_at_the_reference() -> None:
    values = BENCH | {"magnetic.interface_anisotropy_exponent": 2.18}
    assert float(magnet(values).effective_anisotropy) == pytest.approx(1.318e5, rel=1e-12)
    q = float(demagnetization_share(values))
    assert q == pytest.approx(0.5 * constants.mu_0 * float(demagnetization_factor(40e-9, 1e-9)) * 1.1e6**2 / 1.318e5, rel=1e-12)
    assert float(magnet(values, 350.0).effective_anisotropy) == pytest.approx(1.318e5 * ((1 + q) * M350**2.18 - q * M350**2), rel=1e-12)


def test_the_easy_axis_can_leave_the_perpendicular_when_it_warms_up() -> None:
    assert float(anisotropy_ratio(1.0, interface_exponent=4.0, demagnetization=5.0)) == pytest.approx(1.0, abs=FLOAT64)
    with pytest.raises(ParameterError, match="at this temperature"):
        anisotropy_ratio(0.8, interface_exponent=4.0, demagnetization=5.0)


def test_populations_broadcast() -> None:
    diameters = np.array([38e-9, 40e-9, 42e-9])
    found = magnet(BENCH | {"geometry.pillar_diameter": diameters}, np.array([[300.0], [350.0]]))
    assert found.delta.shape == (2, 3)
    assert found.delta[0] / diameters**2 == pytest.approx(np.full(3, found.delta[0, 1] / 40e-9**2), rel=1e-12)


@pytest.mark.parametrize("key", ["geometry.pillar_diameter", "magnetic.saturation_magnetization", "thermal.reference_temperature"])
def test_a_missing_field_is_named(key: str) -> None:
    with pytest.raises(ParameterError, match="does not give this field") as caught:
        magnet(without(key))
    assert key in str(caught.value)
    with pytest.raises(ParameterError, match=r"magnetic\.interface_anisotropy"):
        magnet(without("magnetic.effective_anisotropy"))


def test_without_a_track_there_is_no_spin_orbit_field_and_without_efficiency_no_device() -> None:
    assert math.isnan(float(magnet(without("geometry.track_width")).critical_current))
    assert float(magnet(BENCH | {"spin_hall.efficiency": -0.3}).sot_field_per_ampere) > 0
    with pytest.raises(ParameterError, match="efficiency"):
        magnet(BENCH | {"spin_hall.efficiency": 0.0})
