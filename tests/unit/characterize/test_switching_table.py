"""From a table of counts to a switching model: nodes, branches, directions, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbnn.characterize import Axis, LookupTable, Measure
from spinbnn.characterize.switching_table import switching_from_table
from spinbnn.device.statistics import wilson_error
from spinbnn.errors import CoverageError

CURRENT, PULSE, KELVIN = (-1e-4, 1e-4, 1.5e-4, 2e-4, 2.5e-4), (1e-9, 1e-8), (250.0, 300.0, 350.0)
AXES = {"current": ("A", CURRENT), "pulse": ("s", PULSE), "temperature": ("K", KELVIN), "initial": ("", ("0", "1")), "field": ("T", (0.03,))}
TRIALS = 400
COUNTS = np.stack(
    [
        np.add.outer(np.add.outer(np.array([0, 20, 200, 400, 100]), np.array([0, -3])), np.array([0, 1, 2])).clip(0, TRIALS),
        np.add.outer(np.add.outer(np.array([380, 10, 5, 3, 2]), np.array([0, 4])), np.array([0, 1, 2])),
    ],
    axis=-1,
).astype(float)
"""(current, pulse, temperature, initial); forward rises and falls again."""


def table(names: tuple[str, ...] = ("current", "pulse", "temperature", "initial"), values: dict[str, Any] | None = None) -> LookupTable:
    """Return the counts with the axes in some order, ``initial`` left out or reduced as ``values`` says."""
    chosen = {n: AXES[n][1] for n in names} | (values or {})
    order = ("current", "pulse", "temperature", "initial")
    data = COUNTS[..., [int(v) for v in chosen.get("initial", ("0",))]]
    if "initial" not in names:
        data = data[..., 0]
    data = np.transpose(data, [order.index(n) for n in names if n != "field"])
    if "field" in names:
        data = np.expand_dims(data, names.index("field"))
        data = np.repeat(data, len(chosen["field"]), names.index("field"))
    axes = tuple(Axis(name=n, unit=AXES[n][0], description="", values=tuple(chosen[n])) for n in names)
    arrays = {"switched": data, "trials": np.full(data.shape, float(TRIALS)), "p_switch": data / TRIALS, "p_standard_error": wilson_error(data, TRIALS)}
    measures = {n: Measure(name=n, unit="1", description="", data=a) for n, a in arrays.items()}
    return LookupTable(name="made", grid_axes=axes, measures=measures, status=np.zeros(data.shape, np.uint8))


NODES = np.meshgrid(CURRENT, PULSE, KELVIN, indexing="ij")


def expected(initial: int) -> np.ndarray:
    k = COUNTS[..., initial]
    return np.where((k == 0) | (k == TRIALS), (k + 0.5) / (TRIALS + 1), k / TRIALS)


@pytest.mark.parametrize("names", [("current", "pulse", "temperature", "initial"), ("initial", "temperature", "current", "pulse"), ("pulse", "field", "temperature", "initial", "current")])
@pytest.mark.parametrize("scale", ["logit", "cloglog"])
def test_the_model_has_the_table_at_its_nodes(names: tuple[str, ...], scale: Any, tmp_path: Path) -> None:
    made = table(names)
    made.save(tmp_path / "t.h5")
    model = switching_from_table(LookupTable.open(tmp_path / "t.h5"), scale=scale)
    for initial in (0, 1):
        assert model.probability(*NODES, initial=initial) == pytest.approx(expected(initial), rel=1e-9, abs=0)  # type: ignore[arg-type]
    assert model.error(*NODES) == pytest.approx(wilson_error(COUNTS[..., 0], TRIALS), rel=1e-9, abs=0)
    assert model.scale == scale


def test_both_branches_of_a_law_that_falls_again() -> None:
    model = switching_from_table(table())
    for branch, low, high in (("lower", 1.5e-4, 1.5e-4), ("upper", 2e-4, 2.5e-4)):
        current = float(model.current_for(0.5, 1e-9, 250.0, branch=branch))  # type: ignore[arg-type]
        assert low * (1 - 1e-9) <= current <= high * (1 + 1e-9)
        assert model.probability(current, 1e-9, 250.0) == pytest.approx(0.5, rel=1e-9, abs=0)
    with pytest.raises(CoverageError):
        model.probability(3e-4, 1e-9)
    with pytest.raises(CoverageError):
        model.probability(2e-4, 1e-9, 400.0)


def test_one_direction_is_enough_and_the_measures_of_counts_are_optional() -> None:
    for made in (table(("current", "pulse", "temperature")), table(values={"initial": ("0",)})):
        model = switching_from_table(made)
        assert model.backward is None and model.probability(*NODES) == pytest.approx(expected(0), rel=1e-9, abs=0)
    plain = table(("current", "pulse", "temperature"))
    plain = replace(plain, measures={"p_switch": plain.measures["p_switch"]})
    model = switching_from_table(plain)
    assert model.standard_error is None
    inner = (COUNTS[..., 0] > 0) & (COUNTS[..., 0] < TRIALS)
    assert model.probability(*NODES)[inner] == pytest.approx(expected(0)[inner], rel=1e-9, abs=0)
    assert model.probability(-1e-4, 1e-9, 250.0) < 1e-11, "without counts a 0 is a 0"


def test_refusals() -> None:
    for names in (("pulse", "temperature", "current")[:2], ("current", "temperature"), ("current", "pulse")):
        made = table()
        missing = ({"current", "pulse", "temperature"} - set(names)).pop()
        with pytest.raises(CoverageError, match=f"no axis '{missing}'") as caught:
            switching_from_table(made.select(**{missing: AXES[missing][1][0]}))
        assert "macrospin" in caught.value.remedy
    with pytest.raises(CoverageError, match="state 0"):
        switching_from_table(table(values={"initial": ("1",)}))
    with pytest.raises(CoverageError, match="no axis 'field'") as caught:
        switching_from_table(table(("current", "pulse", "temperature", "field"), {"field": (0.02, 0.03)}))
    assert "select(field=" in caught.value.remedy
    bad = table(("current", "pulse", "temperature"))
    status = bad.status.copy()
    status[1, 1, 1] = 2
    with pytest.raises(CoverageError, match="failed"):
        switching_from_table(replace(bad, status=status))
    volts = replace(bad, grid_axes=(replace(bad.grid_axes[0], unit="V"), *bad.grid_axes[1:]))
    with pytest.raises(CoverageError, match=r"no axis 'current' \[A\]"):
        switching_from_table(volts)
    with pytest.raises(CoverageError, match="no such measure"):
        switching_from_table(replace(bad, measures={}))
