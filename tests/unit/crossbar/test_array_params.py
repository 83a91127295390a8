"""Array files: units, sources, spreads, what is assumed."""

from __future__ import annotations

import copy
import tomllib

import pytest

from spinbnn import resources
from spinbnn.crossbar.array_params import FIELDS, ArrayParams
from spinbnn.errors import ParameterError, UnitError


def data(name="array_mohm"):
    return tomllib.loads(resources.find("device", name).read_text())


@pytest.mark.parametrize("name", ["array_mohm", "array_100k"])
def test_shipped_files(name):
    params = ArrayParams.load(name)
    assert params.name == name and set(params.quantities) == set(FIELDS)
    assert all(q.source for q in params.quantities.values())
    assert "junction.parallel_resistance" in [q.key for q in params.assumed]
    assert f"{params['junction.parallel_resistance']}" in params.assumption_note
    assert params.assumption_note in params.table().note


def test_wires_follow_from_the_geometry():
    params = ArrayParams.load("array_mohm")
    assert params.wire_row == pytest.approx(8.95 * 0.45, rel=1e-12, abs=0)
    assert params.wire_column == pytest.approx(8.95 * 0.243, rel=1e-12, abs=0)
    assert params.row_capacitance == pytest.approx(0.278e-15 * 0.45 + 0.36e-15, rel=1e-12, abs=0)
    assert params.column_capacitance == pytest.approx(0.278e-15 * 0.243 + 0.09e-15, rel=1e-12, abs=0)
    taller = params.with_values(geometry__cell_height=0.486e-6)
    assert taller.wire_column == pytest.approx(2 * params.wire_column, rel=1e-12, abs=0)
    assert taller.wire_row == params.wire_row


def test_resistances_and_the_bias():
    params = ArrayParams.load("array_mohm")
    assert params.resistance(False) == 1e6 + 10.5e3
    assert params.resistance(True) == pytest.approx(2.2e6 + 10.5e3, rel=1e-12, abs=0)
    assert params.tmr_at(0.5) == 0.6 and params.tmr_at(-0.5) == 0.6
    assert params.resistance(True, 0.5) == pytest.approx(1.6e6 + 10.5e3, rel=1e-12, abs=0)
    assert params.resistance(False, 0.5) == params.resistance(False)


def test_changed_values_are_marked_and_hashed():
    params = ArrayParams.load("array_mohm")
    other = params.with_values(junction__parallel_resistance=2e6, junction__tmr__sigma_global=0.01)
    assert other["junction.parallel_resistance"].source == "set by the caller"
    assert (other["junction.tmr"].sigma, other["junction.tmr"].sigma_global) == (0.04, 0.01)
    assert other.content_hash != params.content_hash == ArrayParams.from_dict(data()).content_hash
    assert "junction.parallel_resistance" not in [q.key for q in other.assumed]


def edit(path, value):
    """Return the file with one key changed; None removes it."""
    changed = copy.deepcopy(data())
    *groups, last = path
    place = changed
    for group in groups:
        place = place[group]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("schema",), "spinbnn.device/1", "not an array file"),
        (("junction", "tmr"), None, "missing"),
        (("junction", "tmr", "source"), None, "missing"),
        (("junction", "tmr", "source"), " ", "text is needed"),
        (("junction", "tmr", "value"), "-20 %", "out of range"),
        (("junction", "parallel_resistance", "value"), "0 ohm", "out of range"),
        (("junction", "parallel_resistance", "sigma"), "120 %", "spread"),
        (("access", "drain_capacitance", "sigma"), "1 %", "no spread"),
        (("junction", "parallel"), {"value": 1, "source": "x"}, "unknown key"),
        (("junction", "tmr", "unit"), "1", "unknown key"),
        (("wires",), {}, "unknown key"),
        (("junction",), 3, "must be a TOML table"),
        (("junction", "tmr"), 1.2, "table with value"),
        (("faults", "open", "value"), 1.5, "out of range"),
        (("notes",), "one", "list of texts"),
        (("name",), 3, "text is needed"),
    ],
)
def test_wrong_files_are_refused(path, value, message):
    with pytest.raises(ParameterError, match=message) as error:
        ArrayParams.from_dict(edit(path, value), where="mine.toml")
    assert "mine.toml" in error.value.where


def test_units_are_checked():
    with pytest.raises(UnitError):
        ArrayParams.from_dict(edit(("read", "voltage", "value"), "0.1 A"))


def test_faults_sum_to_at_most_one():
    wrong = edit(("faults", "open", "value"), 0.6)
    wrong["faults"]["stuck_parallel"]["value"] = 0.6
    with pytest.raises(ParameterError, match="more than 1"):
        ArrayParams.from_dict(wrong)
    with pytest.raises(ParameterError, match="more than 1"):
        ArrayParams.load("array_mohm").with_values(faults__stuck_parallel=0.6, faults__open=0.5)


@pytest.mark.parametrize(
    "values",
    [
        {"junction__tmrr": 1.0},
        {"junction__tmr__sd": 0.1},
        {"junction__tmr": -1.0},
        {"read__voltage__sigma": 0.1},
    ],
)
def test_wrong_changes_are_refused(values):
    with pytest.raises(ParameterError):
        ArrayParams.load("array_mohm").with_values(**values)
