"""Arrays of numpy, and of torch or cupy by duck typing: the module of the array does the work, and is never imported here."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ...errors import ParameterError

FOREIGN = ("torch", "cupy")
"""Packages whose arrays are taken as they are."""


def package_of(*values: Any) -> str:
    """Return "torch" or "cupy" if one of the values is such an array, "numpy" otherwise.

    Examples
    --------
    >>> package_of(1.0, [2.0, 3.0])
    'numpy'
    """
    found = {type(value).__module__.partition(".")[0] for value in values} & set(FOREIGN)
    if len(found) > 1:
        raise ParameterError("arrays of two packages", where="solve_array", value=sorted(found), remedy="give arrays of one package")
    return found.pop() if found else "numpy"


class Backend:
    """The few operations on arrays in which numpy, cupy and torch differ.

    Parameters
    ----------
    like : sequence of array
        The first array of torch or cupy among them decides the package and the device.

    Examples
    --------
    >>> backend = Backend([np.zeros(2)])
    >>> backend.name, backend.suffix_sums(backend.array([[1, 2, 3]]), -1).tolist()
    ('numpy', [[6.0, 5.0, 3.0]])
    """

    def __init__(self, like: Any) -> None:
        self.name = package_of(*like)
        self.module: Any = np if self.name == "numpy" else sys.modules[self.name]
        first = next((x for x in like if type(x).__module__.partition(".")[0] == self.name), None)
        self.device = first.device if self.name == "torch" and first is not None else None

    @property
    def on_host(self) -> bool:
        """Whether the numbers lie in memory that numpy can read."""
        return self.name == "numpy" or (self.device is not None and self.device.type == "cpu")

    def array(self, value: Any, *, boolean: bool = False) -> Any:
        """Return the value as an array of this package, float64 or boolean; a torch tensor loses its gradient."""
        if self.name == "torch":
            kind = self.module.bool if boolean else self.module.float64
            if type(value).__module__.partition(".")[0] == "torch":
                return value.detach().to(device=self.device, dtype=kind)
            return self.module.as_tensor(np.asarray(value), device=self.device).to(dtype=kind)
        return self.module.asarray(value, dtype=bool if boolean else np.float64)

    def same(self, value: np.ndarray) -> Any:
        """Return an array of numpy as one of this package, of the same type."""
        return self.module.as_tensor(value, device=self.device) if self.name == "torch" else self.module.asarray(value)

    def numpy(self, value: Any) -> np.ndarray:
        """Return the array in numpy."""
        if type(value).__module__.partition(".")[0] == "torch":
            return value.detach().cpu().numpy()
        return value.get() if type(value).__module__.partition(".")[0] == "cupy" else np.asarray(value)

    def index(self, value: np.ndarray) -> Any:
        """Return whole numbers as an index of this package."""
        return value if self.name == "numpy" else self.same(np.array(value))

    def permute(self, value: Any, order: list[int]) -> Any:
        """Return the array with its axes in another order."""
        return value.permute(order) if self.name == "torch" else value.transpose(order)

    def flip(self, value: Any, axis: int) -> Any:
        """Return the array with one axis reversed."""
        return self.module.flip(value, (axis,)) if self.name == "torch" else self.module.flip(value, axis)

    def prefix_sums(self, value: Any, axis: int) -> Any:
        """Return the sums from the front."""
        return self.module.cumsum(value, axis)

    def suffix_sums(self, value: Any, axis: int) -> Any:
        """Return the sums to the end."""
        return self.flip(self.module.cumsum(self.flip(value, axis), axis), axis)

    def largest(self, value: Any, axes: tuple[int, ...]) -> Any:
        """Return the maxima over some axes."""
        return self.module.amax(value, axes)

    def total(self, value: Any, axes: tuple[int, ...]) -> Any:
        """Return the sums over some axes."""
        return self.module.sum(value, axes)
