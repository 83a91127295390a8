"""Figures of the device: switching over temperature, histograms of a population, error over the bits of a trim."""

from __future__ import annotations

import numpy as np
import pytest

from spinbnn.errors import ParameterError
from spinbnn.report import figures

CURRENT = np.linspace(1e-4, 3e-4, 41)


def curves(kelvin: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(CURRENT[None] - 2e-4 + 2e-7 * (kelvin[:, None] - 300)) / 1e-5))


def test_the_current_of_one_half_is_read_off_the_curves() -> None:
    kelvin = np.array([250.0, 300.0, 350.0, 380.0, 400.0])
    figure = figures.switching(CURRENT, kelvin, curves(kelvin), mark=2e-4)
    assert "210 µA at 250 K and 180 µA at 400 K" in figure.description
    assert len(figure.data.rows) == 5 * 41 and figure.data.rows[41][:2] == [300.0, 1e-4]
    assert "track current [µA]" in figure.svg and ">400 K<" in figure.svg and ">250 K<" in figure.svg
    assert "not reached" in figures.switching(CURRENT, kelvin, 0.1 * curves(kelvin)).description


def test_axes_must_rise_and_fit() -> None:
    kelvin = np.array([300.0, 350.0])
    for current, t, p in ((CURRENT[::-1], kelvin, curves(kelvin)), (CURRENT, kelvin[::-1], curves(kelvin)), (CURRENT, kelvin, curves(kelvin).T), (CURRENT[:1], kelvin, curves(kelvin)[:, :1])):
        with pytest.raises(ParameterError, match="switching"):
            figures.switching(current, t, p)


def test_every_device_is_in_one_bar() -> None:
    values = np.array([3.0e-4, 3.1e-4, 3.9e-4, np.nan, 4.0e-4])
    figure = figures.population({"Ic0": (values, "A"), "p": ([0.0, 0.99, 1.0], "1")}, {"Ic0": 3.5e-4}, bins=5)
    counts = {label: [row[3] for row in figure.data.rows if row[0] == label] for label in ("Ic0", "p")}
    assert sum(counts["Ic0"]) == 4, "an unknown value is left out"
    assert counts["p"] == [1, 0, 0, 0, 2], "a probability has bars over all of [0, 1]"
    assert figure.data.rows[0][1] == pytest.approx(3e-4) and "Ic0 [µA]" in figure.svg
    assert "Ic0: median 350 µA" in figure.description
    for bad in ({}, {str(i): ([1.0], "") for i in range(10)}):
        with pytest.raises(ParameterError, match="population"):
            figures.population(bad)  # type: ignore[arg-type]


def test_bits_that_are_enough_are_said() -> None:
    figure = figures.trim_bits([2, 3, 4], {"exact": [0.2, 0.09, 0.02], "shots": [0.2, 0.1, 0.06]})
    assert "exact: 3 points take 4 bits, 10 points take 3 bits." in figure.description
    assert "shots: 3 points take more bits than shown, 10 points take 3 bits." in figure.description
    with pytest.raises(ParameterError, match="four settings"):
        figures.trim_bits([2], {str(i): [0.1] for i in range(5)})
    with pytest.raises(ParameterError, match="shots"):
        figures.trim_bits([2, 3], {"shots": [0.1]})


def test_a_level_that_no_temperature_reaches_has_no_line() -> None:
    kelvin = np.array([300.0, 350.0])
    svg = figures.switching(CURRENT, kelvin, 0.6 * curves(kelvin)).svg
    assert ">p = 0.5<" in svg and ">p = 0.9<" not in svg
    assert ">p = 0.1<" not in figures.switching(CURRENT, kelvin, 0.05 * curves(kelvin)).svg
