"""What a simulator is (`Simulator`), what goes into it (`Deck`) and what comes out of it (`SimulationResult`)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ...errors import ParameterError, SimulationError, suggest

OptionValue = float | int | str | bool

# fmt: off
KNOWN_OPTIONS = frozenset((
    "abstol", "chgtol", "convlimit", "convstep", "convabsstep", "cshunt", "defad", "defas", "defl",
    "defw", "gmin", "gminsteps", "itl1", "itl2", "itl4", "itl6", "keepopinfo", "klu",
    "maxevtiter", "maxopalter", "maxord", "method", "minbreak", "noopiter", "pivrel", "pivtol", "ramptime",
    "reltol", "rshunt", "scale", "sparse", "srcsteps", "tnom", "trtol", "vntol", "xmu",
))
# fmt: on

STATUSES = ("ok", "failed", "timeout", "crashed")

_SAVE = re.compile(r"[vi]\([^\s(),]+\)|@[^\s\[\]]+\[[^\s\[\]]+\]", re.IGNORECASE)
_NODE = re.compile(r"[^\s(),=]+")
_ANALYSIS = re.compile(
    r"\s*(\.op|\.dc|\.tran|\.ac|\.noise|\.pz|\.tf|\.sens|\.disto|\.pss|\.sp)(?=\s|$)", re.IGNORECASE
)


def number(value: float, where: str = "deck") -> str:
    """Render a number the way every deck must carry it: ``repr(float(value))``.

    A NumPy scalar's own ``repr`` (``np.float64(0.1)``) is no SPICE number, and SPICE has no infinity.

    Raises
    ------
    ParameterError
        If the value is not a finite number.

    Examples
    --------
    >>> number(np.float64(1e-9)), number(50)
    ('1e-09', '50.0')
    """
    try:
        result = float(value)
    except (TypeError, ValueError):
        result = math.nan
    if isinstance(value, str | bool) or not math.isfinite(result):
        raise ParameterError(
            "not a finite number", where=where, value=value, remedy="give a plain number in SI units"
        )
    return repr(result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deck:
    """One circuit with one analysis, ready for any simulator of this package.

    Parameters
    ----------
    text : str
        Netlist body: models, sub-circuits, elements and, where ``stop`` is None, at most one ``.op`` or
        ``.dc`` line (``.op`` is the default). No title line, no ``.end``, no ``.control``. Paths in
        ``.include`` and ``.lib`` lines are absolute.
    name : str
        Name for messages; becomes the title line.
    save : tuple of str
        Vectors to keep: ``"v(node)"``, ``"i(vsource)"``, ``"@device[parameter]"``. They are the keys of
        the waveforms, as they are written here. Empty: every node voltage and source current.
    stop : float or None
        End of the transient; None for ``.op`` or ``.dc``. [s]
    max_step : float or None
        Largest time step; needed with ``stop``, because ngspice's own default (``stop``/50) makes
        timing errors of a nanosecond in a 50 ns cycle without a message. [s]
    temperature_c : float
        Circuit temperature. [degC]
    options : mapping
        Numerical options of ngspice (``method="gear"``, ``reltol=1e-3``, ...); True renders a bare flag.
    initial : mapping of str to float
        Initial node voltages (``.ic``), held while the operating point is solved. [V]
    parameters : mapping of str to float
        Plain numbers this deck was made from; not rendered. `AnalyticSimulator` and records read them.

    Raises
    ------
    ParameterError
        If a number is not finite, a step or stop time is not positive, or an option or vector is unknown.

    Examples
    --------
    >>> deck = Deck(name="rc", text="V1 in 0 1\\nR1 in out 1e3\\nC1 out 0 1e-9", save=("v(out)",),
    ...             stop=1e-6, max_step=1e-9, options={"method": "gear"}, initial={"out": 0.0})
    >>> print(deck.render())
    * rc
    V1 in 0 1
    R1 in out 1e3
    C1 out 0 1e-9
    .ic v(out)=0.0
    .options temp=27.0
    .options method=gear
    .save v(out)
    .tran 1e-09 1e-06 0 1e-09
    .end
    <BLANKLINE>
    """

    text: str
    name: str = "deck"
    save: tuple[str, ...] = ()
    stop: float | None = None
    max_step: float | None = None
    temperature_c: float = 27.0
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    initial: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        where = f"deck {self.name!r}"
        if "\n" in self.name or "\r" in self.name:
            raise ParameterError(
                "a deck's name is one line", where=where, value=self.name, remedy="drop the line break"
            )
        object.__setattr__(self, "save", check_save(self.save, where))
        if self.stop is not None:
            _positive(self.stop, f"{where}, stop")
            if self.max_step is None:
                raise ParameterError(
                    "a transient needs its largest time step",
                    where=f"{where}, max_step",
                    remedy="give max_step, about a tenth of the fastest edge that matters",
                )
            _positive(self.max_step, f"{where}, max_step")
        elif self.max_step is not None:
            raise ParameterError(
                "max_step without stop", where=f"{where}, stop", remedy="give both or neither"
            )
        if float(number(self.temperature_c, f"{where}, temperature_c")) <= -273.15:
            raise ParameterError(
                "temperature at or below absolute zero",
                where=f"{where}, temperature_c",
                value=self.temperature_c,
                remedy="temperature_c is in degrees Celsius",
            )
        _render_options(self.options, where)
        for node, volts in self.initial.items():
            if not _NODE.fullmatch(node):
                raise ParameterError(
                    "not a node name",
                    where=f"{where}, initial",
                    value=node,
                    remedy="give the bare name of the node: 'out', not 'v(out)'",
                )
            number(volts, f"{where}, initial[{node!r}]")

    def render(self, extra_options: Mapping[str, OptionValue] | None = None) -> str:
        """Return the whole netlist as text, ``.end`` included.

        Parameters
        ----------
        extra_options : mapping, optional
            Options behind the deck's own; ngspice lets the later line win. The numerics ladder uses it.

        Returns
        -------
        str
            The netlist; equal decks give equal text.
        """
        lines = [f"* {self.name}", self.text.strip("\n")]
        lines += [f".ic v({node})={number(volts)}" for node, volts in self.initial.items()]
        lines.append(f".options temp={number(self.temperature_c)}")
        for options in (self.options, extra_options or {}):
            if rendered := _render_options(options, f"deck {self.name!r}"):
                lines.append(f".options {rendered}")
        if self.save:
            lines.append(f".save {' '.join(dict.fromkeys(self.save))}")
        if self.stop is not None and self.max_step is not None:
            step = number(self.max_step)
            lines.append(f".tran {step} {number(self.stop)} 0 {step}")
        elif not self.analyses():
            lines.append(".op")
        return "\n".join([*lines, ".end", ""])

    def analyses(self) -> tuple[str, ...]:
        """Return the analysis commands that the netlist body itself holds, in lower case.

        Examples
        --------
        >>> Deck(text="R1 a 0 1k\\n.DC V1 0 1 0.1").analyses()
        ('.dc',)
        """
        found = (_ANALYSIS.match(line) for line in self.text.splitlines())
        return tuple(match.group(1).lower() for match in found if match)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulationResult:
    """What became of one deck.

    Parameters
    ----------
    index : int
        Place of the deck in the input order.
    status : str
        ``"ok"``; ``"failed"`` (the simulator gave no usable answer); ``"timeout"`` (killed);
        ``"crashed"`` (the simulator's process died).
    name : str
        The deck's name.
    waveforms : dict of str to ndarray
        Each saved vector, and the sweep vector (``"time"`` [s], or ``"v-sweep"`` and the like for
        ``.dc``), shape (points,); voltages [V], currents [A]. Empty unless ``status`` is ``"ok"``.
    error : str
        What the simulator said; empty when ok.
    rung : int
        Level of the numerics ladder that gave the answer (0: the deck's own options), or the last one tried.
    log : str
        End of the simulator's messages.
    elapsed : float
        Wall time from handing the deck over to the result. [s]

    Examples
    --------
    >>> result = SimulationResult(index=0, status="failed", name="cell", error="singular matrix: check node x")
    >>> result.ok
    False
    >>> result.require()
    Traceback (most recent call last):
    spinbnn.errors.SimulationError: the simulation failed: singular matrix: check node x
      where:  deck 'cell' (index 0)
      value:  'failed'
      remedy: correct the netlist at the place the message names; the result's .log holds more
    """

    index: int
    status: str
    name: str = "deck"
    waveforms: dict[str, np.ndarray] = field(default_factory=dict)
    error: str = ""
    rung: int = 0
    log: str = ""
    elapsed: float = 0.0

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ParameterError(
                "unknown status",
                where="SimulationResult.status",
                value=self.status,
                remedy=suggest(self.status, STATUSES),
            )

    @property
    def ok(self) -> bool:
        """Whether there are waveforms to use."""
        return self.status == "ok"

    def require(self) -> SimulationResult:
        """Return this result if it is good.

        Raises
        ------
        SimulationError
            If it is not: deck, message of the simulator and remedy.
        """
        if self.ok:
            return self
        what = {
            "failed": "the simulation failed",
            "timeout": "the simulation was stopped",
            "crashed": "the simulator's process died",
        }[self.status]
        raise SimulationError(
            f"{what}: {self.error}",
            where=f"deck {self.name!r} (index {self.index})",
            value=self.status,
            remedy=_REMEDIES[self.status],
        )


class Simulator(Protocol):
    """What is needed of a simulator: results in the order of the decks."""

    def run(self, decks: Iterable[Deck]) -> Iterator[SimulationResult]:
        """Yield one result for each deck, in order."""
        ...


_REMEDIES = {
    "failed": "correct the netlist at the place the message names; the result's .log holds more",
    "timeout": "raise the simulator's timeout, or max_step, or shorten the transient",
    "crashed": "look for control commands (quit) in included files; run the rendered deck with ngspice by hand",
}


def check_save(save: tuple[str, ...] | list[str], where: str) -> tuple[str, ...]:
    """Return the vectors as a tuple, or raise `ParameterError` for one that is no vector.

    Examples
    --------
    >>> check_save(["v(out)", "i(v1)", "@m.xa.m1[id]"], "here")
    ('v(out)', 'i(v1)', '@m.xa.m1[id]')
    """
    remedy = "write 'v(node)', 'i(vsource)' or '@device[parameter]'; differences are taken afterwards"
    if isinstance(save, str):
        raise ParameterError(
            "save is a tuple of vectors, not one string", where=f"{where}, save", value=save, remedy=remedy
        )
    for vector in save:
        if not isinstance(vector, str) or not _SAVE.fullmatch(vector):
            raise ParameterError("not a vector to save", where=f"{where}, save", value=vector, remedy=remedy)
    return tuple(save)


def _positive(value: float, where: str) -> None:
    if float(number(value, where)) <= 0:
        raise ParameterError("a time must be positive", where=where, value=value, remedy="give seconds > 0")


def _render_options(options: Mapping[str, OptionValue], where: str) -> str:
    """Return ``key=value`` pairs; refuse unknown names, which ngspice would pass over in silence."""
    parts = []
    for key, value in options.items():
        if key not in KNOWN_OPTIONS:
            remedy = "set Deck.temperature_c" if key == "temp" else suggest(key, KNOWN_OPTIONS)
            raise ParameterError(
                "unknown option of ngspice", where=f"{where}, options", value=key, remedy=remedy
            )
        if value is True:
            parts.append(key)
        elif isinstance(value, str):
            if not re.fullmatch(r"\w+", value):
                raise ParameterError(
                    "not an option's value",
                    where=f"{where}, options[{key!r}]",
                    value=value,
                    remedy="a word ('gear', 'trap') or a number",
                )
            parts.append(f"{key}={value}")
        elif isinstance(value, int) and not isinstance(value, bool):
            parts.append(f"{key}={value}")
        else:
            parts.append(f"{key}={number(value, f'{where}, options[{key!r}]')}")
    return " ".join(parts)
