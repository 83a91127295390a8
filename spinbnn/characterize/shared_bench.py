"""Bench of the shared module: each module is trimmed to every target by itself, and then serves all layers in one transient."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

import numpy as np

from ..circuit.dropout_bench import CONDITIONS, SOURCES, Sample
from ..circuit.dropout_variants import TrimmedModuleBench
from ..circuit.flow_keys import known_keys, named, whole
from ..circuit.module_netlist import check_amplitude
from ..circuit.shared_measures import alone_probabilities, measures, measures_of
from ..circuit.shared_module import SharedModule
from ..circuit.simulator.deck import Deck, SimulationResult
from ..device import DeviceParams
from ..errors import ParameterError, SimulationError
from ..units import quantity
from .grid import Axis, Value
from .journal import Row

if TYPE_CHECKING:
    from ..circuit.simulator import NgspiceInstallation

DEFAULT_TARGETS = (0.1, 0.2, 0.5)
DEFAULT_SEQUENCE = (0.1, 0.2, 0.5, 0.2, 0.1)
KEYS = ("targets", "sequence", "codes", "multiplexer")
"""Keys of a flow file that the single module does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedModuleJob:
    """One module: find its code for every target, then run the train; picklable, run in a worker process.

    Attributes
    ----------
    module : SharedModule
        What is simulated.
    sample : Sample
        Device and conditions.
    codes : tuple of int or None
        Code of every target; None: searched for.
    timeout : float
        Longest time for one deck [s].
    """

    module: SharedModule
    sample: Sample
    codes: tuple[int, ...] | None = None
    timeout: float = 60.0

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"dropout_module_shared at {self.sample.temperature:.6g} K, {self.sample.corner}"

    def check(self) -> None:
        """Make the decks at the ends of the codes; nothing is simulated.

        Raises
        ------
        ParameterError
            If no deck can be made; see :meth:`SharedModule.deck`.
        """
        count = self.module.single.design.codes
        self.module.deck(self.sample, self.codes or [count - 1] * len(self.module.targets))
        self.module.alone_deck(self.sample, 0)

    def run(self) -> dict[str, np.ndarray]:
        """Return every measure as an array of one value.

        Raises
        ------
        SimulationError
            If a deck failed, with its message, or the module alone never switches.
        """
        from ..circuit.simulator import NgspiceBatch

        single, module = self.module.single, self.module
        with NgspiceBatch(workers=1, timeout=self.timeout, installation=_installation()) as simulator:

            def simulated(deck: Deck, what: str) -> SimulationResult:
                result = next(iter(simulator.run([deck])))
                if result.status != "ok":
                    raise SimulationError(f"{what}: {result.error}", where=self.name, value=result.status, remedy="run the deck of this sample alone")
                return result

            @cache
            def alone(code: int) -> tuple[float, float]:
                found = alone_probabilities(simulated(module.alone_deck(self.sample, code), f"the module alone at code {code}").waveforms, module)
                if math.isnan(found[1]):
                    raise SimulationError("nothing switches: the module alone has no stationary probability", where=self.name, value=code, remedy="check the device and the lengths of SET and RESET")
                return found

            codes = self.codes or nearest_codes(lambda code: alone(code)[1], single.design.codes, module.targets)
            train = simulated(module.deck(self.sample, codes), "the train of cycles")
            supply = single.technology.supply if self.sample.supply is None else self.sample.supply
            found = measures(train.waveforms, module, codes=codes, alone=[alone(code) for code in codes], supply=supply)
        return {name: np.array([value]) for name, value in found.items()}


