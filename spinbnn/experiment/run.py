"""Run an experiment: characterise, build the profile, train, predict, cost, report; every stage resumable."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import files, provenance
from ..bayes.task import EXACT_LIMIT
from ..characterize import Flow, LookupTable, run_flow
from ..circuit import DropoutModuleBench
from ..data import ImageData
from ..data import load as load_data
from ..errors import CoverageError, ParameterError, suggest
from ..hardware import HardwareProfile
from ..nn import describe, dropout_layers
from ..tables import Table
from ..training import load_model
from ..training.loop import check_options, point_accuracy
from .costing import run_cost
from .folder import RunFolder
from .predicting import run_prediction
from .reporting import result_tables, write_experiment_report
from .spec import Experiment
from .training import WEIGHTS, Bars, Pieces, network, train_options, train_stage


def no_bars(label: str) -> AbstractContextManager[Callable[..., None]]:
    """Show nothing."""
    return nullcontext(lambda *_: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run gives: its folder, its results as plain data, its tables and its report."""

    folder: Path
    results: dict[str, Any]
    tables: list[Table]
    report: Path


def run_experiment(experiment: Experiment, out: str | Path, *, workers: int = 1, bars: Bars = no_bars) -> RunResult:
    """Run an experiment in a folder; stages that are done with the same inputs are read, not run.

    Parameters
    ----------
    experiment : Experiment
        A parsed experiment file.
    out : str or Path
        Run folder. It ends up holding ``experiment.json`` (resolved configuration and seed), ``log.txt``, ``table.h5``
        (where a flow was run), ``profile.h5``, ``weights.safetensors``, ``stages/``, ``tables/`` and ``report.html``.
    workers : int
        Simulator processes.
    bars : callable
        ``bars(label)`` gives a context that yields ``step(done, total, text="")``.

    Raises
    ------
    SpinbnnError
        Any error of the stages; what is finished stays finished.
    """
    data = _data(experiment)
    layers = _check(experiment, data)
    _enumerable(experiment)
    folder = _open(experiment, out, "run")
    table, flow, profile, chip_keys = _chips(experiment, folder, layers, workers, bars)
    waves = _waveforms(experiment, folder, flow, profile, chip_keys)
    trained, train_key = train_stage(experiment, folder, data, profile, bars, Pieces())
    predicted, _ = _predict(experiment, folder, data, profile, [train_key, *chip_keys], bars)
    plan = describe(load_model(folder.path / WEIGHTS))
    cost, _ = folder.stage("cost", [train_key, *chip_keys, dataclasses.asdict(experiment.cost)], lambda: run_cost(plan, profile, experiment.cost.samples))
    results = {"training": trained, "prediction": predicted, "cost": cost, "profile": _profile_facts(profile)}
    tables = result_tables(experiment, table, results)
    for name, made in tables.items():
        files.write_text(folder.path / "tables" / f"{name}.md", made.to_markdown() + "\n")
        files.write_text(folder.path / "tables" / f"{name}.csv", made.to_csv())
        files.write_text(folder.path / "tables" / f"{name}.tex", made.to_latex() + "\n")
    files.write_json(folder.path / "results.json", results)
    report = write_experiment_report(folder.path, experiment, table, profile, results, tables, waves)
    folder.log(f"report: {report.name}")
    return RunResult(folder=folder.path, results=results, tables=list(tables.values()), report=report)


def train_experiment(experiment: Experiment, out: str | Path, *, workers: int = 1, bars: Bars = no_bars, pieces: Pieces | None = None) -> dict[str, Any]:
    """Do the stages of an experiment up to the training, in pieces if asked for, and count the right test images.

    The folder is one of :func:`run_experiment`, which goes on from there.

    Parameters
    ----------
    experiment, out, workers, bars
        As of :func:`run_experiment`.
    pieces : Pieces or None
        Device, checkpoints and time limit of the training; None: the CPU, no limit.

    Returns
    -------
    dict
        ``history``, ``seconds`` and ``note`` of the training, what it was trained on, ``test_accuracy`` of the point
        network (every scale kept), and ``weights``, the path of the weights file.

    Raises
    ------
    Paused
        If the training stopped after its time; the same call continues.
    SpinbnnError
        Any error of the stages.
    """
    pieces = pieces or Pieces()
    data = _data(experiment)
    layers = _check(experiment, data)
    folder = _open(experiment, out, "train")
    _, _, profile, _ = _chips(experiment, folder, layers, workers, bars)
    trained, key = train_stage(experiment, folder, data, profile, bars, pieces)

    def test() -> dict[str, Any]:
        model = load_model(folder.path / WEIGHTS).to(pieces.device or "cpu")
        return {"test_accuracy": point_accuracy(model, data.test_images, data.test_labels), "test_images": len(data.test_labels)}

    tested, _ = folder.stage("test", [key, data.sha256], test)
    return {**trained, **tested, "weights": folder.path / WEIGHTS}


