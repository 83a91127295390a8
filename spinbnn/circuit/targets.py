"""The transistors of a technology against the published figures that they are tuned to."""

from __future__ import annotations

from ..errors import ParameterError
from ..tables import Cell, Column, Table
from ..units import in_unit
from .simulator.deck import Simulator
from .technology import Technology
from .transistor import Polarity, TransistorFigures, measure_transistor

FIGURES = {"ion": "ion", "ioff": "ioff", "vth": "vth_sat", "slope": "slope", "dibl": "dibl"}
"""Figure of a target's name, and the field of `TransistorFigures` that it is compared with."""


def target_table(technology: Technology, simulator: Simulator) -> Table:
    """Measure every published target of a technology and compare.

    Parameters
    ----------
    technology : Technology
        Its typical transistors are measured at its supply and gate length, and at each target's own
        temperature and width.
    simulator : Simulator
        Any object with ``run(decks)``.

    Returns
    -------
    Table
        One row for each target; its verdict is ``"pass"`` or ``"fail"``.

    Raises
    ------
    ParameterError
        If the technology has no targets.
    SimulationError
        If a simulation failed, or its result has no threshold.

    Examples
    --------
    A formula in place of ngspice: an exponential has a good slope and leakage, and no drive that makes sense.

    >>> import numpy as np
    >>> from spinbnn.circuit.simulator import AnalyticSimulator
    >>> def exponential(deck):
    ...     v = np.linspace(0.0, deck.parameters["vdd"], 221)
    ...     sign, current = (-1 if "pfet" in deck.name else 1), 1e-11 * 10 ** (v / 0.093)
    ...     return {"v(g)": sign * v, "i(vdlin)": -sign * current, "i(vdsat)": -sign * current}
    >>> table = target_table(Technology.load("cmos40lp"), AnalyticSimulator(exponential))
    >>> [row[0] for row in table.rows if row[1] == "n" and row[7] == "pass"]
    ['ioff', 'vth', 'slope']
    """
    if not technology.targets:
        raise ParameterError(
            "the technology has no targets to measure",
            where=f"technology {technology.name!r}, targets",
            remedy="add published figures: [targets.nmos_ion] and the like",
        )
    measured: dict[tuple[Polarity, float, float], TransistorFigures] = {}
    rows: list[list[Cell]] = []
    for target in technology.targets:
        kind, figure = target.name.split("_")
        polarity: Polarity = "n" if kind == "nmos" else "p"
        bench = (polarity, target.temperature, target.width)
        if bench not in measured:
            measured[bench] = measure_transistor(
                simulator, technology, polarity, temperature=target.temperature, width=target.width
            )
        value = float(getattr(measured[bench], FIGURES[figure]))
        verdict = "pass" if target.low <= value <= target.high else "fail"
        pair = (in_unit(value, target.unit), in_unit(target.value, target.unit))
        comparison = (*pair, target.unit, target.tolerance, verdict, target.source)
        rows.append([figure, polarity, target.temperature, *comparison])
    heads = (
        "figure",
        "polarity",
        Column("temperature", "K", digits=5),
        "measured",
        "target",
        "unit",
        "tolerance",
        "verdict",
        "source",
    )
    return Table(f"Transistors of {technology.name} and their targets", heads, rows, technology.description)
