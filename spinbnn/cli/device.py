"""``spinbnn device``: what a device file says, populations drawn from it, what a trim leaves, and the bits it gives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import ParameterError
from ..units import format_si, quantity

if TYPE_CHECKING:
    from ..device.parameters import DeviceParams
    from ..device.variation import Population
    from ..tables import Table

_pulse = click.option("--pulse", default="10 ns", show_default=True, help="SET pulse width.")
_target = click.option("--target", type=float, default=0.5, show_default=True, help="Probability of the nominal device.")
_barrier = click.option("--barrier", type=click.Choice(["exact", "seed"]), default="exact", show_default=True)
_seed = click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
_spread = click.option("--spread", "spreads", multiple=True, metavar="FIELD=VALUE", help="Spread within a die instead of the file's, e.g. 'spin_hall.critical_current=5 %'; repeatable.")
_no_spreads = click.option("--no-spreads", is_flag=True, help="Leave the file's spreads out; those of --spread stay.")
_temperature = click.option("--temperature", "temperatures", multiple=True, help="e.g. '300 K' or '85 degC'; repeatable  [default: reference temperature].")


@click.group("device")
def command() -> None:
    """Look into a device file: parameters, populations, trim and random bits.

    NAME is a device that comes with spinbnn (spinbnn list device) or the path of a file.
    """


@command.command("show")
@click.argument("name")
@_pulse
@_target
@_barrier
@_temperature
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with the tables and p over current and temperature.")
def show(name: str, pulse: str, target: float, barrier: str, temperatures: tuple[str, ...], html: Path | None) -> None:
    """Print the parameters of a device with their sources, and what follows from them."""
    from ..device import DeviceParams
    from ..device.summary import derived

    params, width = DeviceParams.load(name), _time(pulse, "--pulse")
    kelvins = [quantity(t, "K", where="--temperature") for t in temperatures]
    found = derived(params, pulse=width, temperatures=kelvins, target=_probability(target), barrier=barrier)  # type: ignore[arg-type]
    _print(params.table(meaning=False), found)
    click.echo(f"{len(params.assumed)} of {len(params.quantities)} numbers are assumed: {', '.join(q.key for q in params.assumed) or 'none'}")
    if html is not None:
        click.echo(f"written to {_page(html, params, found, width, target, barrier)}")


def _page(path: Path, params: DeviceParams, found: Table, pulse: float, target: float, barrier: str) -> Path:
    """Write the page of a device."""
    import numpy as np

    from .. import provenance
    from ..device import SwitchingModel
    from ..device.summary import current_of
    from ..report import Section, figures, write_report

    model = SwitchingModel.from_params(params, barrier=barrier)  # type: ignore[arg-type]
    top = params.get("thermal.curie_temperature")
    kelvins = np.linspace(233.15, 398.15 if top is None else min(398.15, 0.95 * top), 12)
    limit = 1.05 * float(np.max(model.critical_current_at(kelvins))) * 0.5
    wide = np.linspace(0.0, limit, 281)
    seen = np.max([model.probability(wide, pulse, t) for t in kelvins], axis=0) >= 0.01
    current = np.linspace(wide[max(int(np.argmax(seen)) - 1, 0)] if seen.any() else 0.0, limit, 141)
    p = np.array([model.probability(current, pulse, t) for t in kelvins])
    mark = current_of(model, target, pulse, model.reference_temperature)
    told = f"; the mark is p = {target:g} at the reference temperature" if mark is not None else ""
    figure = figures.switching(current, kelvins, p, mark=mark, note=f"Pulse {format_si(pulse, 's')}, barrier {barrier}{told}.", name=f"{_slug(path)}-switching")
    return write_report(
        path, title=f"Device {params.name}", subtitle=params.description, summary=found,
        sections=[Section(title="Parameters", tables=[params.table()]), Section(title="Switching", figures=[figure])],
        provenance=provenance.record(None, device=params.content_hash), notes=[f"{q.key}: {q} ({q.source})" for q in params.assumed],
    )  # fmt: skip


def _slug(path: Path) -> str:
    """Return the name of a page as that of its figures, so that two pages of a folder keep theirs apart."""
    words = re.findall("[a-z0-9]+", path.stem.lower())
    return "-".join(words if words and words[0][0].isalpha() else ["page", *words])


@command.command("sample")
@click.argument("name")
@click.option("-n", "count", type=click.IntRange(1), default=1000, show_default=True, help="Devices.")
@_seed
@click.option("--method", type=click.Choice(["sobol", "lhs", "random"]), default="sobol", show_default=True)
@click.option("--die", type=click.IntRange(0), help="Number of the die; without it the spread between dies is off.")
@_pulse
@_target
@_barrier
@click.option("--temperature", help="e.g. '85 degC'  [default: reference temperature].")
@_spread
@_no_spreads
@click.option("--budget", help="Field whose spread is told apart by what makes it, e.g. thermal.delta.")
@click.option("--first", "order", multiple=True, metavar="FIELD", help="Correlated fields: count this one first in --budget; repeatable.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="A .csv file of the draws, or a folder for draws, statistics and a page of histograms.")
def sample(
    name: str, count: int, seed: int, method: str, die: int | None, pulse: str, target: float, barrier: str, temperature: str | None,
    spreads: tuple[str, ...], no_spreads: bool, budget: str | None, order: tuple[str, ...], output: Path | None,
) -> None:  # fmt: skip
    """Draw devices from the spreads of a file and print what they look like, all driven with the nominal current."""
    from ..device import VariationModel
    from ..device.variation import Population, variance_budget
    from ..files import write_text

    variation = VariationModel.from_params(_device(name, spreads, no_spreads))
    devices = Population.draw(variation, count, seed, method, die=die)  # type: ignore[arg-type]
    kelvin = None if temperature is None else quantity(temperature, "K", where="--temperature")
    width, wanted = _time(pulse, "--pulse"), _probability(target)
    found = [devices.statistics(pulse=width, target=wanted, temperature=kelvin, barrier=barrier)]  # type: ignore[arg-type]
    found += [variance_budget(variation, budget, order)] if budget else []
    _print(*found)
    if output is None:
        return
    p = devices.probability(devices.nominal_current(wanted, width, kelvin, barrier), width, kelvin, barrier)  # type: ignore[arg-type]
    draws = devices.table(p=p)
    if output.suffix == ".csv":
        click.echo(f"written to {write_text(output, draws.to_csv())}")
        return
    write_text(output / "devices.csv", draws.to_csv())
    write_text(output / "statistics.csv", found[0].to_csv())
    click.echo(f"written to {_histograms(output / 'population.html', devices, found, p, wanted, seed)}, devices.csv and statistics.csv beside it")


def _histograms(path: Path, devices: Population, found: Sequence[Table], p: Any, target: float, seed: int) -> Path:
    """Write the page of a population."""
    from .. import provenance
    from ..report import Section, figures, write_report

    params = devices.params
    first = [key for key in ("thermal.delta", "spin_hall.critical_current", "electrical.track_resistance", "electrical.parallel_resistance", "electrical.tmr") if key in devices.moving]
    others = [key for key in devices.moving if key not in first]

    def figure(keys: Sequence[str], number: int, more: dict[str, Any], nominal: dict[str, float]) -> Any:
        plain = {key: key.split(".")[1].replace("_", " ") for key in keys}
        values = {plain[key]: (devices.draws[key], params[key].unit) for key in keys} | more
        return figures.population(values, {plain[key]: params.value(key) for key in keys} | nominal, name=f"{_slug(path)}-{number}")

    drawn = [figure(first, 1, {"p": (p, "1")}, {"p": target})] + [figure(others[i : i + 9], 2 + i // 9, {}, {}) for i in range(0, len(others), 9)]
    return write_report(
        path, title=f"{p.size} devices of {params.name}", subtitle=params.description, summary=found[0],
        sections=[Section(title="Histograms", figures=drawn), Section(title="Nominal device", tables=[params.table(), *found[1:]])],
        provenance=provenance.record(seed, device=params.content_hash), notes=[f"{q.key}: {q} ({q.source})" for q in params.assumed],
    )  # fmt: skip


@command.command("sensitivity")
@click.argument("name")
@_pulse
@_target
@_barrier
def sensitivity(name: str, pulse: str, target: float, barrier: str) -> None:
    """Print the standard deviation of p over the spread of Ic0 and Delta, without trim."""
    from ..device import DeviceParams, SwitchingModel
    from ..device.variation import sensitivity as table

    model = SwitchingModel.from_params(DeviceParams.load(name), barrier=barrier)  # type: ignore[arg-type]
    _print(table(model, _time(pulse, "--pulse"), target=_probability(target)))


@command.command("trim")
@click.argument("name")
@click.option("-n", "count", type=click.IntRange(2), default=4096, show_default=True, help="Devices.")
@_seed
@_pulse
@_barrier
@click.option("--target", "targets", type=float, multiple=True, help="Probabilities the devices are used at; repeatable  [default: 0.5].")
@click.option("--point", "points", type=float, multiple=True, help="One or two probabilities each device is calibrated at  [default: the first target].")
@click.option("--bits", type=click.IntRange(1, 16), help="Bits of the DAC; without it a table over the bits.")
@click.option("--span", default="30 %", show_default=True, help="Range of the DAC over its centre; 30 % is +-15 %.")
@click.option("--volts", is_flag=True, help="Levels are voltages over the track, whose resistance spreads too.")
@click.option("--series", default="0 ohm", show_default=True, help="Resistance in series with the track, for --volts.")
@click.option("--shots", type=click.IntRange(1), help="SET trials at each step of the calibration; without it p is known exactly.")
@click.option("--tracking", "trackings", type=click.Choice(["fixed", "critical_current", "replica", "lookup"]), multiple=True, help="What the DAC's reference does with the temperature; repeatable  [default: fixed].")
@_temperature
@_spread
@_no_spreads
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the table: .csv, or .html (over the bits: with a figure).")
def trim_command(
    name: str, count: int, seed: int, pulse: str, barrier: str, targets: tuple[float, ...], points: tuple[float, ...], bits: int | None, span: str, volts: bool,
    series: str, shots: int | None, trackings: tuple[str, ...], temperatures: tuple[str, ...], spreads: tuple[str, ...], no_spreads: bool, output: Path | None,
) -> None:  # fmt: skip
    """Trim every device of a population with a DAC and print what is left of the spread of p.

    With --bits: at every target, temperature and tracking. Without: over the bits, at the first target and the reference temperature.
    """
    from ..device import VariationModel
    from ..device.trim import TrimDac, trim
    from ..device.variation import Population
    from ..files import write_text

    params, width = _device(name, spreads, no_spreads), _time(pulse, "--pulse")
    wanted = tuple(_probability(t) for t in targets) or (0.5,)
    devices, reference = Population.draw(VariationModel.from_params(params), count, seed), params.value("thermal.reference_temperature")
    track, ohms = params.value("electrical.track_resistance"), quantity(series, "ohm", where="--series")
    centre = float(devices.nominal_current(wanted[0], width, None, barrier)) * (track + ohms if volts else 1.0)  # type: ignore[arg-type]

    def trimmed(number: int) -> Any:
        dac = TrimDac.around(centre, quantity(span, "1", where="--span"), number, unit="V" if volts else "A", series_resistance=ohms)
        return trim(
            devices.model(barrier), devices.nominal(barrier), dac, pulse=width, points=points or wanted[:1], temperature=reference,  # type: ignore[arg-type]
            resistance=devices.draws["electrical.track_resistance"], nominal_resistance=track,
            resistance_coefficient=params.get("electrical.track_temperature_coefficient") or 0.0, shots=shots, seed=seed,
        )  # fmt: skip

    if bits is None:
        table = _over_bits(trimmed, wanted[0], shots, span)
    else:
        kelvins = [quantity(t, "K", where="--temperature") for t in temperatures]
        table = trimmed(bits).table(wanted, kelvins, trackings or ("fixed",))
    _print(table)
    if output is None:
        return
    if output.suffix != ".html":
        click.echo(f"written to {write_text(output, table.to_csv())}")
        return
    from .. import provenance
    from ..report import Section, figures, write_report

    drawn = []
    if bits is None:
        over = [row for row in table.rows if row[0] != "none"]
        calibration = "p known exactly" if shots is None else f"{shots} trials a step"
        drawn = [figures.trim_bits([float(row[0]) for row in over], {calibration: [float(row[4]) / 100.0 for row in over]}, name=f"{_slug(output)}-bits")]  # type: ignore[arg-type]
    write_report(output, title=f"Trim of {params.name}", summary=table, sections=[Section(title="Trim", figures=drawn)], provenance=provenance.record(seed, device=params.content_hash))
    click.echo(f"written to {output}")


def _over_bits(trimmed: Any, target: float, shots: int | None, span: str) -> Table:
    """Return what is left over the bits of the DAC, and what 3 and 10 points take."""
    from ..device.trim import Residual, residual
    from ..tables import Column, Table

    rows: list[list[Any]] = []
    for bits in range(1, 13):
        found = trimmed(bits)
        left = residual(found.probability(target), target)
        if bits == 1:
            rows.append(["none", None, *residual(found.untrimmed(target), target).row()])
        rows.append([str(bits), 100.0 * found.dac.lsb / (0.5 * (found.dac.low + found.dac.high)), *left.row()])
    enough = {limit: next((row[0] for row in rows[1:] if row[4] <= limit), None) for limit in (3.0, 10.0)}
    told = "; ".join(f"{limit:g} points take {f'{b} bits' if b else 'more than 12 bits'}" for limit, b in enough.items())
    calibration = "p known exactly" if shots is None else f"{shots} SET trials a step"
    return Table(
        f"Trim at p = {target:g}, span {span}", ["bits", Column("LSB", "%", 3), *Residual.heads()], rows,
        note=f"rms error: {told}. {found.codes.shape[0]} devices, {calibration}; {100 * found.out_of_range:.3g} % out of the DAC's range. Errors of p are absolute, in points (pt, 0.01).",
    )  # fmt: skip


@command.command("bits")
@click.argument("name")
@click.option("-n", "count", type=click.IntRange(10), default=100_000, show_default=True, help="Bits to be drawn.")
@_seed
@_pulse
@_target
@_barrier
@click.option("--reset-pulse", default="5 ns", show_default=True, help="RESET pulse width.")
@click.option("--reset-current", help="Magnitude of the RESET current  [default: that at which the barrier is gone at the temperature].")
@click.option("--temperature", help="e.g. '85 degC'  [default: reference temperature].")
def bits_command(name: str, count: int, seed: int, pulse: str, target: float, barrier: str, reset_pulse: str, reset_current: str | None, temperature: str | None) -> None:
    """Print what the RESET-SET cycle of a device makes of its bits, and check it on a drawn stream."""
    from ..device import DeviceParams, SwitchingModel
    from ..device.bits import BitStream, bit_statistics, samples_for_bias, samples_for_correlation
    from ..tables import Column, Table

    params = DeviceParams.load(name)
    model = SwitchingModel.from_params(params, barrier=barrier)  # type: ignore[arg-type]
    kelvin = params.value("thermal.reference_temperature") if temperature is None else quantity(temperature, "K", where="--temperature")
    wanted, width, back = _probability(target), _time(pulse, "--pulse"), _time(reset_pulse, "--reset-pulse")
    gone = float(model.current_limit) * float(model.critical_current_at(kelvin) / model.critical_current)
    strong = gone if reset_current is None else abs(quantity(reset_current, "A", where="--reset-current"))
    chain = BitStream.from_pulses(model, set_current=model.current_for(wanted, width, kelvin), set_pulse=width, reset_current=-strong, reset_pulse=back, temperature=kelvin)
    found = bit_statistics(chain.sample(count, seed), lags=3)
    errors = chain.standard_errors(count)
    shift, rho = float(chain.probability) - wanted, float(chain.correlation)
    rows: list[list[Any]] = [
        ["probability of a 1", float(chain.probability), float(found.probability), float(errors[0])],
        ["lag-1 correlation", rho, float(found.autocorrelation[0]), float(errors[1])],
        ["lag-2 correlation", float(chain.autocorrelation([2])[0]), float(found.autocorrelation[1]), float(found.autocorrelation_error[1])],
        ["entropy rate [bit]", float(chain.entropy_rate), float(found.entropy_rate), None],
        ["min-entropy [bit]: Markov, 128 bits", float(chain.min_entropy(128)), float(found.min_entropy_markov), None],
        ["min-entropy [bit]: most common value", None, float(found.min_entropy_common), None],
        ["p-value of the runs test", None, float(found.runs_p_value), None],
    ]  # fmt: skip
    biased = shift != 0 and 0 < wanted + shift < 1
    needed = [f"a bias of {shift:.3g} takes {samples_for_bias(shift, p=wanted, correlation=rho)} bits" if biased else "", f"its correlation {samples_for_correlation(rho)}" if 0 < abs(rho) < 1 else ""]
    note = f"a = {float(chain.a):.6g}, b = {float(chain.b):.6g}: RESET fails with {float(chain.reset_failure):.3g}. To find (5 %, power 90 %): {', '.join(filter(None, needed)) or 'nothing'}."
    _print(Table(f"{count} bits of {params.name}", ["quantity", Column("chain", "", 6), Column("drawn", "", 6), Column("standard error", "", 2)], rows, note=note))


def _device(name: str, spreads: Sequence[str], no_spreads: bool) -> DeviceParams:
    """Load a device and replace its spreads."""
    from ..device import DeviceParams
    from ..device.variation import with_spreads

    chosen = {}
    for text in spreads:
        key, sign, value = text.partition("=")
        if not sign:
            raise ParameterError("a spread is FIELD=VALUE", where="--spread", value=text, remedy="e.g. --spread 'spin_hall.critical_current=5 %'")
        chosen[key.strip()] = quantity(value.strip(), "1", where=f"--spread {key.strip()}")
    params = DeviceParams.load(name)
    return with_spreads(params, chosen, keep=not no_spreads) if chosen or no_spreads else params


def _time(text: str, where: str) -> float:
    seconds = quantity(text, "s", where=where)
    if not seconds > 0:
        raise ParameterError("a pulse width must be > 0", where=where, value=text, remedy="e.g. '10 ns'")
    return seconds


def _probability(value: float) -> float:
    if not 0 < value < 1:
        raise ParameterError("a probability must lie in (0, 1)", where="--target", value=value, remedy="e.g. 0.5")
    return value


def _print(*tables: Table) -> None:
    from rich.console import Console

    console = Console()
    for table in tables:
        console.print(table.rich())
