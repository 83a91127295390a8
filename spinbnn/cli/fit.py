"""``spinbnn fit``."""

from __future__ import annotations

import csv
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.markup import escape

from ..errors import DataError, ParameterError, SpinbnnError
from ..units import quantity

COLUMNS = {
    "voltage": ("v", "voltage", "voltage_v"),
    "current": ("i", "current", "current_a"),
    "pulse": ("t_p", "pulse", "pulse_s", "t"),
    "trials": ("trials", "n", "n_reps", "n_trials"),
    "switched": ("switched", "k", "n_switched"),
    "probability": ("p_sw", "p", "probability"),
}
GROUPS = ("device_id", "device", "direction")


@click.command("fit")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--track-resistance", default="", help="Needed where the file gives volts, e.g. '776 ohm'.")
@click.option("--trials", type=click.IntRange(1), help="Pulses a point, instead of the file's column.")
@click.option("--tau0", default="1 ns", show_default=True, help="Attempt time; fixed, one pulse width cannot give it.")
@click.option("--barrier", type=click.Choice(["exact", "seed"]), default="exact", show_default=True)
@click.option("--temperature", default="300 K", show_default=True)
def command(file: Path, track_resistance: str, trials: int | None, tau0: str, barrier: str, temperature: str) -> None:
    """Fit the switching model to a CSV of switching counts (columns: V or I, t_p, trials, switched or P_sw; in SI units).

    Each device and direction is fitted on its own; one that cannot be fitted does not hide the others.
    """
    from ..device import fit_switching

    resistance = quantity(track_resistance, "ohm", where="--track-resistance") if track_resistance else None
    attempt, kelvin = quantity(tau0, "s", where="--tau0"), quantity(temperature, "K", where="--temperature")
    if (resistance is not None and not resistance > 0) or not attempt > 0 or not kelvin > 0:
        raise ParameterError("an option must be > 0", where="--track-resistance, --tau0, --temperature", value=(track_resistance, tau0, temperature), remedy="check the signs and units")
    groups = _groups(file)
    _check_columns(next(iter(groups.values()))[0], file, resistance, trials)
    console, failed = Console(), []
    for label, rows in groups.items():
        try:
            fit = fit_switching(*_columns(rows, file, resistance, trials), model=barrier, tau0=attempt, temperature=kelvin)  # type: ignore[arg-type]
        except SpinbnnError as error:
            if len(groups) == 1:
                raise
            failed.append(label)
            click.echo(f"{label or 'no label'}, {len(rows)} points: {error}", err=True)
            continue
        if label:
            console.print(f"[bold]{escape(label)}[/bold], {len(rows)} points")
        console.print(fit.report().rich())
    if failed:
        raise DataError(f"{len(failed)} of {len(groups)} groups could not be fitted", where=str(file), value=failed, remedy="see the message of each above")


def _groups(file: Path) -> dict[str, list[dict[str, str]]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:  # spreadsheets write a byte order mark
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError("the data file cannot be read", where=str(file), value=str(error), remedy="give a CSV with a header line") from None
    if not rows:
        raise DataError("the data file holds no rows", where=str(file), value="", remedy="a header line and one line for each point")
    out: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        lower = {(k or "").strip().lower(): v for k, v in row.items()}
        label = " ".join(lower[g] for g in GROUPS if lower.get(g))
        out.setdefault(label, []).append(lower)
    return out


def _check_columns(header: dict[str, str], file: Path, resistance: float | None, trials: int | None) -> None:
    """Raise once, not for each group, where the file lacks a column or its volts lack a resistance."""
    has = {kind: any(name in header for name in names) for kind, names in COLUMNS.items()}
    if not has["current"] and has["voltage"] and resistance is None:
        raise ParameterError("the file gives volts; the track resistance is needed", where="--track-resistance", value="", remedy="e.g. --track-resistance '776 ohm'")
    needed = {
        "current": has["current"] or has["voltage"],
        "pulse": has["pulse"],
        "trials": has["trials"] or trials is not None,
        "switched": has["switched"] or has["probability"],
    }
    for kind, found in needed.items():
        if not found:
            raise DataError(f"a column is missing: {kind}", where=str(file), value=sorted(header), remedy=f"name it one of {', '.join(COLUMNS[kind])}")


def _columns(rows: list[dict[str, str]], file: Path, resistance: float | None, trials: int | None) -> tuple[np.ndarray, ...]:
    """Return current, pulse, trials and switched; :func:`_check_columns` has seen that they are there."""

    def column(kind: str) -> np.ndarray:
        name = next(name for name in COLUMNS[kind] if name in rows[0])
        values = []
        for number, row in enumerate(rows):
            try:
                values.append(float(row[name]))
            except (TypeError, ValueError):
                raise DataError("not a number", where=f"{file}, column {name!r}, point {number}", value=row[name], remedy="plain numbers in SI units") from None
        return np.array(values)

    def has(kind: str) -> bool:
        return any(name in rows[0] for name in COLUMNS[kind])

    current = column("current") if has("current") or resistance is None else column("voltage") / resistance
    n = np.full(len(rows), trials, dtype=float) if trials is not None else column("trials")
    if has("switched"):
        switched = column("switched")
    else:
        share = column("probability")
        switched = share * n
        off = np.abs(switched - np.round(switched))
        if np.any(off > 1e-6 * n):
            bad = int(np.argmax(off))
            raise DataError("a probability is no whole number of pulses", where=f"{file}, point {bad}", value=(float(share[bad]), float(n[bad])), remedy="give the true number of trials, or a column 'switched'")
        switched = np.round(switched)
    return np.abs(current), column("pulse"), n, switched
