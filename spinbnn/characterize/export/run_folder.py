"""A folder with one sample that anybody runs with plain ``ngspice deck.cir``, and gets the same waveforms."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path

from ... import files
from ...circuit.simulator.deck import Deck
from ...circuit.simulator.ladder import rungs
from ...circuit.simulator.locate import NgspiceInstallation
from ...tables import Cell, Column, Table
from ..replay import Replayed
from ..table import LookupTable
from .raw import write_raw

_ABSOLUTE = re.compile(r"^\s*\.(?:include|incl?|lib)\s+[\"']?(/[^\"'\s]+)", re.IGNORECASE | re.MULTILINE)


def runnable(deck: Deck, rung: int = 0) -> str:
    """Return the netlist with a control block that runs it, writes ``out.raw`` and leaves ngspice.

    Parameters
    ----------
    deck : Deck
        The sample.
    rung : int
        Level of the numerics ladder whose options are added.

    Examples
    --------
    >>> print(runnable(Deck(name="divider", text="V1 a 0 1\\nR1 a 0 1e3")))
    * divider
    V1 a 0 1
    R1 a 0 1e3
    .options temp=27.0
    .op
    .control
    set num_threads=1
    set filetype=binary
    run
    write out.raw
    quit
    .endc
    .end
    <BLANKLINE>
    """
    ladder = rungs(deck)
    body = deck.render(ladder[min(rung, len(ladder) - 1)]).removesuffix(".end\n")
    # 'write' without names writes every vector of the plot: those of the .save line
    return body + ".control\nset num_threads=1\nset filetype=binary\nrun\nwrite out.raw\nquit\n.endc\n.end\n"


def write_run_folder(folder: str | Path, again: Replayed, table: LookupTable, *, installation: NgspiceInstallation | None = None) -> Path:
    """Write deck, start-up file, expected measures and waveforms, log and README of one sample.

    Files: ``deck.cir`` (whole netlist with control block), ``.spiceinit`` (the start-up file of our own runs; ngspice reads it
    from the working folder), ``expected.raw`` and ``expected.csv`` (waveforms and measures; for a good sample only),
    ``log.txt`` (the end of ngspice's messages; for the others), ``README.md``.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there; files of that name are replaced.
    again : Replayed
        The sample.
    table : LookupTable
        Where it stands: for names, units and provenance.
    installation : NgspiceInstallation, optional
        The ngspice that ran it; found by default.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ParameterError
        If the sample is not run by ngspice.
    DataError
        If the folder cannot be written.
    """
    from ...circuit.simulator import find_ngspice

    place, deck = Path(folder), again.deck
    text = runnable(deck, again.row.rung)
    files.write_text(place / "deck.cir", text)
    (installation or find_ngspice()).environment(place)  # writes .spiceinit, the very one of the drivers
    if again.result.ok:
        write_raw(place / "expected.raw", again.result.waveforms, title=deck.name, plot="Transient Analysis" if deck.stop is not None else "Operating Point")
    if again.row.status == "ok":
        files.write_text(place / "expected.csv", _expected(again, table))
    else:
        files.write_text(place / "log.txt", f"{again.row.status}: {again.row.message}\n\n{again.row.log}\n")
    files.write_text(place / "README.md", _readme(again, table, sorted(set(_ABSOLUTE.findall(text)))))
    return place


def _expected(again: Replayed, table: LookupTable) -> str:
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(["measure", "value", "unit", "meaning"])
    for name, measure in table.measures.items():
        value = again.row.values[name]
        write.writerow([name, "" if math.isnan(value) else repr(value), measure.unit, measure.description])
    return out.getvalue()


def _readme(again: Replayed, table: LookupTable, included: list[str]) -> str:
    a, row = table.attributes, again.row
    axes = {axis.name: axis.unit for axis in table.grid_axes}
    point = ", ".join(f"{name} = {value}{' ' + axes[name] if axes.get(name) else ''}" for name, value in again.point.items())
    lines = [
        f"# Sample {again.index} of {table.name}", "",
        f"{point}. Status: {row.status}{'' if not row.message else ': ' + row.message}", "",
        "    ngspice deck.cir", "",
        "in this folder writes `out.raw`. ngspice reads `.spiceinit` here: one thread, no questions. The waveforms are those of",
        "`expected.raw`, bit for bit with the same version and build of ngspice; its names of vectors are `a` and `v1#branch` for `v(a)`",
        "and `i(v1)`. `expected.csv` holds the measures that spinbnn takes from them, in SI units.", "",
        f"Simulator {a.get('simulator')}, technology {a.get('technology')}, device {a.get('device')}, flow hash {str(a.get('flow_hash'))[:16]}, numerics rung {row.rung}.",
    ]  # fmt: skip
    if included:
        lines += ["", "Included by their path, not copied (a foundry's files may not be passed on):", *(f"- `{path}`" for path in included)]
    if row.status == "ok":
        rows: list[list[Cell]] = [[name, row.values[name], m.unit] for name, m in table.measures.items()]
        lines += ["", Table("", ["measure", Column("value", digits=6), "unit"], rows).to_markdown()]
    return "\n".join(lines) + "\n"
