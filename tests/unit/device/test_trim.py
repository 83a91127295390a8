"""Trim: codes by brute force, quantisation error by its formula, out of range, two points, temperature, shots, volts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from tolerances import STANDARD_ERRORS

from spinbnn.device import DeviceParams, SwitchingModel, VariationModel
from spinbnn.device.summary import slope
from spinbnn.device.switching import LapseSwitching, TabulatedSwitching
from spinbnn.device.trim import Trim, TrimDac, bits_for, nearest_codes, residual, trim
from spinbnn.device.variation import Population, with_spreads
from spinbnn.errors import CoverageError, ParameterError

PULSE = 10e-9
NOMINAL = SwitchingModel.from_params(DeviceParams.load("seed_eq23"))
I50 = float(NOMINAL.current_for(0.5, PULSE))


def population(cv: float, n: int = 512, delta: float = 0.0):
    """Return devices whose Ic0 (and Delta, independently) spreads."""
    params = with_spreads(DeviceParams.load("seed_eq23"), {"spin_hall.critical_current": cv, **({"thermal.delta": delta} if delta else {})}, keep=False)
    return Population.draw(VariationModel.from_params(params), n, seed=4).model()


def trimmed(bits: int = 6, span: float = 0.4, cv: float = 0.05, **options: object) -> Trim:
    dac = TrimDac.around(I50, span, bits)
    return trim(population(cv, delta=0.05), NOMINAL, dac, pulse=PULSE, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("target", [0.1, 0.5, 0.9])
def test_the_search_finds_the_best_of_all_codes(target: float) -> None:
    found = trimmed(points=(target,))
    every = np.stack([found.model.probability(np.full(512, level), PULSE) for level in found.dac.level(np.arange(64))])
    assert np.array_equal(found.codes[:, 0], nearest_codes(every, target)[:, 0])
    assert np.array_equal(found.bracketed[:, 0], (every[0] <= target) & (every[-1] >= target))
    assert found.probability(target) == pytest.approx(every[found.codes[:, 0], np.arange(512)], rel=1e-12)


def test_what_is_left_is_the_quantisation_error() -> None:
    """A uniform error of +-LSB/2 in the current: sd = LSB/sqrt(12) times dp/dlnI, where p is nearly straight."""
    found = trimmed(bits=7, span=0.5, cv=0.03)
    left = residual(found.probability(0.5), 0.5)
    assert bool(found.bracketed.all()) and found.out_of_range == 0
    wanted = slope(NOMINAL, I50, PULSE, 300.0) * found.dac.lsb / I50 / math.sqrt(12)
    assert left.sd == pytest.approx(wanted, rel=0.08) and abs(left.mean) < 0.2 * left.sd
    assert left.rms**2 == pytest.approx(left.sd**2 + left.mean**2, rel=1e-9)
    assert residual(found.untrimmed(0.5), 0.5).sd > 8 * left.sd


def test_codes_out_of_range_saturate_and_are_counted() -> None:
    found = trimmed(bits=6, span=0.05, cv=0.05)
    factor = np.asarray(found.model.current_for(0.5, PULSE)) / I50
    assert np.array_equal(found.bracketed[:, 0], np.abs(factor - 1) <= 0.025)
    assert 0.4 < found.out_of_range < 0.8
    assert np.all(found.codes[factor > 1.026, 0] == 63) and np.all(found.codes[factor < 0.974, 0] == 0)


def test_one_point_scales_the_nominal_curve_and_two_points_do_better() -> None:
    """Devices whose slope (Delta) differs too: at the point both are right, away from it only two points are."""
    dac = TrimDac.around(I50, 0.6, 12)
    devices = population(0.04, delta=0.1)
    one = trim(devices, NOMINAL, dac, pulse=PULSE, points=(0.5,))
    two = trim(devices, NOMINAL, dac, pulse=PULSE, points=(0.8, 0.2))
    assert one.points == (0.5,) and two.points == (0.2, 0.8)
    at_points = [residual(two.probability(p), p).rms for p in (0.2, 0.8)]
    assert max(at_points) < 2e-3 and residual(one.probability(0.5), 0.5).rms < 2e-3
    away = {name: residual(t.probability(0.05), 0.05).rms for name, t in (("one", one), ("two", two))}
    assert away["two"] < 0.25 * away["one"]
    gain = one.dac.level(one.codes[:, 0]) / I50
    assert np.array_equal(one.codes_for(0.2), dac.nearest(gain * float(NOMINAL.current_for(0.2, PULSE))))
    assert np.array_equal(one.codes_for(0.5), one.codes[:, 0]) and np.array_equal(two.codes_for(0.8), two.codes[:, 1])


def test_alike_devices_need_one_point_for_every_target() -> None:
    found = trim(population(0.05), NOMINAL, TrimDac.around(I50, 0.6, 14), pulse=PULSE)
    assert max(residual(found.probability(p), p).rms for p in (0.05, 0.2, 0.8)) < 2e-3


def test_temperature_needs_tracking() -> None:
    found = trimmed(bits=10, span=0.8, cv=0.03)
    left = {t: residual(found.probability(0.5, 340.0, t), 0.5) for t in ("fixed", "critical_current", "replica", "lookup")}  # type: ignore[arg-type]
    assert left["fixed"].mean > 0.3 and 0.05 < left["critical_current"].mean < left["fixed"].mean, "Delta falls besides Ic0"
    assert abs(left["replica"].mean) < 0.01 and left["lookup"].rms < left["replica"].rms < 0.01, "Delta's spread is left to the replica"
    assert np.array_equal(found.probability(0.5, 300.0), found.probability(0.5, 300.0, "lookup")), "at its own temperature nothing is to be done"
    ratio = float(NOMINAL.critical_current_at(340.0) / NOMINAL.critical_current_at(300.0))
    wanted = found.model.probability(found.dac.level(found.codes_for(0.5)) * ratio, PULSE, 340.0)
    assert found.probability(0.5, 340.0, "critical_current") == pytest.approx(wanted, rel=1e-12)
    replica = found.dac.level(found.codes_for(0.2)) * float(NOMINAL.current_for(0.2, PULSE, 340.0) / NOMINAL.current_for(0.2, PULSE, 300.0))
    assert found.probability(0.2, 340.0, "replica") == pytest.approx(found.model.probability(replica, PULSE, 340.0), rel=1e-12)


def test_tracking_that_is_impossible_is_refused() -> None:
    lapse = LapseSwitching(base=NOMINAL, lower=0.0, upper=0.1)
    found = trim(lapse, lapse, TrimDac.around(I50, 0.4, 6), pulse=PULSE)
    assert residual(found.probability(0.5), 0.5).rms < 0.02, "any switching model can be trimmed"
    with pytest.raises(ParameterError, match="Ic0"):
        found.probability(0.5, 320.0, "critical_current")
    with pytest.raises(ParameterError, match="tracking"):
        found.probability(0.5, 320.0, "bandgap")  # type: ignore[arg-type]


def test_shots_add_their_own_error() -> None:
    exact, few, many = (residual(trimmed(bits=9, shots=s).probability(0.5), 0.5).rms for s in (None, 50, 2000))
    assert exact < many < few
    assert few == pytest.approx(0.05, rel=0.35), "of the order of sqrt(p q/50) = 7 points: the last steps average"
    found = trimmed(bits=9, shots=50)
    assert found.trials == 50 * 11 and trimmed(bits=9).trials is None
    assert np.array_equal(found.codes, trimmed(bits=9, shots=50).codes)
    assert not np.array_equal(found.codes, trimmed(bits=9, shots=50, seed=1).codes)
    two = trimmed(bits=9, shots=50, points=(0.2, 0.8)).codes
    assert np.array_equal(two[:, 0], trimmed(bits=9, shots=50, points=(0.2,)).codes[:, 0])
    assert not np.array_equal(two[:, 1], trimmed(bits=9, shots=50, points=(0.8,)).codes[:, 0]), "the trials of the second point are its own"


def test_shots_are_binomial() -> None:
    """One bit, one step: the share of devices that keep the bit is the binomial probability of k <= n p."""
    same = replace(NOMINAL, critical_current=np.full(4000, NOMINAL.critical_current))
    dac = TrimDac(bits=1, low=float(NOMINAL.current_for(0.38, PULSE)), high=float(NOMINAL.current_for(0.68, PULSE)))
    found = trim(same, NOMINAL, dac, pulse=PULSE, shots=20, seed=3)
    kept = binom.cdf(10, 20, 0.68)
    share = float(found.codes.mean())
    # code 1 is kept by the step, or won by its measured neighbourhood afterwards: at least the step's share
    assert share > kept - STANDARD_ERRORS * math.sqrt(kept * (1 - kept) / 4000)
    p_low, p_high = (float(NOMINAL.probability(level, PULSE)) for level in (dac.low, dac.high))
    k = np.arange(21)
    low, high = binom.pmf(k, 20, p_low), binom.pmf(k, 20, p_high)
    wins = sum(high[i] * low[j] for i in k for j in k if abs(i - 10) < abs(j - 10))
    assert share == pytest.approx(kept + (1 - kept) * wins, abs=STANDARD_ERRORS * 0.5 / math.sqrt(4000))


def test_volts_see_the_resistance_of_the_track() -> None:
    n = 256
    track = 800.0 * np.exp(0.07 * np.linspace(-2, 2, n))
    devices = replace(NOMINAL, critical_current=np.full(n, NOMINAL.critical_current))
    centre = I50 * (800.0 + 400.0)
    dac = TrimDac.around(centre, 0.6, 12, unit="V", series_resistance=400.0)
    found = trim(devices, NOMINAL, dac, pulse=PULSE, resistance=track, nominal_resistance=800.0, resistance_coefficient=-1e-3)
    assert found.untrimmed(0.5) == pytest.approx(NOMINAL.probability(centre / (track + 400.0), PULSE), rel=1e-12)
    assert residual(found.untrimmed(0.5), 0.5).sd > 0.2 and residual(found.probability(0.5), 0.5).rms < 2e-3
    hot = found.dac.level(found.codes_for(0.5)) / (track * (1 - 40e-3) + 400.0)
    assert found.probability(0.5, 340.0) == pytest.approx(NOMINAL.probability(hot, PULSE, 340.0), rel=1e-12)
    again = found.at(340.0)
    assert again.resistance == pytest.approx(track * 0.96, rel=1e-12) and again.nominal_resistance == pytest.approx(768.0)
    assert again._load(again.resistance, 300.0) == pytest.approx(track + 400.0, rel=1e-12), "the coefficient is referred to the new temperature"
    assert residual(again.probability(0.5), 0.5).rms < 3e-3
    assert residual(found.probability(0.5, 340.0, "replica"), 0.5).rms < residual(found.probability(0.5, 340.0, "critical_current"), 0.5).rms


def test_the_table_tells_every_case() -> None:
    found = trimmed()
    table = found.table((0.2, 0.5), (300.0, 340.0), ("fixed", "lookup"))
    assert len(table.rows) == 2 * 2 * 3
    row = next(r for r in table.rows if r[:3] == [0.5, 340.0, "lookup"])
    left = residual(found.at(340.0).probability(0.5), 0.5)
    assert row[3:8] == pytest.approx([100 * v for v in (left.mean, left.sd, left.rms, left.yield_3, left.yield_10)], rel=1e-9)
    assert row[8] == pytest.approx(100 * found.at(340.0).out_of_range)


def test_residuals_are_absolute_and_inclusive() -> None:
    left = residual([0.47, 0.53, 0.4, 0.601], 0.5)
    assert (left.yield_3, left.yield_10) == (0.5, 0.75)
    assert left.mean == pytest.approx(0.00025) and left.rms == pytest.approx(math.sqrt((0.0009 * 2 + 0.01 + 0.101**2) / 4))


def test_bits_for_is_the_first_that_is_enough() -> None:
    devices = population(0.05)
    for spread in (0.03, 0.10):
        bits = bits_for(devices, NOMINAL, spread, pulse=PULSE, span=0.3)
        errors = [residual(trim(devices, NOMINAL, TrimDac.around(I50, 0.3, b), pulse=PULSE).probability(0.5), 0.5).rms for b in (bits - 1, bits)]
        assert errors[0] > spread >= errors[1]
    with pytest.raises(ParameterError, match="do not reach"):
        bits_for(devices, NOMINAL, 0.001, pulse=PULSE, span=0.05, max_bits=8)


def test_a_dac_has_its_levels() -> None:
    dac = TrimDac(bits=3, low=1.0, high=8.0)
    assert dac.level(np.arange(8)) == pytest.approx(np.arange(1.0, 9.0)) and dac.lsb == 1.0 and dac.codes == 8
    assert dac.nearest([-5.0, 1.4, 1.6, 99.0]).tolist() == [0, 0, 1, 7]
    around = TrimDac.around(10.0, 0.2, 4)
    assert (around.low, around.high) == (pytest.approx(9.0), pytest.approx(11.0))


def test_nonsense_is_refused() -> None:
    dac = TrimDac.around(I50, 0.4, 6)
    for call in (
        lambda: TrimDac(bits=0, low=0, high=1), lambda: TrimDac(bits=True, low=0, high=1), lambda: TrimDac(bits=4, low=2, high=1),
        lambda: TrimDac(bits=4, low=0, high=1, unit="W"), lambda: TrimDac(bits=4, low=0, high=1, unit="V", series_resistance=-1),
        lambda: TrimDac.around(1.0, 2.5, 4), lambda: TrimDac.around(0.0, 0.5, 4),
        lambda: trim(NOMINAL, NOMINAL, dac, pulse=PULSE, points=()), lambda: trim(NOMINAL, NOMINAL, dac, pulse=PULSE, points=(0.5, 0.5)),
        lambda: trim(NOMINAL, NOMINAL, dac, pulse=PULSE, points=(0.1, 0.5, 0.9)), lambda: trim(NOMINAL, NOMINAL, dac, pulse=PULSE, points=(1.0,)),
        lambda: trim(NOMINAL, NOMINAL, dac, pulse=0.0), lambda: trim(NOMINAL, NOMINAL, dac, pulse=PULSE, shots=0),
        lambda: trim(NOMINAL, NOMINAL, dac, pulse=PULSE, resistance=0.0), lambda: trim(NOMINAL, NOMINAL, dac, pulse=PULSE).codes_for(0.0),
        lambda: bits_for(NOMINAL, NOMINAL, 0.0, pulse=PULSE, span=0.3),
    ):  # fmt: skip
        with pytest.raises(ParameterError):
            call()


def test_a_table_can_be_trimmed_within_its_currents() -> None:
    current = np.linspace(0.8, 1.2, 41) * I50
    p = NOMINAL.probability(current, PULSE).reshape(-1, 1, 1)
    table = TabulatedSwitching(current=current, pulse=[PULSE], temperature=[300.0], probability=p, scale="cloglog")
    found = trim(table, table, TrimDac.around(I50, 0.3, 8), pulse=PULSE)
    assert found.codes.shape == (1, 1) and abs(float(found.probability(0.5)[0]) - 0.5) < 0.005
    with pytest.raises(CoverageError, match="current"):
        trim(table, table, TrimDac.around(I50, 0.6, 8), pulse=PULSE)
