"""Rules and arithmetic of the sizing, and the design file that it writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..circuit.design import SCHEMA, SENSITIVITIES, ModuleDesign
from ..errors import ParameterError

RULES: Mapping[str, float] = {
    "rail": 0.9,  # SET rail of a voltage-mode driver over the supply
    "ground_drop": 0.15,  # of N1 at the RESET current, over the supply
    "set_drop": 0.05,  # of N2 at the SET current over the supply, voltage mode
    "mirror_set_drop": 0.02,  # the same under a mirror, which needs the headroom
    "least_headroom": 0.2,  # of P1 or P2, over the supply
    "reset_share": 0.75,  # share of the allowed RESET failure that is used up
    "reset_most": 0.85,  # the same, simulated over the corners
    "sag": 0.003,  # fall of the SET current at the lowest supply
    "dac_step": 0.004,  # largest step over the SET current: 1 % of current is 8.5 points of p at p = 0.5
    "dac_sigmas": 3.0,  # of the current that a module needs, within the range of the DAC
    "dac_lowest": 0.1,  # lowest drop probability that the DAC reaches: the shared module of the paper asks for 0.1, 0.2 and 0.5
    "mirror_sigma": 0.01,  # of the mirror's own current: benchmarks/dropout_circuits.py topologies
}
"""Shares that the sizing decides by; each is ours, none is published."""
GRIDS: Mapping[str, float] = {
    "cmos40lp": 10e-9,  # ours; four times the manufacturing grid of FreePDK45 (2.5 nm, NCSU EDA wiki)
    "sky130": 5e-9,  # SkyWater SKY130 periphery rules, x.1b
}
"""Widths and lengths that the sizing finds are multiples of this, by technology [m]."""
FALLBACK_GRID = 5e-9
"""The same for a technology that is not named there [m]."""
TEMPLATES: Mapping[str, tuple[str, ...]] = {"voltage": ("voltage",), "regulated": ("regulated", "trimmed"), "trimmed": ("trimmed", "regulated")}
"""Drivers of the templates that a driver can be sized from."""
DRIVEN = {"gp1": "wp1", "gn1": "wn1", "gp2": "wp2", "gn2": "wn2"}
"""Transistor of the bridge behind each gate driver."""
_UNIT = {"slope": "1/K", "offset": "V", "presettle": "s", "wake": "s", "ratio": "1", "series": "1", "top": "1", "bottom": "1", "load": "1", "load_strings": "1",
         "reference_strings": "1", "precharge": "s", "noise": "V", **SENSITIVITIES}  # fmt: skip


def grid_of(technology: str) -> float:
    """Return the layout grid of a technology [m].

    Examples
    --------
    >>> grid_of("sky130"), grid_of("cmos40lp")
    (5e-09, 1e-08)
    """
    return GRIDS.get(technology, FALLBACK_GRID)


def on_grid(width: float, grid: float = GRIDS["cmos40lp"]) -> float:
    """Return the next width on the grid, upwards.

    Examples
    --------
    >>> on_grid(0.4512e-6), on_grid(1.6e-6), on_grid(0.4512e-6, 5e-9)
    (4.6e-07, 1.6e-06, 4.55e-07)
    """
    return float(f"{math.ceil(width / grid - 1e-6) * grid:.9g}")


def nearest_on_grid(size: float, grid: float) -> float:
    """Return the nearest size on the grid, at least one step.

    Examples
    --------
    >>> nearest_on_grid(304.9e-9, 5e-9), nearest_on_grid(0.2362e-6, 10e-9)
    (3.05e-07, 2.4e-07)
    """
    return float(f"{max(1, round(size / grid)) * grid:.9g}")


def scaled_mirror(design: ModuleDesign, scale: float, grid: float = GRIDS["cmos40lp"]) -> ModuleDesign:
    """Return a design whose mirror, cascode, DAC and bias are wider by a factor; currents and lengths stay."""
    bias = {**design.bias, "wm": on_grid(design.bias["wm"] * scale, grid), "wc": on_grid(design.bias["wc"] * scale, grid)}
    return replace(
        design, mirror={**design.mirror, "w": on_grid(design.mirror["w"] * scale, grid)}, bias=bias,
        bridge={**design.bridge, "wp1": on_grid(design.bridge["wp1"] * scale, grid)}, dac=tuple((on_grid(w * scale, grid), length) for w, length in design.dac),
    )  # fmt: skip


def dac_segments(width: float, length: float, least: float, bits: int, step: float, grid: float) -> tuple[tuple[float, float], ...]:
    """Return width and length of every bit, least significant first: steps of about ``step`` of a mirror of this width [m].

    A segment narrower than the technology allows becomes longer instead, at the same ratio of width to length. The narrowest one
    of the mirror's own length is rounded to the grid, which sets the step; those above are exact doubles of it, those below as
    near as the grid of the lengths allows. See :func:`dac_step` for the step that results.

    Examples
    --------
    >>> [(round(w * 1e6, 3), round(l * 1e9)) for w, l in dac_segments(8e-6, 300e-9, 0.12e-6, 3, 0.0075, 10e-9)]
    [(0.12, 600), (0.12, 300), (0.24, 300)]
    """
    full = next((k for k in range(bits) if width * step * 2**k >= least * (1 - 1e-9)), bits)
    first = nearest_on_grid(max(least, width * step * 2**full), grid)
    out = []
    for bit in range(bits):
        if bit >= full:
            out.append((float(f"{first * 2 ** (bit - full):.9g}"), length))
        else:
            out.append((least, nearest_on_grid(length * least / first * 2 ** (full - bit), grid)))
    return tuple(out)


def adjusted_segments(
    segments: tuple[tuple[float, float], ...], ratios: Sequence[float], length: float, least: float, grid: float,
) -> tuple[tuple[float, float], ...]:  # fmt: skip
    """Return segments whose measured currents, over those wanted, are divided out: long ones by their length, others by their width.

    Examples
    --------
    >>> adjusted_segments(((0.42e-6, 1200e-9), (0.84e-6, 600e-9)), (1.1, 0.95), 600e-9, 0.42e-6, 5e-9)
    ((4.2e-07, 1.32e-06), (8.85e-07, 6e-07))
    """
    out = []
    for (w, own), ratio in zip(segments, ratios, strict=True):
        strength = w / own / ratio
        if strength * length >= least:
            out.append((nearest_on_grid(strength * length, grid), length))
        else:
            out.append((least, nearest_on_grid(least / strength, grid)))
    return tuple(out)


def dac_step(segments: tuple[tuple[float, float], ...], width: float, length: float) -> float:
    """Return the mean step of a DAC over the current of a mirror of this width and length [1].

    Examples
    --------
    >>> round(dac_step(((0.12e-6, 600e-9), (0.12e-6, 300e-9), (0.24e-6, 300e-9)), 8e-6, 300e-9), 6)
    0.0075
    """
    return sum(w / own for w, own in segments) / (2 ** len(segments) - 1) * length / width


def gates_for(template: ModuleDesign, design: ModuleDesign, least: float, grid: float = GRIDS["cmos40lp"]) -> dict[str, dict[str, float]]:
    """Return the gate drivers of the template, each scaled with the transistor behind it, none below the least width."""
    out = {}
    for gate, sizes in template.gates.items():
        key = DRIVEN.get(gate)
        factor = design.bridge[key] / template.bridge[key] if key else 1.0
        out[gate] = {name: on_grid(max(least, value * factor), grid) if name.startswith("w") else value for name, value in sizes.items()}
    return out


def root(function: Callable[[float], float], low: float, high: float, *, tolerance: float, what: str) -> float:
    """Return where a monotone function changes its sign, by bisection to a relative tolerance.

    Raises
    ------
    ParameterError
        If it does not, between low and high.

    Examples
    --------
    >>> round(root(lambda x: x * x - 2.0, 1.0, 2.0, tolerance=1e-6, what="x"), 5)
    1.41421
    """
    at_low, at_high = function(low), function(high)
    if not at_low * at_high <= 0:
        raise ParameterError(f"{what} is not found between {low:.4g} and {high:.4g}", where="size_module", value=(at_low, at_high), remedy="another target, timing or template")
    while high - low > tolerance * abs(high):
        middle = 0.5 * (low + high)
        at_middle = function(middle)
        if (at_middle > 0) == (at_high > 0):
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


def design_text(design: ModuleDesign, reasons: Mapping[str, str], template: ModuleDesign, *, description: str, command: str = "") -> str:
    """Return a design file; sizes that were not changed say which design they are taken over from.

    Numbers that the template assumes stay assumed.
    """
    assumed = set(template.assumed)

    def source(key: str, section: str) -> str:
        if (reason := reasons.get(key) or reasons.get(section)) is not None:
            return reason
        return f"{'assumed' if key in assumed else 'taken over'}: as in {template.name}"

    lines = [*([f"# {command}"] if command else []), f'schema = "{SCHEMA}"', f'name = "{design.name}"', f'description = "{description}"', f'technology = "{design.technology}"', f'driver = "{design.driver}"']

    def section(name: str, values: Mapping[str, float], head: tuple[str, ...] = ()) -> None:
        if not values:
            return
        lines.extend(["", f"[{name}]", *head])
        lines.extend(f'{key} = {{ value = {_text(key, value)}, source = "{source(f"{name}.{key}", name)}" }}' for key, value in values.items())

    section("bridge", design.bridge)
    section("read", design.read, (f'reference = "{design.reference}"',))
    latch = {"offset": design.sense_offset, **({"noise": design.sense_noise} if design.sense_noise else {}), **design.sense_sensitivity}
    section("sense", {**design.sense, **latch}, (f'cell = "{design.sense_cell}"',))
    section("mirror", design.mirror)
    section("bias", design.bias)
    if design.dac:
        lines += ["", "[dac] # least significant first"]
        lines += [f'reference_current = {{ value = "{design.reference_current * 1e6:.6g} uA", source = "{source("dac.reference_current", "dac")}" }}']
        lines += [f'ws = {{ value = {_text("ws", design.dac_switch)}, source = "sized: the smallest width" }}', "bits = ["]
        lines += [f'  {{ w = {_text("w", w)}, l = {_text("l", length)}, source = "{source("dac.bits", "dac")}" }},' for w, length in design.dac]
        lines.append("]")
    for gate, sizes in design.gates.items():
        section(f"gates.{gate}", sizes)
    return "\n".join(lines) + "\n"


def _text(key: str, value: float) -> str:
    unit = _UNIT.get(key) or {"w": "m", "l": "m", "c": "F"}[key[0]]
    if unit == "1":
        return f"{value:.6g}"
    if unit == "1/K":
        return f'"{100 * value:.6g} %/K"'
    scale, prefix = {"m": (1e-6, "u") if key[0] == "w" else (1e-9, "n"), "F": (1e-15, "f"), "V": (1e-3, "m"), "s": (1e-9, "n")}[unit]
    return f'"{value / scale:.6g} {prefix}{unit}"'
