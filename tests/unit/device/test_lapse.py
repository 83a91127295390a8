"""Lapses on top of a model."""

from __future__ import annotations

import numpy as np
import pytest

from spinbnn.device import DeviceParams, ThermalSwitching
from spinbnn.device.switching import LapseSwitching, SwitchingModel, TwoRateSwitching
from spinbnn.errors import ParameterError

BASE = ThermalSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6)


def test_the_probability_lies_between_the_plateaus() -> None:
    model = LapseSwitching(base=BASE, lower=0.02, upper=0.1)
    current = np.array([0.0, 190e-6, 205e-6, 250e-6])
    for initial in (0, 1):
        base = BASE.probability(current, 10e-9, initial=initial)  # type: ignore[arg-type]
        assert model.probability(current, 10e-9, initial=initial) == pytest.approx(0.02 + 0.88 * base, rel=1e-12)  # type: ignore[arg-type]


def test_without_lapses_it_is_the_base_model() -> None:
    model = LapseSwitching(base=BASE)
    assert float(model.probability(200e-6, 10e-9)) == float(BASE.probability(200e-6, 10e-9))
    assert model.current_limit == BASE.current_limit
    assert model.valid([200e-6, 300e-6], 10e-9).tolist() == BASE.valid([200e-6, 300e-6], 10e-9).tolist() == [True, False]


def test_current_for_inverts_on_both_branches() -> None:
    p = np.array([0.1, 0.5, 0.85])
    model = LapseSwitching(base=BASE, lower=0.02, upper=0.1)
    assert model.probability(model.current_for(p, 10e-9), 10e-9) == pytest.approx(p, rel=1e-9)
    two = LapseSwitching(base=TwoRateSwitching(delta=40.0, attempt_time=1e-9, critical_current=500e-6, field_ratio=0.125), upper=0.1)
    low, high = (float(two.current_for(0.7, 10e-9, branch=b)) for b in ("lower", "upper"))  # type: ignore[arg-type]
    assert low < high
    assert [float(two.probability(c, 10e-9)) for c in (low, high)] == pytest.approx([0.7, 0.7], rel=1e-9)


@pytest.mark.parametrize("wanted", [0.02, 0.9, 0.95, 0.0])
def test_a_probability_on_or_beyond_a_plateau_is_not_reached(wanted: float) -> None:
    with pytest.raises(ParameterError, match=r"within \(0.02, 0.9\)"):
        LapseSwitching(base=BASE, lower=0.02, upper=0.1).current_for(wanted, 10e-9)


def test_a_lapse_has_no_rate() -> None:
    with pytest.raises(ParameterError, match="belongs to a pulse") as caught:
        LapseSwitching(base=BASE, upper=0.1).rates(1e-4)
    assert "saturation" in caught.value.remedy and "TwoRateSwitching" in caught.value.remedy


@pytest.mark.parametrize("lapses", [{"lower": -0.1}, {"upper": 1.0}, {"upper": float("nan")}, {"lower": 0.6, "upper": 0.4}])
def test_lapses_are_probabilities_that_leave_something(lapses: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match="lapse"):
        LapseSwitching(base=BASE, **lapses)


def test_every_model_says_where_its_crossings_lie() -> None:
    """The hook of `current_for` is abstract; a lapse has its base model's, and the inherited search finds its own current."""
    assert "_scan" in SwitchingModel.__abstractmethods__

    class Forgetful(SwitchingModel):
        rates = current_limit = valid = None  # type: ignore[assignment]

    with pytest.raises(TypeError, match="_scan"):
        Forgetful()  # type: ignore[abstract]
    base = SwitchingModel.from_params(DeviceParams.load("seed_eq23"))
    model = LapseSwitching(base=base, lower=0.05, upper=0.1)
    found = SwitchingModel.current_for(model, [0.1, 0.5, 0.8], 10e-9)
    assert found == pytest.approx(model.current_for([0.1, 0.5, 0.8], 10e-9), rel=1e-9, abs=0)
