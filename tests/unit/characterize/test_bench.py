"""The registry of benches, and what a flow file is told when a key or an axis is of another bench."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spinbnn import provenance
from spinbnn.characterize import Flow
from spinbnn.characterize.bench import Bench, bench_class, benches
from spinbnn.characterize.engines import ENGINES
from spinbnn.circuit import DropoutModuleBench
from spinbnn.errors import ParameterError

Load = Callable[..., Flow]


def test_the_registry_names_every_bench() -> None:
    found = benches()
    assert {"dropout_module", "macrospin"} <= set(found) and found["dropout_module"] is DropoutModuleBench
    found.clear()
    assert benches(), "the registry itself cannot be changed by its reader"
    for name, bench in benches().items():
        assert bench_class(name) is bench and bench.name == name
    for wrong in ("dropout", 5, ["dropout_module"]):
        with pytest.raises(ParameterError, match="unknown bench") as caught:
            bench_class(wrong)  # type: ignore[arg-type]
        assert "dropout_module" in caught.value.remedy


@pytest.mark.parametrize("bench", benches().values(), ids=benches())
def test_what_a_bench_says_of_itself_holds_together(bench: type[Bench]) -> None:
    assert set(bench.required_axes) <= set(bench.axes)
    for name, example in bench.required_axes.items():
        assert example.startswith(f"{name} = {{ ")
    assert bench.engine in ENGINES
    assert len(provenance.source_hash(*bench.sources)) == 64, "every source exists"
    assert not {"schema", "name", "description", "bench", "seed", "axes", "measures", "limits"} & set(bench.flow_keys)
    assert all(unit and description for unit, description in bench.measures.values())


def test_the_shipped_flows_fill_the_protocol() -> None:
    for name in ("dropout_module", "macrospin_pmtj40"):
        flow = Flow.load(name)
        bench = flow.bench
        assert json.loads(json.dumps(bench.identity(), allow_nan=False)) == bench.identity()
        assert bench.identity()["bench"] == bench.name
        json.dumps([bench.attributes(), bench.notes()])
        sample = next(flow.samples())
        assert bench.deck(sample) == bench.deck(sample)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seed = 5", "seed = 5\ntrials = 100", ["key", "'trials'", "bench 'dropout_module' takes no such key", "bench 'macrospin'", "Known: area, axes"]),
        ("seed = 5", "seed = 5\nfield = '30 mT'", ["'field'", "bench 'macrospin'"]),
        ("[axes]", "[timing]\nstep = '1 ps'\n[axes]", ["timing", "'step'", "Known:"]),
        ("draw = { count = 4 }", 'pulse = { values = ["1 ns"] }', ["axes", "'pulse'", "bench 'dropout_module' takes no such axis", "bench 'macrospin'"]),
        ('technology = "cmos40lp"', "", ["a key is missing", "'technology'", "bench 'dropout_module' needs 'technology'"]),
        ('device = "seed_eq23"', "", ["a key is missing", "'device'"]),
        ('bench = "dropout_module"', "", ["a key is missing", "'bench'"]),
        ('set_voltage = { values = ["0.9 V", "1.0 V", "1.1 V"] }', "", ["'set_voltage' is missing", "bench 'dropout_module' needs it", "start ="]),
    ],
)
def test_a_key_or_an_axis_of_another_bench(load: Load, old: str, new: str, words: list[str]) -> None:
    with pytest.raises(ParameterError) as caught:
        load(old, new)
    message = str(caught.value)
    assert "small.toml" in caught.value.where and all(word in message for word in words), message


def test_a_flow_hands_its_draw_to_the_bench(load: Load) -> None:
    """Seed and number of the draw reach the sample, and no mismatch where the switch is off."""
    seen: list[dict[str, Any]] = []
    flow = load()
    kind = type(flow.bench)

    class Spy(kind):  # type: ignore[misc, valid-type]
        def sample(self, point: Any, **given: Any) -> Any:
            seen.append({"point": dict(point), **given})
            return super().sample(point, **given)

    spy = dataclasses.replace(flow, bench=Spy(technology=flow.bench.technology, params=flow.bench.params))  # type: ignore[attr-defined]
    list(spy.samples())
    assert [s["mismatch"] for s in seen] == [0, 1, 2, 3] * 3 and {s["seed"] for s in seen} == {5}
    assert seen[4]["point"] == {"set_voltage": 1.0, "draw": 0}
    seen.clear()
    list(dataclasses.replace(spy, vary_mismatch=False).samples())
    assert {s["mismatch"] for s in seen} == {None}


def test_an_experiment_refuses_a_flow_of_another_bench_before_it_runs(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from spinbnn.experiment import Experiment, run_experiment

    quick = Experiment.load("quickstart")
    wrong = dataclasses.replace(quick, characterize=dataclasses.replace(quick.characterize, flow="macrospin_pmtj40", axes={}))
    with pytest.raises(ParameterError, match="characterisation of the dropout module") as caught:
        run_experiment(wrong, tmp_path / "run")
    assert "characterize.flow" in caught.value.where and "'macrospin'" in caught.value.remedy
    assert not list((tmp_path / "run").glob("table.h5*"))
