"""Element lines of the dropout module and its sources, for every driver variant."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import ParameterError
from ..units import spice_number
from .cell import Cell
from .design import ModuleDesign
from .dropout_cycle import Timing
from .read_netlist import Shift, header_windows, read_cells, read_lines
from .reference_junctions import ReferenceJunction

BRIDGE = {"p1": "p", "n1": "n", "p2": "p", "n2": "n"}
ACTIVE_LOW = ("gp1", "gp2", "reb", "enb")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSteps:
    """Amplitude codes that change in time: for the settling between codes, and for a module that several layers share.

    Parameters
    ----------
    before : int
        Code before the first change.
    changes : tuple of (float, int)
        Moments [s], ascending, and the codes from then on.

    Raises
    ------
    ParameterError
        If the moments do not ascend or are negative.

    Examples
    --------
    >>> CodeSteps(before=3, changes=((1e-9, 7), (5e-9, 2))).codes
    (3, 7, 2)
    """

    before: int
    changes: tuple[tuple[float, int], ...]

    def __post_init__(self) -> None:
        moments = [0.0, *(at for at, _ in self.changes)]
        if any(late <= early for early, late in itertools.pairwise(moments)):
            raise ParameterError("the moments of the changes must ascend from above 0", where="CodeSteps, changes", value=moments[1:], remedy="((1e-9, 7), (5e-9, 2))")

    @property
    def codes(self) -> tuple[int, ...]:
        """Every code in its turn."""
        return (self.before, *(code for _, code in self.changes))


def cell_names(design: ModuleDesign) -> tuple[str, ...]:
    """Return the cells that a deck of this design needs, in the order of the deck.

    Examples
    --------
    >>> cell_names(ModuleDesign.load("module_voltage_cmos40lp"))
    ('sot_mtj', 'h_bridge', 'dropout_module', 'read_front', 'parallel_mtj', 'antiparallel_mtj', 'sense_amp')
    """
    names = ["sot_mtj", "h_bridge", "dropout_module", *read_cells(design)]
    names += ["set_mirror", "set_bias"] if design.mirror else []
    names += ["trim_bit"] if design.dac else []
    return (*names, "gate_driver") if design.gates else tuple(names)


def windows(design: ModuleDesign, timing: Timing) -> dict[str, list[tuple[float, float]]]:
    """Return when each gate is active: start and length of its pulses [s].

    A mirror conducts through P1 and N1 for ``presettle`` before SET. Its output has rested at the supply; the charge of
    its channel flows off there and not into the track, and the bias line recovers from the kick. N1 opens while N2 closes.
    The header of a read path with an equaliser conducts from ``precharge`` before the first READ on.

    Raises
    ------
    ParameterError
        If the gap before SET is too short for that.
    """
    t = timing
    reads = [(start, t.read) for start in t.read_at]
    early = design.mirror.get("presettle", 0.0)
    if early + 2 * t.edge > t.gap:
        raise ParameterError("the gap is too short for the mirror to settle before SET", where="timing.gap", value=t.gap, remedy=f"set it to {early + 2 * t.edge:.4g} s or more, or shorten mirror.presettle of the design")
    low = (t.reset_at, t.set_at + t.edge - t.reset_at) if early else (t.reset_at, t.reset)
    return {
        "gp1": [(t.set_at - early, t.set + early)], "gp2": [(t.reset_at, t.reset)], "gn2": [(t.set_at, t.set), *reads],
        "gn1": [low, *reads], "reb": header_windows(design, reads), "enb": [(start + t.read - t.sense, t.sense) for start in t.read_at],
    }  # fmt: skip


def pulses(name: str, active: list[tuple[float, float]], supply: float, edge: float) -> str:
    """Return a piecewise-linear source on the node ``name``; the edges of a window lie inside it."""
    rest, level = (supply, 0.0) if name in ACTIVE_LOW else (0.0, supply)
    points = [(0.0, rest)]
    for start, width in active:
        points += [(start, rest), (start + edge, level), (start + width - edge, level), (start + width, rest)]
    return f"V{name} {name} 0 PWL({_points(points)})"


def module_lines(
    design: ModuleDesign, cells: Mapping[str, Cell], timing: Timing | Sequence[Timing], shift: Shift, *, supply: float, amplitude: float | CodeSteps,
    device: Mapping[str, float], parallel_resistance: float, gate_length: float, temperature: float, states: Sequence[tuple[float, float]] | None = None,
    junctions: Sequence[ReferenceJunction] = (),
) -> list[str]:  # fmt: skip
    """Return sources and instances of one module; models, wrappers and the text of the cells are not in it.

    Parameters
    ----------
    design : ModuleDesign
        Driver and sizes.
    cells : mapping of str to Cell
        Those of :func:`cell_names`.
    timing : Timing or sequence of Timing
        Phase plan of a cycle, or those of consecutive cycles of equal edges.
    shift : callable
        Mismatch of a transistor.
    supply : float
        Supply [V].
    amplitude : float or CodeSteps
        Rail [V], mirrored reference current [A] or code [1], by the driver.
    device : mapping of str to float
        Parameters of the cell ``sot_mtj``.
    parallel_resistance : float
        Nominal junction resistance, which a reference of resistors is built for [ohm].
    gate_length : float
        Of every transistor that has no length of its own [m].
    temperature : float
        That the reference current of a mirror follows, see :meth:`ModuleDesign.current_factor` [K].
    states : sequence of (float, float), optional
        Electrical state of the junction: moments [s] and states [1]. By default 0 in the first READ window and 1 in the second.
    junctions : sequence of ReferenceJunction
        Of the read reference, as many as the design has.
    """
    cycles = (timing,) if isinstance(timing, Timing) else tuple(timing)
    edge, plans = cycles[0].edge, [windows(design, cycle) for cycle in cycles]
    active = {name: [window for plan in plans for window in plan[name]] for name in plans[0]}
    lines = [f"Vvdd vdd 0 {spice_number(supply)}"]
    if design.driver == "voltage":
        lines.append(f"Vvset vset 0 {spice_number(_number(amplitude))}")
    lines += [pulses(name, active[name], supply, edge) for name in active]
    if states is None:
        between = cycles[0].read_at[1] - cycles[0].between / 2
        states = [(0.0, 0.0), (between, 0.0), (between + edge, 1.0)]
    lines.append(f"Vs s 0 PWL({_points(states)})")
    lines += [cells["gate_driver"].instance(f"g{name}", [name, f"{name}o", "vdd"], lg=gate_length, **sizes) for name, sizes in design.gates.items()]
    gate = {name: f"{name}o" if name in design.gates else name for name in active}

    widths = {name: design.bridge[f"w{name}"] for name in BRIDGE}
    shifts = {name: shift(kind, widths[name], name, None) for name, kind in BRIDGE.items()}
    module = {f"w{n}": w for n, w in widths.items()} | {f"d{n}": s[0] for n, s in shifts.items()} | {f"m{n}": s[1] for n, s in shifts.items()}
    module |= {key: value for key, value in design.bridge.items() if key not in module}
    bridge = ["vset", "vdd", gate["gp1"], gate["gn1"], gate["gp2"], gate["gn2"], "la", "lb", "rd", "s", "p0", "p1"]
    lines.append(cells["dropout_module"].instance("m", bridge, lg=gate_length, **module, **device))
    if design.mirror:
        lines += _mirror_lines(design, cells, cycles, shift, amplitude, supply, gate_length, temperature)

    lines += read_lines(design, cells, shift, gate, device=device, junctions=junctions, parallel_resistance=parallel_resistance, gate_length=gate_length)
    return lines


def _mirror_lines(design: ModuleDesign, cells: Mapping[str, Cell], cycles: Sequence[Timing], shift: Shift, amplitude: float | CodeSteps, supply: float, gate_length: float, temperature: float) -> list[str]:
    """Mirror, its share of the bias and, of a trimmed design, the bits of the DAC.

    The reference current is ideal and follows the temperature as the design says. It flows from RESET to the end of SET; with
    ``wake`` from that long before the first RESET to the end, so that every cycle finds the bias line settled.

    Raises
    ------
    ParameterError
        If the rest before the first RESET is too short for ``wake``.
    """
    ratio, wake, first = design.bias["ratio"], design.bias.get("wake", 0.0), cycles[0]
    current = (design.reference_current if design.dac else _number(amplitude)) * design.current_factor(temperature)
    flow = [(0.0, 0.0)]
    if wake:
        if wake + 2 * first.edge > first.lead:
            raise ParameterError("the rest before RESET is too short for the bias line to wake up", where="timing.lead", value=first.lead, remedy=f"set it to {wake + 2 * first.edge:.4g} s or more, or shorten bias.wake of the design")
        flow += [(first.reset_at - wake, 0.0), (first.reset_at - wake + first.edge, current / ratio)]
    for t in cycles if not wake else ():
        flow += [(t.reset_at, 0.0), (t.reset_at + t.edge, current / ratio), (t.set_at + t.set, current / ratio), (t.set_at + t.set + t.edge, 0.0)]
    cell_lines = mirror_cells(design, cells, shift, gate_length, lambda bit: _bit_source(bit, amplitude, supply, cycles[0].edge))
    return [f"Iref bias 0 PWL({_points(flow)})", *cell_lines]


def mirror_cells(design: ModuleDesign, cells: Mapping[str, Cell], shift: Shift, gate_length: float, bit_source: Callable[[int], str]) -> list[str]:
    """Return the instances of bias, mirror and bits, each bit behind its source, without the reference current.

    The transistors of the bias have no mismatch: a bank of modules shares them, what they err by is the same for all and part of
    the reference current.
    """
    mirror = design.mirror
    width, length = mirror["w"], mirror["l"]
    lines = []
    sizes = {key: value for key, value in design.bias.items() if key not in ("ratio", "slope", "wake")} | {"lm": length, "lc": gate_length}
    lines.append(cells["set_bias"].instance("b", ["bias", "vdd"], **sizes))
    out = shift("p", width, "mirror", length)
    lines.append(cells["set_mirror"].instance("o", ["vset", "bias", "vdd"], w=width, l=length, d=out[0], m=out[1], **{k: v for k, v in mirror.items() if k == "cw"}))
    for bit, segment in enumerate(design.dac):
        drawn = shift("p", segment[0], f"bit{bit}", segment[1])
        lines.append(bit_source(bit))
        lines.append(cells["trim_bit"].instance(f"b{bit}", ["vset", "bias", f"b{bit}", "vdd"], w=segment[0], l=segment[1], ws=design.dac_switch, lg=gate_length, d=drawn[0], m=drawn[1]))
    return lines


def _bit_source(bit: int, amplitude: float | CodeSteps, supply: float, edge: float) -> str:
    def level(code: float) -> float:
        return supply if int(code) >> bit & 1 else 0.0

    if isinstance(amplitude, CodeSteps):
        points, now = [(0.0, level(amplitude.before))], level(amplitude.before)
        for at, code in amplitude.changes:
            points += [(at, now), (at + edge, level(code))] if level(code) != now else []
            now = level(code)
        if len(points) > 1:
            return f"Vb{bit} b{bit} 0 PWL({_points(points)})"
        amplitude = amplitude.before
    return f"Vb{bit} b{bit} 0 {spice_number(level(amplitude))}"


def check_amplitude(design: ModuleDesign, amplitude: float) -> None:
    """Refuse a code that is no code of the DAC, or a current that is not a current.

    Raises
    ------
    ParameterError
        With the axis, the value and its range.
    """
    axis = f"axis {design.amplitude}"
    if design.driver == "trimmed" and not (math.isfinite(amplitude) and amplitude == int(amplitude) and 0 <= amplitude < design.codes):
        raise ParameterError("not a code of the DAC", where=axis, value=amplitude, remedy=f"whole numbers from 0 to {design.codes - 1}")
    if design.driver == "regulated" and not (math.isfinite(amplitude) and amplitude > 0):
        raise ParameterError("the current must be > 0", where=axis, value=amplitude, remedy="e.g. '200 uA'")


def _number(amplitude: float | CodeSteps) -> float:
    if isinstance(amplitude, CodeSteps):
        raise ParameterError("only a trimmed driver has codes", where="module_lines, amplitude", value=amplitude, remedy="give a number")
    return float(amplitude)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{spice_number(t)} {spice_number(v)}" for t, v in points)
