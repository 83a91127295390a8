"""Datasheets: what lies within a limit, what counts, which point is the worst, and that nothing that failed is averaged in."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spinbnn.characterize import Axis, Flow, LookupTable, Measure, check_limits, run_flow
from spinbnn.characterize.datasheet import Datasheet, Entry, datasheet, prefixed
from spinbnn.characterize.datasheet_render import (
    FORMATS,
    to_html,
    to_json,
    to_latex,
    to_markdown,
    verdict_line,
    write,
)
from spinbnn.characterize.operating_point import operate, search
from spinbnn.characterize.specification import Limit, OperatingPoint, Specification
from spinbnn.characterize.table import STATUS
from spinbnn.circuit.area import LayoutRules, area
from spinbnn.circuit.netlist import flatten
from spinbnn.device.statistics import wilson_interval
from spinbnn.errors import CoverageError, DataError, ParameterError, SimulationError, UnitError

Load = Callable[..., Flow]
TEMPERATURE = 'temperature = { values = ["-40 degC", "27 degC"] }\ndraw = { count = 4 }'
ONE = 'set_voltage = { values = ["1.0 V"] }'
THREE = 'set_voltage = { values = ["0.9 V", "1.0 V", "1.1 V"] }'


def table_of(flow: Flow, values: dict[str, np.ndarray], status: np.ndarray | None = None, messages: dict[int, str] | None = None) -> LookupTable:
    """A table of the flow with made-up numbers; measures not named are zero."""
    shape = flow.grid.shape
    codes = np.zeros(shape, np.uint8) if status is None else status.astype(np.uint8)
    measures = {n: Measure(name=n, unit=flow.bench.measures[n][0], description="d", data=np.where(codes == 0, values.get(n, np.zeros(shape)), np.nan)) for n in flow.measures}
    facts = {"bench": flow.bench.name, "flow_hash": flow.content_hash, "flow": flow.name, "notes": ["a note", "assumed: x = 1"]}
    return LookupTable(name=flow.name, grid_axes=flow.grid.axes, measures=measures, status=codes, attributes=facts, messages=messages or {})


def entry_of(sheet: Datasheet, name: str) -> Entry:
    (found,) = (entry for entry in sheet.entries if entry.parameter == name)
    return found


@pytest.fixture
def flow(load: Load) -> Flow:
    """Two temperatures and four draws at one amplitude."""
    return load(THREE, ONE, "draw = { count = 4 }", TEMPERATURE, "maximum = 0.02", 'maximum = 0.02\n[limits.p_drop]\nminimum = 0.45\ntypical = 0.5\nmaximum = 0.55\nyield = 0.5\n[typical]\ntemperature = "27 degC"')


P = np.array([[[0.50, 0.48, 0.40, 0.52], [0.50, 0.46, 0.50, 0.60]]])  # amplitude, temperature, draw


def test_yield_counts_the_draws_that_hold_at_every_condition(flow: Flow) -> None:
    entry = entry_of(datasheet([(flow, table_of(flow, {"p_drop": P}))]), "p_drop")
    assert (entry.inside, entry.draws, entry.samples) == (2, 4, 8)
    assert (entry.minimum, entry.maximum) == (0.40, 0.60)
    assert entry.typical == pytest.approx(0.50, rel=1e-12), "the median of the draws at 27 degC, not at both"
    assert entry.worst in ("-40 degC, draw 2", "27 degC, draw 3") and entry.worst_value in (0.40, 0.60)
    assert entry.verdict == "open", "half of the draws hold; four draws do not prove it"


def test_the_worst_point_is_the_one_farthest_outside(flow: Flow) -> None:
    worse = P.copy()
    worse[0, 1, 1] = 0.61
    entry = entry_of(datasheet([(flow, table_of(flow, {"p_drop": worse}))]), "p_drop")
    assert (entry.worst, entry.worst_value) == ("27 degC, draw 1", 0.61)


def test_within_all_limits_the_worst_is_the_nearest_to_one(flow: Flow) -> None:
    good = np.full((1, 2, 4), 0.5)
    good[0, 0, 3] = 0.451
    entry = entry_of(datasheet([(flow, table_of(flow, {"p_drop": good}))]), "p_drop")
    assert (entry.worst, entry.verdict, entry.inside) == ("-40 degC, draw 3", "pass", 4)


def test_a_failed_sample_stands_in_no_number_and_its_draw_lies_outside(flow: Flow) -> None:
    status = np.zeros((1, 2, 4))
    status[0, 0, 0] = 3
    sheet = datasheet([(flow, table_of(flow, {"p_drop": np.where(status > 0, 99.0, 0.5)}, status, {0: "it hung"}))])
    entry = entry_of(sheet, "p_drop")
    assert (entry.minimum, entry.maximum, entry.failed, entry.inside) == (0.5, 0.5, 1, 3)
    reset = entry_of(sheet, "p_reset_fail")
    assert reset.verdict == "FAIL" and reset.inside == 3, "a limit for every sample is missed by one that failed"
    assert any("-40 degC, draw 0: timeout: it hung" in line for line in sheet.failures) and sheet.not_ok == 1
    assert "1 samples are not ok" in verdict_line(sheet)


def test_an_undefined_value_lies_within_no_limit(flow: Flow) -> None:
    values = np.full((1, 2, 4), 0.5)
    values[0, 1, 2] = math.nan
    entry = entry_of(datasheet([(flow, table_of(flow, {"p_drop": values}))]), "p_drop")
    assert (entry.undefined, entry.failed, entry.inside, entry.minimum) == (1, 0, 3, 0.5)
    assert math.isnan(entry.worst_value) and "draw" in entry.worst, "the missing value is the worst one, and its place is named"


@pytest.mark.parametrize(("share", "inside", "verdict"), [(0.5, 1, "open"), (0.7, 1, "FAIL"), (0.69, 1, "open"), (0.045, 1, "pass"), (0.05, 1, "open"), (0.96, 3, "FAIL"), (0.51, 4, "pass"), (0.52, 4, "open"), (1.0, 4, "open"), (1.0, 3, "FAIL")])
def test_a_yield_is_passed_or_missed_only_if_the_interval_says_so(flow: Flow, share: float, inside: int, verdict: str) -> None:
    """The 95 % Wilson intervals of 1, 3 and 4 of 4 are 0.0456 to 0.6994, 0.3006 to 0.9544 and 0.5101 to 1."""
    limits = {"p_drop": Limit(minimum=0.45, maximum=0.55, applies="yield", share=share)}
    flow = replace(flow, specification=replace(flow.specification, limits=limits))
    values = np.full((1, 2, 4), 0.5)
    values[0, 0, inside:] = 0.9
    entry = entry_of(datasheet([(flow, table_of(flow, {"p_drop": values}))]), "p_drop")
    assert (entry.inside, entry.verdict) == (inside, verdict)


def test_one_good_draw_shows_no_yield(load: Load) -> None:
    flow = load("draw = { count = 4 }", "draw = { count = 1 }", "maximum = 0.02", "maximum = 0.02\nyield = 0.99")
    entry = entry_of(datasheet([(flow, table_of(flow, {}))]), "p_reset_fail")
    assert (entry.inside, entry.draws, entry.verdict, entry.draws_needed) == (1, 1, "open", 381)


def test_a_limit_of_the_typical_value_looks_at_it_alone(flow: Flow) -> None:
    for limit, verdict in ((Limit(minimum=0.49, maximum=0.51, applies="typical"), "pass"), (Limit(minimum=0.51, applies="typical"), "FAIL")):
        changed = replace(flow, specification=replace(flow.specification, limits={"p_drop": limit}))
        assert entry_of(datasheet([(changed, table_of(changed, {"p_drop": P}))]), "p_drop").verdict == verdict


def test_bounds_belong_to_the_limit() -> None:
    limit = Limit(minimum=0.45, maximum=0.55)
    assert limit.holds(0.45) and limit.holds(0.55) and not limit.holds(0.4499) and not limit.holds(math.nan)


@pytest.mark.parametrize(("inside", "draws", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)])
def test_wilson_agrees_with_published_intervals(inside: int, draws: int, low: float, high: float) -> None:
    """The last line is the example of R. G. Newcombe, Stat. Med. 17, 857 (1998), method 3."""
    assert [float(x) for x in wilson_interval(inside, draws)] == pytest.approx([low, high], abs=5e-5)


def test_prefixes_bring_numbers_between_1_and_1000() -> None:
    assert [prefixed("s", x)[1] for x in (9.99e-10, 1e-9, 2e-8)] == ["ps", "ns", "ns"]
    assert prefixed("A", 0.0) == (1.0, "A") and prefixed("K", 1e-6) == (1.0, "K")


# The operating point

GRID = 'set_voltage = { start = "0.80 V", stop = "1.20 V", points = 41 }'
POINT = '\n[operating_point]\naxis = "set_voltage"\nmeasure = "p_drop"\ntarget = 0.5\nper = ["draw"]\n[typical]\ntemperature = "27 degC"\n[limits.p_drop]\nminimum = 0.3\nmaximum = 0.7\n'


def test_the_amplitude_is_the_one_nearest_to_the_target_at_the_typical_condition(load: Load) -> None:
    flow = load("draw = { count = 4 }", TEMPERATURE, more=POINT)
    p = np.zeros((3, 2, 4))
    p[:, 1, 0], p[:, 1, 1], p[:, 1, 2], p[:, 1, 3] = (0.1, 0.4, 0.7), (0.45, 0.8, 0.9), (0.25, 0.75, 0.9), (0.0, 0.1, 0.2)
    p[:, 0, :] = 0.5  # would be perfect, at the other temperature
    p[1, 0, 0] = 0.33
    got = operate(table_of(flow, {"p_drop": p}), flow.specification)
    assert got.amplitude is not None and got.amplitude[1].tolist() == pytest.approx([1.0, 0.9, 0.9, 1.1])  # draw 2: a tie, the lower
    assert got.values["p_drop"][0].tolist() == pytest.approx([0.33, 0.5, 0.5, 0.5]), "the other temperature takes the same amplitude"
    assert [axis.name for axis in got.axes] == ["temperature", "draw"]


def test_one_amplitude_for_all_needs_a_typical_draw_or_none(load: Load) -> None:
    flow = load("draw = { count = 4 }", TEMPERATURE, more=POINT.replace('per = ["draw"]', 'per = ["temperature"]'))
    with pytest.raises(ParameterError, match="draw"):
        operate(table_of(flow, {}), flow.specification)


def test_a_draw_without_a_good_sample_has_no_operating_point(load: Load) -> None:
    flow = load("draw = { count = 4 }", TEMPERATURE, more=POINT)
    status = np.zeros((3, 2, 4))
    status[:, 1, 2] = 2
    sheet = datasheet([(flow, table_of(flow, {"p_drop": np.full((3, 2, 4), 0.5)}, status))])
    entry = entry_of(sheet, "p_drop")
    assert (entry.failed, entry.inside, entry.verdict) == (2, 3, "FAIL") and any("no sample of the search is good" in line for line in sheet.failures)


def test_the_search_finds_what_the_whole_table_holds_in_few_samples(load: Load, counting: Callable[..., object], tmp_path: Path) -> None:
    flow = load(THREE, GRID, "draw = { count = 4 }", TEMPERATURE, more=POINT)
    full = operate(run_flow(flow, simulator=counting()), flow.specification)  # type: ignore[arg-type]
    simulator = counting()
    sparse = search(flow, simulator=simulator, out=tmp_path / "t.h5")  # type: ignore[arg-type]
    got = operate(sparse, flow.specification)
    assert np.array_equal(got.amplitude, full.amplitude)  # type: ignore[arg-type]
    assert all(np.array_equal(got.values[n], full.values[n], equal_nan=True) for n in flow.measures)
    assert not np.any(got.status), "every condition is simulated at the amplitude that was found"
    assert simulator.seen == int(np.sum(sparse.status == 0)) <= 4 * 6 + 4  # type: ignore[attr-defined]
    again = counting()
    assert search(flow, simulator=again, out=tmp_path / "t.h5").content_hash == sparse.content_hash and again.seen == 0  # type: ignore[arg-type,attr-defined]


def test_a_killed_search_resumes_and_ends_with_the_same_table(load: Load, counting: Callable[..., object], tmp_path: Path) -> None:
    flow = load(THREE, GRID, "draw = { count = 4 }", TEMPERATURE, more=POINT)
    whole = search(flow, simulator=counting())  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        search(flow, simulator=counting(stop_after=9), out=tmp_path / "t.h5")  # type: ignore[arg-type]
    rest = counting()
    resumed = search(flow, simulator=rest, out=tmp_path / "t.h5")  # type: ignore[arg-type]
    assert resumed.content_hash == whole.content_hash and not (tmp_path / "t.h5.journal").exists()
    assert rest.seen == int(np.sum(whole.status == 0)) - 9 and resumed.attributes["resumed"] == 9  # type: ignore[attr-defined]


def test_a_failed_sample_ends_the_search_of_its_group_only(load: Load, counting: Callable[..., object]) -> None:
    flow = load(THREE, GRID, "draw = { count = 4 }", TEMPERATURE, more=POINT)

    class FirstRound(counting):  # type: ignore[misc,valid-type]
        def run(self, decks: object) -> object:
            try:
                yield from super().run(decks)
            finally:
                self.fail = {}

    got = operate(search(flow, simulator=FirstRound(fail={1: "failed"})), flow.specification)
    assert np.all(got.status[:, 1] != 0) and not np.any(got.status[:, [0, 2, 3]])
    with pytest.raises(SimulationError, match="all 4 samples of the search failed"):
        search(flow, simulator=counting(fail=dict.fromkeys(range(99), "failed")))  # type: ignore[arg-type]


def test_a_search_refuses_the_table_of_another_flow_and_a_flow_without_a_point(load: Load, counting: Callable[..., object], tmp_path: Path) -> None:
    flow = load(THREE, GRID, "draw = { count = 4 }", TEMPERATURE, more=POINT)
    search(flow, simulator=counting(), out=tmp_path / "t.h5")  # type: ignore[arg-type]
    with pytest.raises(CoverageError, match="another flow"):
        search(flow.with_axes(draw={"count": 3}), simulator=counting(), out=tmp_path / "t.h5")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="no operating point"):
        search(load(), simulator=counting())  # type: ignore[arg-type]


# What belongs together


def test_characterize_checks_only_limits_that_hold_for_every_sample(flow: Flow, load: Load) -> None:
    assert list(flow.limits) == ["p_reset_fail"] and list(flow.specification.limits) == ["p_reset_fail", "p_drop"]
    assert check_limits(flow, table_of(flow, {"p_drop": P})) == []
    assert load(more=POINT.replace('[typical]\ntemperature = "27 degC"\n', "")).limits == {}


def test_limits_typical_point_and_area_have_no_part_in_the_hash(flow: Flow, load: Load) -> None:
    bare = load(THREE, ONE, "draw = { count = 4 }", TEMPERATURE)
    assert bare.content_hash == flow.content_hash


def test_a_table_of_another_bench_or_grid_is_refused(flow: Flow, load: Load) -> None:
    table = table_of(flow, {})
    with pytest.raises(CoverageError, match="another bench"):
        datasheet([(flow, replace(table, attributes={**table.attributes, "bench": "macrospin"}))])
    with pytest.raises(CoverageError, match="other axes"):
        datasheet([(load(), table)])
    lacking = replace(table, measures={n: m for n, m in table.measures.items() if n != "p_drop"})
    with pytest.raises(CoverageError, match="no such measure"):
        datasheet([(flow, lacking)])
    with pytest.raises(ParameterError, match="at least one"):
        datasheet([])


def test_the_area_is_that_of_the_netlist(load: Load) -> None:
    """The area of the deck by the layout rules; docs/dropout_variants.md states it for the shipped modules."""
    plain = load()
    found = area(flatten(plain.bench.deck(plain.sampler()(0)).text, skip=["sot_mtj"]), LayoutRules.load("layout_cmos40lp"))
    assert 5e-12 < found.total < 50e-12
    for share, verdict in ((0.99, "FAIL"), (1.01, "pass")):
        flow = load(more=f'\n[area]\nlayout = "layout_cmos40lp"\nmaximum = "{share * found.total * 1e12:.6g} um^2"\n')
        sheet = datasheet([(flow, table_of(flow, {})), (flow, table_of(flow, {}))])
        entry = entry_of(sheet, "area")
        assert entry.typical == pytest.approx(found.total, rel=1e-12, abs=0) and entry.verdict == verdict
        assert f"{len(found.transistors)} transistors" in entry.condition and any("utilisation" in line for line in sheet.assumed)


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ("[limits.p_drop]\nminimum = 0.45\napplies = 'some'", ParameterError, ["limits.p_drop.applies", "some"]),
        ("[limits.p_drop]\nminimum = 0.45\napplies = 'all'\nyield = 0.9", ParameterError, ["limits.p_drop", "yield"]),
        ("[limits.p_drop]\nminimum = 0.45\napplies = 'yield'", ParameterError, ["limits.p_drop", "yield = 0.99"]),
        ("[limits.p_drop]\nminimum = 0.45\nyield = 99", ParameterError, ["limits.p_drop.yield", "share"]),
        ("[limits.p_drop]\ntypical = 0.5", ParameterError, ["limits.p_drop", "minimum <= maximum"]),
        ("[limits.p_drop]\nminimum = 0.5\ntypical = 0.4", ParameterError, ["limits.p_drop.typical", "outside its own limit"]),
        ("[limits.latency_cycle]\nmaximum = '20 V'", UnitError, ["limits.latency_cycle.maximum", "20 V"]),
        ("[typical]\nset_voltage = '0.95 V'", ParameterError, ["typical.set_voltage", "does not have this value"]),
        ("[typical]\ndraw = 1", ParameterError, ["typical", "draw"]),
        ("[typical]\nset_voltage = 1.0", UnitError, ["typical.set_voltage"]),
        ("[operating_point]\naxis = 'set_voltage'\nmeasure = 'p_drop'", ParameterError, ["operating_point", "target"]),
        ("[operating_point]\naxis = 'draw'\nmeasure = 'p_drop'\ntarget = 0.5", ParameterError, ["operating_point.axis", "draw"]),
        ("[operating_point]\naxis = 'set_voltage'\nmeasure = 'p_dorp'\ntarget = 0.5", ParameterError, ["operating_point.measure", "p_drop"]),
        ("[operating_point]\naxis = 'set_voltage'\nmeasure = 'p_drop'\ntarget = 0.5\nper = ['corner']", ParameterError, ["operating_point.per", "corner"]),
        ("[operating_point]\naxis = 'set_voltage'\nmeasure = 'p_drop'\ntarget = '0.5 V'", UnitError, ["operating_point.target"]),
        ("[area]\nmaximum = '50 um^2'", ParameterError, ["area", "layout"]),
        ("[area]\nlayout = 'layout_cmos40lp'\nmaximum = '50 um'", UnitError, ["area.maximum"]),
        ("[area]\nlayout = 'layout_cmos40lp'\nmaximum = '0 um^2'", ParameterError, ["area.maximum", "> 0"]),
    ],
)
def test_bad_specifications_name_file_key_and_value(load: Load, more: str, error: type[Exception], words: list[str]) -> None:
    with pytest.raises(error) as caught:
        load(more="\n" + more + "\n")
    assert all(word in str(caught.value) for word in ["small.toml", *words]), str(caught.value)


# Formats


def test_json_is_si_and_holds_no_nan(flow: Flow) -> None:
    data = json.loads(to_json(datasheet([(flow, table_of(flow, {"p_drop": P}))])))
    entry = next(e for e in data["entries"] if e["parameter"] == "p_drop")
    assert (entry["limit_minimum"], entry["maximum"], entry["inside"], entry["yield_demanded"], entry["applies"]) == (0.45, 0.60, 2, 0.5, "yield")
    assert entry["yield"] == 0.5 and entry["yield_low"] == pytest.approx(0.1500, abs=5e-4)
    free = next(e for e in data["entries"] if e["parameter"] == "energy_set")
    assert free["limit_maximum"] is None and free["verdict"] == ""


def test_markdown_names_limits_conditions_and_assumptions(flow: Flow) -> None:
    text = to_markdown(replace(datasheet([(flow, table_of(flow, {"p_drop": P}))], title="Module A"), provenance={"command": "spinbnn datasheet small"}))
    row = next(line for line in text.splitlines() if line.startswith("| p_drop |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[3:9] == ["0.45", "0.5", "0.55", "0.4", "0.5", "0.6"] and cells[10] == "4" and cells[12] == "open (needs at least 11)"
    assert cells[11] == "2/4 (15.0 to 85.0 %), demanded 50 %; fewest 3 at -40 degC"
    assert all(word in text for word in ("# Module A", "spinbnn datasheet small", "- x = 1", "- a note", "-40 degC, 27 degC", "devices and transistors vary"))
    heads = next(line for line in text.splitlines() if line.startswith("| parameter"))
    assert all(word in heads for word in ("condition", "unit", "limit min", "limit typ", "limit max", "worst", "draws", "yield", "verdict"))


def test_units_are_scaled_alike_for_limits_and_values(flow: Flow) -> None:
    flow = replace(flow, specification=replace(flow.specification, limits={"latency_cycle": Limit(maximum=20e-9)}))
    text = to_markdown(datasheet([(flow, table_of(flow, {"latency_cycle": np.full((1, 2, 4), 19.65e-9)}))]))
    cells = [cell.strip() for cell in next(line for line in text.splitlines() if line.startswith("| latency_cycle")).strip("|").split("|")]
    assert cells[2:10] == ["ns", "", "", "20", "19.65", "19.65", "19.65", "19.65 at -40 degC, draw 0"]


def test_html_is_self_contained_and_escaped(flow: Flow) -> None:
    sheet = datasheet([(flow, table_of(flow, {"p_drop": P}))], title="A <b> & C")
    page = to_html(sheet)
    assert "A &lt;b&gt; &amp; C" in page and "<b>" not in page and "http" not in page.split("<body>")[0]
    data = json.loads(page.split('id="datasheet">')[1].split("</script>")[0])
    assert data["title"] == "A <b> & C" and data["schema"] == "spinbnn.datasheet/1"


def test_latex_escapes_and_has_all_tables(flow: Flow) -> None:
    text = to_latex(datasheet([(flow, table_of(flow, {"p_drop": P}))]))
    assert r"p\_drop" in text and text.count(r"\begin{tabular}") == 4 and r"\%" in text


def test_written_by_the_ending_of_the_file(flow: Flow, tmp_path: Path) -> None:
    sheet = datasheet([(flow, table_of(flow, {"p_drop": P}))])
    for ending, writer in FORMATS.items():
        assert write(sheet, tmp_path / f"d{ending}").read_text() == writer(sheet)
    with pytest.raises(ParameterError, match=r"\.pdf"):
        write(sheet, tmp_path / "d.pdf")
    with pytest.raises(DataError):
        write(sheet, tmp_path / "d.md" / "d.md")


def test_the_verdict_line_counts_and_names(flow: Flow) -> None:
    bad = replace(flow, specification=replace(flow.specification, limits={"p_drop": Limit(maximum=0.55)}))
    line = verdict_line(datasheet([(bad, table_of(bad, {"p_drop": P}))]))
    assert line == "1 of 1 limits are missed: p_drop (small). Every sample is good."
    good = replace(flow, specification=replace(flow.specification, limits={"p_drop": Limit(maximum=0.6)}))
    assert verdict_line(datasheet([(good, table_of(good, {"p_drop": P}))])).startswith("All 1 limits hold.")


def test_specifications_stand_on_their_own() -> None:
    axis = Axis(name="code", unit="1", description="", values=(0.0, 1.0, 2.0))
    p = Measure(name="p", unit="1", description="", data=np.array([0.2, np.nan, 0.9]))
    table = LookupTable(name="t", grid_axes=(axis,), measures={"p": p}, status=np.zeros(3, np.uint8))
    got = operate(table, Specification(operating_point=OperatingPoint(axis="code", measure="p", target=0.6)))
    assert float(got.amplitude) == 2.0 and int(got.index) == 2, "an undefined value is not near anything"  # type: ignore[arg-type]


def test_a_search_that_a_failure_stopped_has_no_operating_point() -> None:
    """The nearest of the few codes that were tried is not the answer of the search."""
    volts = Axis(name="set_voltage", unit="V", description="", values=(0.8, 0.9, 1.0, 1.1, 1.2))
    draw = Axis(name="draw", unit="", description="", values=(0, 1, 2))
    p = np.full((5, 3), np.nan)
    status = np.full((5, 3), STATUS["not_measured"], dtype=np.uint8)
    for k, v in ((2, 0.3), (3, 0.8)):  # draw 0: the bisection ended
        p[k, 0], status[k, 0] = v, 0
    p[2, 1], status[2, 1] = 0.1, 0
    status[3, 1] = STATUS["failed"]  # draw 1: a sample failed
    p[2, 2], status[2, 2] = 0.1, 0
    status[3, 2] = 0  # draw 2: the sample ran, its measure is undefined
    measure = Measure(name="p_drop", unit="1", description="", data=p)
    point = Specification(operating_point=OperatingPoint(axis="set_voltage", measure="p_drop", target=0.5, per=("draw",)))
    sparse = LookupTable(name="demo", grid_axes=(volts, draw), measures={"p_drop": measure}, status=status, attributes={"search": "set_voltage"})
    found = operate(sparse, point)
    assert found.status.tolist() == [0, STATUS["failed"], STATUS["failed"]]
    assert found.values["p_drop"][0] == 0.3 and np.isnan(found.values["p_drop"][1:]).all()
    whole = LookupTable(name="demo", grid_axes=(volts, draw), measures={"p_drop": measure}, status=status)
    assert operate(whole, point).status.tolist() == [0, 0, 0]  # a full grid: the nearest good sample
