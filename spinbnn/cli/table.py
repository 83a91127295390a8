"""``spinbnn table``: look into lookup tables, put shards together, run samples again, export."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from ..errors import CoverageError, ParameterError

if TYPE_CHECKING:
    from ..characterize import Flow, LookupTable
    from ..characterize.replay import Replayed

_flow = click.option("--flow", help="File or name of the flow that the table was measured with  [default: the name that it gives].")
_index = click.option("-i", "--index", "indices", type=click.IntRange(0), multiple=True, help="Place of a sample, as 'failures' prints it; repeatable.")
_workers = click.option("-j", "--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that simulate.")
_simulator = click.option("--simulator", type=click.Choice(["shared", "batch"]), help="Benches of circuits: PySpice's shared library (the default), or 'ngspice -b'.")
_output = click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write  [default: standard output].")


@click.group("table")
def command() -> None:
    """Look into a lookup table (a file, or the name of one that comes with spinbnn), merge shards, export."""


@command.command("show")
@click.argument("table")
@click.option("--at", "points", multiple=True, metavar="AXIS=VALUE", help="Only at this value of an axis, e.g. --at corner=tt --at set_voltage='1 V'; repeatable.")
def show(table: str, points: tuple[str, ...]) -> None:
    """Print axes, provenance and the range of every measure."""
    from ..characterize import LookupTable
    from ..tables import Cell, Column, Table

    found = _selected(LookupTable.open(table), points)
    console = Console()
    rows: list[list[Cell]] = [[a.name, a.unit, len(a.values), _end(a.values[0]), _end(a.values[-1]), a.description] for a in found.grid_axes]
    console.print(Table("axes", ["axis", "unit", Column("values"), "first", "last", "meaning"], rows).rich())
    console.print(found.summary().rich())
    for key in ("flow", "bench", "simulator", "technology", "device", "seed", "flow_hash", "shard", "time_utc", "command"):
        if found.attributes.get(key) is not None:
            click.echo(f"{key}: {found.attributes[key]}")
    click.echo(f"content_hash: {found.content_hash}")


@command.command("failures")
@click.argument("table")
@click.option("--log", "logs", is_flag=True, help="Print the end of the simulator's log of each.")
@click.option("-o", "--out", type=click.Path(path_type=Path, file_okay=False), help="Run them again and write a folder for each: deck, start-up file, log.")
@_index
@_flow
@_simulator
def failures(table: str, logs: bool, out: Path | None, indices: tuple[int, ...], flow: str | None, simulator: str | None) -> None:
    """List the samples that are not ok, with what the simulator said. Exit code 3 if there are any."""
    from ..characterize import LookupTable
    from ..characterize.table import STATUS

    found = LookupTable.open(table)
    Console().print(found.failures().rich())
    bad = [k for k, code in enumerate(found.status.ravel().tolist()) if code > STATUS["not_measured"] and (not indices or k in indices)]
    if logs:
        for k in bad:
            click.echo(f"--- sample {k}\n{found.logs.get(k, '(no log)')}")
    if out is not None:
        for again in _replayed(found, flow, bad, 1, simulator):
            _folder(out, again, found)
    if bad:
        sys.exit(3)


@command.command("csv")
@click.argument("table")
@_output
def csv(table: str, out: Path | None) -> None:
    """Write one line a sample: coordinates, measures with their units in the heads, status, message."""
    from ..characterize import LookupTable
    from ..characterize.export import table_csv

    _written(table_csv(LookupTable.open(table)), out)


@command.command("lib")
@click.argument("table")
@click.option("--at", "points", multiple=True, metavar="AXIS=VALUE", help="Value of an axis other than amplitude, temperature and draw, e.g. --at corner=ss; repeatable.")
@click.option("--statistic", type=click.Choice(["median", "mean", "max"]), default="median", show_default=True, help="What stands for the draws.")
@click.option("--drop-undefined", is_flag=True, help="Take the statistic of the draws that have a value, and state how many have none  [default: such measures are left out].")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="File to write.")
def lib(table: str, points: tuple[str, ...], statistic: str, drop_undefined: bool, out: Path) -> None:
    """Write energies, latencies and powers over SET amplitude and temperature in Liberty's syntax."""
    from ..characterize import LookupTable
    from ..characterize.export import write_liberty
    from ..characterize.export.liberty import read_tables, undefined_samples

    found = LookupTable.open(table)
    point = _point(found, points)
    place = write_liberty(out, found, statistic=statistic, drop_undefined=drop_undefined, **point)
    written = read_tables(place.read_text(encoding="utf-8"))[0]
    for name, count in undefined_samples(found, **point).items():
        click.echo(f"{name}: {count} samples have no value; {f'the {statistic} is of the others' if name in written else 'left out'}", err=True)
    click.echo(f"written to {place}")


