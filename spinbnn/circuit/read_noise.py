"""Noise of the read-out, referred to the inputs of the latch: shot noise of the junctions and thermal noise of the input pair."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..errors import ParameterError

BOLTZMANN = 1.380649e-23
"""Boltzmann's constant, exact [J/K]."""
CHARGE = 1.602176634e-19
"""Elementary charge, exact [C]."""


def latch_noise(gain_capacitance: float, temperature: float, *, excess: float = 1.0) -> float:
    r"""Return the input-referred thermal noise of a StrongARM latch, rms [V].

    .. math:: \sigma^2 = \frac{4 k_B T \gamma}{A\,C_x}

    The noise currents of the two input transistors, :math:`4 k_B T \gamma g_m` each, are integrated on the capacitances at their
    drains for the time t until the cross-coupled pair takes over: their charge has the variance
    :math:`4 k_B T \gamma g_m t`, and a gain of :math:`A = g_m t / C_x` refers it to the input. What is reset noise of these nodes, and
    noise of the cross-coupled pairs, is smaller by A and left out.

    Parameters
    ----------
    gain_capacitance : float
        A C_x, see :meth:`~spinbnn.circuit.sense_offset.SenseBench.gain_capacitance` [F].
    temperature : float
        Temperature [K].
    excess : float
        Noise factor gamma: 2/3 of a long channel in saturation, near 1 of a short one [1].

    Notes
    -----
    B. Razavi, "The StrongARM latch", doi:10.1109/MSSC.2015.2418155; P. Nuzzo et al., doi:10.1109/TCSI.2008.917991.

    Examples
    --------
    >>> f"{latch_noise(16e-15, 300.0) * 1e3:.2f} mV"
    '1.02 mV'
    """
    _positive("latch_noise", gain_capacitance=gain_capacitance, temperature=temperature, excess=excess)
    return math.sqrt(4 * BOLTZMANN * temperature * excess / gain_capacitance)


def string_noise(branches: Sequence[tuple[float, float, int]], capacitance: float, temperature: float) -> float:
    r"""Return the noise of a settled node that strings of tunnel junctions feed, rms [V].

    .. math:: \sigma^2 = \frac{R}{4 C} \sum_b S_b, \qquad
              S_b = \frac{2 q V_b}{n_b R_b} \coth\frac{q V_b}{2 n_b k_B T}, \qquad \frac1R = \sum_b \frac1{R_b}

    A junction has full shot noise; of n equal ones in series the current has an n-th. At zero bias S is 4 k_B T / R_b and the
    variance k_B T / C. Noise that is white up to the corner of the node, 1/(2 pi R C).

    Parameters
    ----------
    branches : sequence of (float, float, int)
        Of every branch at the node: its resistance [ohm], the voltage along it [V], and its number of junctions in series [1].
    capacitance : float
        Of the node [F].
    temperature : float
        Temperature [K].

    Notes
    -----
    Ya. M. Blanter, M. Buettiker, doi:10.1016/S0370-1573(99)00123-4 (coth law of a tunnel junction).

    Examples
    --------
    >>> f"{string_noise([(1e6, 0.0, 1)], 3e-15, 300.0) * 1e3:.3f} mV", f"{string_noise([(1e6, 0.3, 1)], 3e-15, 300.0) * 1e3:.3f} mV"
    ('1.175 mV', '2.830 mV')
    """
    _positive("string_noise", capacitance=capacitance, temperature=temperature)
    conductance, density = 0.0, 0.0
    for resistance, volts, junctions in branches:
        _positive("string_noise, branches", resistance=resistance, junctions=junctions)
        conductance += 1 / resistance
        x = CHARGE * abs(volts) / (2 * junctions * BOLTZMANN * temperature)
        density += 4 * BOLTZMANN * temperature / resistance * (x / math.tanh(x) if x > 1e-9 else 1.0)
    return math.sqrt(density / (4 * conductance * capacitance))


def branch_resistance(numbers: Mapping[str, float], branch: str, volts: float) -> float:
    """Return the resistance at a voltage of the junction in a state (``"parallel"``, ``"antiparallel"``) or of the ``"reference"`` [ohm].

    ``numbers`` are those of a deck: ``rp``, ``tmr``, ``vh``, and ``load`` (and ``strings``, 1 by default) or ``series``, ``top`` and ``bottom``. The reference is ``strings`` strings of
    twice as many pairs, each a parallel beside an antiparallel junction: the resistance of two pairs in series.
    """
    rp, tmr, half = numbers["rp"], numbers["tmr"], numbers["vh"]

    def antiparallel(bias: float) -> float:
        return rp * (1.0 + tmr / (1.0 + (bias / half) ** 2))

    if branch == "reference":
        return 2 / (1 / rp + 1 / antiparallel(volts / (2 * numbers.get("strings", 1)))) if "load" in numbers else numbers["bottom"] * rp
    return antiparallel(volts) if branch == "antiparallel" else rp


def node_voltage(numbers: Mapping[str, float], branch: str) -> float:
    """Return the settled voltage of the node above a branch, under its load [V]; see :func:`branch_resistance`.

    Examples
    --------
    >>> numbers = {"rp": 331e3, "tmr": 1.2, "vh": 0.5, "load": 6, "supply": 1.1}
    >>> [round(node_voltage(numbers, branch), 4) for branch in ("parallel", "reference", "antiparallel")]
    [0.1571, 0.2039, 0.268]
    """
    load = numbers["load"] if "load" in numbers else numbers["top" if branch == "reference" else "series"]
    volts = 0.0
    for _ in range(40):
        resistance = branch_resistance(numbers, branch, volts)
        volts = numbers["supply"] * resistance / (resistance + load * numbers["rp"])
    return volts


def read_noise(numbers: Mapping[str, float], *, temperature: float, capacitance: float, latch: float, strings: tuple[int, int]) -> float:
    """Return the noise at the inputs of the latch in the noisier state of the junction, rms [V].

    Parameters
    ----------
    numbers : mapping of str to float
        Those of a deck with a junction reference, at the temperature.
    temperature : float
        Temperature [K].
    capacitance : float
        Of either node [F].
    latch : float
        Noise of the latch, see :func:`latch_noise` [V].
    strings : (int, int)
        ``load_strings`` and ``reference_strings`` of the design [1].
    """
    def node(branch: str, junctions: int) -> float:
        volts, load = node_voltage(numbers, branch), numbers["load"]
        branches = [(load * numbers["rp"], numbers["supply"] - volts, int(load * strings[0])), (branch_resistance(numbers, branch, volts), volts, junctions)]
        return string_noise(branches, capacitance, temperature)

    reference = node("reference", 2 * strings[1])
    return max(math.hypot(node(state, 1), reference, latch) for state in ("parallel", "antiparallel"))


def _positive(where: str, **values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise ParameterError("must be finite and > 0", where=f"{where}, {name}", value=value, remedy="give it in SI units")
