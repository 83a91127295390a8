"""Cost of a conversion against the figures that the laws' own programs print."""

from __future__ import annotations

import math

import pytest

from spinbnn.crossbar.adc import Adc, converter_cost
from spinbnn.crossbar.adc.cost import cost_table, fixed_converter, survey_bound
from spinbnn.errors import ParameterError


def make(kind, bits):
    return Adc(kind=kind, bits=bits, lo=0.0, hi=1.0)


@pytest.mark.parametrize(
    ("node", "bits", "area", "energy"),
    [(65, 4, 921, 264.8), (45, 1, 206, 57.7), (45, 4, 441, 176.9), (45, 5, 520, 225.3), (45, 6, 598, 278.0),
     (45, 8, 755, 396.5), (32, 5, 263, 136.0), (22, 5, 124, 85.7)],
)  # fmt: skip
def test_sar_at_10_kohm(node, bits, area, energy):
    """Compiled classes of NeuroSim V1.3: printed to four digits."""
    cost = converter_cost(make("sar", bits), 1e4, node=node)
    assert cost.energy * 1e15 == pytest.approx(energy, rel=1.5e-3, abs=0)
    assert cost.area * 1e12 == pytest.approx(area, rel=4e-3, abs=0)
    assert cost.time == pytest.approx((bits + 1) * 1e-9, rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("resistance", "energy"), [(1e3, 766), (3e3, 365), (3e4, 185), (1e5, 171), (1e6, 166)]
)
def test_sar_against_column_resistance(resistance, energy):
    assert converter_cost(make("sar", 5), resistance).energy * 1e15 == pytest.approx(energy, rel=4e-3, abs=0)


@pytest.mark.parametrize(
    ("bits", "area", "energy"),
    [(1, 47.6, 14.6), (4, 737, 107.3), (5, 1576, 212.7), (6, 3421, 423.0), (8, 19120, 1685)],
)
def test_flash_with_encoder(bits, area, energy):
    cost = converter_cost(make("flash", bits), 1e4)
    assert cost.energy * 1e15 == pytest.approx(energy, rel=2e-3, abs=0)
    assert cost.area * 1e12 == pytest.approx(area, rel=2e-3, abs=0)
    assert cost.time == 1e-9


@pytest.mark.parametrize(("resistance", "energy"), [(1e3, 106), (1e4, 16.3), (1e5, 7.4), (1e6, 7.0)])
def test_sense_amplifier(resistance, energy):
    cost = converter_cost(make("sense", 1), resistance)
    assert cost.energy * 1e15 == pytest.approx(energy, rel=1e-9, abs=0)
    between = converter_cost(make("sense", 1), math.sqrt(1e5 * 1e6)).energy * 1e15
    assert between == pytest.approx(math.sqrt(7.4 * 7.0), rel=1e-9, abs=0)


def test_power_rises_with_temperature():
    cold, hot = (converter_cost(make("sar", 5), 1e4, temperature=t).energy for t in (300.0, 400.0))
    assert hot / cold == pytest.approx(1.13, rel=1e-12, abs=0)


def test_what_nobody_printed_is_unknown():
    ramp = converter_cost(make("ramp", 6), 1e4, clock=2e9)
    assert (ramp.energy, ramp.area) == (None, None) and ramp.time == pytest.approx(32e-9, rel=1e-12, abs=0)
    assert str(cost_table([make("ramp", 6), make("sar", 6)], 1e4)).count("?") == 2


def test_published_converters_and_the_survey():
    assert fixed_converter("sar6").energy == pytest.approx(1.26e-12, rel=1e-12, abs=0)
    assert fixed_converter("isaac8").time == pytest.approx(10 / 1.28e9, rel=1e-12, abs=0)
    # one bit is 6.02 dB; below 1.76e8 Hz the figure of merit stands still
    assert survey_bound(9, 1e9).energy / survey_bound(8, 1e9).energy == pytest.approx(
        10**0.602, rel=1e-9, abs=0
    )
    assert survey_bound(8, 1e6).energy == survey_bound(8, 1e8).energy < survey_bound(8, 1e9).energy
    merit = 180.14159
    assert survey_bound(8, 1e6).energy == pytest.approx(0.5 * 10 ** ((49.92 - merit) / 10), rel=1e-6, abs=0)
    assert survey_bound(8, 1e6, node=90).area / survey_bound(8, 1e6).area == pytest.approx(
        2**0.79732, rel=1e-4, abs=0
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda: converter_cost(make("sar", 5), 1e2),
        lambda: converter_cost(make("sar", 5), 1e7),
        lambda: converter_cost(make("sar", 5), 1e4, node=40),
        lambda: converter_cost(make("flash", 5), 1e4, node=32),
        lambda: converter_cost(make("flash", 9), 1e4),
        lambda: converter_cost(make("sar", 5), 1e4, temperature=500.0),
        lambda: fixed_converter("isaac"),
        lambda: survey_bound(3, 1e9),
        lambda: survey_bound(8, 1e11),
    ],
)
def test_outside_the_laws_is_refused(call):
    with pytest.raises(ParameterError) as error:
        call()
    assert error.value.remedy
