"""The SET leg alone, at rest in the middle of SET: what the DC current of every code is measured on."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ParameterError
from ..units import spice_number
from .cell import Cell
from .design import ModuleDesign
from .module_netlist import Shift, check_amplitude, mirror_cells


def set_leg_lines(
    design: ModuleDesign, cells: Mapping[str, Cell], shift: Shift, *, code: int, supply: float, track: float, gate_length: float, temperature: float,
) -> list[str]:  # fmt: skip
    """Return mirror, bits, P1 (gate at ground), track and N2 (gate at the supply) as a circuit without time.

    Parameters
    ----------
    design : ModuleDesign
        Of a trimmed module.
    cells : mapping of str to Cell
        Those of :func:`~spinbnn.circuit.module_netlist.cell_names`.
    shift : callable
        Mismatch of a transistor.
    code : int
        Code of the DAC.
    supply : float
        Supply [V].
    track : float
        Resistance of the track [ohm]; its current is ``i(vtrack)``.
    gate_length : float
        Of every transistor that has no length of its own [m].
    temperature : float
        That the reference current follows [K].

    Raises
    ------
    ParameterError
        If the design has no DAC, or the code is none of its codes.

    Examples
    --------
    >>> design = ModuleDesign.load("module_trimmed_cmos40lp")
    >>> cells = {name: Cell.load(name) for name in ("set_bias", "set_mirror", "trim_bit")}
    >>> lines = set_leg_lines(design, cells, lambda *a: (0.0, 1.0), code=3, supply=1.1, track=800.0, gate_length=4e-8, temperature=300.0)
    >>> [line for line in lines if line.startswith("Vb")][:3]
    ['Vb0 b0 0 1.1', 'Vb1 b1 0 1.1', 'Vb2 b2 0 0.0']
    """
    if design.driver != "trimmed":
        raise ParameterError("the design has no DAC", where="set_leg_lines, design", value=design.name, remedy="a trimmed design")
    check_amplitude(design, code)
    current = design.reference_current * design.current_factor(temperature) / design.bias["ratio"]
    lines = [cells[name].text.rstrip("\n") for name in ("set_bias", "set_mirror", "trim_bit")]
    lines += [f"Vvdd vdd 0 {spice_number(supply)}", f"Iref bias 0 {spice_number(current)}"]
    lines += mirror_cells(design, cells, shift, gate_length, lambda bit: f"Vb{bit} b{bit} 0 {spice_number(supply if code >> bit & 1 else 0.0)}")
    for name, kind, nodes in (("p1", "p", "la 0 vset vdd"), ("n2", "n", "lb vdd 0 0")):
        width = design.bridge[f"w{name}"]
        dvt, mobility = shift(kind, width, name, None)
        lines.append(f"X{name} {nodes} {kind}fet w={spice_number(width)} l={spice_number(gate_length)} dvt={spice_number(dvt)} mu={spice_number(mobility)}")
    return [*lines, "Vtrack la lt 0", f"Rtrack lt lb {spice_number(track)}"]
