"""Named random streams: one integer seed a run, and a stream that depends on its name only."""

from __future__ import annotations

import hashlib

import numpy as np

from .errors import ParameterError


def _words(key: str | int) -> int:
    """Hash one part of a stream's name to 64 bits; text and numbers never collide."""
    tag = f"{'i' if isinstance(key, int) else 's'}:{key}"
    return int.from_bytes(hashlib.sha256(tag.encode()).digest()[:8], "little")


def sequence(seed: int, *names: str | int) -> np.random.SeedSequence:
    """Return the seed sequence of the stream that ``names`` call for.

    Raises
    ------
    ParameterError
        If the seed is not a non-negative integer.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ParameterError("a seed must be a non-negative integer", where="seed", value=seed, remedy="e.g. seed=0")
    keys = tuple(_words(int(n) if isinstance(n, np.integer) else n) for n in names)
    return np.random.SeedSequence(int(seed), spawn_key=keys)


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return a generator whose draws depend on ``seed`` and ``names`` alone.

    Adding an axis, a worker or a batch elsewhere never changes these draws (design: one seed a run,
    named streams from :class:`numpy.random.SeedSequence`).

    Examples
    --------
    >>> a = stream(7, "variation", "dropout_module", 3).standard_normal()
    >>> b = stream(7, "variation", "dropout_module", 3).standard_normal()
    >>> a == b, a == stream(7, "variation", "dropout_module", 4).standard_normal()
    (True, False)
    """
    return np.random.default_rng(sequence(seed, *names))


def integer_seed(seed: int, *names: str | int) -> int:
    """Return a 63-bit integer for libraries that take a plain seed (``torch.Generator.manual_seed``).

    Examples
    --------
    >>> integer_seed(7, "masks") == integer_seed(7, "masks") != integer_seed(8, "masks")
    True
    """
    return int(sequence(seed, *names).generate_state(1, np.uint64)[0] >> np.uint64(1))
