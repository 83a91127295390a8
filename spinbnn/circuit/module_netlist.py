"""Element lines of the dropout module and its sources, for every driver variant."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import ParameterError
from ..units import spice_number
from .cell import Cell
from .design import ModuleDesign
from .dropout_cycle import Timing

Shift = Callable[[str, float, str | None, float | None], tuple[float, float]]
"""Threshold shift [V] and mobility factor of a transistor, from polarity, width, name (None: no mismatch) and length (None:
the technology's)."""

BRIDGE = {"p1": "p", "n1": "n", "p2": "p", "n2": "n"}
SENSE = {"i1": ("p", "wi"), "i2": ("p", "wi"), "c1": ("p", "wc"), "c2": ("p", "wc"), "q1": ("n", "wq"), "q2": ("n", "wq"), "t": ("p", "wt")}
"""Polarity and width of the sense-amplifier transistors whose mismatch is drawn."""
SENSE_MOBILITY = ("i1", "i2")
ACTIVE_LOW = ("gp1", "gp2", "reb", "enb")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeStep:
    """A change of the amplitude code in the middle of a cycle, for the settling between codes.

    Parameters
    ----------
    before, after : int
        Codes.
    at : float
        Moment of the change [s].
    """

    before: int
    after: int
    at: float


def cell_names(design: ModuleDesign) -> tuple[str, ...]:
    """Return the cells that a deck of this design needs, in the order of the deck.

    Examples
    --------
    >>> cell_names(ModuleDesign.load("module_voltage_cmos40lp"))
    ('sot_mtj', 'h_bridge', 'dropout_module', 'read_divider', 'sense_amp')
    """
    names = ["sot_mtj", "h_bridge", "dropout_module", "read_divider", design.sense_cell]
    names += ["set_mirror", "set_bias"] if design.mirror else []
    names += ["trim_bit"] if design.dac else []
    return (*names, "gate_driver") if design.gates else tuple(names)


def windows(design: ModuleDesign, timing: Timing) -> dict[str, list[tuple[float, float]]]:
    """Return when each gate is active: start and length of its pulses [s].

    A mirror conducts through P1 and N1 for ``presettle`` before SET. Its output has rested at the supply; the charge of
    its channel flows off there and not into the track, and the bias line recovers from the kick. N1 opens while N2 closes.

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
        "gn1": [low, *reads], "reb": reads, "enb": [(start + t.read - t.sense, t.sense) for start in t.read_at],
    }  # fmt: skip


def pulses(name: str, active: list[tuple[float, float]], supply: float, edge: float) -> str:
    """Return a piecewise-linear source on the node ``name``; the edges of a window lie inside it."""
    rest, level = (supply, 0.0) if name in ACTIVE_LOW else (0.0, supply)
    points = [(0.0, rest)]
    for start, width in active:
        points += [(start, rest), (start + edge, level), (start + width - edge, level), (start + width, rest)]
    return f"V{name} {name} 0 PWL({_points(points)})"


def module_lines(
    design: ModuleDesign, cells: Mapping[str, Cell], timing: Timing, shift: Shift, *, supply: float, amplitude: float | CodeStep,
    device: Mapping[str, float], parallel_resistance: float, gate_length: float,
) -> list[str]:  # fmt: skip
    """Return sources and instances of one module; models, wrappers and the text of the cells are not in it.

    Parameters
    ----------
    design : ModuleDesign
        Driver and sizes.
    cells : mapping of str to Cell
        Those of :func:`cell_names`.
    timing : Timing
        Phase plan.
    shift : callable
        Process corner and mismatch of a transistor.
    supply : float
        Supply [V].
    amplitude : float or CodeStep
        Rail [V], mirrored reference current [A] or code [1], by the driver.
    device : mapping of str to float
        Parameters of the cell ``sot_mtj``.
    parallel_resistance : float
        Nominal junction resistance, which the reference is built for [ohm].
    gate_length : float
        Of every transistor that has no length of its own [m].
    """
    active = windows(design, timing)
    lines = [f"Vvdd vdd 0 {spice_number(supply)}"]
    if design.driver == "voltage":
        lines.append(f"Vvset vset 0 {spice_number(_number(amplitude))}")
    lines += [pulses(name, active[name], supply, timing.edge) for name in active]
    between = timing.read_at[1] - timing.gap / 2
    lines.append(f"Vs s 0 PWL({_points([(0.0, 0.0), (between, 0.0), (between + timing.edge, 1.0)])})")
    lines += [cells["gate_driver"].instance(f"g{name}", [name, f"{name}o", "vdd"], lg=gate_length, **sizes) for name, sizes in design.gates.items()]
    gate = {name: f"{name}o" if name in design.gates else name for name in active}

    widths = {name: design.bridge[f"w{name}"] for name in BRIDGE}
    shifts = {name: shift(kind, widths[name], name, None) for name, kind in BRIDGE.items()}
    module = {f"w{n}": w for n, w in widths.items()} | {f"d{n}": s[0] for n, s in shifts.items()} | {f"m{n}": s[1] for n, s in shifts.items()}
    module |= {key: value for key, value in design.bridge.items() if key not in module}
    bridge = ["vset", "vdd", gate["gp1"], gate["gn1"], gate["gp2"], gate["gn2"], "la", "lb", "rd", "s", "p0", "p1"]
    lines.append(cells["dropout_module"].instance("m", bridge, lg=gate_length, **module, **device))
    if design.mirror:
        lines += _mirror_lines(design, cells, timing, shift, amplitude, supply, gate_length)

    header = shift("p", design.read["wh"], "h", None)
    ratios = {f"r{key}": design.read[name] * parallel_resistance for key, name in (("ref", "series"), ("top", "top"), ("bot", "bottom"))}
    rest = {key: value for key, value in design.read.items() if key in ("wh", "cn")}
    lines.append(cells["read_divider"].instance("r", ["rd", "rf", gate["reb"], "vdd"], lg=gate_length, dh=header[0], mh=header[1], **ratios, **rest))
    lines.append(sense_line(design, cells["sense_amp"], shift, ["rd", "rf", gate["enb"], "op", "on", "vdd"]))
    return lines


def sense_line(design: ModuleDesign, cell: Cell, shift: Shift, nodes: list[str]) -> str:
    """Return the instance of the StrongARM latch with corner and mismatch of its transistors."""
    sizes = {key: design.sense.get(key, cell.parameters.get(key, math.nan)) for key in {width for _, width in SENSE.values()} | {"lg"}}
    drawn = {name: shift(kind, sizes[width], f"sense.{name}", sizes["lg"]) for name, (kind, width) in SENSE.items()}
    shifts = {f"d{name}": value[0] for name, value in drawn.items()} | {f"m{name}": drawn[name][1] for name in SENSE_MOBILITY}
    return cell.instance("a", nodes, **{**design.sense, "lg": sizes["lg"]}, **shifts)


def _mirror_lines(design: ModuleDesign, cells: Mapping[str, Cell], timing: Timing, shift: Shift, amplitude: float | CodeStep, supply: float, gate_length: float) -> list[str]:
    """Mirror, its share of the bias and, of a trimmed design, the bits of the DAC.

    The reference current is ideal and flows from RESET to the end of SET. The transistors of the bias have the corner,
    and no mismatch: a bank of modules shares them, what they err by is the same for all and part of the reference current.
    """
    mirror, ratio = design.mirror, design.bias["ratio"]
    current = design.reference_current if design.dac else _number(amplitude)
    width, length = mirror["w"], mirror["l"]
    t = timing
    flow = [(0.0, 0.0), (t.reset_at, 0.0), (t.reset_at + t.edge, current / ratio), (t.set_at + t.set, current / ratio), (t.set_at + t.set + t.edge, 0.0)]
    lines = [f"Iref bias 0 PWL({_points(flow)})"]
    corner = {name: shift("p", design.bias[f"w{name}"], None, None) for name in ("m", "c")}
    sizes = {key: value for key, value in design.bias.items() if key != "ratio"} | {"lm": length, "lc": gate_length}
    lines.append(cells["set_bias"].instance("b", ["bias", "vdd"], **sizes, **{f"d{n}": s[0] for n, s in corner.items()}, **{f"m{n}": s[1] for n, s in corner.items()}))
    out = shift("p", width, "mirror", length)
    lines.append(cells["set_mirror"].instance("o", ["vset", "bias", "vdd"], w=width, l=length, d=out[0], m=out[1], **{k: v for k, v in mirror.items() if k == "cw"}))
    for bit, segment in enumerate(design.dac):
        drawn = shift("p", segment[0], f"bit{bit}", segment[1])
        lines.append(_bit_source(bit, amplitude, supply, timing.edge))
        lines.append(cells["trim_bit"].instance(f"b{bit}", ["vset", "bias", f"b{bit}", "vdd"], w=segment[0], l=segment[1], ws=design.dac_switch, lg=gate_length, d=drawn[0], m=drawn[1]))
    return lines


def _bit_source(bit: int, amplitude: float | CodeStep, supply: float, edge: float) -> str:
    def level(code: float) -> float:
        return supply if int(code) >> bit & 1 else 0.0

    if isinstance(amplitude, CodeStep):
        before, after = level(amplitude.before), level(amplitude.after)
        return f"Vb{bit} b{bit} 0 PWL({_points([(0.0, before), (amplitude.at, before), (amplitude.at + edge, after)])})"
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


def _number(amplitude: float | CodeStep) -> float:
    if isinstance(amplitude, CodeStep):
        raise ParameterError("only a trimmed driver has codes", where="module_lines, amplitude", value=amplitude, remedy="give a number")
    return float(amplitude)


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{spice_number(t)} {spice_number(v)}" for t, v in points)
