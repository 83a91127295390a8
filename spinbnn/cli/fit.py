"""``spinbnn fit``."""

from __future__ import annotations

import csv
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from ..errors import DataError, ParameterError
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

    Each device and direction is fitted on its own.
    """
    from ..device import fit_switching

    resistance = quantity(track_resistance, "ohm", where="--track-resistance") if track_resistance else None
    console = Console()
    for label, rows in _groups(file).items():
        current, pulse, n, k = _columns(rows, file, resistance, trials)
        fit = fit_switching(
            current, pulse, n, k, model=barrier,  # type: ignore[arg-type]
            tau0=quantity(tau0, "s", where="--tau0"), temperature=quantity(temperature, "K", where="--temperature"),
        )  # fmt: skip
        if label:
            console.print(f"[bold]{label}[/bold], {len(rows)} points")
        console.print(fit.report().rich())


def _groups(file: Path) -> dict[str, list[dict[str, str]]]:
    try:
        with file.open(newline="", encoding="utf-8") as stream:
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


def _columns(rows: list[dict[str, str]], file: Path, resistance: float | None, trials: int | None) -> tuple[np.ndarray, ...]:
    def column(kind: str) -> np.ndarray | None:
        for name in COLUMNS[kind]:
            if name in rows[0]:
                values = []
                for number, row in enumerate(rows):
                    try:
                        values.append(float(row[name]))
                    except (TypeError, ValueError):
                        raise DataError("not a number", where=f"{file}, column {name!r}, point {number}", value=row[name], remedy="plain numbers in SI units") from None
                return np.array(values)
        return None

    def needed(kind: str) -> np.ndarray:
        found = column(kind)
        if found is None:
            raise DataError(f"a column is missing: {kind}", where=str(file), value=sorted(rows[0]), remedy=f"name it one of {', '.join(COLUMNS[kind])}")
        return found

    volts = column("voltage")
    if column("current") is not None or volts is None:
        current = needed("current")
    elif resistance is None:
        raise ParameterError("the file gives volts; the track resistance is needed", where="--track-resistance", value="", remedy="e.g. --track-resistance '776 ohm'")
    else:
        current = volts / resistance
    n = np.full(len(rows), trials, dtype=float) if trials is not None else needed("trials")
    switched = column("switched")
    if switched is None:
        share = needed("probability")
        switched = share * n
        off = np.abs(switched - np.round(switched))
        if np.any(off > 1e-6 * n):
            bad = int(np.argmax(off))
            raise DataError("a probability is no whole number of pulses", where=f"{file}, point {bad}", value=(float(share[bad]), float(n[bad])), remedy="give the true number of trials, or a column 'switched'")
        switched = np.round(switched)
    return np.abs(current), needed("pulse"), n, switched
