"""Tables of switching probabilities: interpolation, inversion, edges, counts."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import special

from spinbnn.device import ThermalSwitching
from spinbnn.device.statistics import wilson_error
from spinbnn.device.switching import TabulatedSwitching
from spinbnn.device.switching.tabulated import counted_probability
from spinbnn.errors import CoverageError, DataError, ParameterError, SpinbnnError

THERMAL = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)
CURRENT, PULSE, KELVIN = np.linspace(180e-6, 220e-6, 9), np.array([5e-9, 10e-9, 20e-9]), np.array([280.0, 300.0, 320.0])


def of_model(**more) -> TabulatedSwitching:
    grid = np.meshgrid(CURRENT, PULSE, KELVIN, indexing="ij")
    return TabulatedSwitching(current=CURRENT, pulse=PULSE, temperature=KELVIN, probability=THERMAL.probability(*grid), backward=THERMAL.probability(*grid, initial=1), **more)


@pytest.mark.parametrize("scale", ["logit", "cloglog"])
def test_nodes_are_kept(scale: str) -> None:
    grid = np.meshgrid(CURRENT, PULSE, KELVIN, indexing="ij")
    assert of_model(scale=scale).probability(*grid) == pytest.approx(THERMAL.probability(*grid), rel=1e-9)


def test_interpolation_is_linear_in_the_transform_the_current_and_the_logarithm_of_the_pulse() -> None:
    p = np.array([[[0.1], [0.3]], [[0.6], [0.9]]])
    for scale, forth, back in (("logit", special.logit, special.expit), ("cloglog", lambda v: np.log(-np.log1p(-v)), lambda v: -np.expm1(-np.exp(v)))):
        table = TabulatedSwitching(current=[1e-4, 2e-4], pulse=[1e-9, 100e-9], temperature=[300.0], probability=p, scale=scale)  # type: ignore[arg-type]
        f = forth(p[..., 0])
        expected = 0.75 * (0.5 * f[0, 0] + 0.5 * f[0, 1]) + 0.25 * (0.5 * f[1, 0] + 0.5 * f[1, 1])
        assert float(table.probability(1.25e-4, 10e-9)) == pytest.approx(float(back(expected)), rel=1e-12)


def test_the_temperature_is_interpolated_too() -> None:
    table = TabulatedSwitching(current=[1e-4], pulse=[1e-8], temperature=[300.0, 400.0], probability=[[[0.2, 0.8]]])
    assert float(table.probability(1e-4, 1e-8, 325.0)) == pytest.approx(float(special.expit(-0.5 * special.logit(0.8))), rel=1e-12)


def test_a_thermal_law_is_nearly_straight_in_the_cloglog() -> None:
    middle = (CURRENT[:-1] + CURRENT[1:]) / 2
    truth = THERMAL.probability(middle, 10e-9)
    errors = {scale: np.abs(of_model(scale=scale).probability(middle, 10e-9) - truth).max() for scale in ("logit", "cloglog")}
    assert errors["cloglog"] < 2e-3 and errors["cloglog"] < errors["logit"] / 2
    assert float(of_model(scale="cloglog").probability(200e-6, 7e-9)) == pytest.approx(float(THERMAL.probability(200e-6, 7e-9)), rel=1e-9), "ln t is exact in the cloglog"


@pytest.mark.parametrize(("where", "name"), [((179e-6, 10e-9, 300.0), "current"), ((221e-6, 10e-9, 300.0), "current"), ((200e-6, 4e-9, 300.0), "pulse"), ((200e-6, 21e-9, 300.0), "pulse"), ((200e-6, 10e-9, 279.0), "temperature"), ((float("nan"), 10e-9, 300.0), "current"), ((200e-6, 0.0, 300.0), "pulse")])
def test_nothing_is_extrapolated(where: tuple[float, float, float], name: str) -> None:
    with pytest.raises(CoverageError, match=name):
        of_model().probability(*where)
    assert not of_model().valid(*where)


def test_the_edge_belongs_to_the_table_and_one_point_holds_at_itself() -> None:
    table = of_model()
    assert table.valid(220e-6 * (1 + 1e-12), 20e-9, 320.0) and table.valid(180e-6, 5e-9, 280.0)
    single = TabulatedSwitching(current=[-1e-4, 0.0, 1e-4], pulse=[1e-8], temperature=[300.0], probability=np.full((3, 1, 1), 0.5))
    assert single.valid([-1e-4, 0.0], 1e-8).all() and not single.valid(0.0, 1.01e-8) and not single.valid(0.0, 1e-8, 301.0)


def test_current_for_inverts_and_finds_both_branches() -> None:
    p = np.array([0.2, 0.5, 0.8])
    table = of_model()
    found = table.current_for(p, 10e-9, 300.0)
    assert table.probability(found, 10e-9) == pytest.approx(p, rel=1e-9)
    assert found == pytest.approx(THERMAL.current_for(p, 10e-9), rel=2e-3, abs=0)
    hump = TabulatedSwitching(current=[1e-4, 2e-4, 3e-4], pulse=[1e-8, 1e-7], temperature=[300.0], probability=[[[0.1], [0.2]], [[0.9], [0.95]], [[0.4], [0.3]]])
    for width in (1e-8, 3e-8):
        low, high = (float(hump.current_for(0.6, width, branch=b)) for b in ("lower", "upper"))  # type: ignore[arg-type]
        assert 1e-4 < low < 2e-4 < high < 3e-4
        assert hump.probability([low, high], width) == pytest.approx([0.6, 0.6], rel=1e-9)
    with pytest.raises(ParameterError, match="upper branch"):
        hump.current_for(0.3, 1e-8, branch="upper")
    with pytest.raises(ParameterError, match="not reached"):
        hump.current_for(0.05, 1e-8)


def test_rates_invert_the_two_state_solution() -> None:
    leaky = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, saturation=0.7)
    a, b = (np.asarray(leaky.probability(CURRENT, 10e-9, initial=s)).reshape(-1, 1, 1) for s in (0, 1))  # type: ignore[arg-type]
    table = TabulatedSwitching(current=CURRENT, pulse=[10e-9], temperature=[300.0], probability=a, backward=b)
    assert table.rates(CURRENT)[0] == pytest.approx(leaky.rates(CURRENT)[0], rel=1e-9)
    assert table.rates(CURRENT)[1] == pytest.approx(leaky.rates(CURRENT)[1], rel=1e-9)


def test_rates_are_refused_where_there_are_none() -> None:
    one_way = TabulatedSwitching(current=[0.0, 1e-4], pulse=[1e-8], temperature=[300.0], probability=[[[0.1]], [[0.6]]])
    with pytest.raises(ParameterError, match="both directions"):
        one_way.rates(1e-4)
    with pytest.raises(ParameterError, match="0 -> 1 only"):
        one_way.probability(1e-4, 1e-8, initial=1)
    with pytest.raises(ParameterError, match="which pulse width"):
        of_model().rates(200e-6)
    assert float(of_model().rates(200e-6, pulse=10e-9)[0]) > 0
    ringing = TabulatedSwitching(current=[0.0, 1e-4], pulse=[1e-8], temperature=[300.0], probability=[[[0.1]], [[0.6]]], backward=[[[0.1]], [[0.4]]])
    with pytest.raises(ParameterError, match="no two-state process"):
        ringing.rates(1e-4)


def test_probabilities_of_zero_and_one_stay_finite() -> None:
    table = TabulatedSwitching(current=[0.0, 1e-4], pulse=[1e-8], temperature=[300.0], probability=[[[0.0]], [[1.0]]])
    assert table.probability([0.0, 5e-5, 1e-4], 1e-8) == pytest.approx([0.0, 0.5, 1.0], abs=2e-12)


def test_from_counts_takes_rows_in_any_order() -> None:
    rng = np.random.default_rng(3)
    grid = np.stack([g.ravel() for g in np.meshgrid(CURRENT, PULSE, KELVIN, indexing="ij")])
    order = rng.permutation(grid.shape[1])
    switched = rng.binomial(50, THERMAL.probability(*grid))
    table = TabulatedSwitching.from_counts(*grid[:, order], 50, switched[order], scale="cloglog")
    assert table.forward.ravel() == pytest.approx(counted_probability(switched, 50), rel=1e-12)
    assert table.standard_error is not None
    assert table.standard_error.ravel() == pytest.approx(wilson_error(switched, 50), rel=1e-12)
    assert float(table.error(*grid[:, 7])) == pytest.approx(float(wilson_error(switched[7], 50)), rel=1e-9)


def test_counts_that_cannot_tell_from_certainty() -> None:
    assert counted_probability([0, 1, 49, 50], 50) == pytest.approx([0.5 / 51, 0.02, 0.98, 50.5 / 51], rel=1e-12)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (([1e-4, 2e-4], 1e-8, 300.0, [50, 0], [10, 0]), "whole numbers"),
        (([1e-4, 2e-4], 1e-8, 300.0, 50, [10, 51]), "whole numbers"),
        (([1e-4, 2e-4], 1e-8, 300.0, 50, [10, -1]), "whole numbers"),
        (([1e-4, 2e-4], 1e-8, 300.0, 50, [10, 0.5]), "whole numbers"),
        (([1e-4, np.nan], 1e-8, 300.0, 50, [10, 20]), "not finite"),
        (([1e-4, 1e-4], 1e-8, 300.0, 50, [10, 20]), "twice"),
        (([1e-4, 2e-4, 1e-4], [1e-8, 1e-8, 2e-8], 300.0, 50, [10, 20, 30]), "do not fill a grid"),
    ],
)
def test_bad_counts_are_refused(rows: tuple, words: str) -> None:
    with pytest.raises(DataError, match=words):
        TabulatedSwitching.from_counts(*rows)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"current": [2e-4, 1e-4]}, "current"), ({"current": [1e-4, 1e-4]}, "current"), ({"pulse": [0.0]}, "pulse"), ({"temperature": [-3.0]}, "temperature"),
        ({"probability": [[0.1], [0.2]]}, "shape"), ({"probability": [[[0.1]], [[1.2]]]}, r"\[0, 1\]"), ({"probability": [[[0.1]], [[np.nan]]]}, r"\[0, 1\]"),
        ({"backward": [[[0.1]]]}, "shape"), ({"scale": "probit"}, "scale"),
    ],
)  # fmt: skip
def test_bad_tables_are_refused(change: dict, words: str) -> None:
    fine = {"current": [1e-4, 2e-4], "pulse": [1e-8], "temperature": [300.0], "probability": [[[0.1]], [[0.9]]]}
    TabulatedSwitching(**fine)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=words):
        TabulatedSwitching(**fine | change)


def test_tables_are_immutable_and_travel_between_processes() -> None:
    given = np.array([[[0.1]], [[0.9]]])
    table = TabulatedSwitching(current=[1e-4, 2e-4], pulse=[1e-8], temperature=[300.0], probability=given)
    given[0] = 0.5
    assert float(table.probability(1e-4, 1e-8)) == pytest.approx(0.1, rel=1e-12)
    with pytest.raises(ValueError, match="read-only"):
        table.forward[0] = 0.5
    with pytest.raises(ValueError, match="read-only"):
        table.current[0] = 0.0
    assert float(pickle.loads(pickle.dumps(table)).probability(1e-4, 1e-8)) == pytest.approx(0.1, rel=1e-12)
    with pytest.raises(ParameterError, match="no standard errors"):
        table.error(1e-4, 1e-8)
    negative = TabulatedSwitching(current=[-2e-4, -1e-4], pulse=[1e-8], temperature=[300.0], probability=given)
    with pytest.raises(SpinbnnError, match="two currents >= 0"):
        negative.current_for(0.3, 1e-8)


def test_a_crossing_between_zero_and_the_first_positive_current_is_found() -> None:
    table = TabulatedSwitching(current=[-1e-4, 1e-4, 2e-4], pulse=[1e-8], temperature=[300.0], probability=[[[0.1]], [[0.9]], [[0.99]]])
    found = float(table.current_for(0.7, 1e-8))
    assert 0 < found < 1e-4 and float(table.probability(found, 1e-8)) == pytest.approx(0.7, rel=1e-9)
    with pytest.raises(ParameterError, match="not reached"):
        table.current_for(0.4, 1e-8)  # p = 1/2 at no current


@pytest.mark.parametrize("scale", ["logit", "cloglog"])
def test_the_error_between_points_covers_that_of_the_interpolation(scale: str) -> None:
    """Against tables drawn anew: steep between its points, p errs there by more than at either of them."""
    truth, trials, at = np.array([0.02, 0.97]), 400, 1.5e-4
    rng = np.random.default_rng(5)
    drawn = [TabulatedSwitching.from_counts([1e-4, 2e-4], 1e-8, 300.0, trials, rng.binomial(trials, truth), scale=scale) for _ in range(400)]  # type: ignore[arg-type]
    spread = float(np.std([float(table.probability(at, 1e-8)) for table in drawn]))
    table = TabulatedSwitching.from_counts([1e-4, 2e-4], 1e-8, 300.0, trials, np.rint(trials * truth), scale=scale)  # type: ignore[arg-type]
    assert table.standard_error is not None
    assert spread > 2 * float(table.standard_error.max())
    assert spread < float(table.error(at, 1e-8)) < 2.2 * spread
    assert table.error([1e-4, 2e-4], 1e-8) == pytest.approx(table.standard_error.ravel(), rel=1e-9)
