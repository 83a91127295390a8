"""The figures of a fit: the plotted numbers, the words, what they refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spinbnn.errors import ParameterError
from spinbnn.report import figures

NAN = float("nan")
POINTS = figures.FittedSeries(
    label="10 ns", current=[1.9e-4, 2.0e-4, 2.1e-4], share=[0.1, 0.5, 0.9], low=[0.05, 0.4, 0.8], high=[0.2, 0.6, 0.95], residual=[0.5, -2.5, 1.0],
    curve_current=[1.9e-4, 2.1e-4], curve=[0.1, 0.9], curve_low=[0.08, 0.85], curve_high=[0.12, 0.95],
)  # fmt: skip


def test_points_intervals_and_residuals_are_in_the_data() -> None:
    figure = figures.switching_fit([POINTS], verdict="The law is REJECTED.", plateau=(1.95e-4, 2.05e-4))
    assert figure.data.rows[1] == ["10 ns", 2.0e-4, 0.5, 0.4, 0.6, -2.5]
    assert "1 of 3 residuals lie beyond 2; the largest is 2.5 at 200 µA" in figure.description
    assert "REJECTED" in figure.description and "plateau between 195 µA and 205 µA" in figure.description
    for words in ("track current [µA]", "residual", "fit, 95 % band", "measured, 95 % interval", "plateau"):
        assert words in figure.svg, words


def test_several_conditions_are_named() -> None:
    figure = figures.switching_fit([POINTS, replace(POINTS, label="1 µs", residual=[0.0, 0.1, NAN])])
    assert "10 ns" in figure.svg and "1 µs" in figure.svg and figure.data.rows[5][5] is None
    assert "plateau" not in figure.svg


@pytest.mark.parametrize("series", [[], [POINTS] * 5, [replace(POINTS, low=[0.1])], [replace(POINTS, curve=[0.1])], [replace(POINTS, residual=[0.1, float("inf"), 0.0])]])
def test_what_does_not_fit_is_refused(series: list[figures.FittedSeries]) -> None:
    with pytest.raises(ParameterError, match="switching_fit"):
        figures.switching_fit(series)


def test_profiles_cross_the_line_where_the_words_say() -> None:
    figure = figures.profile_likelihoods(
        {"delta": ([36.0, 38.0, 40.0, 42.0, 44.0], [9.0, 2.0, 0.0, 2.0, NAN], "1"), "i50": ([1.9e-4, 2e-4], [5.0, 0.0], "A")}, {"delta": 40.0, "i50": 2e-4}
    )
    assert "delta: best 40, below the line from 37.31 to 42." in figure.description and "i50 [µA]" in figure.svg
    assert figure.data.rows[4] == ["delta", 44.0, None] and figure.data.rows[5][0] == "i50"
    for bad in ({}, {str(i): ([1.0], [0.0], "1") for i in range(10)}, {"delta": ([1.0, 2.0], [0.0], "1")}):
        with pytest.raises(ParameterError, match="profile_likelihoods"):
            figures.profile_likelihoods(bad, {"delta": 1.0})  # type: ignore[arg-type]
