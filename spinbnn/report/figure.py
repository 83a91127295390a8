"""A figure: inline SVG that follows the page's theme, the words for it, and the plotted numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ParameterError
from ..files import atomic_path, write_text
from ..tables import Table
from .style import PAPER, PRINT, SCREEN, Ink, no_matplotlib, paper_style, screen_style
from .svg import clean

if TYPE_CHECKING:  # pragma: no cover
    from matplotlib.figure import Figure as Canvas

__all__ = ["Draw", "Figure", "paper_style", "render"]

Draw = Callable[["Canvas", Ink], None]

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A finished figure; made by :func:`render` or by a function of :mod:`spinbnn.report.figures`.

    Parameters
    ----------
    name : str
        Small letters, digits and hyphens; names the CSV file and prefixes the ids of the SVG.
    title : str
        What the figure shows.
    description : str
        What is seen, for a reader who cannot see it.
    svg : str
        An ``<svg>`` element to put into a page.
    data : Table
        The plotted numbers.
    size : tuple of float
        Width and height on the page [in].
    draw : callable
        ``draw(canvas, ink)``: draws on an empty :class:`matplotlib.figure.Figure`.
    """

    name: str
    title: str
    description: str
    svg: str = field(repr=False)
    data: Table = field(repr=False)
    size: tuple[float, float]
    draw: Draw = field(repr=False, compare=False)

    def save_csv(self, path: str | Path) -> Path:
        """Write the plotted numbers; return the path."""
        return write_text(path, self.data.to_csv())

    def save_pdf(self, path: str | Path, *, style: str = "ieee-column") -> Path:
        """Draw the figure again at the size and with the fonts of a journal; return the path.

        Parameters
        ----------
        path : str or Path
            The PDF file.
        style : str
            See :func:`paper_style`.
        """
        settings = paper_style(style)
        width = PAPER[style]
        size = (width, width * max(0.62, 1.15 * self.size[1] / self.size[0]))
        with _canvas(size, settings) as canvas, atomic_path(path) as beside:
            self.draw(canvas, PRINT)
            canvas.savefig(
                beside,
                format="pdf",
                metadata={"CreationDate": None, "Creator": "spinbnn", "Title": self.title},
            )
        return Path(path)

    def _repr_html_(self) -> str:
        return self.svg


def render(
    name: str,
    title: str,
    description: str,
    data: Table,
    draw: Draw,
    *,
    size: tuple[float, float] = (6.4, 3.2),
) -> Figure:
    """Draw a figure once; the same arguments give the same bytes.

    Parameters
    ----------
    name, title, description, data
        See :class:`Figure`.
    draw : callable
        ``draw(canvas, ink)`` gets an empty :class:`matplotlib.figure.Figure` and the colours to use.
    size : tuple of float
        Width and height [in].

    Returns
    -------
    Figure
        The figure.

    Raises
    ------
    ParameterError
        If the name is no slug, or the title or the description is empty.
    MissingToolError
        If matplotlib is not installed.

    Examples
    --------
    >>> def draw(canvas, ink):
    ...     axes = canvas.subplots()
    ...     _ = axes.plot([0, 1], [0, 1], color=ink.colors[0])
    >>> figure = render("line", "A line", "It rises.", Table("", ["x", "y"], [[0, 0], [1, 1]]), draw)
    >>> figure.svg.startswith("<svg"), "currentColor" in figure.svg
    (True, True)
    """
    if not _SLUG.fullmatch(name):
        raise ParameterError(
            "a figure's name is a slug", where="render, argument 'name'", value=name,
            remedy="use small letters, digits and single hyphens, a letter first",
        )  # fmt: skip
    if not title.strip() or not description.strip():
        raise ParameterError(
            "a figure needs a title and a description", where=f"figure {name!r}", value=(title, description),
            remedy="say what it shows and what is seen",
        )  # fmt: skip
    out = io.StringIO()
    with _canvas(size, screen_style()) as canvas:
        draw(canvas, SCREEN)
        canvas.savefig(
            out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    svg = clean(out.getvalue(), name=name, title=title, description=description)
    return Figure(name=name, title=title, description=description, svg=svg, data=data, size=size, draw=draw)


@contextmanager
def _canvas(size: tuple[float, float], settings: dict[str, Any]) -> Iterator[Canvas]:
    """Yield an empty canvas under ``settings`` over matplotlib's defaults; the user's settings come back."""
    try:
        import matplotlib
        from matplotlib.figure import Figure as Canvas
    except ImportError:
        raise no_matplotlib() from None
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        current: Any = matplotlib.rcParams
        current.update(settings)
        yield Canvas(figsize=size, layout="constrained")
