"""Published figures with their citation: they stand beside our results and are never inputs of them.

The figures lie in ``references.toml`` as printed. One component set, ``"scale-dropout-table-ii"``
(:func:`spinbnn.hardware.components.published`), is built from them so that the published energies can be
recomputed; every other set is kept apart.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ..errors import DataError, ParameterError, suggest
from ..tables import Column, Table
from ..units import quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A publication: authors, title, year and DOI.

    Examples
    --------
    >>> works()["bayes2imc"].cite()[:68]
    'P. Katti et al., Bayes2IMC: In-Memory Computing for Bayesian Binary '
    """

    key: str
    authors: str
    title: str
    year: int
    doi: str

    def cite(self) -> str:
        """Return the citation in one line."""
        first, *more = self.authors.split(", ")
        return f"{first}{' et al.' if more else ''}, {self.title} ({self.year}), doi {self.doi}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """One table of a publication, as printed.

    Parameters
    ----------
    key : str
        Its number, e.g. ``"II"``.
    work : Work
        The publication.
    title, note : str
        Caption, and the conditions under which the figures hold.
    columns : dict
        Column name -> (unit as printed, SI unit).
    rows : dict
        Row name -> (label, figures in the printed units).

    Examples
    --------
    >>> round(published_table("II").value("memory", "energy") * 1e12, 6)
    4.76
    """

    key: str
    work: Work
    title: str
    columns: dict[str, tuple[str, str]]
    rows: dict[str, tuple[str, tuple[float, ...]]]
    note: str = ""

    def value(self, row: str, column: str) -> float:
        """Return one figure in SI units.

        Raises
        ------
        ParameterError
            For an unknown row or column.
        """
        for name, known, what in ((row, self.rows, "row"), (column, self.columns, "column")):
            if name not in known:
                raise ParameterError(
                    f"no such {what} in published table {self.key}",
                    where="references",
                    value=name,
                    remedy=suggest(name, known),
                )
        unit, si = self.columns[column]
        printed = self.rows[row][1][list(self.columns).index(column)]
        return quantity(f"{printed!r} {unit}", si, where=f"references.toml, table {self.key}, {row}")

    def table(self) -> Table:
        """Return the figures as printed, with the citation below."""
        columns: list[Column | str] = [
            "",
            *(Column(name, "" if unit == "1" else unit, 6) for name, (unit, _) in self.columns.items()),
        ]
        rows: list[list[str | int | float | None]] = [
            [label, *figures] for label, figures in self.rows.values()
        ]
        return Table(
            self.title,
            columns,
            rows,
            note=" ".join(filter(None, (self.note, f"Source: {self.work.cite()}."))),
        )


@cache
def _load() -> tuple[dict[str, Work], dict[str, PublishedTable]]:
    where = "references.toml"
    data: dict[str, Any] = tomllib.loads(files(__package__).joinpath(where).read_text(encoding="utf-8"))
    known = {key: Work(key=key, **fields) for key, fields in data["work"].items()}
    tables = {}
    for key, raw in data["table"].items():
        columns = {c["name"]: (c["unit"], c["si"]) for c in raw["columns"]}
        rows = {name: (label, tuple(figures)) for name, label, *figures in raw["rows"]}
        wrong = [name for name, (_, figures) in rows.items() if len(figures) != len(columns)]
        if wrong or len(rows) != len(raw["rows"]):
            raise DataError(
                "a published table has rows of the wrong length or of one name",
                where=f"{where}, table {key}",
                value=wrong,
                remedy="one figure for each column, one name for each row",
            )
        tables[key] = PublishedTable(
            key=key,
            work=known[raw["work"]],
            title=raw["title"],
            columns=columns,
            rows=rows,
            note=raw.get("note", ""),
        )
    return known, tables


def works() -> dict[str, Work]:
    """Return the cited publications by key.

    Examples
    --------
    >>> sorted(works())
    ['bayes2imc', 'scale_dropout']
    """
    return dict(_load()[0])


def published_table(key: str) -> PublishedTable:
    """Return a published table by its number.

    Parameters
    ----------
    key : str
        ``"II"`` (component energies), ``"III"`` and ``"VI"`` (accuracies), ``"VII"`` (modules), ``"VIII"``
        (energy an image), ``"VI-G"`` (area); all of Scale-Dropout, doi 10.48550/arXiv.2311.15816.

    Raises
    ------
    ParameterError
        For an unknown table.

    Examples
    --------
    >>> published_table("VIII").rows["scale-dropout"]
    ('Scale-Dropout, SOT-MRAM', (0.18, 1))
    """
    tables = _load()[1]
    if key not in tables:
        raise ParameterError(
            "no such published table", where="references", value=key, remedy=suggest(key, tables)
        )
    return tables[key]


def published_tables() -> tuple[str, ...]:
    """Return the numbers of the published tables.

    Examples
    --------
    >>> published_tables()
    ('II', 'III', 'VI', 'VII', 'VIII', 'VI-G')
    """
    return tuple(_load()[1])
