"""How long a column takes to settle: one selected cell in voltage or current mode, and a column of driven cells."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solveh_banded

from ..errors import ParameterError


@dataclass(frozen=True, slots=True, kw_only=True)
class BitLine:
    """Resistances and capacitances around one selected cell.

    Parameters
    ----------
    resistance, capacitance : float
        Of the whole bit line, drains included [ohm, F].
    cell_capacitance : float
        Of the selected access transistor [F].
    mux_capacitance : float
        Of multiplexer and sense amplifier [F].

    Examples
    --------
    >>> from spinbnn.crossbar.array_params import ArrayParams
    >>> line = BitLine.of(ArrayParams.load("array_mohm"), 256)
    >>> round(line.resistance), round(line.capacitance * 1e15, 1)
    (557, 40.3)
    """

    resistance: float
    capacitance: float
    cell_capacitance: float = 0.0
    mux_capacitance: float = 0.0

    def __post_init__(self) -> None:
        for key in ("resistance", "capacitance", "cell_capacitance", "mux_capacitance"):
            if not 0 <= getattr(self, key) < math.inf:
                raise ParameterError(
                    "needs a finite number that is not negative",
                    where=f"BitLine, {key}",
                    value=getattr(self, key),
                    remedy="0 for none",
                )

    @classmethod
    def of(cls, params: object, devices: int, mux_capacitance: float = 0.0) -> BitLine:
        """Return the bit line of ``devices`` device rows of an array (:class:`~spinbnn.crossbar.array_params.ArrayParams`)."""
        from .array_params import ArrayParams

        assert isinstance(params, ArrayParams)
        return cls(
            resistance=devices * params.wire_column,
            capacitance=devices * params.column_capacitance,
            cell_capacitance=params.value("access.drain_capacitance"),
            mux_capacitance=mux_capacitance,
        )


def divider_time(line: BitLine, on: float, off: float, voltage: float, sense_voltage: float) -> float:
    r"""Return the time of voltage sensing: a selected cell against a series resistor, from the precharged middle.

    Parameters
    ----------
    line : BitLine
        The bit line.
    on, off : float
        Resistance of the cell in P and AP, access transistor included [ohm].
    voltage : float
        Over cell and series resistor [V].
    sense_voltage : float
        What the amplifier needs [V].

    Returns
    -------
    float
        Time until the slower state differs by ``sense_voltage`` from the precharge [s].

    Notes
    -----
    With :math:`R_s = \sqrt{R_{on} R_{off}}`, :math:`V_x = V R_x / (R_x + R_s)` and the precharge
    :math:`V_{pre} = (V_{on} + V_{off}) / 2`,

    .. math:: t = \max_x \left[(R_x \| R_s)(C_{cell} + C_{BL} + C_{mux}) + R_{BL} (C_{mux} + C_{BL}/2)\right]
       \ln \frac{|V_{pre} - V_x|}{|V_{pre} - V_x| - V_{sense}} .

    Source: NVSim, SubArray.cpp (github.com/SEAL-UCSB/NVSim). One row is selected; a read with all N rows driven has
    about N times the conductance, see :func:`column_time`.

    Raises
    ------
    ParameterError
        If resistances are not positive or the states differ by less than the amplifier needs.

    Examples
    --------
    >>> line = BitLine(resistance=557.0, capacitance=40e-15)
    >>> round(divider_time(line, 1.0e6, 2.5e6, 0.4, 0.025) * 1e9, 1)
    31.4
    """
    if not 0 < on < off < math.inf:
        raise ParameterError(
            "needs 0 < on < off",
            where="divider_time, on and off",
            value=(on, off),
            remedy="P is the lower resistance",
        )
    series = math.sqrt(on * off)
    levels = [voltage * r / (r + series) for r in (on, off)]
    swing = (levels[1] - levels[0]) / 2
    if not 0 < sense_voltage < swing:
        raise ParameterError(
            "the two states never differ by what the amplifier needs",
            where="divider_time, sense_voltage",
            value=(sense_voltage, swing),
            remedy="raise the voltage or the ratio of the resistances, or use a finer amplifier",
        )
    parallel = off * series / (off + series)  # the slower of the two
    tau = parallel * (line.cell_capacitance + line.capacitance + line.mux_capacitance)
    tau += line.resistance * (line.mux_capacitance + line.capacitance / 2)
    return tau * math.log(swing / (swing - sense_voltage))


def current_time_constant(line: BitLine, off: float) -> float:
    r"""Return the time constant of current sensing of one selected cell.

    Parameters
    ----------
    line : BitLine
        The bit line.
    off : float
        Resistance of the cell in AP [ohm].

    Notes
    -----
    :math:`\tau = R_{BL} C_{BL} / 2 \cdot (R_{off} + R_{BL}/3) / (R_{off} + R_{BL})`, NVSim's law for an ideal clamp
    at the end of the line. It hides the amplifier: its input resistance times :math:`C_{BL}`, and its own time.

    Examples
    --------
    >>> round(current_time_constant(BitLine(resistance=557.0, capacitance=40e-15), 2.5e6) * 1e12, 2)
    11.14
    """
    if not 0 < off < math.inf:
        raise ParameterError(
            "needs a positive resistance", where="current_time_constant, off", value=off, remedy="e.g. 2.5e6"
        )
    return line.resistance * line.capacitance / 2 * (off + line.resistance / 3) / (off + line.resistance)


def column_time(
    conductance: ArrayLike,
    wire_column: float,
    capacitance: float,
    *,
    load_resistance: float = math.inf,
    load_capacitance: float = 0.0,
) -> float:
    r"""Return the Elmore time at the foot of a column whose rows step from 0 to the read voltage together.

    Parameters
    ----------
    conductance : array (N,)
        Of the driven devices, from the top; 0 for rows that do not conduct [S].
    wire_column : float
        Segment below each device [ohm].
    capacitance : float
        Of each segment [F].
    load_resistance : float
        To ground at the foot: the input of a current amplifier; infinite for voltage sensing [ohm].
    load_capacitance : float
        At the foot [F].

    Returns
    -------
    float
        :math:`\tau`, the first moment of the step response of the foot's voltage [s].

    Notes
    -----
    With nodal matrix :math:`Y`, capacitances :math:`C` and sources :math:`b = G`,

    .. math:: \tau = \frac{e^T Y^{-1} C\, Y^{-1} b}{e^T Y^{-1} b},

    which is :math:`C_{all} / (\sum G + 1 / R_L)` for wires without resistance. A single pole settles to half an LSB of b
    bits after :math:`\tau (b + 1) \ln 2`. Word lines are taken as steps.

    Raises
    ------
    ParameterError
        For a column in which nothing conducts, or negative numbers.

    Examples
    --------
    256 megaohm cells in parallel settle 256 times as fast as one:

    >>> import numpy as np
    >>> [round(column_time(np.full(n, 1e-6), 0.0, 40e-15 / n) * 1e9, 3) for n in (1, 256)]
    [40.0, 0.156]
    """
    g = np.atleast_1d(np.asarray(conductance, float))
    where = "column_time"
    if g.ndim != 1 or not np.all(np.isfinite(g) & (g >= 0)) or not g.any():
        raise ParameterError(
            "needs conductances of a column that conducts",
            where=f"{where}, conductance",
            value=g.shape,
            remedy="shape (N,), none negative, one above 0",
        )
    for key, value in (
        ("wire_column", wire_column),
        ("capacitance", capacitance),
        ("load_capacitance", load_capacitance),
    ):
        if not 0 <= value < math.inf:
            raise ParameterError(
                "needs a finite number that is not negative",
                where=f"{where}, {key}",
                value=value,
                remedy="0 for none",
            )
    if not load_resistance > 0:
        raise ParameterError(
            "needs a positive resistance",
            where=f"{where}, load_resistance",
            value=load_resistance,
            remedy="math.inf for voltage sensing",
        )
    load = 0.0 if math.isinf(load_resistance) else 1 / load_resistance
    if wire_column == 0:
        return (len(g) * capacitance + load_capacitance) / (float(g.sum()) + load)
    wire = 1 / wire_column
    diagonal = np.append(g, load)
    diagonal[:-1] += wire
    diagonal[1:] += wire
    bands = np.vstack([np.append(0.0, np.full(len(g), -wire)), diagonal])
    charges = np.append(np.full(len(g), float(capacitance)), load_capacitance)
    settled = solveh_banded(bands, np.append(g, 0.0))
    moment = solveh_banded(bands, charges * settled)
    return float(moment[-1] / settled[-1])


def settling_time(time_constant: float, bits: int) -> float:
    """Return the time after which a single pole is within half an LSB of full scale, ``tau (bits + 1) ln 2`` [s].

    Examples
    --------
    >>> round(settling_time(1e-9, 8) * 1e9, 3)
    6.238
    """
    return time_constant * (bits + 1) * math.log(2)