def nearest_codes(value_of: Callable[[int], float], count: int, targets: Sequence[float]) -> tuple[int, ...]:
    """Return the code of each target, the one whose probability is nearest, as :func:`spinbnn.characterize.search.search` finds it.

    Of two equally near codes it is the lower, and the end of the DAC where that does not reach the target. What one target
    has asked for serves the next.

    Parameters
    ----------
    value_of : callable
        Probability at a code; rises with it. Each code is asked for once.
    count : int
        Number of codes [1].
    targets : sequence of float
        Wanted probabilities.

    Examples
    --------
    >>> nearest_codes(lambda code: code / 64, 64, [0.1, 0.5, 0.999])
    (6, 32, 63)
    """
    from .search import SearchPlan  # a search knows flows, and flows know this bench
    from .specification import OperatingPoint, Specification

    axes = (Axis(name="code", unit="1", description="", values=tuple(range(count))),)
    rows: dict[int, Row] = {}
    for target in targets:
        plan = SearchPlan(axes, Specification(operating_point=OperatingPoint(axis="code", measure="p_drop", target=target)))
        while missing := plan.missing(rows):
            rows |= {code: Row(status="ok", values={"p_drop": value_of(code)}) for code in missing}
    return tuple(min((abs(row.values["p_drop"] - target), code) for code, row in rows.items())[1] for target in targets)


