"""The arithmetic of one time step, written once: numpy evaluates it on arrays, numba compiles it for single numbers.

Only additions, multiplications, divisions, square roots, integer operations and conversions occur. IEEE 754 and two's
complement fix each of them to the last bit, and nothing is reassociated or contracted, so both ways give the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

STEPS = 8
"""Time steps of one group of random numbers."""
BLOCKS = 3
"""Philox blocks (of four 64-bit words, eight normals) that a group of steps takes for one trajectory."""

_u32, _i32, _f32 = np.uint32, np.int32, np.float32
_ONE_BIT, _EIGHTH, _THIRTY = np.uint32(1), np.uint32(1 << 29), np.uint32(30)
_LARGEST, _SIGN = np.int32(0x7FFFFFFF), np.uint32(31)
_ROOT_HALF, _MANTISSA, _EXPONENT = np.int32(0x3F3504F3), np.int32(0x007FFFFF), np.int32(23)
_HALF, _ONE, _TWO, _SCALE = np.float32(0.5), np.float32(1.0), np.float32(2.0), np.float32(2.0**-31)
_LN2, _TURN = np.float32(np.log(2.0)), np.float32(2.0 * np.pi / 2.0**32)
# Minimax polynomials (weighted least squares in float64, made for this project), highest power first.
# log(1 + x) = x - x^2/2 + x^3 L(x) on [sqrt(1/2) - 1, sqrt(2) - 1], error 1e-8
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7 = (
    np.float32(c) for c in (-0.0830549055, 0.127989459, -0.129434043, 0.141902313, -0.16643489, 0.200018801, -0.250002809, 0.333333265)
)  # fmt: skip
# sin(y) = y + y^3 S(y^2) and cos(y) = 1 - y^2/2 + y^4 C(y^2) on [-pi/4, pi/4], errors 1e-8 and 1e-9
_S0, _S1, _S2 = (np.float32(c) for c in (-0.000195880087, 0.008332749, -0.166666647))
_C0, _C1, _C2 = (np.float32(c) for c in (2.45480405e-05, -0.00138883036, 0.0416666647))


def box_muller(a: Any, b: Any) -> tuple[Any, Any]:
    r"""Turn two 32-bit words into two independent standard normals (float32).

    .. math:: u = (\lfloor a/2 \rfloor + \tfrac12)\, 2^{-31}, \quad r = \sqrt{-2 \ln u}, \quad
              (z_1, z_2) = r\,(\cos\phi, \sin\phi), \quad \phi = 2\pi b\, 2^{-32}

    u keeps the 24 bits of float32 at any magnitude, and so does 1 - u near 1: the tail is resolved up to ``|z| = 6.66``,
    and r down to 2e-5. phi is reduced to an eighth of a turn in integers, without rounding. The error of a normal is
    below ``3e-7 r``, which is float32 rounding.

    G. E. P. Box, M. E. Muller, doi:10.1214/aoms/1177706645.

    Examples
    --------
    >>> z = box_muller(np.array([0, 2**31], np.uint32), np.array([2**30, 0], np.uint32))
    >>> [round(float(v), 3) for v in (z[0][1], z[1][0])]
    [1.177, 6.66]
    """
    k = _i32(_u32(a >> _ONE_BIT))
    u = _f32((_f32(k) + _HALF) * _SCALE)
    bits = _i32(u.view(np.int32) - _ROOT_HALF)  # u = 2^e (1 + x), x in [sqrt(1/2) - 1, sqrt(2) - 1]
    e = _f32(_i32(bits >> _EXPONENT))
    x = _i32(_i32(bits & _MANTISSA) + _ROOT_HALF).view(np.float32) - _ONE
    rest = (_f32(_i32(_LARGEST - k)) + _HALF) * _SCALE  # 1 - u, before u is rounded
    far = _f32(_i32(_u32(_u32(bits) >> _SIGN)))  # 0 where e = 0: there x = -(1 - u); products with 0 and 1 choose exactly
    x = far * x - (_ONE - far) * rest
    x2 = x * x
    tail = ((((((_L0 * x + _L1) * x + _L2) * x + _L3) * x + _L4) * x + _L5) * x + _L6) * x + _L7
    logarithm = e * _LN2 + (x + (tail * x * x2 - _HALF * x2))
    r = np.sqrt(-_TWO * logarithm)
    quarter = _u32(_u32(b + _EIGHTH) >> _THIRTY)
    y = _f32(_i32(_u32(b - _u32(quarter << _THIRTY)))) * _TURN
    y2 = y * y
    sine = ((_S0 * y2 + _S1) * y2 + _S2) * y2 * y + y
    cosine = ((_C0 * y2 + _C1) * y2 + _C2) * y2 * y2 - _HALF * y2 + _ONE
    odd = _f32(_i32(_u32(quarter & _ONE_BIT)))
    even = _ONE - odd
    left = _f32(_i32(_u32(_u32(quarter + _ONE_BIT) >> _ONE_BIT) & _ONE_BIT))
    below = _f32(_i32(_u32(quarter >> _ONE_BIT)))
    return r * ((even * cosine + odd * sine) * (_ONE - _TWO * left)), r * ((even * sine + odd * cosine) * (_ONE - _TWO * below))


def turn(x: Any, y: Any, z: Any, bx: Any, by: Any, bz: Any, bk: Any, bd: Any, alpha: Any) -> tuple[Any, Any, Any]:
    r"""Return the change of a unit vector in one explicit step of the LLG equation, in its Landau-Lifshitz form.

    .. math:: \mathrm dm = b \times m + \alpha\, m \times (b \times m), \qquad
              b = \frac{\gamma\,\mathrm dt}{1 + \alpha^2} \left[B + B_k m_z \hat z + B_{DL}\, (m \times \hat y)\right]

    ``bx, by, bz`` are the scaled external, field-like and thermal fields together, ``bk`` and ``bd`` the scaled
    anisotropy and damping-like fields.

    Examples
    --------
    >>> turn(1.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0, 0.5)
    (0.0, 0.25, 0.125)
    """
    fx = bx - bd * z
    fz = bz + bk * z + bd * x
    cx = by * z - fz * y
    cy = fz * x - fx * z
    cz = fx * y - by * x
    ax = alpha * x
    ay = alpha * y
    az = alpha * z
    return cx + (ay * cz - az * cy), cy + (az * cx - ax * cz), cz + (ax * cy - ay * cx)


def correct(
    x: Any, y: Any, z: Any, dx: Any, dy: Any, dz: Any, ex: Any, ey: Any, ez: Any, half: Any, one: Any
) -> tuple[Any, Any, Any]:  # fmt: skip
    """Finish Heun's step: add the mean of the changes at both ends, and scale back to the unit sphere.

    ``half`` and ``one`` are 1/2 and 1 in the precision of the vectors.

    Examples
    --------
    >>> [float(v) for v in correct(0.0, 0.0, 3.0, 0.0, 0.0, 1.5, 0.0, 0.0, 0.5, 0.5, 1.0)]
    [0.0, 0.0, 1.0]
    """
    x = x + half * (dx + ex)
    y = y + half * (dy + ey)
    z = z + half * (dz + ez)
    scale = one / np.sqrt(x * x + y * y + z * z)
    return x * scale, y * scale, z * scale