def _open(experiment: Experiment, out: str | Path, verb: str) -> RunFolder:
    """Return the run folder with the configuration in it and without the results of another run."""
    folder = RunFolder(Path(out))
    folder.log(f"{verb} {experiment.name}: {provenance.command()}")
    for stale in ("report.html", "results.json"):
        (folder.path / stale).unlink(missing_ok=True)
    files.write_json(folder.path / "experiment.json", {"experiment": experiment.to_dict(), "provenance": provenance.record(experiment.seed)})
    return folder


def _chips(experiment: Experiment, folder: RunFolder, layers: int, workers: int, bars: Bars) -> tuple[LookupTable, Flow | None, HardwareProfile, list[Any]]:
    """Characterise and build the profile; return the table, its flow, the profile and the keys of both."""
    table, flow, table_key = _characterize(experiment, folder, workers, bars)
    profile = _profile(experiment, table, layers)
    profile.save(folder.path / "profile.h5")
    return table, flow, profile, [table_key, dataclasses.asdict(experiment.profile)]


def _enumerable(experiment: Experiment) -> None:
    """Refuse, before anything is run, a network whose masks the prediction stage cannot enumerate."""
    dropout = dropout_layers(network(experiment))
    bits = sum(layer.bits for layer in dropout)
    if any(layer.mode == "random" for layer in dropout):
        raise ParameterError(
            "the prediction stage enumerates masks, and random scales are no function of a mask", where="model.mode", value="random",
            remedy='mode = "unitary" or "average"; spinbnn train does the stages up to the training, and spinbnn evaluate samples',
        )  # fmt: skip
    if bits > EXACT_LIMIT:
        raise ParameterError(
            f"the prediction stage enumerates all masks, which are 2^{bits} here", where="model", value=experiment.model.name,
            remedy=f"at most {EXACT_LIMIT} mask bits; spinbnn train does the stages up to the training, and spinbnn evaluate samples",
        )  # fmt: skip


def _characterize(experiment: Experiment, folder: RunFolder, workers: int, bars: Bars) -> tuple[LookupTable, Flow | None, str]:
    spec = experiment.characterize
    if spec.table:
        table = LookupTable.open(spec.table)
        folder.log(f"characterize: opened {spec.table}")
        return table, None, table.content_hash
    flow = Flow.load(spec.flow).with_axes(**spec.axes)
    _covered(experiment, flow)
    target = folder.path / "table.h5"
    if target.exists() and LookupTable.open(target).attributes.get("flow_hash") != flow.content_hash:
        folder.log("characterize: the flow has changed; the old table is replaced")
        target.unlink()
    journal = target.with_name(target.name + ".journal")
    if journal.exists() and flow.content_hash not in journal.read_text(encoding="utf-8").split("\n", 1)[0]:
        journal.unlink()
    with bars("characterise") as step:
        # a profile needs every sample: those that failed in a former run are tried again
        table = run_flow(flow, workers=workers, out=target, progress=step, retry_failed=True)
    folder.log(f"characterize: simulated {table.attributes['simulated']}, resumed {table.attributes['resumed']}")
    return table, flow, table.content_hash


def _covered(experiment: Experiment, flow: Flow) -> None:
    """Refuse a flow of another bench, or a profile whose temperature or corner the flow does not measure, before it is run."""
    if not isinstance(flow.bench, DropoutModuleBench):
        raise ParameterError("a profile is made of a characterisation of the dropout module", where="characterize.flow", value=experiment.characterize.flow, remedy=f"name a flow with the bench {DropoutModuleBench.name!r}, not {flow.bench.name!r}")
    axes, spec = {axis.name: axis.values for axis in flow.grid.axes}, experiment.profile
    _voltage_mode(axes, f"characterize.flow ({experiment.characterize.flow})")
    kelvin = [float(v) for v in axes.get("temperature", ())]
    if kelvin and not min(kelvin) - 1e-6 <= spec.temperature <= max(kelvin) + 1e-6:
        raise CoverageError("the flow does not cover the profile's temperature", where="profile.temperature [K]", value=spec.temperature, remedy=f"stay in {min(kelvin):g} to {max(kelvin):g} K, or widen characterize.axes.temperature")
    if "corner" in axes and spec.corner not in axes["corner"]:
        raise CoverageError("the flow does not measure the profile's corner", where="profile.corner", value=spec.corner, remedy=suggest(spec.corner, [str(v) for v in axes["corner"]]))