@command.command("merge")
@click.argument("tables", nargs=-1, required=True)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="HDF5 file to write.")
@click.option("--partial", is_flag=True, help="Allow samples that none of the tables holds.")
def merge(tables: tuple[str, ...], out: Path, partial: bool) -> None:
    """Put the tables of the shards of one flow together. Exit code 3 if samples are not ok or, with --partial, missing."""
    from ..characterize.shard import merge_tables
    from ..characterize.table_file import read_table

    made = merge_tables([read_table(Path(name)) for name in tables], names=tables, partial=partial)
    made.save(out)
    Console().print(made.summary().rich())
    click.echo(f"{len(tables)} tables merged; table: {out}; content_hash: {made.content_hash}")
    from ..characterize.table import STATUS

    lacking = bool((made.status == STATUS["not_measured"]).any()) if not made.attributes.get("search") else len(made.attributes["searched"]) < made.attributes["groups"]
    if lacking or bool((made.status > STATUS["not_measured"]).any()):
        sys.exit(3)


@command.command("rerun")
@click.argument("table", type=click.Path(path_type=Path))
@_index
@_flow
@_workers
@_simulator
@click.option("--timeout", type=click.FloatRange(0, min_open=True), help="Longest time for one deck [s].")
def rerun(table: Path, indices: tuple[int, ...], flow: str | None, workers: int, simulator: str | None, timeout: float | None) -> None:
    """Run samples again: those that are not ok are replaced in the table, good ones are compared with it bit by bit.

    Without --index: all that are not ok. Exit code 3: a sample is not ok, or a good one gave other numbers.
    """
    from ..characterize import run_flow
    from ..characterize.replay import differences
    from ..characterize.table import STATUS
    from ..characterize.table_file import read_table

    found = read_table(table)
    codes = found.status.ravel().tolist()
    chosen = _checked(found, indices) if indices else [k for k, code in enumerate(codes) if code > STATUS["not_measured"]]
    own = _flow_of(found, flow)
    good, bad = [k for k in chosen if codes[k] == STATUS["ok"]], [k for k in chosen if codes[k] != STATUS["ok"]]
    wrong = 0
    for again in _replayed(found, flow, good, workers, simulator, timeout) if good else ():
        lines = differences(found, again)
        wrong += bool(lines)
        click.echo(f"sample {again.index}: {'equal to the table, every measure' if not lines else 'DIFFERENT'}")
        for line in lines:
            click.echo(f"  {line}", err=True)
    if bad and found.attributes.get("search"):
        raise ParameterError("the table is a search for operating points: a sample that is measured anew changes what the search needs next", where=str(table), value=bad[:12], remedy="spinbnn datasheet FLOW --retry-failed goes on with the search; --index takes good samples")
    if bad:
        found = run_flow(own, workers=workers, simulator=simulator, out=table, retry_failed=True, only=bad, timeout=timeout)
        for k in bad:
            status = next(name for name, code in STATUS.items() if code == found.status.flat[k])
            click.echo(f"sample {k}: {status} {found.messages.get(k, '')}".rstrip())
        wrong += sum(int(found.status.flat[k]) != STATUS["ok"] for k in bad)
    if not chosen:
        click.echo("every sample is ok; --index runs one again and compares it")
    if wrong:
        sys.exit(3)


