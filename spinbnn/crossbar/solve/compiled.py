"""The numba engine of the line solver: one right-hand side at a time, all of it in the caches of a core. Needs numba.

The word lines are solved eight at a time (blocks ``[row // 8, column, row % 8]``, so that their recurrence along the columns
runs in vectors of eight doubles), the bit lines advance over whole rows. Every right-hand side sees the same operations in
the same order, whatever is solved beside it: results do not depend on the batch. :mod:`.lines` has the equations; here the
preconditioner is split between the two sides, r^ = sqrt(b) L^-1 r, so that one vector less has to be kept.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

LANES = 8
"""Word lines that advance together: the doubles of one 512-bit vector."""

TINY = 1e-300
"""Added to conductances [S] so that an open cell, whose mismatch is 0, does not divide by 0."""

# Only `solve_linear` and `solve_cells` are cached: what they call is compiled into them.
_jit = numba.njit(nogil=True, error_model="numpy")


def _cached(function: Any) -> Any:
    """Compile on first use, and keep the result on disk where there is a folder for it."""
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # a read-only installation without a home
        return _jit(function)


def work_size(rows: int, columns: int) -> int:
    """Return the doubles of scratch space that :func:`solve_linear` needs."""
    return 14 * rows * columns + 4 * ((rows + LANES - 1) // LANES) * LANES * columns


@_jit
def _to_blocks(plain: Any, blocks: Any) -> None:
    """Write the rows of ``plain`` (R, C) into ``blocks`` (ceil(R / 8), C, 8); missing rows stay as they are."""
    for r in range(plain.shape[0]):
        for c in range(plain.shape[1]):
            blocks[r // LANES, c, r % LANES] = plain[r, c]


@_jit
def _factor_rows(g: Any, wire: Any, a: Any, b: Any) -> None:
    """Ladder factors of the word lines, in blocks: a = 1 / (1 + R Y), b = R a, from the open end to the driver."""
    for t in range(g.shape[0]):
        y = np.zeros(LANES)
        for c in range(g.shape[1] - 1, -1, -1):
            for k in range(LANES):
                y[k] = g[t, c, k] + y[k]
                a[t, c, k] = 1.0 / (1.0 + wire[t, c, k] * y[k])
                b[t, c, k] = wire[t, c, k] * a[t, c, k]
                y[k] = y[k] * a[t, c, k]


@_jit
def _factor_columns(g: Any, wire: Any, a: Any, s: Any) -> None:
    """Ladder factors of the bit lines: a, and s = sqrt(R a), from the open end down to the ground."""
    y = np.zeros(g.shape[1])
    for r in range(g.shape[0]):
        for c in range(g.shape[1]):
            y[c] = g[r, c] + y[c]
            a[r, c] = 1.0 / (1.0 + wire[r, c] * y[c])
            s[r, c] = np.sqrt(wire[r, c] * a[r, c])
            y[c] = y[c] * a[r, c]


@_jit
def _along_row(x: Any, a: Any, b: Any) -> None:
    """Solve eight word lines in place, x (C, 8), with their factors a, b (C, 8). Scalars: an array of eight stays in memory."""
    n = x.shape[0]
    e0 = e1 = e2 = e3 = e4 = e5 = e6 = e7 = 0.0
    for c in range(n - 1, -1, -1):
        y, f = x[c], a[c]
        e0, e1, e2, e3 = y[0] + e0, y[1] + e1, y[2] + e2, y[3] + e3
        e4, e5, e6, e7 = y[4] + e4, y[5] + e5, y[6] + e6, y[7] + e7
        y[0], y[1], y[2], y[3], y[4], y[5], y[6], y[7] = e0, e1, e2, e3, e4, e5, e6, e7
        e0, e1, e2, e3 = f[0] * e0, f[1] * e1, f[2] * e2, f[3] * e3
        e4, e5, e6, e7 = f[4] * e4, f[5] * e5, f[6] * e6, f[7] * e7
    e0 = e1 = e2 = e3 = e4 = e5 = e6 = e7 = 0.0
    for c in range(n):
        y, f, h = x[c], a[c], b[c]
        e0, e1, e2, e3 = f[0] * e0 + h[0] * y[0], f[1] * e1 + h[1] * y[1], f[2] * e2 + h[2] * y[2], f[3] * e3 + h[3] * y[3]
        e4, e5, e6, e7 = f[4] * e4 + h[4] * y[4], f[5] * e5 + h[5] * y[5], f[6] * e6 + h[6] * y[6], f[7] * e7 + h[7] * y[7]
        y[0], y[1], y[2], y[3], y[4], y[5], y[6], y[7] = e0, e1, e2, e3, e4, e5, e6, e7


# Short loops over one row: with more arrays in a loop the compiler no longer proves that they do not overlap, and does not vectorise.
@_jit
def _put(row: Any, t: Any, k: Any) -> None:
    for c in range(row.size):
        t[c, k] = row[c]


@_jit
def _put_product(row: Any, g: Any, t: Any, k: Any) -> None:
    for c in range(row.size):
        t[c, k] = g[c] * row[c]


@_jit
def _subtract_product(row: Any, g: Any, t: Any, k: Any) -> None:
    for c in range(row.size):
        row[c] -= g[c] * t[c, k]


@_jit
def _take(row: Any, g: Any, t: Any, k: Any, sums: Any) -> None:
    """Replace the voltages p of a row by the currents h = g t, and take p h from the sums."""
    for c in range(row.size):
        h = g[c] * t[c, k]
        sums[c] -= row[c] * h
        row[c] = h


@_jit
def _turn(residual: Any, direction: Any, beta: Any, sums: Any) -> None:
    for c in range(residual.size):
        step = residual[c] + beta * direction[c]
        direction[c] = step
        sums[c] += step * step


@_jit
def _up(above: Any, below: Any, a: Any, s: Any, hat: Any) -> None:
    """One row of L^-T: voltages from those of the row below."""
    for c in range(above.size):
        above[c] = a[c] * below[c] + s[c] * hat[c]


@_jit
def _total(x: Any) -> Any:
    total = 0.0
    for c in range(x.size):
        total += x[c]
    return total


@_jit
def _iterate(g: Any, a_row: Any, b_row: Any, a_col: Any, s_col: Any, drive: Any, target: Any, limit: Any, work: Any, current: Any) -> Any:
    """Solve for one right-hand side ``drive`` (R, C); return the iterations and the last squared residual.

    ``work`` is (4, R, C). ``current`` (R, C) receives the cell currents.
    """
    rows, columns = g.shape
    blocks = a_row.shape[0]
    residual, direction, solution, h = work[0], work[1], work[2], work[3]
    t, line, sums = np.zeros((columns, LANES)), np.zeros(columns), np.zeros(columns)
    # first residual: the word lines are solved with the bit lines at 0 V
    for block in range(blocks):
        first = block * LANES
        n = min(LANES, rows - first)
        for k in range(LANES):
            if k < n:
                _put(drive[first + k], t, k)
            else:
                t[:, k] = 0.0
        _along_row(t, a_row[block], b_row[block])
        for k in range(n):
            r = first + k
            h[r] = drive[r]
            _subtract_product(h[r], g[r], t, k)
            for c in range(columns):
                line[c] = h[r, c] + (a_col[r - 1, c] * line[c] if r > 0 else 0.0)
            for c in range(columns):
                left = s_col[r, c] * line[c]
                residual[r, c] = left
                sums[c] += left * left
    direction[:] = 0.0
    solution[:] = 0.0
    rr = _total(sums)
    beta, steps = 0.0, 0
    while rr > target and steps < limit:
        steps += 1
        line[:] = 0.0
        sums[:] = 0.0
        t[:] = 0.0
        for block in range(blocks - 1, -1, -1):
            first = block * LANES
            n = min(LANES, rows - first)
            for k in range(n - 1, -1, -1):
                r = first + k
                _turn(residual[r], direction[r], beta, sums)
                _up(h[r], line if k == n - 1 else h[r + 1], a_col[r], s_col[r], direction[r])
                _put_product(h[r], g[r], t, k)
            line[:] = h[first]
            _along_row(t, a_row[block], b_row[block])
            for k in range(n):
                _take(h[first + k], g[first + k], t, k, sums)
        alpha = rr / _total(sums)
        line[:] = 0.0
        sums[:] = 0.0
        for r in range(rows):
            for c in range(columns):
                line[c] = h[r, c] + (a_col[r - 1, c] * line[c] if r > 0 else 0.0)
                step = direction[r, c]
                solution[r, c] += alpha * step
                left = residual[r, c] - alpha * (step - s_col[r, c] * line[c])
                residual[r, c] = left
                sums[c] += left * left
        new = _total(sums)
        beta = new / rr
        rr = new
    # voltages of the bit lines, then the word lines that go with them, then the cells
    line[:] = 0.0
    t[:] = 0.0
    for block in range(blocks - 1, -1, -1):
        first = block * LANES
        n = min(LANES, rows - first)
        for k in range(n - 1, -1, -1):
            r = first + k
            _up(h[r], line if k == n - 1 else h[r + 1], a_col[r], s_col[r], solution[r])
            for c in range(columns):
                current[r, c] = drive[r, c] - g[r, c] * h[r, c]
            _put(current[r], t, k)
        line[:] = h[first]
        _along_row(t, a_row[block], b_row[block])
        for k in range(n):
            _subtract_product(current[first + k], g[first + k], t, k)
    return steps, rr


@_jit
def _plane(buffer: Any, rows: Any, columns: Any) -> Any:
    """Return the front of a flat buffer as a contiguous (rows, columns) array."""
    return buffer[: rows * columns].reshape((rows, columns))


@_jit
def _blocks(buffer: Any, blocks: Any, columns: Any) -> Any:
    return buffer[: blocks * columns * LANES].reshape((blocks, columns, LANES))


@_jit
def _gather(g: Any, wire_row: Any, wire_column: Any, active: Any, rows: Any, compact: Any, row_wires: Any, column_wires: Any) -> Any:
    """Copy the active rows; a switched-off row leaves the network and its bit-line segments join the ones above it."""
    n = 0
    for r in range(g.shape[0]):
        if active[r]:
            rows[n] = r
            compact[n] = g[r]
            row_wires[n] = wire_row[r]
            column_wires[n] = wire_column[r]
            n += 1
        elif n > 0:
            column_wires[n - 1] += wire_column[r]
    return n


@_jit
def _factor(g: Any, row_wires: Any, column_wires: Any, g_blocks: Any, a_row: Any, b_row: Any, a_col: Any, s_col: Any, wire_blocks: Any) -> None:
    g_blocks[:] = 0.0
    wire_blocks[:] = 0.0
    _to_blocks(g, g_blocks)
    _to_blocks(row_wires, wire_blocks)
    _factor_rows(g_blocks, wire_blocks, a_row, b_row)
    _factor_columns(g, column_wires, a_col, s_col)


@_jit
def _from_the_end(x: Any) -> None:
    """Replace the columns of x (C, 8) by their sums from the last one on."""
    e0 = e1 = e2 = e3 = e4 = e5 = e6 = e7 = 0.0
    for c in range(x.shape[0] - 1, -1, -1):
        y = x[c]
        e0, e1, e2, e3 = e0 + y[0], e1 + y[1], e2 + y[2], e3 + y[3]
        e4, e5, e6, e7 = e4 + y[4], e5 + y[5], e6 + y[6], e7 + y[7]
        y[0], y[1], y[2], y[3], y[4], y[5], y[6], y[7] = e0, e1, e2, e3, e4, e5, e6, e7


@_jit
def _from_the_front(x: Any) -> None:
    e0 = e1 = e2 = e3 = e4 = e5 = e6 = e7 = 0.0
    for c in range(x.shape[0]):
        y = x[c]
        e0, e1, e2, e3 = e0 + y[0], e1 + y[1], e2 + y[2], e3 + y[3]
        e4, e5, e6, e7 = e4 + y[4], e5 + y[5], e6 + y[6], e7 + y[7]
        y[0], y[1], y[2], y[3], y[4], y[5], y[6], y[7] = e0, e1, e2, e3, e4, e5, e6, e7


@_jit
def _drops(current: Any, row_wires: Any, column_wires: Any, along_row: Any, along_column: Any, lost: Any) -> None:
    """Integrate the cell currents: line currents of both wires, and the voltage ``lost`` (R, C) on the way of each cell."""
    rows, columns = current.shape
    t, line = np.zeros((columns, LANES)), np.zeros(columns)
    for first in range(0, rows, LANES):
        n = min(LANES, rows - first)
        for k in range(n):
            _put(current[first + k], t, k)
        _from_the_end(t)
        for k in range(n):
            along_row[first + k] = t[0, k]
            for c in range(columns):
                t[c, k] *= row_wires[first + k, c]
        _from_the_front(t)
        for k in range(n):
            for c in range(columns):
                lost[first + k, c] = t[c, k]
    for r in range(rows):
        for c in range(columns):
            line[c] += current[r, c]
            along_column[r, c] = line[c]
    line[:] = 0.0
    for r in range(rows - 1, -1, -1):
        for c in range(columns):
            line[c] += column_wires[r, c] * along_column[r, c]
            lost[r, c] += line[c]


@_jit
def _mismatch(g: Any, volts: Any, lost: Any, current: Any, drive: Any) -> Any:
    """Write the current that each cell lacks, g (V - lost) - i, into ``drive``; return the largest as a voltage."""
    worst = np.zeros(g.shape[1])
    for r in range(g.shape[0]):
        for c in range(g.shape[1]):
            drive[r, c] = g[r, c] * (volts[r] - lost[r, c]) - current[r, c]
            lack = abs(drive[r, c]) / (g[r, c] + TINY)
            worst[c] = lack if lack > worst[c] else worst[c]
    return worst.max()


@_cached
def solve_linear(
    g: Any, g_index: Any, wire_row: Any, row_index: Any, wire_column: Any, column_index: Any, active: Any, active_index: Any,
    volts: Any, tolerance: Any, limit: Any, currents: Any, row_currents: Any, residual: Any, steps: Any, cell_currents: Any, cell_volts: Any, work: Any,
) -> None:  # fmt: skip
    """Solve M arrays with K inputs each: ``volts`` (M, K, R); see :func:`.lines.solve` for the meaning of the rest.

    ``cell_currents`` and ``cell_volts`` are (M, K, R, C), or empty where they are not wanted. ``work`` has :func:`work_size` doubles.
    """
    matrices, inputs, rows = volts.shape
    columns = g.shape[2]
    blocks = (rows + LANES - 1) // LANES
    plane, eighth = rows * columns, blocks * columns * LANES
    kept, v_full, along_row_full = np.zeros(rows, np.int64), np.zeros(rows), np.zeros(rows)
    first = work[:plane].reshape((rows, columns))
    second = work[plane : 2 * plane].reshape((rows, columns))
    third = work[2 * plane : 3 * plane].reshape((rows, columns))
    planes = work[3 * plane : 10 * plane].reshape((7, plane))
    four = work[10 * plane : 14 * plane]
    eights = work[14 * plane : 14 * plane + 4 * eighth].reshape((4, eighth))
    for m in range(matrices):
        n = _gather(g[g_index[m]], wire_row[row_index[m]], wire_column[column_index[m]], active[active_index[m]], kept, first, second, third)
        if n == 0:
            continue
        used = (n + LANES - 1) // LANES
        gm, wr, wc, v = first[:n], second[:n], third[:n], v_full[:n]
        a_col, s_col = _plane(planes[0], n, columns), _plane(planes[1], n, columns)
        drive, current = _plane(planes[2], n, columns), _plane(planes[3], n, columns)
        total, lost = _plane(planes[4], n, columns), _plane(planes[5], n, columns)
        along_column, along_row = _plane(planes[6], n, columns), along_row_full[:n]
        g_blocks, a_row = _blocks(eights[0], used, columns), _blocks(eights[1], used, columns)
        b_row, wire_blocks = _blocks(eights[2], used, columns), _blocks(eights[3], used, columns)
        vectors = four[: 4 * n * columns].reshape((4, n, columns))
        _factor(gm, wr, wc, g_blocks, a_row, b_row, a_col, s_col, wire_blocks)
        for q in range(inputs):
            top, power = 0.0, 0.0
            for r in range(n):
                v[r] = volts[m, q, kept[r]]
                top = max(top, abs(v[r]))
                for c in range(columns):
                    drive[r, c] = gm[r, c] * v[r]
                    total[r, c] = 0.0
                    power += drive[r, c] * v[r]
            if top == 0.0:
                continue
            target = (0.25 * tolerance) ** 2 * power
            count, left = 0, 1.0
            while count < limit:
                used_steps, _ = _iterate(gm, a_row, b_row, a_col, s_col, drive, target, limit - count, vectors, current)
                count += max(used_steps, 1)
                for r in range(n):
                    for c in range(columns):
                        total[r, c] += current[r, c]
                _drops(total, wr, wc, along_row, along_column, lost)
                left = _mismatch(gm, v, lost, total, drive) / top
                if not left > tolerance:  # a NaN ends the search as well; the caller refuses it
                    break
                target *= 0.1 * (tolerance / left) ** 2
            residual[m, q] = left
            steps[m, q] = count
            for c in range(columns):
                currents[m, q, c] = along_column[n - 1, c]
            for r in range(n):
                row_currents[m, q, kept[r]] = along_row[r]
                if cell_currents.size > 0:
                    for c in range(columns):
                        cell_currents[m, q, kept[r], c] = total[r, c]
                        cell_volts[m, q, kept[r], c] = v[r] - lost[r, c]


@_cached
def solve_cells(
    g: Any, wire_row: Any, row_index: Any, wire_column: Any, column_index: Any, drive: Any, target: Any, limit: Any, current: Any, steps: Any
) -> None:  # fmt: skip
    """Solve N arrays g (N, R, C), each with its own short-circuit cell currents ``drive`` (N, R, C); see :func:`.lines.cell_currents`."""
    count, rows, columns = g.shape
    blocks = (rows + LANES - 1) // LANES
    a_col, s_col = np.zeros((rows, columns)), np.zeros((rows, columns))
    g_blocks, wires = np.zeros((blocks, columns, LANES)), np.zeros((blocks, columns, LANES))
    a_row, b_row = np.zeros((blocks, columns, LANES)), np.zeros((blocks, columns, LANES))
    work = np.zeros((4, rows, columns))
    for m in range(count):
        _factor(g[m], wire_row[row_index[m]], wire_column[column_index[m]], g_blocks, a_row, b_row, a_col, s_col, wires)
        steps[m], _ = _iterate(g[m], a_row, b_row, a_col, s_col, drive[m], target[m], limit, work, current[m])
