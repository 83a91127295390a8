"""The interface of the switching models, the thermal model, and the conventions of the critical current."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize

from spinbnn.device import DeviceParams, SwitchingModel, ThermalSwitching
from spinbnn.device.magnet import magnet
from spinbnn.device.switching import (
    TwoRateSwitching,
    current_density,
    paper_critical_current,
    static_threshold,
    threshold_torque,
    track_current,
)
from spinbnn.errors import ParameterError

SEED = DeviceParams.load("seed_eq23")


def thermal(**more) -> ThermalSwitching:
    return ThermalSwitching(**{"delta": 40.0, "attempt_time": 1e-9, "critical_current": 500e-6} | more)


def test_from_params_knows_its_models() -> None:
    assert isinstance(SwitchingModel.from_params(SEED), ThermalSwitching)
    assert SwitchingModel.from_params(SEED, barrier="seed").barrier == "seed"  # type: ignore[attr-defined]
    assert isinstance(SwitchingModel.from_params(SEED, model="two_rate"), TwoRateSwitching)
    for arguments, words in (({"model": "two-rate"}, "two_rate"), ({"barrier": "sed"}, "seed"), ({"model": "two_rate", "barrier": "seed"}, "exact barrier only")):
        with pytest.raises(ParameterError, match=words):
            SwitchingModel.from_params(SEED, **arguments)  # type: ignore[arg-type]


def test_from_params_reads_every_field_that_the_model_has() -> None:
    changes = {"thermal__delta": 41.0, "thermal__attempt_time": 2e-9, "spin_hall__critical_current": 6e-4, "thermal__reference_temperature": 310.0, "thermal__curie_temperature": 900.0, "thermal__anisotropy_exponent": 3.0, "switching__saturation": 0.9}
    model = SwitchingModel.from_params(SEED.with_values(**changes))
    assert isinstance(model, ThermalSwitching)
    assert (model.delta, model.attempt_time, model.critical_current, model.reference_temperature, model.curie_temperature, model.anisotropy_exponent, model.saturation) == (41.0, 2e-9, 6e-4, 310.0, 900.0, 3.0, 0.9)


def test_the_rates_of_the_thermal_model() -> None:
    """k = exp(-Delta b(+-x))/tau0: out of 0 with the current, out of 1 against it."""
    j = 0.6
    with_it, against = (math.sqrt(1 - j**2) - s * j * math.acos(s * j) for s in (1, -1))
    up, down = thermal().rates(150e-6)
    assert float(up) == pytest.approx(1e9 * math.exp(-40 * with_it), rel=1e-12)
    assert float(down) == pytest.approx(1e9 * math.exp(-40 * against), rel=1e-12)


def test_delta_and_ic0_follow_the_anisotropy_of_the_macrospin() -> None:
    """One law in magnet() and in the models, whichever exponent the file gives."""
    for name in ("seed_eq23", "bench_pmtj40", "utinclab_sot50", "spinlib_vgsot50", "umn_she45", "bw80_measured"):
        params = DeviceParams.load(name)
        values = {k: q.value for k, q in params.quantities.items()}
        kelvin = np.array([250.0, 300.0, 380.0])
        model, layer, base = SwitchingModel.from_params(params), magnet(values, kelvin), magnet(values)
        assert model.delta_at(kelvin) / model.delta == pytest.approx(layer.delta / base.delta, rel=1e-9), name
        assert model.critical_current_at(kelvin) / model.critical_current == pytest.approx(layer.critical_current / base.critical_current, rel=1e-9), name
        two = SwitchingModel.from_params(params, model="two_rate")
        assert isinstance(two, TwoRateSwitching)
        field = abs(params.get("magnetic.in_plane_field") or 0.0)
        assert two.field_ratio_at(kelvin) == pytest.approx(field / layer.anisotropy_field, rel=1e-9), name


def test_probability_is_the_two_state_solution() -> None:
    model = thermal(delta=3.0)
    up, down = (float(k) for k in model.rates(50e-6))
    for initial, leave in ((0, up), (1, down)):
        expected = leave / (up + down) * (1 - math.exp(-(up + down) * 2e-9))
        assert float(model.probability(50e-6, 2e-9, initial=initial)) == pytest.approx(expected, rel=1e-12)
    assert float(model.probability(50e-6, 0.0)) == 0.0
    tiny = thermal(delta=400.0)
    assert float(tiny.probability(0.0, 1e-9)) == pytest.approx(math.exp(-400), rel=1e-9, abs=0), "no cancellation"
    assert float(thermal(delta=499.0, attempt_time=1e-6).probability(-5e-3, 1e-9)) == 0.0, "both rates may underflow"


def test_bad_pulses_and_states_are_refused() -> None:
    for pulse in (-1e-9, float("nan")):
        with pytest.raises(ParameterError, match="pulse width"):
            thermal().probability(1e-4, pulse)
    for state in (2, -1, True):
        with pytest.raises(ParameterError, match="state is 0 or 1"):
            thermal().probability(1e-4, 1e-8, initial=state)  # type: ignore[arg-type]


def test_parameters_may_be_arrays() -> None:
    delta, ic0 = np.array([35.0, 40.0, 45.0]), np.array([[480e-6], [500e-6]])
    many = thermal(delta=delta, critical_current=ic0)
    current = many.current_for(0.5, 10e-9)
    assert current.shape == (2, 3)
    for i in range(2):
        for k in range(3):
            one = thermal(delta=float(delta[k]), critical_current=float(ic0[i, 0]))
            assert float(current[i, k]) == pytest.approx(float(one.current_for(0.5, 10e-9)), rel=1e-12, abs=0)
    two = TwoRateSwitching(delta=delta, attempt_time=1e-9, critical_current=500e-6, field_ratio=0.1)
    assert two.probability(two.current_for(0.5, 10e-9), 10e-9) == pytest.approx(np.full(3, 0.5), rel=1e-9)


def test_current_for_agrees_with_a_root_finder_and_broadcasts() -> None:
    model = thermal()
    p, width = np.array([[0.1], [0.9]]), np.array([5e-9, 10e-9, 20e-9])
    found = model.current_for(p, width)
    assert found.shape == (2, 3)
    for i, k in np.ndindex(2, 3):
        root = optimize.brentq(lambda c, i=i, k=k: float(model.probability(c, width[k])) - p[i, 0], 0, 250e-6, xtol=1e-15)
        assert float(found[i, k]) == pytest.approx(root, rel=1e-9, abs=0)


def test_current_for_says_what_is_reached() -> None:
    with pytest.raises(ParameterError, match=r"not reached on the lower branch.*\(.*0\.993262\].*5e-09 s") as caught:
        thermal().current_for([0.5, 0.9999], 5e-9)
    assert caught.value.value == 0.9999
    with pytest.raises(ParameterError, match="one branch") as caught:
        thermal().current_for(0.5, 10e-9, branch="upper")
    assert "lower" in caught.value.remedy
    with pytest.raises(ParameterError, match="unknown branch"):
        thermal().current_for(0.5, 10e-9, branch="middle")  # type: ignore[arg-type]
    for outside in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ParameterError, match=r"\(0, 1\)"):
            thermal().current_for([0.5, outside], 10e-9)


@pytest.mark.parametrize("barrier", ["seed", "exact"])
def test_valid_flags_the_clamp_short_pulses_and_hot_devices(barrier: str) -> None:
    model = thermal(barrier=barrier, curie_temperature=1100.0, anisotropy_exponent=2.0)
    limit = float(model.current_limit)
    assert model.valid([-1.001 * limit, -limit, 0.0, limit, 1.001 * limit], 10e-9).tolist() == [False, True, True, True, False]
    assert model.valid(1e-4, [0.99e-9, 1e-9]).tolist() == [False, True]
    assert model.valid(1e-4, 10e-9, [-1.0, 0.0, 300.0, 1099.0, 1100.0, 1200.0]).tolist() == [False, False, True, False, False, False]
    assert model.valid(0.99 * limit, 10e-9, [300.0, 400.0]).tolist() == [True, False], "the limit falls with the temperature"
    clamped = model.probability([limit, 2 * limit], 10e-9)
    assert clamped[0] == pytest.approx(clamped[1], rel=1e-6), "outside, p stays at its plateau"


@pytest.mark.parametrize(("change", "words"), [({"delta": 0.0}, "delta"), ({"attempt_time": -1e-9}, "attempt_time"), ({"critical_current": np.array([1e-4, 0.0])}, "critical_current"), ({"reference_temperature": 0.0}, "reference_temperature"), ({"curie_temperature": 300.0}, "Curie"), ({"saturation": 0.0}, "p_sat"), ({"saturation": 1.1}, "p_sat"), ({"barrier": "exakt"}, "barrier")])
def test_bad_parameters_are_refused(change: dict, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        thermal(**change)


def test_saturation_adds_the_return_to_the_state_that_the_current_leaves() -> None:
    plain, model = thermal(), thermal(saturation=0.8)
    for current in (150e-6, -150e-6):
        (up, down), (up2, down2) = plain.rates(current), model.rates(current)
        expected = (up, down + 0.25 * up) if current > 0 else (up + 0.25 * down, down)
        assert (float(up2), float(down2)) == pytest.approx(tuple(map(float, expected)), rel=1e-12, abs=0)
    assert float(model.probability(-240e-6, 1e-6, initial=1)) == pytest.approx(0.8, abs=1e-6)


def test_conventions_of_the_critical_current() -> None:
    assert static_threshold([500e-6, 600e-6]) == pytest.approx([250e-6, 300e-6], rel=1e-12, abs=0)
    assert float(static_threshold(500e-6, 0.125)) == pytest.approx(250e-6 * float(threshold_torque(0.125)), rel=1e-12, abs=0)
    assert paper_critical_current(static_threshold(500e-6, [-0.3, 0.0, 0.3]), [-0.3, 0.0, 0.3]) == pytest.approx(np.full(3, 500e-6), rel=1e-12, abs=0)
    assert float(static_threshold(500e-6, -0.1)) > 250e-6 > float(static_threshold(500e-6, 0.1))
    with pytest.raises(ParameterError, match="smaller than the anisotropy field"):
        static_threshold(500e-6, 1.0)


def test_the_linear_threshold_is_the_first_order_of_the_exact_one() -> None:
    layer = magnet({k: q.value for k, q in DeviceParams.load("bench_pmtj40").quantities.items()})
    for field, order in ((1e-3, 1e-5), (2e-3, 4e-5)):
        exact = static_threshold(layer.critical_current, field / layer.anisotropy_field)
        assert abs(float(exact / layer.threshold(field)) - 1) < order
    assert float(static_threshold(layer.critical_current, 30e-3 / layer.anisotropy_field) / layer.threshold(30e-3)) == pytest.approx(1.005, abs=5e-4)


def test_current_density_of_a_track() -> None:
    assert float(current_density(240e-6, 60e-9, 4e-9)) == pytest.approx(1e12, rel=1e-12)
    assert float(track_current(1e12, 60e-9, 4e-9)) == pytest.approx(240e-6, rel=1e-12, abs=0)
    with pytest.raises(ParameterError, match="width"):
        current_density(1e-4, 0.0, 4e-9)


@pytest.mark.parametrize("current", [float("nan"), float("inf"), [1e-4, float("-inf")]])
@pytest.mark.parametrize("kind", ["thermal", "two_rate"])
def test_a_current_that_is_not_finite_is_refused(kind: str, current: object) -> None:
    model = SwitchingModel.from_params(DeviceParams.load("seed_eq23"), model=kind)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="finite"):
        model.probability(current, 10e-9)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["thermal", "two_rate"])
def test_valid_raises_nothing_where_the_easy_axis_has_left_the_perpendicular(kind: str) -> None:
    """utinclab_sot50: K_eff vanishes near 510 K, long before the Curie temperature."""
    model = SwitchingModel.from_params(DeviceParams.load("utinclab_sot50"), model=kind)  # type: ignore[arg-type]
    kelvin = np.array([300.0, 480.0, 550.0, 1099.0, 1101.0, np.nan, 0.0])
    assert model.valid(1e-6, 10e-9, kelvin).tolist() == [True, True, False, False, False, False, False]
