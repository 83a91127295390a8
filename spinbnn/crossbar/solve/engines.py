"""Which code runs the line solver: numba's where it can be had, numpy with LAPACK otherwise, the array's own package elsewhere."""

from __future__ import annotations

import threading
import warnings
from functools import cache
from typing import Any, Literal

import numpy as np

from ...errors import MissingToolError, ParameterError
from . import lines
from .arrays import Backend
from .problem import Problem

Engine = Literal["auto", "numba", "numpy", "array"]
ENGINES = ("auto", "numba", "numpy", "array")
ABSENT = "numba is not installed"
_scratch = threading.local()


def linear(problem: Problem, engine: Engine, tolerance: float, limit: int, cells: bool) -> dict[str, Any]:
    """Solve linear cells by lines with the chosen engine; see :func:`.lines.solve`.

    Examples
    --------
    >>> from spinbnn.crossbar.solve.problem import pose
    >>> found = linear(pose([[1.0]], [1.0], wire_row=1.0, wire_column=2.0), "numpy", 1e-11, 100, False)
    >>> round(float(found["currents"][0, 0, 0]), 12)
    0.25
    """
    compiled = _chosen(problem.backend, engine)
    if compiled is None:
        return lines.solve(problem, core(problem.backend, engine), tolerance, limit, cells)
    backend, (matrices, inputs, rows, columns) = problem.backend, problem.shape
    pairs: list[Any] = []
    for array, index in (*problem.parameters, problem.wire_row, problem.wire_column, problem.active):
        pairs += [_plain(backend.numpy(array)), _plain(index)]
    shape = (matrices, inputs)
    result = {
        "currents": np.zeros((*shape, columns)), "row_currents": np.zeros((*shape, rows)), "residual": np.zeros(shape),
        "iterations": np.zeros(shape, np.int64),
    }  # fmt: skip
    cell = np.zeros((2, *shape, rows, columns) if cells else (2, 0, 0, 0, 0))
    volts = _plain(backend.numpy(problem.volts))
    compiled.solve_linear(*pairs, volts, float(tolerance), int(limit), *result.values(), cell[0], cell[1], _work(compiled.work_size(rows, columns)))
    finite = np.isfinite(result["currents"]).all(axis=-1)
    lines.refuse_unsolved(Backend([]), np.where(finite, result["residual"], np.nan), tolerance, result["iterations"])
    if cells:
        result |= {"cell_currents": cell[0], "cell_voltages": cell[1]}
    found: dict[str, Any] = {name: backend.same(value) for name, value in result.items()}
    return found | {"newton": ()}


def core(backend: Backend, engine: Engine) -> lines.Core:
    """Return the inner solver of :func:`.lines.solve`.

    Examples
    --------
    >>> core(Backend([]), "numpy") is lines.cell_currents
    True
    """
    compiled = _chosen(backend, engine)
    if compiled is None:
        return _doubling if engine == "array" else lines.cell_currents

    def cell_currents(backend: Backend, g: Any, wire_row: Any, wire_column: Any, drive: Any, target: Any, limit: int) -> tuple[Any, Any]:
        host = [_plain(backend.numpy(x)) for x in (drive, target, wire_row[:, 0], wire_column[:, 0])]
        matrices, inputs, rows, columns = host[0].shape
        own = np.repeat(np.arange(matrices), inputs)
        cells = (-1, rows, columns)
        each = _plain(np.broadcast_to(backend.numpy(g), host[0].shape)).reshape(cells)
        current, steps = np.empty_like(each), np.empty(len(each), np.int64)
        compiled.solve_cells(each, host[2], own, host[3], own, host[0].reshape(cells), host[1].reshape(-1), limit, current, steps)
        return backend.array(current.reshape(host[0].shape)), backend.array(steps.reshape(matrices, inputs))

    return cell_currents


def _doubling(backend: Backend, g: Any, wire_row: Any, wire_column: Any, drive: Any, target: Any, limit: int) -> tuple[Any, Any]:
    return lines.cell_currents(backend, g, wire_row, wire_column, drive, target, limit, doubling=True)


def _plain(value: np.ndarray) -> np.ndarray:
    """Return a contiguous array that may be written: one type of argument, one compilation."""
    return np.require(value, requirements=["C", "W"])


def _work(size: int) -> np.ndarray:
    """Return scratch space of this thread; fresh pages from the system would cost as much as the solution."""
    kept = getattr(_scratch, "array", None)
    if kept is None or kept.size < size:
        kept = _scratch.array = np.zeros(size)
    return kept[:size]


def _chosen(backend: Backend, engine: Engine) -> Any:
    """Return the compiled module, or None for the array code."""
    if engine not in ENGINES:
        raise ParameterError("unknown engine", where="solve_array, engine", value=engine, remedy=f"one of {', '.join(ENGINES)}")
    if engine in ("numpy", "array"):
        if engine == "numpy" and backend.name != "numpy":
            raise ParameterError("engine 'numpy' takes numpy arrays", where="solve_array, engine", value=backend.name, remedy="use engine='array' or 'auto'")
        return None
    if not backend.on_host:
        if engine == "numba":
            raise ParameterError("numba's engine runs on the processor", where="solve_array, engine", value=str(backend.device or backend.name), remedy="use engine='auto', or move the arrays")
        return None
    compiled, reason = _compiled()
    if compiled is None and engine == "numba":
        raise MissingToolError(reason, where="solve_array, engine", value=engine, remedy="pip install 'spinbnn[fast]', or use engine='numpy': the same currents, slower")
    if compiled is None and reason != ABSENT:
        warnings.warn(f"{reason}; numpy does its work: the same currents, several times slower", RuntimeWarning, stacklevel=4)
    return compiled


@cache
def _compiled() -> tuple[Any, str]:
    """Return the compiled kernels, or None and why there are none."""
    try:
        from . import compiled
    except ImportError as error:  # numba refuses a numpy that it does not know with a plain ImportError
        absent = isinstance(error, ModuleNotFoundError) and error.name in ("numba", "llvmlite")
        return None, ABSENT if absent else f"numba cannot be imported ({error})"
    return compiled, ""
