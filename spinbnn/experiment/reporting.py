"""The tables and the report of an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import files
from ..characterize import LookupTable
from ..hardware import HardwareProfile
from ..report import Section, Tile, figures, write_report
from ..tables import Cell, Column, Table
from ..units import format_si
from .predicting import TRIMS
from .spec import Experiment

MODULE_MEASURES = ("p_drop", "p_reset_fail", "correlation", "current_set", "current_reset", "energy_set", "energy_reset", "energy_read", "energy_cycle", "latency_cycle", "read_ok")
CITATIONS = (
    "S. T. Ahmed et al., Scale-Dropout: Estimating Uncertainty in Deep Neural Networks Using Stochastic Scale, arXiv:2311.15816.",
    "K.-S. Lee et al., Thermally activated switching of perpendicular magnet by spin-orbit spin torque, Appl. Phys. Lett. 104, 072413 (2014).",
    "M. J. M. Pelgrom, A. C. J. Duinmaijer, A. P. G. Welbers, Matching properties of MOS transistors, IEEE JSSC 24, 1433 (1989).",
    "ngspice 39 or later (ngspice.sourceforge.io), driven through PySpice (F. Salvaire).",
)


def result_tables(experiment: Experiment, table: LookupTable, results: dict[str, Any]) -> dict[str, Table]:
    """Return every table of the run by name."""
    return {
        "summary": _summary_table(results),
        "prediction": _prediction_table(experiment, results["prediction"]),
        "uncertainty": _uncertainty_table(results["prediction"]),
        "cost": _cost_table(results["cost"]),
        "module": _module_table(experiment, table),
        "spread": _spread_table(results["profile"]),
        "chips": _chips_table(results["prediction"]),
    }


def _summary_table(results: dict[str, Any]) -> Table:
    prediction, cost, profile = results["prediction"], results["cost"], results["profile"]
    rows: list[list[Cell]] = []
    for name, values in prediction["methods"].items():
        rows.append([f"accuracy, {name}", f"{100 * values['accuracy']:.2f} ± {_half_width(values['accuracy'], prediction['images']):.2f} %", f"ECE {100 * values['ece']:.2f} %, NLL {values['nll']:.3f} nat"])
    for group in prediction["groups"]:
        against = "" if group["auroc_entropy"] is None else f", AUROC {group['auroc_entropy']:.3f}"
        rows.append([f"predictive entropy, {group['group']}", f"{group['entropy']:.3f} nat", f"mutual information {group['mutual_information']:.4f} nat{against}"])
    for row in cost["rows"]:
        if row["components"].startswith("published"):
            rows.append([f"energy, {row['label']}, accounting '{row['accounting']}'", _energy_text(row), "published component figures"])
    trimmed, untrimmed = profile["per_module"], profile["none"]
    for label, spread in (("code trimmed for each module", trimmed), ("one code for all modules", untrimmed)):
        rows.append([f"drop probability, {label}", f"{spread['mean']:.3f} ± {spread['std']:.3f}", f"mean and standard deviation over {profile['count']} modules"])
    note = "Accuracies with half the width of their 95 % binomial interval; one training seed."
    return Table("Summary", ["quantity", "value", "beside it"], rows, note=note)


def _or_unknown(count: int | None) -> str:
    return "not measured" if count is None else str(count)


def _half_width(share: float, count: int) -> float:
    """Return half the 95 % interval of a share, in percent (normal approximation of the binomial)."""
    return float(100 * 1.96 * np.sqrt(max(share * (1 - share), 0.25 / count) / count))


def _prediction_table(experiment: Experiment, prediction: dict[str, Any]) -> Table:
    heads: list[Column | str] = ["method", Column("accuracy", "%"), Column("NLL", "nat", 3), Column("Brier", "", 3), Column("ECE", "%", 3)]
    rows = [[name, 100 * s["accuracy"], s["nll"], s["brier"], 100 * s["ece"]] for name, s in prediction["methods"].items()]
    model = experiment.model
    note = f"{prediction['images']} test images of {experiment.data.name}; {model.name}, first layer {model.first}, last layer {model.last}, placement {model.placement}; seed {experiment.seed}."
    return Table("Prediction", heads, rows, note=note)


def _uncertainty_table(prediction: dict[str, Any]) -> Table:
    heads: list[Column | str] = ["images", "number", Column("predictive entropy", "nat", 3), Column("mutual information", "nat", 3), Column("AUROC against the test images", "", 3)]
    rows = [[g["group"], g["images"], g["entropy"], g["mutual_information"], "" if g["auroc_entropy"] is None else f"{g['auroc_entropy']:.3f}"] for g in prediction["groups"]]
    return Table("Uncertainty in and out of distribution (exact mixture)", heads, rows, note="AUROC of the predictive entropy; 0.5 is chance.")


def _energy_text(row: dict[str, Any], digits: int = 6) -> str:
    """Return the energy of a cost row, "at least" where blocks have no figure, "?" where none has one."""
    return _at_least(row["energy"], row["complete"], "J", digits)


def _at_least(value: float | None, complete: bool, unit: str, digits: int = 6) -> str:
    if value is None:
        return "?"
    shown = f"{1e12 * value:.4g} µm²" if unit == "m^2" else format_si(value, unit, digits)
    return ("" if complete else "at least ") + shown


def _cost_table(cost: dict[str, Any]) -> Table:
    heads: list[Column | str] = [
        "schedule", "component figures", "accounting", Column("array reads", "", 5), Column("dropout draws", "", 5),
        "energy of one answer", "latency", "area", "blocks without an energy",
    ]  # fmt: skip
    rows = [
        [
            r["label"], r["components"], r["accounting"], r["reads"], r["draws"], _energy_text(r), _at_least(r["latency"], r["latency_complete"], "s"),
            _at_least(r["area"], r["area_complete"], "m^2"), ", ".join(r["without_figure"]) or "none",
        ]
        for r in cost["rows"]
    ]  # fmt: skip
    note = (
        f"{cost['network']}, first layer {cost['first']}, last layer {cost['last']}, placement {cost['placement']}. Accounting 'paper' charges every block for every read, 'block' each block as often as it works. "
        "A block without a figure is never counted as 0. Latency: one operation after another."
    )
    return Table("Energy", heads, rows, note=note)


def _module_table(experiment: Experiment, table: LookupTable) -> Table:
    """Return medians and 5-95 % over the draws at the SET voltage whose median p_drop is nearest the target."""
    spec = experiment.profile
    point: dict[str, Any] = {}
    if "temperature" in table.axes:
        point["temperature"] = spec.temperature
    if "corner" in table.axes:
        point["corner"] = spec.corner
    target = spec.drop_probability if isinstance(spec.drop_probability, float | int) else spec.drop_probability[0]
    axis = table.axes["set_voltage"]
    medians = np.array([np.nanmedian(np.atleast_1d(table.at("p_drop", set_voltage=float(v), allow_failed=True, **point))) for v in axis])
    volts = float(axis[int(np.argmin(np.abs(medians - target)))])
    rows: list[list[Cell]] = []
    for name in MODULE_MEASURES:
        if name in table.measures:
            values = np.atleast_1d(table.at(name, set_voltage=volts, allow_failed=True, **point))
            good = values[np.isfinite(values)]
            unit = "" if table.units(name) == "1" else table.units(name)
            shown = [format_si(float(q), unit) for q in np.quantile(good, [0.05, 0.5, 0.95])] if good.size else ["?"] * 3
            rows.append([name, *shown, table.measures[name].description])
    note = f"SET rail {volts:g} V, the table's voltage nearest a median drop probability of {target:g}; 5 %, median and 95 % over the draws."
    return Table("Dropout module, characterised in ngspice", ["measure", "5 %", "median", "95 %", "meaning"], rows, note=note)


def _spread_table(profile: dict[str, Any]) -> Table:
    names = {"none": "one code for all modules", "per_module": "code trimmed for each module"}
    rows = [[names[k], profile[k]["mean"], profile[k]["std"], profile[k]["q05"], profile[k]["q95"]] for k in names]
    heads: list[Column | str] = ["SET code", Column("mean", "", 3), Column("standard deviation", "", 3), Column("5 %", "", 3), Column("95 %", "", 3)]
    note = (
        "Trimming presumes that the drop probability of each module was measured without error. The paper's 3 to 10 % presume a trimmed module; "
        f"untrimmed, device and transistor spread push p towards 0 and 1. Modules that read wrongly: {_or_unknown(profile['unreadable_modules'])}."
    )
    return Table(f"Drop probability of {profile['count']} characterised modules, target {profile['targets'][0]:g}", heads, rows, note=note)


def _chips_table(prediction: dict[str, Any]) -> Table:
    heads: list[Column | str] = ["SET code", "chip", Column("drop probability", "", 3), Column("accuracy", "%"), Column("NLL", "nat", 3), Column("ECE", "%", 3)]
    rows = [[c["code"], c["chip"], c["drop_probability"], 100 * c["accuracy"], c["nll"], 100 * c["ece"]] for c in prediction["chips"]]
    return Table("Chips: exact mixture with the chip's own mask weights", heads, rows, note="Drop probability of the first layer.")


def write_experiment_report(
    folder: Path, experiment: Experiment, table: LookupTable, profile: HardwareProfile, results: dict[str, Any],
    tables: dict[str, Table], waves: dict[str, np.ndarray] | None,
) -> Path:  # fmt: skip
    """Write ``report.html`` into the run folder and return its path."""
    with np.load(folder / "prediction.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    prediction, cost = results["prediction"], results["cost"]
    exact = prediction["methods"]["exact mixture"]
    noise = prediction["groups"][-1]
    tiles = [
        Tile(label="accuracy, exact mixture", value=f"{100 * exact['accuracy']:.1f} %", note=f"± {_half_width(exact['accuracy'], prediction['images']):.1f} (95 %), {prediction['images']} test images"),
        Tile(label="calibration error (ECE)", value=f"{100 * exact['ece']:.1f} %", note=f"15 bins; point network {100 * prediction['methods']['point network']['ece']:.1f} %"),
        Tile(label="AUROC, noise images", value=f"{noise['auroc_entropy']:.3f}", note="by predictive entropy"),
        Tile(label="energy, published figures", value=_energy_text(cost["rows"][0], digits=4).replace("at least", "≥"), note=f"{cost['rows'][0]['label']}, accounting '{cost['rows'][0]['accounting']}'"),
    ]
    sections = [
        _module_section(experiment, table, profile, tables, waves),
        _chip_section(profile, results, tables, arrays),
        Section(
            title="Training",
            text=(
                f"`{experiment.model.name}` on {results['training']['data']} ({results['training']['data_source']}), {results['training']['train_images']} training images, "
                f"{experiment.training.epochs} epochs"
                + (", drop probabilities drawn from the characterised spread in every mini-batch." if experiment.training.with_profile else ".")
                + (f"\n\n{results['training']['note']}" if results["training"]["note"] else "")
            ),
            figures=[figures.training(results["training"]["history"])],
        ),
        Section(
            title="Prediction and uncertainty",
            text="The exact mixture runs over all masks and weights them with their probabilities; no sampling noise is left in it.",
            figures=[
                figures.reliability(arrays["reliability_confidence"], arrays["reliability_accuracy"], arrays["reliability_count"], exact["ece"], "exact mixture"),
                figures.uncertainty({g["group"]: arrays[f"entropy_{k}"] for k, g in enumerate(prediction["groups"])}, maximum=float(np.log(prediction["classes"]))),
                _rotation_figure(prediction["rotation"]),
            ],
            tables=[tables["prediction"], tables["uncertainty"]],
        ),
        Section(
            title="Energy of one answer",
            text="Published component figures reproduce the paper's accounting; our own figures cover what has been characterised so far, the rest stays unknown.",
            figures=[figures.energy_bars([(f"{r['label']}, {r['components']}, {r['accounting']}", r["by_block"]) for r in cost["rows"]])],
            tables=[tables["cost"]],
        ),
    ]
    provenance = {k: v for k, v in table.attributes.items() if k not in ("notes", "simulated", "resumed")}
    provenance |= {"experiment": experiment.name, "seed": experiment.seed, "data sha256": results["training"]["data_sha256"], "configuration hash": files.content_hash(experiment.to_dict())}
    return write_report(
        folder / "report.html", title=f"spinbnn: {experiment.name}", subtitle=experiment.description, tiles=tiles, summary=tables["summary"], sections=sections,
        provenance=provenance, notes=list(table.attributes.get("notes", [])), citations=list(CITATIONS),
        data={"experiment": experiment.to_dict(), "results": results},
    )  # fmt: skip


def _module_section(experiment: Experiment, table: LookupTable, profile: HardwareProfile, tables: dict[str, Table], waves: dict[str, np.ndarray] | None) -> Section:
    module = profile.module
    drawn = []
    if module is not None:
        temperature = experiment.profile.temperature
        nominal = module.nominal_amplitude(profile.targets[0], temperature)
        measured = table.axes["set_voltage"]
        axis = np.linspace(float(measured[0]), float(measured[-1]), 8 * (len(measured) - 1) + 1)
        drawn.append(figures.drop_probability(axis, module.drop_probability(axis, temperature), target=profile.targets[0], nominal_voltage=nominal))
    if waves is not None:
        from ..circuit.dropout_bench import TRACK

        timing = _timing(experiment)
        first, second = timing.read_at
        phases = [("RESET", timing.reset_at, timing.reset_at + timing.reset), ("SET", timing.set_at, timing.set_at + timing.set),
                  ("READ 0", first, first + timing.read), ("READ 1", second, second + timing.read)]  # fmt: skip
        traces = {
            "track current": (waves[TRACK], "A"),
            "P(1), from state 0": (waves["v(p0)"], "1"), "P(1), from state 1": (waves["v(p1)"], "1"),
            "data node": (waves["v(rd)"], "V"), "reference": (waves["v(rf)"], "V"),
            "decision op": (waves["v(op)"], "V"), "decision on": (waves["v(on)"], "V"),
        }  # fmt: skip
        panels = [["track current"], ["P(1), from state 0", "P(1), from state 1"], ["data node", "reference"], ["decision op", "decision on"]]
        drawn.append(figures.waveforms(waves["time"], traces, phases, panels=panels))
    failed = int(np.sum(table.status > 0))
    text = (
        f"Four transistors drive the track of one SOT-MTJ. {table.status.size} samples were simulated, {failed} of them failed. "
        "Each run integrates the two-state master equation beside the driver's waveform, once from each state; nothing in it is random.\n\n"
        "Bit 1 (SET took place) means drop. The SET amplitude is the rail voltage of the SET leg."
    )
    return Section(title="The dropout module", text=text, figures=drawn, tables=[tables["module"]])


def _timing(experiment: Experiment) -> Any:
    from ..characterize import Flow
    from ..circuit import DropoutModuleBench

    bench = Flow.load(experiment.characterize.flow).bench
    assert isinstance(bench, DropoutModuleBench), "the run refuses other benches"
    return bench.timing


def _chip_section(profile: HardwareProfile, results: dict[str, Any], tables: dict[str, Table], arrays: dict[str, np.ndarray]) -> Section:
    arrangement = "One module serves all layers in turn, so that all layers share its deviation." if profile.modules == "shared" else "Every layer has a module of its own."
    drawn = figures.chips({label: arrays[f"chips_{trim}"] for trim, label in TRIMS.items()}, np.asarray(profile.targets))
    return Section(title="Chips", text=arrangement, figures=[drawn], tables=[tables["spread"], tables["chips"]])


def _rotation_figure(rows: list[dict[str, float]]) -> Any:
    columns = {k: np.array([r[k] for r in rows]) for k in ("degrees", "accuracy", "entropy", "mutual_information")}
    return figures.rotation(columns["degrees"], columns["accuracy"], columns["entropy"], columns["mutual_information"])
