"""Netlist cells: the ports and parameters that a ``.subckt`` line declares, checked against every use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import files, resources
from ..errors import DataError, NetlistError, UnitError, suggest
from ..units import parse_spice, spice_number

_PARAMETER = re.compile(r"([A-Za-z_]\w*)\s*=\s*(\{[^}]*\}|\S+)")
_ANALYSES = {".control", ".endc", ".end", ".tran", ".dc", ".op", ".ac", ".noise", ".tf", ".pz", ".sens", ".disto"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One subcircuit file.

    Attributes
    ----------
    name : str
        Name on the ``.subckt`` line.
    ports : tuple of str
        Ports in order.
    parameters : mapping of str to float
        Defaults in SI units.
    path : Path
        The file, for messages.
    text : str
        Its content; benches write it into their decks, so that a deck never changes with the file.

    Examples
    --------
    >>> cell = Cell.load("sense_amp")
    >>> cell.ports
    ('inp', 'inn', 'enb', 'op', 'on', 'vdd')
    >>> cell.instance("sa", ["a", "b", "clk", "q", "qb", "vdd"], di1=0.01)
    'Xsa a b clk q qb vdd sense_amp di1=0.01'
    """

    name: str
    ports: tuple[str, ...]
    parameters: Mapping[str, float]
    path: Path
    text: str

    @classmethod
    def load(cls, name_or_path: str | Path) -> Cell:
        """Read a cell by its path or by the name of one that comes with spinbnn.

        Raises
        ------
        DataError
            If there is no such file or it cannot be read.
        NetlistError
            If the file does not hold exactly one well-formed ``.subckt ... .ends``, or holds anything that reaches beyond it.
        """
        path = resources.find("cell", name_or_path)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError("the netlist cannot be read", where=str(path), value=str(error), remedy="check the file") from None
        return cls.parse(text, path)

    @classmethod
    def parse(cls, text: str, path: Path) -> Cell:
        """Parse netlist text; ``path`` is for messages."""
        lines = _logical_lines(text, path)
        heads = [line for line in lines if line.lower().startswith(".subckt")]
        ends = [line for line in lines if line.lower().startswith(".ends")]
        if len(heads) != 1 or len(ends) != 1:
            raise NetlistError(
                f"a cell file holds one .subckt and one .ends; found {len(heads)} and {len(ends)}",
                where=str(path), value=path.name, remedy="put one subcircuit in a file",
            )  # fmt: skip
        words = [line.lower().split()[0] for line in lines]
        for word, line in zip(words, lines, strict=True):
            if word in _ANALYSES:
                raise NetlistError("a cell holds no analyses and no control blocks", where=str(path), value=line, remedy="move it into the bench")
            if word.startswith((".inc", ".lib")):
                raise NetlistError("a cell holds no files: its own text is all that a deck takes over", where=str(path), value=line, remedy="write the text of that file into this one")
        head = heads[0]
        parameters: dict[str, float] = {}
        for key, value in _PARAMETER.findall(head):
            try:
                parameters[key.lower()] = parse_spice(value)
            except UnitError:
                raise NetlistError("a parameter's default must be a plain number", where=f"{path}, .subckt line, {key}", value=value, remedy="write e.g. w=1.2u") from None
        declared = _PARAMETER.sub("", head).split()
        if len(declared) < 3 or any("=" in word for word in declared):
            raise NetlistError("the .subckt line cannot be read", where=str(path), value=head, remedy=".subckt name port ... key=value ...")
        return cls(name=declared[1].lower(), ports=tuple(w.lower() for w in declared[2:]), parameters=parameters, path=path, text=text)

    def instance(self, name: str, nodes: Sequence[str], **parameters: float) -> str:
        """Return the ``X`` line of one instance.

        Raises
        ------
        NetlistError
            If the number of nodes is wrong or a parameter is unknown.
        """
        if len(nodes) != len(self.ports):
            raise NetlistError(
                f"cell {self.name!r} has {len(self.ports)} ports ({' '.join(self.ports)})",
                where=f"{self.path}, instance {name!r}", value=list(nodes), remedy="give one node for each port, in order",
            )  # fmt: skip
        for key in parameters:
            if key not in self.parameters:
                raise NetlistError(f"cell {self.name!r} has no such parameter", where=f"{self.path}, instance {name!r}", value=key, remedy=suggest(key, self.parameters))
        given = [f"{key}={spice_number(value)}" for key, value in parameters.items()]
        return " ".join([f"X{name}", *nodes, self.name, *given])

    @property
    def content_hash(self) -> str:
        """sha256 of the netlist text."""
        return files.content_hash(self.text.encode())


def _logical_lines(text: str, path: Path) -> list[str]:
    """Join ``+`` continuation lines; drop comments and empty lines."""
    out: list[str] = []
    for raw in text.splitlines():
        line = raw.split(";")[0].rstrip()
        if not line.strip() or line.lstrip().startswith("*"):
            continue
        if line.startswith("+"):
            if not out:
                raise NetlistError("a continuation line with nothing before it", where=str(path), value=line, remedy="start the line without '+'")
            out[-1] += " " + line[1:].strip()
        else:
            out.append(line.strip())
    return out
