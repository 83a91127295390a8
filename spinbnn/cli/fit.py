"""``spinbnn fit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import DataError, ParameterError, SpinbnnError
from ..units import quantity

if TYPE_CHECKING:
    from ..device.fitting import ModelComparison, PopulationFit, SwitchingData, SwitchingFit

MODELS = ("exact", "seed", "printed", "two_rate", "two_rate_field", "logistic")


@click.command("fit")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", type=click.Choice(MODELS), default="exact", show_default=True, help="Law; docs/fitting.md has them all.")
@click.option("--compare", is_flag=True, help="Fit several laws and compare them.")
@click.option("--population", is_flag=True, help="Each group of the file is a device, each direction a population: spreads with the noise of the counts taken out.")
@click.option("--tau0", default="", help="Declared attempt time, e.g. '1 ns'. Without it tau0 is free: one pulse width then gives i50, slope and delta, and no Ic0.")
@click.option("--trials", type=click.IntRange(1), help="Pulses a point, instead of the file's column.")
@click.option("--track-resistance", default="", help="Needed where the file gives volts, e.g. '776 ohm'.")
@click.option("--lapse", type=click.Choice(["none", "both", "lower", "upper"]), default="none", show_default=True, help="Rates of pulses that switch, or do not, whatever the current.")
@click.option("--noise", type=click.Choice(["auto", "binomial", "beta-binomial"]), default="binomial", show_default=True)
@click.option("--goodness", type=click.Choice(["auto", "chi2", "bootstrap"]), default="auto", show_default=True, help="How the p-value is had.")
@click.option("--temperature", default="300 K", show_default=True, help="Where the file has no such column.")
@click.option("--temperature-reference", default="", help="Temperature of the estimates; needed where the file has several.")
@click.option("--curie-temperature", default="", help="Fixed, for several temperatures; without it only the explicit 1/T is used.")
@click.option("--anisotropy-exponent", type=float, default=0.0, show_default=True)
@click.option("--samples", type=click.IntRange(100), default=999, show_default=True, help="Of the bootstrap.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the bootstrap.")
@click.option("--device", default="", help="With -o: also a device file with the fitted numbers, all else from this device (a name or a file).")
@click.option("-o", "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for fit.html, fit.md, fit.json and the figures.")
def command(
    file: Path, model: str, compare: bool, population: bool, tau0: str, trials: int | None, track_resistance: str, lapse: str, noise: str, goodness: str,
    temperature: str, temperature_reference: str, curie_temperature: str, anisotropy_exponent: float, samples: int, seed: int, device: str, out: Path | None,
) -> None:  # fmt: skip
    """Fit a switching law to a CSV of switching counts.

    Columns: a current or a voltage, the pulse width, the trials, the switched pulses or their share; units in the heads ('I [uA]',
    'pulse (ns)'), SI without. Each device and direction is fitted on its own; one that cannot be fitted does not hide the others.
    The verdict on a law stands in the text; the exit code is 0 for a rejected one too.
    """
    from rich.console import Console
    from rich.markup import escape

    from ..device.fitting.read import read_groups
    from ..device.fitting.report import comparison_table

    resistance, kelvin = _positive(track_resistance, "ohm", "--track-resistance"), _positive(temperature, "K", "--temperature")
    declared: dict[str, Any] = {
        "tau0": _positive(tau0, "s", "--tau0"), "temperature_reference": _positive(temperature_reference, "K", "--temperature-reference"),
        "curie_temperature": _positive(curie_temperature, "K", "--curie-temperature"), "anisotropy_exponent": anisotropy_exponent, "seed": seed, "samples": samples,
    }  # fmt: skip
    if device and (compare or out is None):
        raise ParameterError("--device writes the device of one law into a folder", where="--device", value=device, remedy="give -o DIR, and leave out --compare")
    if compare and population:
        raise ParameterError("--compare and --population exclude each other", where="spinbnn fit", value="", remedy="run the command twice")
    if compare and (model, lapse, noise) != ("exact", "none", "binomial"):
        raise ParameterError("--compare fits its own list of laws to binomial counts", where="--compare", value=[model, lapse, noise], remedy="leave out --model, --lapse and --noise")
    asked = {"model": model, "lapse": {"none": False, "both": True}.get(lapse, lapse), "noise": noise, "goodness": goodness}
    groups = read_groups(file, track_resistance=resistance, trials=trials, temperature=kelvin or 300.0)
    console, failed = Console(), []
    results: list[Any] = []
    good: list[SwitchingData] = []
    for label, data in groups.items():
        try:
            if isinstance(data, SpinbnnError):
                raise data
            good.append(data)
            if not population:
                results.append(_one(data, compare, declared, asked))
        except SpinbnnError as error:
            if len(groups) == 1:
                raise
            failed.append(label)
            click.echo(f"{label or 'no label'}: {error}", err=True)
            continue
        if results and not population:
            if label:
                console.print(f"[bold]{escape(label)}[/bold], {data.points} points")
            if compare:
                console.print(comparison_table(results[-1], resistance).rich())
                continue
            console.print(results[-1].report().rich())
            for sentence in _shape(results[-1], resistance):
                console.print(sentence, highlight=False, markup=False)
    if population:
        if model not in ("exact", "seed") or lapse != "none":
            raise ParameterError("a population is fitted with the laws 'exact' and 'seed' without lapses", where="--population", value=model, remedy="leave out --model and --lapse")
        options = {**declared, "model": model, "noise": noise, "goodness": "chi2" if goodness == "auto" else goodness}
        populations = _populations(good, options)
        for direction, found in populations.items():
            if isinstance(found, SpinbnnError):
                if len(populations) == 1:
                    raise found
                failed.append(direction)
                click.echo(f"{direction or 'no direction'}: {found}", err=True)
                continue
            results.append(found)
            console.print(found.report().rich())
    if out is not None and results:
        from ._fit_report import write_fit_report

        assumed = [
            f"tau0 = {tau0}, declared." if tau0 and model != "logistic" else "", f"Track resistance {track_resistance}." if track_resistance else "",
            f"{trials} pulses a point, as told." if trials else "", f"Temperature {temperature}, where the file gives none.",
        ]  # fmt: skip
        page = write_fit_report(out, file, results, resistance, {"model": model, "noise": noise, "lapse": lapse, **declared}, assumed)
        click.echo(f"report: {page}")
        if device:
            _device_files(results, device, out, file.name)
    if failed:
        raise DataError(f"{len(failed)} of {len(groups)} groups could not be fitted", where=str(file), value=failed, remedy="see the message of each above")


def _populations(good: list[SwitchingData], options: dict[str, Any]) -> dict[str, PopulationFit | SpinbnnError]:
    """Fit one population for each direction."""
    from ..device.fitting import fit_population

    directions: dict[str, list[SwitchingData]] = {data.direction: [] for data in good} or {"": []}
    for data in good:
        directions[data.direction].append(data)
    out: dict[str, PopulationFit | SpinbnnError] = {}
    for direction, devices in directions.items():
        try:
            out[direction] = fit_population(devices, **options)
        except SpinbnnError as error:
            out[direction] = error
    return out


def _positive(text: str, unit: str, option: str) -> float | None:
    if not text:
        return None
    value = quantity(text, unit, where=option)
    if not value > 0:
        raise ParameterError("an option must be > 0", where=option, value=text, remedy="check the sign and the unit")
    return value


def _one(data: SwitchingData, compare: bool, declared: dict[str, Any], asked: dict[str, Any]) -> SwitchingFit | ModelComparison:
    from ..device.fitting import compare_models, fit_data
    from .progress import progress

    with progress(f"bootstrap {data.label}".strip()) as step:
        if compare:
            return compare_models(data, goodness=asked["goodness"], progress=step, **declared)
        return fit_data(data, progress=step, **declared, **asked)


def _shape(fit: SwitchingFit, resistance: float | None) -> list[str]:
    """Return what the shape of p(I) says about a rejected fit."""
    from ..device.fitting.shape import shape_of

    return shape_of(fit).sentences(resistance) if fit.rejected else []


def _device_files(results: list[SwitchingFit | PopulationFit], base: str, out: Path, data: str) -> None:
    """Write a device file for each fit; say which fit gives none, and why."""
    from ..device import DeviceParams
    from ..device.fitting import PopulationFit, device_of
    from ..files import write_text

    params = DeviceParams.load(base)
    for number, result in enumerate(results, 1):
        path = out / ("device.toml" if len(results) == 1 else f"device_{number}.toml")
        label = "" if isinstance(result, PopulationFit) else result.data.label
        try:
            made = device_of(result, params, name=path.stem if not label else f"{path.stem} {label}", data=f"{data}, {label}" if label else data)
        except ParameterError as error:
            click.echo(f"no device file for {label or data}: {error}", err=True)
            continue
        click.echo(f"device: {write_text(path, made.to_toml())}")
