"""A device as one stochastic moment: switching probabilities, trajectories and thermal equilibrium."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import constants

from ... import rng
from ...errors import ParameterError, suggest
from ..magnet import TORQUE, Magnet, magnet
from ..parameters import DeviceParams
from . import arguments, boltzmann
from .engines import engine
from .pulse import step_means
from .results import Equilibrium, SwitchingCounts, Trajectories
from .sampled import WaveformCounts, checked_waveform, sample_means

Array = NDArray[np.float64]

GYROMAGNETIC = constants.physical_constants["electron gyromag. ratio"][0]
"""Of the free electron [rad/(s T)]."""
LARGEST_TURN = 0.5
"""Largest rotation in one time step that a run accepts [rad]."""
LARGEST_RUN = 100_000_000
"""Most time steps before the pulse, and from its begin to the end: 0.1 ms at 1 ps."""
LANES = 2048
"""Trajectories of one task."""
_CHOICES = {"start": ("thermal", "pole"), "precision": ("float32", "float64"), "engine": ("auto", "numba", "numpy")}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """One current, pulse, temperature and voltage, with everything scaled to the time step."""

    key: NDArray[np.uint64]
    delta: float
    bottom: Array
    drive: NDArray[np.floating[Any]]
    constants: NDArray[np.floating[Any]]
    envelope: Array
    before: int


@dataclass(frozen=True, slots=True)
class Macrospin:
    r"""The free layer as one moment that obeys the stochastic Landau-Lifshitz-Gilbert equation.

    .. math:: \dot m = -\gamma\, m \times \left[B_\mathrm{ext} + B_k m_z \hat z + B_{FL}\, \hat y
              + B_{DL}\, (m \times \hat y) + B_\mathrm{th}\right] + \alpha\, m \times \dot m, \qquad
              \langle B_{\mathrm{th},i}^2 \rangle = \frac{2 \alpha k_B T}{\gamma M_s V \,\mathrm dt}

    Solved in its Landau-Lifshitz form with Heun's scheme (Stratonovich). ``B_DL`` is proportional to the track current,
    ``B_FL`` is ``spin_hall.field_like_ratio`` times that, ``B_k`` follows the junction voltage
    (``-2 xi V/(M_s t_F t_ox)``), Ms and B_k the temperature (:func:`~spinbnn.device.magnet.magnet`).

    **Frame.** z is the easy axis, x the direction of positive current, y the spin polarisation that positive current
    injects (a negative ``spin_hall.efficiency`` turns the frame by half a turn about x). A current I under a field Bx
    drives m_z towards the sign of ``I Bx``. State 1 is the pole ``m_z = sign(magnetic.in_plane_field)`` (+1 where the
    file gives none), state 0 the other: in its own field the device goes from 0 to 1 under positive current, as in
    every :class:`~spinbnn.device.SwitchingModel`. An opposite ``field`` reverses that; without a field along x the bit
    falls either way once the current has pulled the moment into the plane.

    **A run** of one trajectory: a draw from the thermal equilibrium of the initial state's well, thermalisation, the
    pulse, relaxation; then the sign of m_z is the state. ``pulse`` is the width at half height of a trapezoid; it has
    the charge of the rectangular pulse, whatever the ramps.

    **Random numbers** are counted, not drawn in order: trajectory k of a point is a function of the seed, k and the
    point's current, pulse, temperature, voltage and initial state. It depends on no other point and not on ``n``,
    ``workers``, ``engine`` or the order. The same point asked twice gives the same trajectories, and so does another
    device or another pulse shape at the same point (common random numbers); another seed gives independent ones.

    Parameters
    ----------
    params : DeviceParams
        Needs ``magnetic.damping`` and what :func:`~spinbnn.device.magnet.magnet` needs, track and efficiency included.
    field : tuple of float, optional
        External field along x, y, z; by default ``magnetic.in_plane_field`` along x, or none [T].
    step : float
        Time step [s].
    rise, fall : float
        Ramps of the pulse, 0 to 100 % [s].
    thermalization : float, optional
        Time before the pulse; by default two relaxation times ``(1 + alpha^2)/(alpha gamma B_k)`` [s].
    relaxation : float, optional
        Time after the pulse; by default four relaxation times [s].
    start : {"thermal", "pole"}
        Where a trajectory starts, before thermalisation: a draw from the equilibrium of its well (its bottom without
        ``noise``), or exactly on the easy axis.
    noise : bool
        Whether there is a thermal field.
    precision : {"float32", "float64"}
        Of the vectors. The random numbers are the same.
    engine : {"auto", "numba", "numpy"}
        Both engines give the same bits; "auto" takes numba where it is installed.
    workers : int
        Threads.

    Raises
    ------
    ParameterError
        If a field of the file is missing or an argument is out of range.
    MissingToolError
        If ``engine="numba"`` and numba is not installed.

    Notes
    -----
    One uniform moment: valid for free layers up to about 45 nm; larger ones reverse by nucleation. No spin-transfer
    torque of the read current, no Joule heating, no spin pumping beyond ``alpha``. A step that turns the moment by more
    than 0.5 rad is refused. Sources: W. F. Brown, doi:10.1103/PhysRev.130.1677 (thermal field); J. L. Garcia-Palacios,
    F. J. Lazaro, doi:10.1103/PhysRevB.58.14937 (Heun, Stratonovich).

    Examples
    --------
    >>> from spinbnn.device import DeviceParams
    >>> device = Macrospin(DeviceParams.load("bench_pmtj40"))
    >>> counts = device.switching([180e-6, 260e-6], 2e-9, n=20, seed=1)
    >>> counts.switched.shape, bool(counts.switched[1] > counts.switched[0])
    ((2,), True)
    """

    params: DeviceParams
    _: KW_ONLY
    field: tuple[float, float, float] | None = None
    step: float = 1e-12
    rise: float = 0.0
    fall: float = 0.0
    thermalization: float | None = None
    relaxation: float | None = None
    start: Literal["thermal", "pole"] = "thermal"
    noise: bool = True
    precision: Literal["float32", "float64"] = "float32"
    engine: Literal["auto", "numba", "numpy"] = "auto"
    workers: int = 1

    def __post_init__(self) -> None:
        for key in ("magnetic.damping", *TORQUE):
            if self.params.get(key) is None:
                raise ParameterError("the device file does not give this field", where="Macrospin, params", value=key, remedy=f"add {key!r} to the file, or use a SwitchingModel")
        arguments.check_time("step", self.step, positive=True)
        for name in ("rise", "fall", "thermalization", "relaxation"):
            if (value := getattr(self, name)) is not None or name in ("rise", "fall"):
                arguments.check_time(name, value)
        if self.field is not None:
            object.__setattr__(self, "field", arguments.vector(self.field))
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ParameterError(f"unknown {name}", where=f"Macrospin, {name}", value=getattr(self, name), remedy=suggest(str(getattr(self, name)), known))
        arguments.check_integer("workers", self.workers, 1)
        if not self.params.value("magnetic.damping") > 0:
            raise ParameterError("a damping must be > 0", where="Macrospin, params", value=self.params.value("magnetic.damping"), remedy="check 'magnetic.damping' of the file")

    @property
    def applied_field(self) -> tuple[float, float, float]:
        """The external field in use [T]."""
        return self.field if self.field is not None else (self.params.get("magnetic.in_plane_field") or 0.0, 0.0, 0.0)

    @property
    def pole(self) -> int:
        """Sign of m_z in state 1."""
        return -1 if (self.params.get("magnetic.in_plane_field") or 0.0) < 0 else 1

    def magnet(self, temperature: ArrayLike = 300.0) -> Magnet:
        """Return the moment of the device at a temperature [K]."""
        return magnet({key: quantity.value for key, quantity in self.params.quantities.items()}, temperature)

    def relaxation_time(self, temperature: float = 300.0) -> float:
        """Return ``(1 + alpha^2)/(alpha gamma B_k)``, in which a small tilt decays e-fold [s]."""
        alpha = self.params.value("magnetic.damping")
        return float((1.0 + alpha**2) / (alpha * GYROMAGNETIC * self.magnet(temperature).anisotropy_field))

    def switching(
        self, current: ArrayLike, pulse: ArrayLike, n: int = 1000, seed: int = 0, temperature: ArrayLike = 300.0, *,
        voltage: ArrayLike = 0.0, initial: Literal[0, 1] = 0, first: int = 0,
    ) -> SwitchingCounts:  # fmt: skip
        """Count how many trajectories leave their state.

        Parameters
        ----------
        current : array_like
            Track current at the top of the pulse, signed [A].
        pulse : array_like
            Width at half height, at least ``(rise + fall)/2`` [s].
        n : int
            Trajectories a point.
        seed : int
            Seed of the random numbers.
        temperature : array_like
            Temperature [K].
        voltage : array_like
            Junction voltage during the pulse, with its shape; a positive one lowers the anisotropy where
            ``magnetic.vcma_coefficient`` is positive [V].
        initial : {0, 1}
            State before the pulse.
        first : int
            Index of the first trajectory: a later call with ``first=n`` extends a run.

        Returns
        -------
        SwitchingCounts
            Arrays in the broadcast shape of current, pulse, temperature and voltage.

        Raises
        ------
        ParameterError
            If an argument is out of range, the moment turns too far in one step, or the run has too many steps.

        Notes
        -----
        ``final_mz`` takes 4 bytes a trajectory (8 in float64); beside it a worker needs some 50 bytes for each time step
        and 0.1 MB for its 2048 trajectories, whatever n is.
        """
        arguments.check_integer("n", n, 1)
        arguments.check_integer("first", first, 0)
        axes = arguments.broadcast(current, pulse, temperature, voltage)
        shape, rows = axes[0].shape, list(zip(*(a.ravel().tolist() for a in axes), strict=True))
        for i, width, kelvin, bias in rows:
            self._point(i, width, kelvin, bias, initial, seed, bare=True)  # everything is refused before anything runs
        final = np.empty((len(rows), n), self.precision)
        advance = engine(self.engine)

        def run(task: tuple[int, int]) -> None:
            index, begin = task
            (i, width, kelvin, bias), count = rows[index], min(LANES, n - begin)
            point = self._point(i, width, kelvin, bias, initial, seed)
            state = self._start(point, first + begin, count)
            advance(state, point.drive, point.constants, point.key, first + begin, 0, point.envelope.size)
            final[index, begin : begin + count] = state[2]

        self._share(run, [(index, begin) for index in range(len(rows)) for begin in range(0, n, LANES)])
        switched = [np.count_nonzero((row * self.pole >= 0) != bool(initial)) for row in final]
        return SwitchingCounts(
            current=axes[0], pulse=axes[1], temperature=axes[2], voltage=axes[3], initial=int(initial), trials=int(n), seed=int(seed),
            switched=np.array(switched, dtype=np.int64).reshape(shape), final_mz=final.reshape(*shape, n),
        )  # fmt: skip

    def check(
        self, current: ArrayLike, pulse: ArrayLike, temperature: ArrayLike = 300.0, *, voltage: ArrayLike = 0.0, initial: Literal[0, 1] = 0
    ) -> None:  # fmt: skip
        """Refuse what :meth:`switching` would refuse at these points; nothing is integrated or compiled.

        Raises
        ------
        ParameterError
            If an argument is out of range, the moment turns too far in one step, or the run has too many steps.
        """
        axes = arguments.broadcast(current, pulse, temperature, voltage)
        for i, width, kelvin, bias in zip(*(a.ravel().tolist() for a in axes), strict=True):
            self._point(i, width, kelvin, bias, initial, 0, bare=True)

    def switching_probability(
        self, current: ArrayLike, pulse: ArrayLike, n: int = 1000, seed: int = 0, temperature: ArrayLike = 300.0, *,
        voltage: ArrayLike = 0.0, initial: Literal[0, 1] = 0,
    ) -> Array:  # fmt: skip
        """Return the share of trajectories that leave their state [1]; see :meth:`switching`."""
        return self.switching(current, pulse, n, seed, temperature, voltage=voltage, initial=initial).probability

    def waveform(
        self, time: ArrayLike, current: ArrayLike, n: int = 1000, seed: int = 0, temperature: float = 300.0, *,
        initial: Literal[0, 1] = 0, first: int = 0, moments: ArrayLike = (),
    ) -> WaveformCounts:  # fmt: skip
        """Count the states of trajectories under a sampled current, e.g. the RESET and the SET of a simulated driver.

        Each starts in the equilibrium of its well and thermalises before the first sample, as in :meth:`switching`; after the
        last one it relaxes. ``rise`` and ``fall`` have no part in it, and the junction voltage is 0.

        Parameters
        ----------
        time : array_like, shape (points,)
            Sample times; two samples at one time are a jump [s].
        current : array_like, shape (points,)
            Track current, signed, linear between the samples and 0 outside them [A].
        n, seed, temperature, first
            As in :meth:`switching`; one temperature.
        initial : {0, 1}
            State before the waveform.
        moments : array_like, shape (m,)
            Times, rising, at which the state is noted as well; they are rounded to the time step [s].

        Returns
        -------
        WaveformCounts

        Raises
        ------
        ParameterError
            If the samples are no waveform, a moment lies outside it, or the run is refused for its length or step.

        Notes
        -----
        All waveforms of a seed, temperature and initial state see the same noise from their first sample on: compare them
        pairwise, or give them different seeds.

        Examples
        --------
        >>> from spinbnn.device import DeviceParams
        >>> device = Macrospin(DeviceParams.load("bench_pmtj40"))
        >>> counts = device.waveform([0, 0.1e-9, 1.9e-9, 2e-9], [0, 260e-6, 260e-6, 0], n=20, seed=1, moments=[0.0])
        >>> int(counts.ones[0]), bool(counts.ones[1] > 5)
        (0, True)
        """
        arguments.check_integer("n", n, 1)
        arguments.check_integer("first", first, 0)
        wave, kelvin = checked_waveform(time, current), float(temperature)
        noted = np.asarray(moments, dtype=float).reshape(-1)
        if np.any(~((noted >= wave[0][0]) & (noted <= wave[0][-1]))) or np.any(np.diff(noted) < 0):
            raise ParameterError("moments must rise and lie within the waveform", where="Macrospin, moments", value=noted.tolist(), remedy=f"{wave[0][0]:.4g} to {wave[0][-1]:.4g} s")
        largest = float(np.max(np.abs(wave[1])))
        point = self._point(largest, float(wave[0][-1] - wave[0][0]), kelvin, 0.0, initial, seed, wave=wave)
        marks = [0, *(point.before + round(float(t - wave[0][0]) / self.step) for t in noted), point.envelope.size]
        advance, mz = engine(self.engine), np.empty((len(marks) - 1, n), self.precision)

        def run(begin: int) -> None:
            count = min(LANES, n - begin)
            state = self._start(point, first + begin, count)
            for row, (start, stop) in enumerate(itertools.pairwise(marks)):
                advance(state, point.drive, point.constants, point.key, first + begin, start, stop)
                mz[row, begin : begin + count] = state[2]

        self._share(run, range(0, n, LANES))
        ones = np.count_nonzero(mz * self.pole >= 0, axis=1)
        return WaveformCounts(initial=int(initial), moments=noted, ones=ones.astype(np.int64), trials=int(n), final_mz=mz[-1].copy(), temperature=kelvin, seed=int(seed))

    def trajectories(
        self, current: float, pulse: float, n: int = 5, seed: int = 0, temperature: float = 300.0, *,
        voltage: float = 0.0, initial: Literal[0, 1] = 0, first: int = 0, every: int = 1,
    ) -> Trajectories:  # fmt: skip
        """Record the trajectories that :meth:`switching` counts, from start to end.

        Parameters
        ----------
        current, pulse, temperature, voltage : float
            As in :meth:`switching`, one point [A], [s], [K], [V].
        n, seed, initial, first
            As in :meth:`switching`.
        every : int
            Steps between two records; the end is always recorded.

        Returns
        -------
        Trajectories
        """
        for name, value, least in (("n", n, 1), ("first", first, 0), ("every", every, 1)):
            arguments.check_integer(name, value, least)
        axes = arguments.broadcast(current, pulse, temperature, voltage)
        if axes[0].shape:
            raise ParameterError("one point only", where="Macrospin.trajectories", value=axes[0].shape, remedy="give numbers, not arrays; switching() takes arrays")
        current, pulse, temperature, voltage = (float(a) for a in axes)
        point = self._point(current, pulse, temperature, voltage, initial, seed)
        advance, state, steps = engine(self.engine), self._start(point, first, n), point.envelope.size
        marks = [*range(0, steps, every), steps]
        record = np.empty((n, len(marks), 3), self.precision)
        record[:, 0] = state.T
        for number in range(1, len(marks)):
            advance(state, point.drive, point.constants, point.key, first, marks[number - 1], marks[number])
            record[:, number] = state.T
        drive = np.append(point.envelope, 0.0)[marks] * current
        return Trajectories(time=(np.array(marks) - point.before) * self.step, drive=drive, magnetization=record)

    def equilibrium(self, temperature: float = 300.0, n: int = 256, duration: float = 50e-9, seed: int = 0, *, every: int = 16) -> Equilibrium:
        """Average ``1 - m_z^2`` without current, after ten relaxation times from the bottom of the well of state 1.

        Parameters
        ----------
        temperature : float
            Temperature [K].
        n : int
            Trajectories.
        duration : float
            Time that is averaged over [s].
        seed : int
            Seed of the random numbers.
        every : int
            Steps between two samples.

        Returns
        -------
        Equilibrium
        """
        arguments.check_integer("n", n, 2)
        arguments.check_integer("every", every, 1)
        arguments.check_time("duration", duration, positive=True)
        wait, samples = self._steps(10.0 * self.relaxation_time(temperature)), max(1, self._steps(duration) // every)
        point = self._point(0.0, 0.0, float(temperature), 0.0, 1, seed, steps=wait + samples * every)
        advance, total = engine(self.engine), np.zeros(n)
        state = np.repeat(point.bottom[:, None], n, axis=1).astype(self.precision)
        advance(state, point.drive, point.constants, point.key, 0, 0, wait)
        for sample in range(samples):
            advance(state, point.drive, point.constants, point.key, 0, wait + sample * every, wait + (sample + 1) * every)
            total += 1.0 - state[2].astype(float) ** 2
        means, at = total / samples, self.magnet(temperature)
        x, y, z = (float(b / at.anisotropy_field) for b in self.applied_field)
        delta = float(at.delta)
        return Equilibrium(
            average=float(means.mean()), standard_error=float(means.std(ddof=1) / math.sqrt(n)), delta=delta, trials=n,
            exact=boltzmann.transverse_average(delta, (x, y, self.pole * z)),
        )  # fmt: skip

    def _point(
        self, current: float, pulse: float, temperature: float, voltage: float, initial: int, seed: int, *,
        steps: int | None = None, bare: bool = False, wave: tuple[Array, Array] | None = None,
    ) -> _Point:  # fmt: skip
        """Scale one point to the time step; ``steps`` overrides the length of the run, ``bare`` leaves its arrays out.

        ``wave`` takes the place of the pulse; ``current`` is then its largest magnitude and ``pulse`` its length.
        """
        if initial not in (0, 1):
            raise ParameterError("the initial state is 0 or 1", where="Macrospin, initial", value=initial, remedy="use 0 or 1")
        for name, value in (("current", current), ("voltage", voltage)):
            if not math.isfinite(value):
                raise ParameterError("must be finite", where=f"Macrospin, {name}", value=value, remedy="give amperes and volts")
        ramps = 0.5 * (self.rise + self.fall) if pulse and wave is None else 0.0
        if not (math.isfinite(pulse) and pulse >= ramps):
            raise ParameterError("a pulse must be 0, or at least (rise + fall)/2", where="Macrospin, pulse", value=pulse, remedy="give its width at half height in seconds, e.g. 10e-9")
        at, alpha, dt = self.magnet(temperature), self.params.value("magnetic.damping"), self.step
        field, anisotropy, moment = self.applied_field, float(at.anisotropy_field), float(at.saturation_magnetization * at.volume)
        pole = self.pole if initial == 1 else -self.pole
        wait = self.relaxation_time(temperature)
        before = self._steps(2.0 * wait if self.thermalization is None else self.thermalization)
        after = 4.0 * wait if self.relaxation is None else self.relaxation
        if steps is None:
            steps = before + self._steps(pulse + ramps + after)
        steps = 0 if bare else steps
        envelope = step_means(before * dt, pulse, self.rise, self.fall, dt, steps) if pulse and wave is None else np.zeros(steps)
        if wave is not None and current > 0:
            envelope = sample_means(*wave, before * dt, dt, steps) / current
        torque, shift = float(at.sot_field_per_ampere) * current, self._anisotropy_shift(at, voltage)
        thermal = math.sqrt(2.0 * alpha * constants.k * temperature / (GYROMAGNETIC * moment * dt)) if self.noise else 0.0
        ratio = self.params.get("spin_hall.field_like_ratio") or 0.0
        largest = float(np.hypot(*field[:2])) + abs(field[2]) + max(anisotropy, abs(anisotropy + shift)) + abs(torque) * math.hypot(1.0, ratio) + 3.0 * thermal
        if GYROMAGNETIC * dt * largest > LARGEST_TURN:
            raise ParameterError(
                f"the moment turns by up to {GYROMAGNETIC * dt * largest:.2f} rad in one step", where="Macrospin, step", value=dt,
                remedy=f"use a step of at most {LARGEST_TURN / (GYROMAGNETIC * largest):.2g} s",
            )  # fmt: skip
        scale = GYROMAGNETIC * dt / (1.0 + alpha**2)
        rows = (field[1] + ratio * torque * envelope, anisotropy + shift * envelope, torque * envelope)
        numbers = (current, pulse, temperature, voltage) if wave is None else (temperature,)
        names = [*(["waveform"] if wave is not None else []), *(float.hex(v + 0.0) for v in numbers)]  # + 0.0: -0.0 is 0.0
        key = rng.sequence(seed, "macrospin", *names, int(initial)).generate_state(2, np.uint64).astype(np.uint64)
        return _Point(
            key=key, delta=float(at.delta), before=before, envelope=envelope,
            bottom=boltzmann.well_bottom((field[0] / anisotropy, field[1] / anisotropy, field[2] / anisotropy), pole),
            drive=np.array([scale * row for row in rows]).astype(self.precision),
            constants=np.array([scale * field[0], scale * field[2], scale * thermal, alpha, 0.5, 1.0]).astype(self.precision),
        )  # fmt: skip

    def _share(self, run: Callable[[Any], None], tasks: Iterable[Any]) -> None:
        """Run the tasks, on threads if there are several workers."""
        if self.workers == 1:
            for task in tasks:
                run(task)
        else:
            with ThreadPoolExecutor(self.workers) as pool:
                list(pool.map(run, tasks))

    def _steps(self, time: float) -> int:
        """Return how many time steps a time takes."""
        if not time / self.step <= LARGEST_RUN:
            raise ParameterError(
                f"a run has at most {LARGEST_RUN:,} time steps", where="Macrospin, pulse and the times around it, in steps", value=time / self.step,
                remedy="give times in seconds; for long ones take a longer step, or a SwitchingModel",
            )  # fmt: skip
        return math.ceil(round(time / self.step, 6))

    def _anisotropy_shift(self, at: Magnet, voltage: float) -> float:
        """Return the change of B_k at a junction voltage [T]."""
        if voltage == 0.0:
            return 0.0
        coefficient, barrier = self.params.get("magnetic.vcma_coefficient"), self.params.get("geometry.barrier_thickness")
        if coefficient is None or not barrier:
            raise ParameterError("a junction voltage needs the VCMA coefficient and the barrier thickness", where="Macrospin, voltage", value=voltage, remedy="add magnetic.vcma_coefficient and geometry.barrier_thickness to the file")
        return float(-2.0 * coefficient * voltage / (barrier * at.thickness * at.saturation_magnetization))

    def _start(self, point: _Point, lane: int, count: int) -> NDArray[np.floating[Any]]:
        """Return the starting vectors (3, count) of some trajectories."""
        if self.start == "pole" or not self.noise:
            fixed = np.array([0.0, 0.0, np.sign(point.bottom[2])]) if self.start == "pole" else point.bottom
            return np.repeat(fixed[:, None], count, axis=1).astype(self.precision)
        return boltzmann.draw_start(point.delta, point.bottom, point.key, lane, count).astype(self.precision)
