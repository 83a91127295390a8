"""Decks as text, the checks around them, and results."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from spinbnn.circuit.simulator import AnalyticSimulator, Deck, SimulationResult
from spinbnn.circuit.simulator.deck import OptionValue, number
from spinbnn.circuit.simulator.ladder import SpiceFault, climb, rungs
from spinbnn.circuit.simulator.messages import explain, fault, is_numerical, preflight, relevant
from spinbnn.circuit.simulator.vectors import choose
from spinbnn.errors import ParameterError, SimulationError

RC = Deck(
    name="rc", text="V1 in 0 1\nR1 in out 1e3\nC1 out 0 1e-9", save=("v(out)",), stop=1e-6, max_step=1e-9
)


def test_numbers_are_rendered_as_repr_of_a_python_float() -> None:
    assert number(np.float64(0.1)) == "0.1"
    assert float(number(1 / 3)) == 1 / 3
    for bad in (float("nan"), float("inf"), "1n", None, True):
        with pytest.raises(ParameterError):
            number(bad)  # type: ignore[arg-type]


def test_numpy_scalars_never_reach_the_text() -> None:
    deck = Deck(
        text="R1 a 0 1k",
        stop=np.float64(1e-6),
        max_step=float(np.float32(1e-9)),
        temperature_c=np.float64(85),
        options={"reltol": np.float64(1e-4)},
        initial={"a": np.float64(-1)},
    )
    assert "np." not in deck.render()
    assert ".options temp=85.0" in deck.render() and ".ic v(a)=-1.0" in deck.render()


def test_render_is_title_body_analysis_end() -> None:
    lines = RC.render().splitlines()
    assert lines[0] == "* rc" and lines[-1] == ".end"
    assert lines[-2] == ".tran 1e-09 1e-06 0 1e-09"
    assert replace(RC, stop=None, max_step=None).render().splitlines()[-2:] == [".op", ".end"]
    sweep = Deck(text="V1 a 0 1\nR1 a 0 1k\n.dc V1 0 1 0.5").render()
    assert ".op\n" not in sweep and sweep.count(".dc") == 1


def test_extra_options_come_last_so_that_they_win() -> None:
    text = replace(RC, options={"method": "gear", "reltol": 1e-4}).render({"method": "trap"})
    assert text.index("method=gear") < text.index("method=trap")
    assert text == replace(RC, options={"method": "gear", "reltol": 1e-4}).render({"method": "trap"})


@pytest.mark.parametrize(
    "changes",
    [
        {"stop": 0.0},
        {"stop": -1e-9},
        {"max_step": None},
        {"stop": None},
        {"max_step": float("nan")},
        {"temperature_c": -300.0},
        {"options": {"reltoll": 1e-3}},
        {"options": {"temp": 27.0}},
        {"options": {"method": "gear rshunt=1"}},
        {"options": {"reltol": float("nan")}},
        {"initial": {"v(out)": 0.0}},
        {"initial": {"out": float("inf")}},
        {"save": ("out",)},
        {"save": "v(out)"},
        {"save": ("v(a,b)",)},
        {"name": "a\n.end"},
    ],
)
def test_bad_fields_are_refused_where_they_are_given(changes: dict[str, object]) -> None:
    with pytest.raises(ParameterError) as caught:
        replace(RC, **changes)  # type: ignore[arg-type]
    assert "deck" in caught.value.where and caught.value.remedy


def test_a_misspelt_option_is_suggested() -> None:
    with pytest.raises(ParameterError, match="unknown option") as caught:
        replace(RC, options={"reltoll": 1e-3})
    assert "did you mean 'reltol'?" in caught.value.remedy


def test_decks_are_frozen_and_travel() -> None:
    with pytest.raises(FrozenInstanceError):
        RC.stop = 1.0  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(RC)) == RC


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (".control\nquit\n.endc", ".control"),
        ("  .CONTROL", ".control"),
        (".end", ".end"),
        (".Endc", ".endc"),
        (".inc models.lib", "absolute"),
        ("\t.INCLUDE models.lib", "absolute"),
        ("V1 a 0 trNoise(1 1n 0 0)", "Python"),
        *((f".{name} x", f".{name}") for name in ("pz", "tf", "sens", "disto", "pss", "sp", "dc", "tran")),
        (".include models.lib", "absolute"),
        (".lib cards.lib tt", "absolute"),
        ("V1 a 0 TRNOISE (1 1n 0 0)", "Python"),
        ("B1 a 0 V=trrandom(2 1 0 1 0)", "Python"),
        (".ac dec 10 1 10", ".ac"),
        (".op", "one analysis"),
        (".noise v(a) v1 dec 1 1 2", ".noise"),
    ],
)
def test_preflight_refuses(text: str, word: str) -> None:
    assert word in preflight(replace(RC, text=RC.text + "\n" + text))


@pytest.mark.parametrize(
    "text",
    [
        "* .control in a comment",
        ".include /opt/pdk/cards.lib",
        '.include "/opt/pdk/cards.lib"',
        ".lib '/opt/pdk/all.lib' tt",
        ".lib tt",
        ".options method=gear",
        ".ends",
        ".model op d",
        ".optional",
    ],
)
def test_preflight_lets_pass(text: str) -> None:
    assert preflight(replace(RC, text=RC.text + "\n" + text)) == ""


def test_benign_messages_are_no_fault() -> None:
    lines = [
        "Note: Starting dynamic gmin stepping",
        "Trying gmin =   1.0000E-03 Note: One successful gmin step",
        "Trying gmin =   1.0000E-12 Note: One successful gmin step",
        "Note: Dynamic gmin stepping completed",
        "",
        "Supplies reduced to   0.1000% Supplies reduced to   0.0000% Warning: source stepping failed",
        "Warning: vset: no DC value, transient time 0 value used",
    ]
    assert fault(lines) == ""
    assert relevant(lines) == ["Warning: vset: no DC value, transient time 0 value used"]


@pytest.mark.parametrize(
    "line",
    [
        "Trying gmin =   1.0000E-03 Warning: singular matrix:  check node x",
        "unrecognized parameter (bogus) - ignored",
        "Warning : IC on non-existent node - zz, ignored",
        "warning, can't find model 'xyz' from line",
        'doAnalyses: TRAN:  Timestep too small; time = 1e-10, timestep = 1e-22: trouble with node "m"',
        "PTerror: syntax error, parsing stopped at",
        "Fatal error: b1: unknown controlling source vno",
    ],
)
def test_messages_of_wrong_answers_are_faults(line: str) -> None:
    assert fault(["Note: something", line])


def test_a_fault_behind_many_warnings_is_quoted_and_judged() -> None:
    lines = [f"Warning: instance m{n}: Pd is less than W" for n in range(30)] + [
        "doAnalyses: TRAN:  Timestep too small"
    ]
    assert "Timestep too small" in explain(lines) and is_numerical(lines)
    assert not is_numerical([*lines, "Warning: singular matrix:  check node x"])


def test_the_ladder_never_touches_the_circuit() -> None:
    cases: list[dict[str, OptionValue]] = [
        {},
        {"method": "gear"},
        {"method": "trap", "reltol": 1e-4},
        {"reltol": 1e-2},
    ]
    for options in cases:
        ladder = rungs(replace(RC, options=options))
        assert ladder[0] == {}
        assert {key for rung in ladder for key in rung} <= {"method", "itl1", "itl4", "reltol"}
        assert all(float(rung.get("reltol", 0.0)) <= 3e-3 for rung in ladder)
        assert len(set(map(str, ladder))) == len(ladder)


def test_climbing_stops_at_a_fault_that_no_numerics_cure() -> None:
    tried = []

    def attempt(text: str) -> str:
        tried.append(text)
        raise SpiceFault("unknown subckt", numerical=False)

    with pytest.raises(SpiceFault) as caught:
        climb(RC, attempt)
    assert (len(tried), caught.value.rung) == (1, 0)


def test_climbing_reports_the_first_fault_and_the_last_rung() -> None:
    faults = iter(range(10))

    def attempt(text: str) -> str:
        raise SpiceFault(f"timestep too small, try {next(faults)}", numerical=True)

    with pytest.raises(SpiceFault, match="try 0") as caught:
        climb(RC, attempt)
    assert caught.value.rung == 3 == len(rungs(RC)) - 1


def full_time() -> dict[str, np.ndarray]:
    return {"time": np.array([0.0, 0.5e-6, 1e-6]), "v(out)": np.array([0.0, 0.4, 0.6]), "i(v1)": np.zeros(3)}


def test_choosing_keeps_the_decks_spelling_and_its_order() -> None:
    chosen = choose(full_time(), replace(RC, save=("i(V1)", "V(OUT)")))
    assert list(chosen) == ["time", "i(V1)", "V(OUT)"]
    assert list(choose(full_time(), replace(RC, save=()))) == ["time", "i(v1)", "v(out)"]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"v(out)": np.array([0.0, np.nan, 1.0])}, "not finite"),
        ({"v(out)": np.zeros(2)}, "unequal"),
        ({"time": np.array([0.0, 1e-7, 0.9e-6])}, "ended at"),
        ({"time": np.zeros(0), "v(out)": np.zeros(0)}, "no points"),
    ],
)
def test_half_answers_are_refused(change: dict[str, np.ndarray], word: str) -> None:
    with pytest.raises(SpiceFault, match=word):
        choose(full_time() | change, RC)


def test_missing_vectors_are_refused() -> None:
    with pytest.raises(SpiceFault, match="nosuch"):
        choose(full_time(), replace(RC, save=("v(nosuch)",)))
    with pytest.raises(SpiceFault, match="time vector"):
        choose({"v(out)": np.zeros(3)}, RC)


def test_require_names_deck_message_and_remedy() -> None:
    for status, word in (("failed", "failed"), ("timeout", "stopped"), ("crashed", "died")):
        with pytest.raises(SimulationError, match=word) as caught:
            SimulationResult(index=4, status=status, name="cell", error="singular matrix").require()
        assert "'cell'" in caught.value.where and "4" in caught.value.where
        assert "singular matrix" in caught.value.what and caught.value.remedy
    with pytest.raises(ParameterError, match="status"):
        SimulationResult(index=0, status="done")


def test_results_travel() -> None:
    result = SimulationResult(index=2, status="ok", name="rc", waveforms=full_time(), rung=1)
    copy = pickle.loads(pickle.dumps(result))
    assert (copy.index, copy.status, copy.rung, copy.ok) == (2, "ok", 1, True)
    assert np.array_equal(copy.waveforms["time"], result.waveforms["time"])


def test_analytic_simulator_answers_and_fails_like_the_others() -> None:
    def response(deck: Deck) -> dict[str, np.ndarray]:
        if deck.parameters["r"] < 0:
            raise SimulationError("no answer for a negative resistance", where="response", remedy="use r > 0")
        time = np.linspace(0.0, deck.stop or 0.0, 101)
        return {"time": time, "v(out)": 1.0 - np.exp(-time / (deck.parameters["r"] * 1e-9))}

    decks = [replace(RC, parameters={"r": r}) for r in (1e3, -1.0, 2e3)]
    with AnalyticSimulator(response) as sim:
        good, bad, other = sim.run(iter(decks))
        [missing] = sim.run(decks[:1], save=("v(nosuch)",))
        with pytest.raises(ParameterError, match="Deck"):
            list(sim.run(["text"]))  # type: ignore[list-item]
    assert (good.index, bad.index, other.index) == (0, 1, 2)
    assert good.require().waveforms["v(out)"][-1] == pytest.approx(1 - np.exp(-1.0))
    assert bad.status == "failed" and "negative resistance" in bad.error
    assert missing.status == "failed" and "nosuch" in missing.error


def test_a_bug_in_a_response_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        list(AnalyticSimulator(lambda deck: {"v(out)": np.zeros(1 // 0)}).run([RC]))
