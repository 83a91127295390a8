"""The dropout module with a regulated and with a trimmed driver: the same cycle and measures, another SET amplitude."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .dropout_bench import CONDITIONS, DropoutModuleBench
from .module_netlist import check_amplitude


@dataclass(frozen=True, slots=True, kw_only=True)
class RegulatedModuleBench(DropoutModuleBench):
    """The dropout module with a current mirror in the SET leg; the amplitude is the mirrored reference current.

    Examples
    --------
    >>> from spinbnn.circuit import Technology
    >>> from spinbnn.device import DeviceParams
    >>> bench = RegulatedModuleBench(technology=Technology.load("cmos40lp"), params=DeviceParams.load("seed_eq23"))
    >>> "Xo vset bias vdd set_mirror" in bench.deck(bench.nominal(set_current=207e-6)).text
    True
    """

    name: ClassVar[str] = "dropout_module_regulated"
    driver: ClassVar[str] = "regulated"
    axes: ClassVar[Mapping[str, tuple[str, str]]] = {"set_current": ("A", "SET current that the mirror is asked for: the reference current times the mirror ratio"), **CONDITIONS}
    required_axes: ClassVar[Mapping[str, str]] = {"set_current": 'set_current = { start = "180 uA", stop = "240 uA", points = 13 }'}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimmedModuleBench(DropoutModuleBench):
    """The dropout module with a current mirror and an amplitude DAC; the amplitude is the code.

    Examples
    --------
    >>> from spinbnn.circuit import Technology
    >>> from spinbnn.device import DeviceParams
    >>> bench = TrimmedModuleBench(technology=Technology.load("cmos40lp"), params=DeviceParams.load("seed_eq23"))
    >>> [line for line in bench.deck(bench.nominal(code=5)).text.splitlines() if line.startswith("Vb")][:3]
    ['Vb0 b0 0 1.1', 'Vb1 b1 0 0.0', 'Vb2 b2 0 1.1']
    """

    name: ClassVar[str] = "dropout_module_trimmed"
    driver: ClassVar[str] = "trimmed"
    axes: ClassVar[Mapping[str, tuple[str, str]]] = {"code": ("1", "code of the SET amplitude DAC"), **CONDITIONS}
    required_axes: ClassVar[Mapping[str, str]] = {"code": "code = { values = [0, 16, 32, 48, 63] }"}

    def check_axis(self, name: str, values: Sequence[float | str | int]) -> None:
        """Refuse values of an axis that technology or DAC do not have."""
        DropoutModuleBench.check_axis(self, name, values)
        if name == "code":
            for value in values:
                check_amplitude(self.design, float(value))
