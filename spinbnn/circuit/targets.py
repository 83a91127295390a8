"""The transistors of a technology: measured in every corner, and against the published figures that they are tuned to."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import ParameterError
from ..tables import Cell, Column, Table
from ..units import in_unit
from .inverter import measure_fo4
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


def figure_table(
    technology: Technology, simulator: Simulator, *, corners: Sequence[str] | None = None, temperature: float = 300.15
) -> Table:
    """Measure transistors and the fan-out-of-4 inverter of a technology, corner by corner.

    Parameters
    ----------
    technology : Technology
        Measured at its supply and gate length, at W = 1 um (the inverter: 1 um and 2 um).
    simulator : Simulator
        Any object with ``run(decks)``.
    corners : sequence of str, optional
        Which corners; all of the technology by default, in its order.
    temperature : float
        Device temperature [K].

    Returns
    -------
    Table
        One row for each corner and polarity. A slope that leakage hides is None.

    Raises
    ------
    ParameterError
        If the technology has no such corner.
    SimulationError
        If a simulation failed, or its result cannot be evaluated.

    Examples
    --------
    Formulas in place of ngspice:

    >>> import numpy as np
    >>> from spinbnn.circuit.simulator import AnalyticSimulator
    >>> def formulas(deck):
    ...     if "v(n2)" in deck.save:
    ...         t = np.linspace(0.0, deck.stop, 4001)
    ...         pulse = lambda at: 1.1 * np.clip(at / 2e-11 - 3, 0, 1) - 1.1 * np.clip(at / 2e-11 - 12, 0, 1)
    ...         return {"time": t, "v(n2)": pulse(t), "v(n3)": 1.1 - pulse(t - 20e-12)}
    ...     v = np.linspace(0.0, deck.parameters["vdd"], 221)
    ...     sign, current = (-1 if "pfet" in deck.name else 1), 1e-11 * 10 ** (v / 0.093)
    ...     return {"v(g)": sign * v, "i(vdlin)": -sign * current, "i(vdsat)": -sign * current}
    >>> for row in figure_table(Technology.load("cmos40lp"), AnalyticSimulator(formulas), corners=["tt"]).rows:
    ...     print(row[0], row[1], round(row[3], 6), round(row[6], 6), round(row[8], 6))
    tt n 10.0 93.0 20.0
    tt p 10.0 93.0 20.0
    """
    rows: list[list[Cell]] = []
    delay: float | None = None  # of the corner before: close enough to set the steps
    for corner in technology.corners if corners is None else corners:
        delay = measure_fo4(simulator, technology, corner=corner, temperature=temperature, estimate=delay).mean
        polarities: tuple[Polarity, ...] = ("n", "p")
        for polarity in polarities:
            f = measure_transistor(simulator, technology, polarity, temperature=temperature, corner=corner)
            slope = None if math.isnan(f.slope) else in_unit(f.slope, "mV/dec")
            currents = (in_unit(f.ion, "uA/um"), in_unit(f.ioff, "pA/um"))
            rows.append([corner, polarity, *currents, f.vth_lin, f.vth_sat, slope, in_unit(f.dibl, "mV/V"), in_unit(delay, "ps")])
    heads = (
        "corner", "polarity", Column("ion", "uA/um"), Column("ioff", "pA/um"), Column("vth, 50 mV", "V"), Column("vth, VDD", "V"),
        Column("slope", "mV/dec"), Column("dibl", "mV/V"), Column("FO4 delay", "ps"),
    )  # fmt: skip
    note = f"W = 1 um, L = {technology.gate_length * 1e9:g} nm, VDD = {technology.supply:g} V, {temperature - 273.15:g} degC; the inverter: 1 um and 2 um, no wires. ?: leakage hides the slope."
    return Table(f"Transistors of {technology.name} by corner", heads, rows, note)