class _Measures:
    """Measures of a bench: those of its layers and targets; of the class, those of the default ones."""

    @overload
    def __get__(self, bench: None, owner: type) -> Mapping[str, tuple[str, str]]: ...
    @overload
    def __get__(self, bench: SharedModuleBench, owner: type) -> Mapping[str, tuple[str, str]]: ...
    def __get__(self, bench: SharedModuleBench | None, owner: type) -> Mapping[str, tuple[str, str]]:
        if bench is None:
            return measures_of(len(DEFAULT_SEQUENCE), len(DEFAULT_TARGETS))
        return measures_of(bench.module.layers, len(bench.module.targets))


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedModuleBench:
    """One trimmed module for all layers: ``bench = "dropout_module_shared"`` of a flow file.

    Its keys there are those of the trimmed module (``technology``, ``device``, ``design``, ``barrier``, ``[timing]``,
    ``[variation]``) and ``targets``, ``sequence``, ``codes``, ``[multiplexer]``. A sample is one module at one condition: the
    decks of the search for its codes, and one transient of all layers, twice over.

    Parameters
    ----------
    module : SharedModule
        Module, targets, sequence and multiplexer.
    codes : tuple of int or None
        Code of every target, the same for all modules; None: each module's own, found at the condition of the sample by
        bisection of the module alone.

    Examples
    --------
    >>> from spinbnn.circuit import Technology
    >>> single = TrimmedModuleBench(technology=Technology.load("cmos40lp"), params=DeviceParams.load("seed_eq23"))
    >>> bench = SharedModuleBench(module=SharedModule(single=single, targets=(0.2,), sequence=(0.2, 0.2, 0.2)))
    >>> "p_drop_3" in bench.measures, "p_drop_4" in bench.measures
    (True, False)
    """

    module: SharedModule
    codes: tuple[int, ...] | None = None

    name: ClassVar[str] = "dropout_module_shared"
    engine: ClassVar[str] = "ngspice_jobs"
    axes: ClassVar[Mapping[str, tuple[str, str]]] = CONDITIONS
    required_axes: ClassVar[Mapping[str, str]] = {"temperature": 'temperature = { values = ["27 degC"] }'}
    measures: ClassVar[Mapping[str, tuple[str, str]]] = _Measures()  # type: ignore[assignment]
    flow_keys: ClassVar[Mapping[str, bool]] = {**TrimmedModuleBench.flow_keys, "targets": True, "sequence": True, "codes": False, "multiplexer": False}
    sources: ClassVar[tuple[str, ...]] = (*SOURCES, "circuit/shared_module.py", "circuit/shared_measures.py", "characterize/search.py", "characterize/shared_bench.py")

    def __post_init__(self) -> None:
        if self.codes is None:
            return
        if len(self.codes) != len(self.module.targets):
            raise ParameterError("needs one code for each target", where="SharedModuleBench, codes", value=list(self.codes), remedy=f"targets: {list(self.module.targets)}")
        for code in self.codes:
            check_amplitude(self.module.single.design, code)

    @property
    def params(self) -> DeviceParams:
        """The nominal device."""
        return self.module.single.params

    @property
    def reference_junctions(self) -> int:
        """Junctions of the read reference, which a flow draws beside each device [1]."""
        return self.module.single.reference_junctions

    @classmethod
    def from_flow(cls, data: Mapping[str, Any], where: str) -> Self:
        """Read the bench's own keys of a flow file; ``where`` names the file.

        Raises
        ------
        ParameterError, UnitError, DataError, NetlistError
            If a key, a value, a unit or a file that it names is wrong.
        """
        single = TrimmedModuleBench.from_flow({key: value for key, value in data.items() if key not in KEYS}, where)
        targets, sequence = (_numbers(data[key], f"{where}, key {key!r}") for key in ("targets", "sequence"))
        word = data.get("multiplexer", {})
        known_keys(word, ("word", "changed"), f"{where}, multiplexer")
        bits = {key: whole(value, f"{where}, multiplexer.{key}", "a number of bits") for key, value in word.items()}
        codes = None
        if "codes" in data:
            given = data["codes"]
            if not isinstance(given, list):
                raise ParameterError("a list of codes is needed here", where=f"{where}, key 'codes'", value=given, remedy="codes = [20, 26, 34]; leave the key out to search for them")
            codes = tuple(whole(code, f"{where}, key 'codes'", "a code") for code in given)
        with named(where, where):
            return cls(module=SharedModule(single=single, targets=targets, sequence=sequence, word=bits.get("word", 32), changed=bits.get("changed", 16)), codes=codes)

    def check_axis(self, name: str, values: Sequence[Value]) -> None:
        """Refuse values of an axis that the technology does not have."""
        self.module.single.check_axis(name, values)

    def sample(self, point: Mapping[str, Value], *, device: Mapping[str, float], seed: int, mismatch: int | None) -> Sample:
        """Return the sample at a grid point; see :meth:`DropoutModuleBench.sample`."""
        return self.module.single.sample({**point, "code": 0}, device=device, seed=seed, mismatch=mismatch)

    def deck(self, sample: Sample) -> SharedModuleJob:
        """Return the job of a sample, of which every deck can be made.

        Raises
        ------
        ParameterError
            See :meth:`SharedModuleJob.check`.
        """
        job = SharedModuleJob(module=self.module, sample=sample, codes=self.codes)
        job.check()
        return job

    def measure(self, result: SimulationResult, sample: Sample) -> dict[str, float]:
        """Return every measure of one finished job.

        Raises
        ------
        SimulationError
            If the job failed.
        """
        arrays = result.require().waveforms
        return {name: float(arrays[name][0]) for name in self.measures}

    def identity(self) -> dict[str, Any]:
        """Return plain data that fix the numbers of this bench."""
        m = self.module
        return {
            "bench": self.name, "single": m.single.identity(), "targets": list(m.targets), "sequence": list(m.sequence), "word": m.word, "changed": m.changed,
            "codes": None if self.codes is None else list(self.codes), "logic": {name: cell.content_hash for name, cell in m.logic.items()},
        }  # fmt: skip

    def attributes(self) -> dict[str, Any]:
        """Return what a table says of this bench."""
        return {**self.module.single.attributes(), "targets": list(self.module.targets), "sequence": list(self.module.sequence), "codes": "searched" if self.codes is None else list(self.codes)}

    def notes(self) -> list[str]:
        """Return what the numbers rest on."""
        word = f"multiplexer: {self.module.word} bits, of which {self.module.changed} differ from the number one"
        return [*self.module.single.notes(), f"assumed: {word}"]


def _numbers(given: Any, where: str) -> tuple[float, ...]:
    if not isinstance(given, list):
        raise ParameterError("a list of drop probabilities is needed here", where=where, value=given, remedy="[0.1, 0.2, 0.5]")
    return tuple(quantity(value, "1", where=where) for value in given)


@lru_cache(maxsize=1)
def _installation() -> NgspiceInstallation:
    from ..circuit.simulator import find_ngspice

    return find_ngspice()