def _check(experiment: Experiment, data: ImageData) -> int:
    """Build what can be built before the long stages, so that a wrong option stops the run now; return the dropout layers."""
    spec = experiment.profile
    model = network(experiment)
    layers = len(dropout_layers(model))
    HardwareProfile(targets=_targets(spec.drop_probability, layers), modules=spec.modules, trim=spec.trim, dac_step=spec.dac_step, array=spec.array, array_rows=spec.array_rows, strategy=spec.strategy)
    check_options(model, data, **train_options(experiment))
    return layers


def _targets(drop_probability: float | tuple[float, ...], layers: int) -> tuple[float, ...]:
    if not isinstance(drop_probability, tuple):
        return (drop_probability,) * layers
    if len(drop_probability) != layers:
        raise ParameterError(f"the network has {layers} dropout layers", where="profile.drop_probability", value=list(drop_probability), remedy="give one number, or one for each layer")
    return drop_probability


def _voltage_mode(axes: Mapping[str, Any], where: str) -> None:
    """Refuse a characterisation over currents or codes: steps, figures and tables of an experiment are in volts."""
    if "set_voltage" not in axes:
        raise ParameterError("an experiment takes a module whose SET amplitude is a voltage", where=where, value=sorted(axes), remedy="name a flow over set_voltage; a table over set_current or code goes into HardwareProfile.build, and its profile into to_hardware")


def _profile(experiment: Experiment, table: LookupTable, layers: int) -> HardwareProfile:
    spec = experiment.profile
    _voltage_mode(table.axes, "characterize.table")
    return HardwareProfile.build(
        table, layers=layers, drop_probability=spec.drop_probability, modules=spec.modules, temperature=spec.temperature,
        corner=spec.corner, trim=spec.trim, dac_step=spec.dac_step, array=spec.array,
    ).with_mapping(rows=spec.array_rows, strategy=spec.strategy)  # fmt: skip


def _data(experiment: Experiment) -> ImageData:
    data = load_data(experiment.data.name)
    if experiment.data.test:
        data = data.subset(test=experiment.data.test)
    return data.with_validation(experiment.data.validation, seed=experiment.seed) if experiment.data.validation else data


def _waveforms(experiment: Experiment, folder: RunFolder, flow: Flow | None, profile: HardwareProfile, keys: list[Any]) -> dict[str, np.ndarray] | None:
    """Simulate the nominal module at its nominal code and keep the waveforms; nothing where a table was given."""
    if flow is None or profile.module is None or not isinstance(flow.bench, DropoutModuleBench):
        return None
    target = folder.path / "waveforms.npz"
    bench, module = flow.bench, profile.module
    volts = module.nominal_amplitude(profile.targets[0], experiment.profile.temperature)

    def work() -> dict[str, Any]:
        from ..circuit import NgspiceShared

        sample = bench.nominal(set_voltage=volts, temperature=experiment.profile.temperature, corner=experiment.profile.corner)
        with NgspiceShared(workers=1) as engine:
            result = next(iter(engine.run([bench.deck(sample)]))).require()
        _save_arrays(target, result.waveforms)
        return {"set_voltage": volts, "measures": {k: (None if np.isnan(v) else v) for k, v in bench.measure(result, sample).items()}}

    folder.stage("waveforms", keys, work, needs=("waveforms.npz",))
    with np.load(target) as stored:
        return {name: stored[name] for name in stored.files}


def _predict(experiment: Experiment, folder: RunFolder, data: ImageData, profile: HardwareProfile, keys: list[Any], bars: Bars) -> tuple[dict[str, Any], str]:
    def work() -> dict[str, Any]:
        model = load_model(folder.path / WEIGHTS)
        with bars("predict") as step:
            results, arrays = run_prediction(model, data, profile, experiment.prediction, experiment.seed, step)
        _save_arrays(folder.path / "prediction.npz", arrays)
        return json.loads(json.dumps(results))

    return folder.stage("predict", [data.sha256, keys, dataclasses.asdict(experiment.data), dataclasses.asdict(experiment.prediction), experiment.seed], work, needs=("prediction.npz",))


def _profile_facts(profile: HardwareProfile) -> dict[str, Any]:
    """Return the spread of the drop probability over the characterised modules, trimmed and untrimmed."""
    facts: dict[str, Any] = {"id": profile.id, "modules": profile.modules, "targets": list(profile.targets), "excluded_draws": profile.excluded_draws}
    facts["unreadable_modules"] = profile.unreadable_modules
    for trim in ("none", "per_module"):
        p = profile.module_drop_probabilities(trim=trim)[:, 0]
        facts["count"] = len(p)
        facts[trim] = {"mean": float(p.mean()), "std": float(p.std(ddof=1)), "q05": float(np.quantile(p, 0.05)), "q95": float(np.quantile(p, 0.95))}
    return facts


def _save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    named: dict[str, Any] = dict(arrays)
    with files.atomic_path(path) as beside:
        np.savez_compressed(beside, **named)
