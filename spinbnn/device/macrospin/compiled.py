"""The numba engine: 256 trajectories in step, vectorised, compiled on first use and kept on disk. Needs numba."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from . import formulas
from .formulas import BLOCKS, STEPS

WIDTH = 256
"""Trajectories that advance together: their vectors and random numbers stay in the caches of a core."""
PAIRS = 4 * BLOCKS
"""Box-Muller pairs of a group of steps."""

_M0, _M1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_W0, _W1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
_NONE, _WORD = np.uint64(0), np.uint64(32)

# Only `advance` is cached: what it calls is compiled into it.
_jit = numba.njit(nogil=True, error_model="numpy")
_inlined = numba.njit(error_model="numpy", forceinline=True)  # a loop with a call in it is not vectorised
_box_muller, _turn, _correct = _inlined(formulas.box_muller), _inlined(formulas.turn), _inlined(formulas.correct)


def _double_product(typing: Any, a: Any, b: Any) -> Any:
    """High and low word of the product of two 64-bit words."""
    signature = types.UniTuple(types.uint64, 2)(types.uint64, types.uint64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, word = ir.IntType(128), ir.IntType(64)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), word)
        return context.make_tuple(builder, signature.return_type, (high, builder.trunc(product, word)))

    return signature, generate


_multiply: Any = intrinsic(_double_product)


@numba.njit(inline="always")
def philox(a: Any, b: Any, key0: Any, key1: Any) -> Any:
    """Return Philox4x64-10 at counter ``(a, b, 0, 0)``, word for word as :class:`numpy.random.Philox` computes it.

    J. K. Salmon et al., doi:10.1145/2063384.2063405.
    """
    c, d = _NONE, _NONE
    for _ in range(10):
        high0, low0 = _multiply(_M0, a)
        high1, low1 = _multiply(_M1, c)
        a, b, c, d = high1 ^ b ^ key0, low1, high0 ^ d ^ key1, low0
        key0, key1 = key0 + _W0, key1 + _W1
    return a, b, c, d


@_jit
def _draw(low: Any, high: Any, width: Any, lane: Any, block: Any, key0: Any, key1: Any) -> None:
    for b in range(BLOCKS):
        for k in range(width):
            words = philox(np.uint64(lane + k + 1), np.uint64(block + b), key0, key1)
            for w in range(4):
                low[(4 * b + w) * width + k] = np.uint32(words[w])
                high[(4 * b + w) * width + k] = np.uint32(words[w] >> _WORD)


@_jit
def _transform(low: Any, high: Any, first: Any, second: Any) -> None:
    for k in range(low.size):
        first[k], second[k] = _box_muller(low[k], high[k])


@_jit
def _step(
    x: Any, y: Any, z: Any, n0: Any, n1: Any, n2: Any, bx: Any, by: Any, bz: Any, bk: Any, bd: Any, constants: Any
) -> None:  # fmt: skip
    sigma, alpha, half, one = constants[2], constants[3], constants[4], constants[5]
    for k in range(x.size):
        fx, fy, fz = bx + sigma * n0[k], by + sigma * n1[k], bz + sigma * n2[k]
        dx, dy, dz = _turn(x[k], y[k], z[k], fx, fy, fz, bk, bd, alpha)
        ex, ey, ez = _turn(x[k] + dx, y[k] + dy, z[k] + dz, fx, fy, fz, bk, bd, alpha)
        x[k], y[k], z[k] = _correct(x[k], y[k], z[k], dx, dy, dz, ex, ey, ez, half, one)


def _build(digest: str) -> Callable[..., None]:
    """Compile ``advance``; see :func:`.plain.advance` for its arguments.

    numba's cache knows a function by its own file and by what it encloses: the digest of the formulas makes it notice
    that they have changed.
    """

    def advance(state: Any, drive: Any, constants: Any, key: Any, lane: Any, start: Any, stop: Any) -> None:
        enclosed = len(digest)  # noqa: F841
        low, high = np.empty(PAIRS * WIDTH, np.uint32), np.empty(PAIRS * WIDTH, np.uint32)
        normal = np.empty(2 * PAIRS * WIDTH, np.float32)
        for left in range(0, state.shape[1], WIDTH):
            m = min(WIDTH, state.shape[1] - left)
            x, y, z = state[0, left : left + m], state[1, left : left + m], state[2, left : left + m]
            for group in range(start // STEPS, (stop + STEPS - 1) // STEPS):
                _draw(low, high, m, lane + left, BLOCKS * group, key[0], key[1])
                _transform(low[: PAIRS * m], high[: PAIRS * m], normal[: PAIRS * m], normal[PAIRS * m : 2 * PAIRS * m])
                for s in range(max(start, STEPS * group), min(stop, STEPS * group + STEPS)):
                    row = 3 * (s - STEPS * group) * m
                    _step(
                        x, y, z, normal[row : row + m], normal[row + m : row + 2 * m], normal[row + 2 * m : row + 3 * m],
                        constants[0], drive[0, s], constants[1], drive[1, s], drive[2, s], constants,
                    )  # fmt: skip

    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(advance)
    except RuntimeError:  # no folder for the cache: a read-only installation without a home
        return numba.njit(nogil=True, error_model="numpy")(advance)


advance = _build(hashlib.sha256(Path(formulas.__file__).read_bytes()).hexdigest())
