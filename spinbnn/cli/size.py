"""``spinbnn size``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:  # pragma: no cover
    from ..circuit import Technology, Timing
    from ..circuit.design import ModuleDesign
    from ..device import DeviceParams


@click.command("size")
@click.argument("technology")
@click.argument("device")
@click.option("--driver", type=click.Choice(["voltage", "regulated", "trimmed"]), default="voltage", show_default=True, help="How the SET amplitude is set.")
@click.option("-p", "--target", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.5, show_default=True, help="Drop probability.")
@click.option("--set", "set_time", default="10 ns", show_default=True, help="SET pulse.")
@click.option("--reset", "reset_time", default="5 ns", show_default=True, help="RESET pulse.")
@click.option("--read", "read_time", default="7 ns", show_default=True, help="READ window.")
@click.option("--sense", "sense_time", default="2 ns", show_default=True, help="Time before the end of READ at which the latch is enabled.")
@click.option("--temperature", default="27 degC", show_default=True, help="At which the target holds.")
@click.option("--reset-failure", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.01, show_default=True, help="Largest probability that RESET fails.")
@click.option("--template", help="Design that gives what is not sized  [default: the shipped one of driver and technology].")
@click.option("--check", "checked", metavar="DESIGN", help="Size nothing: measure how this design's reference current has to follow the temperature, and the steps of its DAC.")
@click.option("--draws", type=click.IntRange(0), default=20, show_default=True, help="With --check: draws of the transistors' mismatch for the DAC.")
@click.option("--seed", type=int, default=20261120, show_default=True, help="With --check: seed of the draws.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Design file to write; its stem becomes the name.")
def command(
    technology: str, device: str, driver: str, target: float, set_time: str, reset_time: str, read_time: str, sense_time: str,
    temperature: str, reset_failure: float, template: str | None, checked: str | None, draws: int, seed: int, out: Path | None,
) -> None:  # fmt: skip
    """Size a dropout module for a technology and a device: widths and SET amplitude, with the reason of each step.

    Currents come from the switching model, widths from simulated DC currents, all else from the simulated cycle over corners,
    temperature and supply. What cannot be held ends with an error that says what was tried. The steps are in docs/datasheet.md.
    """
    from .. import files, provenance
    from ..characterize.datasheet import prefixed
    from ..characterize.sizing import size_module, template_of
    from ..characterize.sizing_rules import design_text
    from ..circuit import Technology, Timing
    from ..circuit.design import ModuleDesign
    from ..device import DeviceParams
    from ..tables import Cell, Table
    from ..units import quantity

    times = {"set": set_time, "reset": reset_time, "read": read_time, "sense": sense_time}
    timing = Timing(**{name: quantity(text, "s", where=f"--{name}") for name, text in times.items()})
    chosen = None if template is None else ModuleDesign.load(template)
    tech, params = Technology.load(technology), DeviceParams.load(device)
    if checked is not None:
        if out is not None:
            raise click.UsageError("--check writes no design: leave out --out")
        _check(ModuleDesign.load(checked), tech, params, timing, target, draws, seed)
        return
    found = size_module(tech, params, driver=driver, target=target, timing=timing, temperature=quantity(temperature, "K", where="--temperature"), reset_failure=reset_failure, template=chosen)
    rows: list[list[Cell]] = []
    for step in found.steps:
        scale, unit = prefixed(step.unit, abs(step.value))
        rows.append([step.what, f"{step.value / scale:.4g}", unit, step.why])
    click.echo(Table(f"{driver} dropout module in {tech.name} for {params.name}, p = {target:g}", ["quantity", "value", "unit", "why"], rows).to_markdown())
    kept = ("p_drop", "p_reset_fail", "current_set", "margin_0", "margin_1", "latency_cycle")
    cells: list[list[Cell]] = [[where, f"{m['p_drop']:.4f}", f"{m['p_reset_fail']:.4f}", *(f"{m[k] * s:.4g}" for k, s in zip(kept[2:], (1e6, 1e3, 1e3, 1e9), strict=True))] for where, m in found.measured.items()]
    click.echo("\n" + Table("The cycle at this amplitude", ["condition", "p_drop", "RESET failure", "SET current [uA]", "margin 0 [mV]", "margin 1 [mV]", "cycle [ns]"], cells).to_markdown())
    if out is not None:
        start = chosen or template_of(driver, tech.name)
        design = replace(found.design, name=out.stem)
        description = f"Dropout module sized by spinbnn size: {driver}, {tech.name}, {params.name}, p = {target:g} in {timing.set * 1e9:g} ns"
        files.write_text(out, design_text(design, found.reasons, start, description=description, command=provenance.command()))
        click.echo(f"\nwritten: {out}")



def _check(design: ModuleDesign, technology: Technology, params: DeviceParams, timing: Timing, target: float, draws: int, seed: int) -> None:
    """Print the temperature law and the DAC of a design."""
    from ..characterize.design_check import KELVINS, bench_of, dac_linearity, design_report, temperature_law
    from ..circuit import NgspiceShared
    from ..tables import Table

    bench = bench_of(design, technology=technology, params=params, timing=timing)
    with NgspiceShared(workers=1) as engine:
        law = temperature_law(bench, engine, target=target, kelvins=KELVINS)
        linearity = dac_linearity(bench, engine, draws=draws, seed=seed) if design.driver == "trimmed" else None
    click.echo("\n\n".join(Table(head, columns, rows).to_markdown() for head, columns, rows in design_report(bench, law, linearity)))
