"""Area of every design of the dropout module by layout rules, with the break-down by transistor.

    python benchmarks/dropout_area.py [--transistors module_trimmed_cmos40lp]
"""

from __future__ import annotations

import argparse

from spinbnn.circuit import DropoutModuleBench, Technology
from spinbnn.circuit.area import AreaReport, LayoutRules, area
from spinbnn.circuit.design import ModuleDesign
from spinbnn.circuit.dropout_variants import RegulatedModuleBench, TrimmedModuleBench
from spinbnn.circuit.netlist import flatten
from spinbnn.device import DeviceParams

BENCHES: dict[str, type[DropoutModuleBench]] = {"voltage": DropoutModuleBench, "regulated": RegulatedModuleBench, "trimmed": TrimmedModuleBench}
GROUPS = {"xm": "bridge", "xo": "SET source", "xr": "read front", "xa": "sense amplifier"}
PAPER = 34.65
"""um^2 a module, arXiv:2311.15816, Table III."""


def report(name: str) -> AreaReport:
    design = ModuleDesign.load(name)
    bench = BENCHES[design.driver](technology=Technology.load("cmos40lp"), params=DeviceParams.load("seed_eq23"), design=design)
    amplitude = {"set_voltage": 1.0, "set_current": 207e-6, "code": 0}[design.amplitude]
    deck = bench.deck(bench.nominal(**{design.amplitude: amplitude}))
    return area(flatten(deck.text, skip=["sot_mtj", "parallel_mtj", "antiparallel_mtj"]), LayoutRules.load("layout_cmos40lp"))


def group(instance: str) -> str:
    if instance.startswith("xg"):
        return "gate drivers"
    return GROUPS.get(instance, "SET source")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transistors", metavar="DESIGN", help="list every transistor of one design")
    given = parser.parse_args()
    if given.transistors:
        print("transistor | cell | kind | W [um] | L [nm] | fingers | area [um2] | well [um2]")
        for row in report(given.transistors).rows():
            print(" | ".join(str(x) if isinstance(x, str | int) else f"{x:.4g}" for x in row))
        return
    for name in ("module_voltage_cmos40lp", "module_driven_cmos40lp", "module_regulated_cmos40lp", "module_trimmed_cmos40lp"):
        found = report(name)
        parts: dict[str, float] = {}
        for instance, size in found.by_instance().items():
            parts[group(instance)] = parts.get(group(instance), 0.0) + size * 1e12
        print(f"{name}: {len(found.transistors)} transistors, {found.active * 1e12:.2f} um2, {found.total * 1e12:.2f} um2 at {found.rules.utilisation:.0%} utilisation ({found.total * 1e12 / PAPER:.2f} of {PAPER} um2)")
        junctions = 1 + ModuleDesign.load(name).reference_junctions
        print("  " + ", ".join(f"{key} {value:.2f}" for key, value in parts.items()) + f"; resistors in poly silicon {found.poly_resistors * 1e12:.1f}; pads of {junctions} junctions {junctions * found.rules.junction_pads * 1e12:.2f} above")


if __name__ == "__main__":
    main()
