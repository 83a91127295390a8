"""Element lines of the read path: header, strings of reference junctions or reference resistors, and the latch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from ..errors import ParameterError
from .cell import Cell
from .design import ModuleDesign
from .reference_junctions import ReferenceJunction

Shift = Callable[[str, float, str | None, float | None], tuple[float, float]]
"""Mismatch of a transistor: threshold shift [V] and mobility factor [1], from polarity, width, name (None: no mismatch) and
length (None: the technology's)."""

SENSE = {"i1": ("p", "wi"), "i2": ("p", "wi"), "c1": ("p", "wc"), "c2": ("p", "wc"), "q1": ("n", "wq"), "q2": ("n", "wq"), "t": ("p", "wt")}
"""Polarity and width of the sense-amplifier transistors whose mismatch is drawn."""
SENSE_MOBILITY = ("i1", "i2")
PAIRS = {"per_vi": ("i1", "i2", 0), "per_vc": ("c1", "c2", 0), "per_vq": ("q1", "q2", 0), "per_mi": ("i1", "i2", 1)}
"""Sensitivities of the latch's offset: the two transistors, and 0 for their thresholds or 1 for their mobility factors."""


def read_cells(design: ModuleDesign) -> tuple[str, ...]:
    """Return the cells of the read path.

    Examples
    --------
    >>> read_cells(ModuleDesign.load("module_voltage_cmos40lp"))
    ('read_front', 'parallel_mtj', 'antiparallel_mtj', 'sense_amp')
    """
    front = ("read_front", "parallel_mtj", "antiparallel_mtj") if design.reference == "junction" else ("read_divider",)
    return (*front, design.sense_cell)


def header_windows(design: ModuleDesign, reads: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return when the header conducts: in every READ; with an equaliser from ``precharge`` before the first to the end of the last [s]."""
    early = design.read.get("precharge", 0.0)
    if not early:
        return list(reads)
    start, end = reads[0][0] - early, reads[-1][0] + reads[-1][1]
    return [(start, end - start)]


def reference_lines(design: ModuleDesign, cells: Mapping[str, Cell], junctions: Sequence[ReferenceJunction], *, half_voltage: float, capacitance: float) -> list[str]:
    """Return the junctions of a junction reference: the loads of both nodes, and the reference itself.

    A load of ``load`` parallel resistances is m strings (``load_strings``) of m times as many parallel junctions. The reference is
    r strings (``reference_strings``) of 2 r pairs in series, each pair a parallel beside an antiparallel junction. So either has the
    resistance of its smallest form (m = r = 1), with 1/m and 1/r of its spread.

    Parameters
    ----------
    design : ModuleDesign
        With ``reference = "junction"``.
    cells : mapping of str to Cell
        Those of :func:`read_cells`.
    junctions : sequence of ReferenceJunction
        As many as :attr:`ModuleDesign.reference_junctions`, in the order data load, reference load, reference.
    half_voltage : float
        Bias that halves the TMR ratio [V].
    capacitance : float
        Of one junction [F].

    Raises
    ------
    ParameterError
        If the number of junctions is another one.
    """
    if len(junctions) != design.reference_junctions:
        raise ParameterError("the reference has another number of junctions", where=f"design {design.name!r}, read", value=len(junctions), remedy=f"give {design.reference_junctions}")
    left = iter(junctions)
    wire = {"cw": design.read["cw"]} if "cw" in design.read else {}
    lines = []
    strings, links = int(design.read["load_strings"]), int(design.read["load"] * design.read["load_strings"])
    for node in ("rd", "rf"):
        for s in range(strings):
            chain = ["vr", *(f"{node}{s}_{k}" for k in range(1, links)), node]
            lines += [
                cells["parallel_mtj"].instance(f"{node}{s}_{k}", chain[k : k + 2], rp=next(left).resistance, cj=capacitance, **wire) for k in range(links)
            ]  # fmt: skip
    parallel = int(design.read["reference_strings"])
    for s in range(parallel):
        chain = ["rf", *(f"ref{s}_{k}" for k in range(1, 2 * parallel)), "0"]
        for k in range(2 * parallel):
            ends, first, second = chain[k : k + 2], next(left), next(left)
            lines.append(cells["parallel_mtj"].instance(f"refp{s}_{k}", ends, rp=first.resistance, cj=capacitance, **wire))
            lines.append(cells["antiparallel_mtj"].instance(f"refa{s}_{k}", ends, rp=second.resistance, tmr=second.tmr, vh=half_voltage, cj=capacitance))
    return lines


def read_lines(
    design: ModuleDesign, cells: Mapping[str, Cell], shift: Shift, gate: Mapping[str, str], *, device: Mapping[str, float],
    junctions: Sequence[ReferenceJunction], parallel_resistance: float, gate_length: float,
) -> list[str]:  # fmt: skip
    """Return header, reference and latch; ``gate`` names the node behind the driver of every gate."""
    header = shift("p", design.read["wh"], "h", None)
    if design.reference == "junction":
        sizes = {key: value for key, value in design.read.items() if key in ("wh", "we", "wn", "wp", "cn")} | {"cb": balance(design, cells, device["cj"])}
        lines = [cells["read_front"].instance("r", ["vr", "rd", "rf", gate["reb"], gate["gn1"], "vdd"], lg=gate_length, dh=header[0], mh=header[1], **sizes)]
        lines += reference_lines(design, cells, junctions, half_voltage=device["vh"], capacitance=device["cj"])
    else:
        ratios = {f"r{key}": design.read[name] * parallel_resistance for key, name in (("ref", "series"), ("top", "top"), ("bot", "bottom"))}
        sizes = {key: value for key, value in design.read.items() if key in ("wh", "cn")}
        lines = [cells["read_divider"].instance("r", ["rd", "rf", gate["reb"], "vdd"], lg=gate_length, dh=header[0], mh=header[1], **ratios, **sizes)]
    return [*lines, sense_line(design, cells["sense_amp"], shift, ["rd", "rf", gate["enb"], "op", "on", "vdd"])]


def balance(design: ModuleDesign, cells: Mapping[str, Cell], capacitance: float) -> float:
    """Return the capacitance by which the junctions make the reference node heavier than the data node [F].

    As much wire is added to the data node: the latch kicks both nodes with the same charge, and the smaller one would move more.
    """
    wire = design.read.get("cw", cells["parallel_mtj"].parameters["cw"])
    return max(0.0, design.read["reference_strings"] * (wire + 2 * capacitance) - capacitance)


def sense_sizes(design: ModuleDesign, cell: Cell) -> dict[str, float]:
    """Return every size of the latch: the design's, or the default of the cell; the input pair is as long as the rest by default [m, F]."""
    sizes = {key: value for key, value in cell.parameters.items() if key[0] in "wlc"} | dict(design.sense)
    return sizes if "li" in design.sense else sizes | {"li": sizes["lg"]}


def sense_shifts(sizes: Mapping[str, float], shift: Shift) -> dict[str, tuple[float, float]]:
    """Return threshold shift [V] and mobility factor [1] of every transistor of the latch whose mismatch is drawn."""
    return {name: shift(kind, sizes[width], f"sense.{name}", sizes["li" if width == "wi" else "lg"]) for name, (kind, width) in SENSE.items()}


def sense_line(design: ModuleDesign, cell: Cell, shift: Shift, nodes: list[str]) -> str:
    """Return the instance of the StrongARM latch with the mismatch of its transistors."""
    sizes = sense_sizes(design, cell)
    drawn = sense_shifts(sizes, shift)
    shifts = {f"d{name}": value[0] for name, value in drawn.items()} | {f"m{name}": drawn[name][1] for name in SENSE_MOBILITY}
    return cell.instance("a", nodes, **sizes, **shifts)


def own_offset(design: ModuleDesign, cell: Cell, shift: Shift) -> float:
    r"""Return the input-referred offset of one drawn latch: the input difference at which its decision turns [V].

    .. math:: V_\mathrm{os} = s_i\,\Delta V_i + s_c\,\Delta V_c + s_q\,\Delta V_q + s_\mu\,\Delta\mu_i

    with the differences of the thresholds of input pair, cross-coupled p and n pair and of the mobility factors of the input
    pair, and the sensitivities that the design states (``per_vi``, ``per_vc``, ``per_vq``, ``per_mi``); NaN if it states none.
    The latch is symmetric: an equal shift of both transistors of a pair, and any of the tail, moves no decision.
    """
    if not design.sense_sensitivity:
        return math.nan
    drawn = sense_shifts(sense_sizes(design, cell), shift)
    return sum(design.sense_sensitivity[key] * (drawn[one][index] - drawn[other][index]) for key, (one, other, index) in PAIRS.items())
