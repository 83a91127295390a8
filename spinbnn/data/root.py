"""The data root: the folder in which data sets are looked for and into which they are fetched."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import DataError

VARIABLE = "SPINBNN_DATA"


def data_root(root: str | Path | None, *, name: str, holds: str) -> Path:
    """Return the data root: ``root``, or the folder that the environment variable ``SPINBNN_DATA`` names.

    Parameters
    ----------
    root : str or Path or None
        Given by the caller.
    name : str
        Data set, for the message.
    holds : str
        What the folder should hold, for the message.

    Raises
    ------
    DataError
        If neither is given.

    Examples
    --------
    >>> data_root("pictures", name="mnist", holds="mnist/").name
    'pictures'
    """
    place = str(root) if root is not None else os.environ.get(VARIABLE, "")
    if not place:
        raise DataError(
            f"no place to look for data set {name!r}",
            where=f"environment variable {VARIABLE}",
            value="",
            remedy=f"set {VARIABLE} to a folder with {holds}; spinbnn data fetch {name} --root FOLDER fills one",
        )
    return Path(place).expanduser()
