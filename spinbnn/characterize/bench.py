"""Benches: what a flow can sweep and measure. One protocol, one registry; the flow, the runner and the table know no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

from ..circuit.dropout_bench import DropoutModuleBench
from ..circuit.dropout_variants import RegulatedModuleBench, TrimmedModuleBench
from ..circuit.simulator.deck import SimulationResult
from ..device import DeviceParams
from ..errors import ParameterError, suggest
from .column_bench import ColumnBench
from .column_read_bench import ColumnReadBench
from .grid import Value
from .macrospin_bench import MacrospinBench
from .shared_bench import SharedModuleBench


class Bench(Protocol):
    """What a flow asks of a bench. A bench is a frozen value: equal :meth:`identity`, equal numbers for equal samples.

    A grid point becomes a sample (:meth:`sample`), the sample a job (:meth:`deck`: a deck of ngspice, or an object with
    ``run()``; the engine decides), the job a result, and the result the measures (:meth:`measure`).

    Attributes
    ----------
    name : str
        What a flow file calls it.
    engine : str
        What runs its jobs; a key of :data:`spinbnn.characterize.engines.ENGINES`.
    axes : mapping of str to (unit, description)
        Axes that a flow may have. The unit ``""`` marks an axis of names; the axis ``draw`` takes a count.
    required_axes : mapping of str to str
        Axes that a flow must have, each with an example of its line.
    measures : mapping of str to (unit, description)
        What :meth:`measure` returns.
    flow_keys : mapping of str to bool
        Keys of a flow file that this bench takes beside the common ones; True where the key must stand. ``variation``
        is read by the flow itself, for the benches that take it.
    sources : tuple of str
        Files and folders of spinbnn whose code fixes the numbers; the hash of a flow covers them.
    """

    name: ClassVar[str]
    engine: ClassVar[str]
    axes: ClassVar[Mapping[str, tuple[str, str]]]
    required_axes: ClassVar[Mapping[str, str]]
    measures: ClassVar[Mapping[str, tuple[str, str]]]
    flow_keys: ClassVar[Mapping[str, bool]]
    sources: ClassVar[tuple[str, ...]]

    @classmethod
    def from_flow(cls, data: Mapping[str, Any], where: str) -> Self:
        """Read the bench's own keys of a flow file, of which the required ones are there; ``where`` names the file."""
        ...

    @property
    def params(self) -> DeviceParams:
        """The nominal device."""
        ...

    def check_axis(self, name: str, values: Sequence[Value]) -> None:
        """Raise :class:`ParameterError` for a value of an axis that this bench cannot have."""
        ...

    def sample(self, point: Mapping[str, Value], *, device: Mapping[str, float], seed: int, mismatch: int | None) -> Any:
        """Return the sample at a grid point.

        ``device`` holds the SI values of the device fields of this draw (empty for a bench without ``variation``),
        ``seed`` is the flow's, ``mismatch`` the number of the draw of the circuit's mismatch, or None.
        """
        ...

    def deck(self, sample: Any) -> Any:
        """Return the job of a sample, or raise the error that the run would end with."""
        ...

    def measure(self, result: SimulationResult, sample: Any) -> Mapping[str, float]:
        """Return every measure in SI units, NaN where it is undefined; raise :class:`SimulationError` if there is none."""
        ...

    def identity(self) -> dict[str, Any]:
        """Return plain data that fix the numbers; names of files and devices are not in it."""
        ...

    def attributes(self) -> dict[str, Any]:
        """Return what a table says of the bench: names and content hashes, JSON-able."""
        ...

    def notes(self) -> list[str]:
        """Return what the numbers rest on: notes and assumed values."""
        ...


def benches() -> dict[str, type[Bench]]:
    """Return the benches that a flow file may name.

    Examples
    --------
    >>> sorted(benches())
    ['crossbar_column', 'crossbar_column_read', 'dropout_module', 'dropout_module_regulated', 'dropout_module_shared', 'dropout_module_trimmed', 'macrospin']
    """
    return dict(_BENCHES)


def bench_class(name: str) -> type[Bench]:
    """Return a bench by the name that a flow file gives.

    Raises
    ------
    ParameterError
        If there is none.

    Examples
    --------
    >>> bench_class("dropout_module").required_axes
    {'set_voltage': 'set_voltage = { start = "0.9 V", stop = "1.1 V", points = 9 }'}
    """
    if not isinstance(name, str) or name not in _BENCHES:
        raise ParameterError("unknown bench", where="flow, key 'bench'", value=name, remedy=suggest(str(name), _BENCHES))
    return _BENCHES[name]


def others_with(what: str, name: str, own: type[Bench]) -> list[str]:
    """Return the benches other than ``own`` that have an axis (``what="axes"``) or take a key (``"flow_keys"``)."""
    return [other.name for other in _BENCHES.values() if other is not own and name in getattr(other, what)]


_BENCHES: dict[str, type[Bench]] = {bench.name: bench for bench in (DropoutModuleBench, RegulatedModuleBench, TrimmedModuleBench, SharedModuleBench, MacrospinBench, ColumnBench, ColumnReadBench)}
