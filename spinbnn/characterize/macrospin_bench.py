"""Bench of the macrospin: one pulse, many trajectories of the stochastic LLG equation, the share that switched."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np

from ..circuit.flow_keys import known_keys, named, text, whole
from ..circuit.simulator.deck import SimulationResult
from ..device import DeviceParams
from ..device.macrospin import Macrospin
from ..device.statistics import wilson_error
from ..errors import ParameterError, SimulationError
from ..rng import integer_seed
from ..units import quantity
from .grid import Value

SOURCES = (
    "device/fields.py", "device/parameters.py", "device/magnet.py", "device/temperature.py", "device/statistics.py", "device/macrospin",
    "characterize/macrospin_bench.py", "rng.py", "units.py",
)  # fmt: skip
"""Our own code that fixes the numbers of this bench."""
FIELD = "magnetic.in_plane_field"
PRECISIONS = ("float32", "float64")
STATES = ("0", "1")
MEASURES: dict[str, tuple[str, str]] = {
    "p_switch": ("1", "share of the trajectories that end in the other state"),
    "p_standard_error": ("1", "standard error of p_switch (Wilson's, z = 1: above 0 also where all or none switched)"),
    "switched": ("1", "trajectories that end in the other state"),
    "trials": ("1", "trajectories"),
    "final_mz": ("1", "mean of mz at the end"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseTiming:
    """Time step and the times around the pulse: arguments of :class:`~spinbnn.device.macrospin.Macrospin`.

    Parameters
    ----------
    step : float
        Time step of the integration [s].
    rise, fall : float
        Linear ramps of the current; the pulse width is that at half height [s].
    thermalization, relaxation : float or None
        Time without current before and after the pulse; None: two and four relaxation times of the device [s].

    Raises
    ------
    ParameterError
        If the step is not > 0, or another time is negative.

    Examples
    --------
    >>> PulseTiming(fall=0.5e-9).step
    1e-12
    """

    step: float = 1e-12
    rise: float = 0.0
    fall: float = 0.0
    thermalization: float | None = None
    relaxation: float | None = None

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and (value > 0 or (value == 0 and name != "step"))):
                least = "> 0" if name == "step" else ">= 0"
                raise ParameterError(f"a time must be {least}", where=f"timing.{name}", value=value, remedy="give seconds, e.g. '1 ps'")


@dataclass(frozen=True, slots=True, kw_only=True)
class MacrospinJob:
    """One point of the grid, as a worker process gets it; the attributes are those of the bench and the axes.

    Examples
    --------
    >>> job = MacrospinJob(params=DeviceParams.load("bench_pmtj40"), current=237e-6, pulse=0.1e-9, temperature=300.0, field=30e-3, trials=8, seed=1)
    >>> sorted(job.run())
    ['final_mz', 'switched', 'trials']
    """

    params: DeviceParams
    current: float
    pulse: float
    temperature: float
    field: float
    trials: int
    seed: int
    initial: Literal[0, 1] = 0
    timing: PulseTiming = dataclasses.field(default_factory=PulseTiming)
    precision: Literal["float32", "float64"] = "float32"

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"macrospin at {self.current:.6g} A, {self.pulse:.6g} s, {self.temperature:.6g} K"

    def model(self) -> Macrospin:
        """Return the macrospin, or raise the error of a device that cannot be one."""
        times = {name: getattr(self.timing, name) for name in self.timing.__dataclass_fields__}
        return Macrospin(self.params, field=(self.field, 0.0, 0.0), precision=self.precision, **times)

    def check(self) -> None:
        """Refuse what a run would refuse; nothing is integrated or compiled.

        Raises
        ------
        ParameterError
            If the device lacks a field, the temperature is out of range, the step is too long, the pulse too short or the
            run too long.
        """
        t = self.timing
        if self.pulse < 0.5 * (t.rise + t.fall):
            raise ParameterError("the pulse is shorter than its ramps", where="axis 'pulse'", value=self.pulse, remedy="lengthen it to at least (rise + fall)/2: it is the width at half height")
        self.model().check(self.current, self.pulse, self.temperature, initial=self.initial)

    def run(self) -> dict[str, np.ndarray]:
        """Integrate all trajectories; return ``switched``, ``trials`` and ``final_mz`` (the mean), each of shape (1,)."""
        found = self.model().switching(self.current, self.pulse, n=self.trials, seed=self.seed, temperature=self.temperature, initial=self.initial)
        numbers = {"switched": float(found.switched), "trials": float(found.trials), "final_mz": float(np.mean(found.final_mz, dtype=float))}
        return {key: np.array([value]) for key, value in numbers.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class MacrospinBench:
    """Switching probabilities of the macrospin: ``bench = "macrospin"`` of a flow file.

    Its keys there: ``device``, ``trials``, ``field``, ``precision`` and ``[timing]``.

    Parameters
    ----------
    params : DeviceParams
        Device with the fields that a :class:`~spinbnn.device.macrospin.Macrospin` needs.
    trials : int
        Trajectories at each point [1].
    field : float or None
        In-plane field along the current; None: it is an axis of the flow [T].
    timing : PulseTiming
        Time step and the times around the pulse.
    precision : {"float32", "float64"}
        Of the vectors; the random numbers are the same.

    Notes
    -----
    The random numbers of a point are fixed by the seed and its coordinates: they depend on neither the other points nor
    the workers. ``p_switch`` is the share that ends in the other state than ``initial``, as in
    :meth:`SwitchingModel.probability <spinbnn.device.SwitchingModel.probability>`; positive currents drive 0 -> 1 under a
    field with the sign of the device's ``magnetic.in_plane_field``, and 1 -> 0 under the opposite one.

    Examples
    --------
    >>> bench = MacrospinBench(params=DeviceParams.load("bench_pmtj40"), trials=100, field=30e-3)
    >>> sample = bench.sample({"current": 2e-4, "pulse": 1e-9, "temperature": 300.0}, device={}, seed=1, mismatch=None)
    >>> sample.initial, bench.measures["p_switch"][0]
    (0, '1')
    """

    params: DeviceParams
    trials: int
    field: float | None
    timing: PulseTiming = dataclasses.field(default_factory=PulseTiming)
    precision: Literal["float32", "float64"] = "float32"

    name: ClassVar[str] = "macrospin"
    engine: ClassVar[str] = "macrospin"
    measures: ClassVar[Mapping[str, tuple[str, str]]] = MEASURES
    axes: ClassVar[Mapping[str, tuple[str, str]]] = {
        "current": ("A", "track current; positive drives state 0 to 1"), "pulse": ("s", "pulse width"), "temperature": ("K", "temperature"),
        "initial": ("", "state before the pulse, 0 or 1"), "field": ("T", "in-plane field along the current"),
    }  # fmt: skip
    required_axes: ClassVar[Mapping[str, str]] = {
        "current": 'current = { start = "150 uA", stop = "300 uA", points = 13 }',
        "pulse": 'pulse = { values = ["1 ns", "10 ns"] }',
        "temperature": 'temperature = { values = ["300 K"] }',
    }
    flow_keys: ClassVar[Mapping[str, bool]] = {"device": True, "trials": True, "field": False, "timing": False, "precision": False}
    sources: ClassVar[tuple[str, ...]] = SOURCES

    @classmethod
    def from_flow(cls, data: Mapping[str, Any], where: str) -> Self:
        """Read the bench's own keys of a flow file; ``where`` names the file.

        Raises
        ------
        ParameterError, UnitError, DataError
            If a key, a value, a unit or the device file is wrong, or the in-plane field is given twice or not at all.
        """
        timing, precision = data.get("timing", {}), data.get("precision", "float32")
        known_keys(timing, set(PulseTiming.__dataclass_fields__), f"{where}, timing")
        name = text(data["device"], f"{where}, key 'device'")
        trials = whole(data["trials"], f"{where}, key 'trials'", "the number of trials", least=1)
        if precision not in PRECISIONS:
            raise ParameterError("unknown precision", where=f"{where}, key 'precision'", value=precision, remedy='use "float32" or "float64"')
        with named(f"{where}, key 'device'", where):
            params = DeviceParams.load(name)
        with named(f"{where}, timing", where):
            plan = PulseTiming(**{k: quantity(v, "s", where=f"{where}, timing.{k}") for k, v in timing.items()})
        return cls(params=params, trials=trials, field=_field(data, params, where), timing=plan, precision=precision)

    def check_axis(self, name: str, values: Sequence[Value]) -> None:
        """Refuse a pulse that is not > 0 and a state other than 0 and 1.

        Raises
        ------
        ParameterError
            With the value.
        """
        if name == "pulse" and float(values[0]) <= 0:
            raise ParameterError("a pulse width must be > 0", where="axis 'pulse'", value=values[0], remedy="give seconds, e.g. '10 ns'")
        if name == "initial" and (bad := [v for v in values if v not in STATES]):
            raise ParameterError("a state is 0 or 1", where="axis 'initial'", value=bad[0], remedy='initial = { values = ["0", "1"] }')

    def sample(self, point: Mapping[str, Value], *, device: Mapping[str, float], seed: int, mismatch: int | None) -> MacrospinJob:
        """Return the job at a grid point; ``device`` and ``mismatch`` have no part in it.

        Parameters
        ----------
        point : mapping
            Axis name -> value, numbers in SI units.
        device, mismatch
            For benches whose devices and circuits vary.
        seed : int
            Seed of the flow.
        """
        if "field" not in point and self.field is None:
            raise ParameterError("the in-plane field is not given", where="MacrospinBench, field", value=None, remedy="give the field, or an axis 'field'")
        numbers = {name: float(point[name]) for name in ("current", "pulse", "temperature")}
        applied = float(point["field"]) if "field" in point else cast(float, self.field)
        # the macrospin's own streams are named after current, pulse, temperature and state: only the field is left to name
        own = integer_seed(seed, "in-plane field", repr(applied)) if "field" in point else seed
        return MacrospinJob(
            params=self.params, field=applied, initial=1 if str(point.get("initial", "0")) == "1" else 0, trials=self.trials, timing=self.timing,
            precision=self.precision, seed=own, **numbers,
        )  # fmt: skip

    def deck(self, sample: MacrospinJob) -> MacrospinJob:
        """Return the job: the sample is one. :meth:`MacrospinJob.check` says whether it can be run.

        Raises
        ------
        ParameterError
            If the device file lacks a field, the temperature is out of range, the step is too long, the pulse too short or the run too long.
        """
        sample.check()
        return sample

    def measure(self, result: SimulationResult, sample: MacrospinJob) -> dict[str, float]:
        """Return every measure of one finished job.

        Raises
        ------
        SimulationError
            If the job failed, or the moment is not finite.
        """
        arrays = result.require().waveforms
        switched, trials, mz = (float(arrays[key][0]) for key in ("switched", "trials", "final_mz"))
        if not math.isfinite(mz):
            raise SimulationError("the integration diverged", where=sample.name, value=mz, remedy="shorten 'step' in [timing]")
        return {"p_switch": switched / trials, "p_standard_error": float(wilson_error(switched, trials)), "switched": switched, "trials": trials, "final_mz": mz}

    def identity(self) -> dict[str, Any]:
        """Return plain data that fix the numbers of this bench."""
        return {
            "bench": self.name,
            "device": self.params.content_hash,
            "trials": self.trials,
            "field": self.field,
            "timing": {name: getattr(self.timing, name) for name in self.timing.__dataclass_fields__},
            "precision": self.precision,
        }

    def attributes(self) -> dict[str, Any]:
        """Return what a table says of this bench."""
        return {"device": self.params.name, "device_hash": self.params.content_hash, "macrospin": self.identity()}

    def notes(self) -> list[str]:
        """Return the notes of the device, and every number of it that is assumed."""
        return [*self.params.notes, *(f"assumed: {q.key} = {q}" for q in self.params.assumed)]


def _field(data: Mapping[str, Any], params: DeviceParams, where: str) -> float | None:
    """Return the in-plane field: the file's, else the device's, or None where it is an axis."""
    place, axes = f"{where}, key 'field'", data.get("axes")
    given = quantity(data["field"], "T", where=place) if "field" in data else None
    if isinstance(axes, Mapping) and "field" in axes:
        if given is not None:
            raise ParameterError("the in-plane field is given twice", where=place, value=data["field"], remedy="remove it, or the axis 'field'")
        return None
    found = params.get(FIELD) if given is None else given
    if found is None:
        raise ParameterError("the in-plane field is not given", where=place, value=None, remedy=f"write field = \"30 mT\" (\"0 T\" for none), or give {FIELD!r} in the device file {params.origin or params.name}")
    return found