@command.command("waves")
@click.argument("table")
@_index
@_flow
@_workers
@_simulator
@click.option("-f", "--format", "kinds", type=click.Choice(["folder", "raw", "vcd"]), multiple=True, default=("folder",), show_default=True, help="A folder that 'ngspice deck.cir' runs, a raw file, a value change dump; repeatable.")
@click.option("--timescale", default="1 fs", show_default=True, help="Time unit of the value change dump.")
@click.option("-o", "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write to.")
def waves(table: str, indices: tuple[int, ...], flow: str | None, workers: int, simulator: str | None, kinds: tuple[str, ...], timescale: str, out: Path) -> None:
    """Run samples again and write their waveforms. Exit code 3 if one is not ok or its measures are not those of the table."""
    from ..characterize import LookupTable
    from ..characterize.export import write_raw, write_vcd
    from ..characterize.replay import differences

    found, wrong = LookupTable.open(table), 0
    if not indices:
        raise click.UsageError("name the samples: --index K")
    for again in _replayed(found, flow, _checked(found, indices), workers, simulator):
        if "folder" in kinds:
            _folder(out, again, found)
        if again.result.ok:
            for kind, write in (("raw", write_raw), ("vcd", lambda path, waves: write_vcd(path, waves, timescale=timescale))):
                if kind in kinds:
                    click.echo(f"sample {again.index}: {write(out / f'sample-{again.index:05d}.{kind}', again.result.waveforms)}")
        lines = differences(found, again) if found.status.flat[again.index] == 0 else [] if again.row.status == "ok" else [f"status: {again.row.status} ({again.row.message})"]
        wrong += bool(lines)
        for line in lines:
            click.echo(f"sample {again.index}: {line}", err=True)
    if wrong:
        sys.exit(3)


def _end(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _selected(table: LookupTable, points: Sequence[str]) -> LookupTable:
    return table.select(**_point(table, points))


def _point(table: LookupTable, points: Sequence[str]) -> dict[str, Any]:
    """Read the values of --at."""
    from ..units import quantity

    chosen: dict[str, Any] = {}
    units = {axis.name: axis for axis in table.grid_axes}
    for entry in points:
        name, mark, value = entry.partition("=")
        if not mark or name not in units:
            raise ParameterError("not a point on an axis of this table", where="--at", value=entry, remedy=f"AXIS=VALUE with one of {', '.join(units)}")
        axis = units[name]
        chosen[name] = value if axis.named else int(value) if name == "draw" and value.isdigit() else quantity(value, axis.unit, where="--at")
    return chosen


def _flow_of(table: LookupTable, flow: str | None) -> Flow:
    from ..characterize import Flow
    from ..characterize.replay import flow_of_table

    return flow_of_table(table, Flow.load(flow or str(table.attributes.get("flow"))))


def _checked(table: LookupTable, indices: Sequence[int]) -> list[int]:
    size = table.status.size
    if absent := [k for k in indices if k >= size]:
        raise CoverageError("the table has no such sample", where=f"table {table.name!r}, --index", value=absent[0], remedy=f"0 to {size - 1}, as 'spinbnn table failures' and 'csv' number them")
    return sorted(set(indices))


def _replayed(table: LookupTable, flow: str | None, indices: Sequence[int], workers: int, simulator: str | None, timeout: float | None = None) -> list[Replayed]:
    from ..characterize.replay import replay

    return list(replay(_flow_of(table, flow), indices, workers=workers, simulator=simulator, timeout=timeout))


def _folder(out: Path, again: Replayed, table: LookupTable) -> None:
    from ..characterize.export import write_run_folder

    place = write_run_folder(out / f"sample-{again.index:05d}", again, table)
    click.echo(f"sample {again.index}: {again.row.status}; cd {place} && ngspice deck.cir")


def _written(text: str, out: Path | None) -> None:
    from ..files import write_text

    if out is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"written to {write_text(out, text)}")
