"""Tables: one list of rows, printed as Markdown, CSV, LaTeX (booktabs), HTML or rich text."""

from __future__ import annotations

import csv
import html
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .errors import ParameterError

if TYPE_CHECKING:  # pragma: no cover
    from rich.table import Table as RichTable

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """The head of one column: name, unit (printed once, here) and significant digits of its floats."""

    name: str
    unit: str = ""
    digits: int = 4

    @property
    def head(self) -> str:
        """Name and unit, as printed."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name


def _latex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "µ": r"\textmu{}", "Ω": r"$\Omega$"}
    return "".join(special.get(c, "\\" + c if c in "&%$#_{}" else c) for c in text)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; ``None`` and NaN print as ``?``, never as 0.

    Parameters
    ----------
    title : str
        Caption.
    columns : sequence of Column or str
        Heads; a plain text has no unit.
    rows : sequence of sequences
        Cells: text, numbers in the column's unit, booleans (printed yes/no) or None.
    note : str
        A line below the table.

    Raises
    ------
    ParameterError
        If a row has another number of cells than there are columns.

    Examples
    --------
    >>> print(Table("Costs", ["block", Column("energy", "pJ")], [["memory", 4.76], ["ADC", None]]).to_markdown())
    **Costs**
    <BLANKLINE>
    | block | energy [pJ] |
    | --- | ---: |
    | memory | 4.76 |
    | ADC | ? |
    """

    title: str
    columns: Sequence[Column | str]
    rows: Sequence[Sequence[Cell]] = field(default_factory=list)
    note: str = ""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise ParameterError(
                    f"row {number} has {len(row)} cells, the table {len(self.columns)} columns",
                    where=f"table {self.title!r}", value=list(row), remedy="give one cell for each column",
                )  # fmt: skip

    def heads(self) -> list[Column]:
        """Return the columns as :class:`Column` objects."""
        return [c if isinstance(c, Column) else Column(c) for c in self.columns]

    def text_rows(self) -> list[list[str]]:
        """Return every cell as it is printed."""
        return [[self._text(cell, column) for cell, column in zip(row, self.heads(), strict=True)] for row in self.rows]

    @staticmethod
    def _text(cell: Any, column: Column) -> str:
        if cell is None or (isinstance(cell, float) and math.isnan(cell)):
            return "?"
        if isinstance(cell, bool):
            return "yes" if cell else "no"
        if isinstance(cell, str):
            return cell
        if hasattr(cell, "item"):
            cell = cell.item()
        return str(cell) if isinstance(cell, int) else f"{cell:.{column.digits}g}"

    def _numeric(self) -> list[bool]:
        """Say which columns hold numbers (and unknowns) only."""
        columns = list(zip(*self.rows, strict=True)) if self.rows else [() for _ in self.columns]
        return [any(not isinstance(c, str | bool) and c is not None for c in col) and all(not isinstance(c, str) for c in col) for col in columns]

    def to_markdown(self) -> str:
        """Return a GitHub table with the title above and the note below."""
        escape = [[c.replace("|", "\\|").replace("\n", " ") for c in row] for row in self.text_rows()]
        lines = [f"**{self.title}**", ""] if self.title else []
        lines.append("| " + " | ".join(c.head.replace("|", "\\|") for c in self.heads()) + " |")
        lines.append("| " + " | ".join("---:" if n else "---" for n in self._numeric()) + " |")
        lines += ["| " + " | ".join(row) + " |" for row in escape]
        return "\n".join(lines + (["", self.note] if self.note else []))

    def to_csv(self) -> str:
        """Return comma-separated text with full precision; unknown cells are empty."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([c.head for c in self.heads()])
        for row in self.rows:
            writer.writerow(["" if c is None or (isinstance(c, float) and math.isnan(c)) else c for c in row])
        return out.getvalue()

    def to_latex(self) -> str:
        """Return a booktabs tabular, special characters escaped."""
        align = "".join("r" if n else "l" for n in self._numeric())
        lines = [f"% {self.title}", rf"\begin{{tabular}}{{{align}}}", r"\toprule"]
        lines.append(" & ".join(_latex(c.head) for c in self.heads()) + r" \\")
        lines.append(r"\midrule")
        lines += [" & ".join(_latex(c) for c in row) + r" \\" for row in self.text_rows()]
        return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])

    def to_html(self) -> str:
        """Return an accessible HTML table (caption, scoped heads), everything escaped."""
        numeric = self._numeric()
        head = "".join(
            f'<th scope="col"{" class=n" if n else ""}>{html.escape(c.head)}</th>' for c, n in zip(self.heads(), numeric, strict=True)
        )
        body = []
        for row in self.text_rows():
            cells = [f'<th scope="row">{html.escape(row[0])}</th>'] if row else []
            cells += [f"<td{' class=n' if n else ''}>{html.escape(c)}</td>" for c, n in zip(row[1:], numeric[1:], strict=True)]
            body.append("<tr>" + "".join(cells) + "</tr>")
        note = f'<p class="note">{html.escape(self.note)}</p>' if self.note else ""
        label = html.escape(self.title, quote=True)
        return (
            f'<div class="table" role="region" tabindex="0" aria-label="{label}"><table><caption>{html.escape(self.title)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>{note}"
        )

    def rich(self) -> RichTable:
        """Return a :class:`rich.table.Table` for the terminal."""
        from rich.markup import escape
        from rich.table import Table as RichTable

        table = RichTable(title=escape(self.title), caption=escape(self.note) or None, title_justify="left", caption_justify="left")
        for column, numeric in zip(self.heads(), self._numeric(), strict=True):
            # fold, not the default ellipsis: a source cut short is no source
            table.add_column(escape(column.head), justify="right" if numeric else "left", overflow="fold")
        for row in self.text_rows():
            table.add_row(*(escape(c) for c in row))
        return table

    def _repr_html_(self) -> str:
        return self.to_html()

    def __str__(self) -> str:
        return self.to_markdown()
