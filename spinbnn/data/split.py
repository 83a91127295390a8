"""Splitting labelled data class by class."""

from __future__ import annotations

import numpy as np

from ..rng import stream


def stratified_split(labels: np.ndarray, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split indices so that ``count`` go to the second part, each class in proportion (largest remainders).

    Returns
    -------
    tuple of ndarray
        Sorted indices of the first and of the second part.

    Examples
    --------
    >>> first, second = stratified_split(np.array([0, 0, 0, 0, 1, 1]), 3, seed=0)
    >>> len(first), sorted(np.array([0, 0, 0, 0, 1, 1])[second].tolist())
    (3, [0, 0, 1])
    """
    names, sizes = np.unique(labels, return_counts=True)
    quota = sizes * count / sizes.sum()
    take = np.floor(quota).astype(int)
    for extra in np.argsort(-(quota - take), kind="stable")[: count - take.sum()]:
        take[extra] += 1
    second = []
    for name, number in zip(names, take, strict=True):
        members = np.flatnonzero(labels == name)
        second.append(members[stream(seed, "stratified", int(name)).permutation(len(members))[:number]])
    chosen = np.sort(np.concatenate(second))
    return np.setdiff1d(np.arange(len(labels)), chosen), chosen
