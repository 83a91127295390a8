"""The Liberty-like library: values, units and axes as a parser finds them in the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spinbnn.characterize import Flow, LookupTable, run_flow
from spinbnn.characterize.export import parse_liberty, write_liberty
from spinbnn.characterize.export.liberty import check_liberty, liberty, read_tables, undefined_samples
from spinbnn.circuit.dropout_analytic import analytic_simulator
from spinbnn.errors import CoverageError, DataError, ParameterError

Load = Callable[..., Flow]


@pytest.fixture
def table(load: Load) -> LookupTable:
    """Temperature stands before the amplitude here, which the library turns round."""
    flow = load('set_voltage = {', 'temperature = { values = ["-40 degC", "25 degC"] }\ncorner = { values = ["tt", "ss"] }\nset_voltage = {')
    return run_flow(flow, simulator=analytic_simulator())


@pytest.mark.parametrize("statistic", ["median", "mean", "max"])
def test_values_axes_and_units_are_those_of_the_table(table: LookupTable, tmp_path: Path, statistic: str) -> None:
    text = write_liberty(tmp_path / "a.lib", table, corner="ss", statistic=statistic).read_text()
    values, amplitudes, temperatures = read_tables(text)
    assert amplitudes == pytest.approx([0.9, 1.0, 1.1], rel=1e-9) and temperatures == pytest.approx([233.15, 298.15], rel=1e-9)
    own, reduce = table.select(corner="ss"), getattr(np, statistic)
    defined = {n for n, m in own.measures.items() if m.unit in "JsW" and np.isfinite(m.data).all()}
    assert {"energy_set", "energy_cycle", "latency_cycle", "leakage_power"} & set(own.measures) <= set(values) and defined <= set(values)
    for name, found in values.items():
        assert found == pytest.approx(reduce(own.values(name), axis=-1).T, rel=1e-8, abs=0), name
    left_out = {n for n, m in own.measures.items() if m.unit in "JsW"} - set(values)
    assert all(n in text.split("left out")[1] for n in left_out)


def test_the_scale_comes_from_the_units_in_the_file(table: LookupTable) -> None:
    text = liberty(table, corner="tt")
    one = read_tables(text)[0]["energy_set"]
    assert 1e-13 < one[0, 0] < 1e-10, "a SET takes picojoules"
    head = parse_liberty(text)
    assert head.attributes["time_unit"] == "1ns" and head.calls["capacitive_load_unit"] == [("1", "pf")] and head.attributes["voltage_unit"] == "1V"
    scaled = text.replace('"1pJ"', '"10fJ"').replace("capacitive_load_unit (1, pf)", "capacitive_load_unit (10, ff)")
    assert read_tables(scaled)[0]["energy_set"] == pytest.approx(one / 100, rel=1e-12, abs=0)
    start = text.index("measured_table (energy_set)")
    with pytest.raises(DataError, match="another unit than the header") as caught:
        read_tables(text[:start] + text[start:].replace('unit : "1pJ"', 'unit : "10fJ"', 1))
    assert caught.value.value == {"table": "10fJ", "header": "1pJ"} and "energy_set" in caught.value.where
    with pytest.raises(DataError, match="another unit than the header"):
        read_tables(text.replace('time_unit : "1ns"', 'time_unit : "1ps"'))
    with pytest.raises(DataError, match="an axis has another unit"):
        read_tables(text.replace('amplitude_unit : "1V"', 'amplitude_unit : "1mV"'))
    with pytest.raises(DataError, match="load unit times voltage unit squared"):
        read_tables(text.replace("capacitive_load_unit (1, pf)", "capacitive_load_unit (1, ff)"))


@pytest.mark.parametrize("statistic", ["median", "mean", "max"])
def test_every_value_is_compared_with_the_table(table: LookupTable, statistic: str) -> None:
    """One number that is off by 3e-8, two that are swapped, a value of another statistic: none passes."""
    data = table.values("energy_set") * (1 + 0.01 * np.sqrt(np.arange(table.status.size).reshape(table.shape)))
    table = replace(table, measures={**table.measures, "energy_set": replace(table.measures["energy_set"], data=data)})
    text = liberty(table, corner="tt", statistic=statistic)
    check_liberty(text, table, corner="tt", statistic=statistic)
    start = text.index("measured_table (energy_set)")
    numbers = re.findall(r"\d+\.\d{6,}", text[start : text.index(");", start)])
    off = f"{float(numbers[-1]) * (1 + 3e-8):.9g}"
    for old, new in ((numbers[-1], off), (f"{numbers[0]}, {numbers[1]}", f"{numbers[1]}, {numbers[0]}")):
        wrong = text[:start] + text[start:].replace(old, new, 1)
        with pytest.raises(DataError, match="not read back") as caught:
            check_liberty(wrong, table, corner="tt", statistic=statistic)
        assert "energy_set at" in caught.value.where
    for wrong, words in (
        (text.replace('index_1 ("0.9, ', 'index_1 ("0.91, '), "axis set_voltage"), (text.replace('index_2 ("-40, ', 'index_2 ("-41, '), "axis temperature"),
        (text.replace("measured_table (energy_set)", "measured_table (energy_sat)"), "tables"), (liberty(table, corner="ss", statistic=statistic), "at {"),
        (liberty(table, corner="tt", statistic={"max": "mean", "mean": "median", "median": "max"}[statistic]), "at {"),
        (text[:start] + text[start:].replace('unit : "1pJ"', 'unit : "1nW"', 1), "unit of energy_set"),
    ):  # fmt: skip
        with pytest.raises(DataError, match="not read back") as caught:
            check_liberty(wrong, table, corner="tt", statistic=statistic)
        assert words in caught.value.where


def test_samples_without_a_value_are_counted_never_dropped_silently(table: LookupTable, tmp_path: Path) -> None:
    data = table.values("latency_cycle").copy()
    data[0, 1, 2, 3] = data[1, 1, 0, :2] = np.nan
    lacking = replace(table, measures={**table.measures, "latency_cycle": replace(table.measures["latency_cycle"], data=data)})
    assert undefined_samples(lacking, corner="ss")["latency_cycle"] == 3 and "latency_cycle" not in undefined_samples(lacking, corner="tt")
    text = write_liberty(tmp_path / "a.lib", lacking, corner="ss").read_text()
    assert "latency_cycle" not in read_tables(text)[0] and "latency_cycle 3 of 24" in text.split("left out")[1]
    text = write_liberty(tmp_path / "b.lib", lacking, corner="ss", statistic="mean", drop_undefined=True).read_text()
    assert 'undefined : "3 of 24";' in text and text.count("undefined :") == 1
    assert read_tables(text)[0]["latency_cycle"] == pytest.approx(np.nanmean(data[:, 1], axis=-1).T, rel=1e-8, abs=0)
    data[1, 1, 0, :] = np.nan  # no draw is left at one point
    text = liberty(replace(table, measures={**table.measures, "latency_cycle": replace(table.measures["latency_cycle"], data=data)}), corner="ss", drop_undefined=True)
    assert "latency_cycle 5 of 24" in text.split("left out")[1]


def test_a_current_amplitude_is_written_in_its_unit(table: LookupTable) -> None:
    axes = tuple(replace(a, name="set_current", unit="A", values=(1e-4, 2e-4, 2.5e-4)) if a.name == "set_voltage" else a for a in table.grid_axes)
    text = liberty(replace(table, grid_axes=axes), corner="tt")
    assert 'amplitude_unit : "1uA"' in text and 'index_1 ("100, 200, 250")' in text
    assert read_tables(text)[1] == pytest.approx([1e-4, 2e-4, 2.5e-4], rel=1e-9, abs=0)


def test_what_is_no_library(table: LookupTable, tmp_path: Path, counting: Any, load: Load) -> None:
    with pytest.raises(CoverageError, match="choose a value") as caught:
        liberty(table)
    assert caught.value.value == "corner"
    with pytest.raises(CoverageError, match="SET amplitude"):
        liberty(table.select(set_voltage=1.0), corner="tt")
    with pytest.raises(CoverageError, match="not on this axis"):
        liberty(table, corner="ff")
    with pytest.raises(ParameterError, match="statistic"):
        liberty(table, corner="tt", statistic="mode")
    with pytest.raises(CoverageError, match="not ok") as caught:
        write_liberty(tmp_path / "b.lib", run_flow(load(), simulator=counting(fail={3: "timeout"})))
    assert caught.value.value == 1 and not (tmp_path / "b.lib").exists()


@pytest.mark.parametrize(
    "text",
    ["", "library (a) {", "library (a) { x : ; }", "library (a) { x : 1 }", "library (a) { x 1; }", "library (a) { (b); }", "library (a) {} }", "library (a) { b {} }", 'library (a) { x : "1; }', "a : 1;"],
)
def test_what_is_no_liberty_is_named_with_its_line(text: str) -> None:
    with pytest.raises(DataError, match="not Liberty") as caught:
        parse_liberty("/* two\nlines */\n" + text)
    assert "line 3" in caught.value.where


def test_comments_strings_and_continued_lines() -> None:
    group = parse_liberty('library (a, b) { /* c { */ t : "x; {y}"; values ("1, 2", \\\n "3"); values (4); pin (z) {} }')
    assert group.name == ("a", "b") and group.attributes == {"t": "x; {y}"} and group.calls == {"values": [("1, 2", "3"), ("4",)]}
    assert [(g.kind, g.name) for g in group.groups] == [("pin", ("z",))]
