"""Rules and arithmetic of the sizing, and the design file that it writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from ..circuit.design import SCHEMA, ModuleDesign
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
    "dac_sigmas": 3.0,  # of the critical current, within the range of the DAC
}
"""Shares that the sizing decides by; each is ours, none is published."""
GRID = 10e-9
"""Widths are multiples of this [m]."""
DRIVEN = {"gp1": "wp1", "gn1": "wn1", "gp2": "wp2", "gn2": "wn2"}
"""Transistor of the bridge behind each gate driver."""
_UNIT = {"offset": "V", "presettle": "s", "ratio": "1", "series": "1", "top": "1", "bottom": "1"}


def on_grid(width: float) -> float:
    """Return the next width on the grid, upwards; three digits from 1 um on.

    Examples
    --------
    >>> on_grid(0.4512e-6), on_grid(1.6e-6)
    (4.6e-07, 1.6e-06)
    """
    return float(f"{math.ceil(width / GRID - 1e-6) * GRID:.9g}")


def scaled_mirror(design: ModuleDesign, scale: float) -> ModuleDesign:
    """Return a design whose mirror, cascode, DAC and bias are wider by a factor; currents and lengths stay."""
    bias = {**design.bias, "wm": on_grid(design.bias["wm"] * scale), "wc": on_grid(design.bias["wc"] * scale)}
    return replace(
        design, mirror={**design.mirror, "w": on_grid(design.mirror["w"] * scale)}, bias=bias,
        bridge={**design.bridge, "wp1": on_grid(design.bridge["wp1"] * scale)}, dac=tuple((on_grid(w * scale), length) for w, length in design.dac),
    )  # fmt: skip


def dac_segments(width: float, length: float, least: float, bits: int, step: float) -> tuple[tuple[float, float], ...]:
    """Return width and length of every bit, least significant first: steps of ``step`` of a mirror of this width [m].

    A segment narrower than the technology allows becomes longer instead, at the same ratio of width to length.

    Examples
    --------
    >>> [(round(w * 1e6, 3), round(l * 1e9)) for w, l in dac_segments(8e-6, 300e-9, 0.12e-6, 3, 0.0075)]
    [(0.12, 600), (0.12, 300), (0.24, 300)]
    """
    out = []
    for bit in range(bits):
        wanted = width * step * 2**bit
        out.append((float(f"{wanted:.4g}"), length) if wanted >= least * (1 - 1e-9) else (least, float(f"{length * least / wanted:.4g}")))
    return tuple(out)


def gates_for(template: ModuleDesign, design: ModuleDesign, least: float) -> dict[str, dict[str, float]]:
    """Return the gate drivers of the template, each scaled with the transistor behind it, none below the least width."""
    out = {}
    for gate, sizes in template.gates.items():
        key = DRIVEN.get(gate)
        factor = design.bridge[key] / template.bridge[key] if key else 1.0
        out[gate] = {name: on_grid(max(least, value * factor)) if name.startswith("w") else value for name, value in sizes.items()}
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
    section("read", design.read)
    section("sense", {**design.sense, "offset": design.sense_offset}, (f'cell = "{design.sense_cell}"',))
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
    scale, prefix = {"m": (1e-6, "u") if key[0] == "w" else (1e-9, "n"), "F": (1e-15, "f"), "V": (1e-3, "m"), "s": (1e-9, "n")}[unit]
    return f'"{value / scale:.6g} {prefix}{unit}"'
