"""Colours and matplotlib settings of the figures, on the page and on paper; dictionaries, never global state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import MissingToolError, ParameterError, suggest

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""The four Okabe-Ito colours with a contrast of at least 3:1 on white and on the page's dark ground."""

LINES = ("-", "--", "-.", (0, (1.2, 1.4)))
"""Line styles that go with the colours, so that a grey print can be read."""

MARKERS = ("o", "s", "^", "D")
"""Markers that go with the colours."""

RASTER_ABOVE = 2000
"""Marks in one figure above which they are drawn as pixels: 10,000 vector points are 1 MB."""

PAPER = {"ieee-column": 3.5, "ieee-text": 7.16}
"""Widths of a column and of the text block in IEEE journals [in]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ink:
    """What a figure is drawn with.

    Parameters
    ----------
    text : str
        Text, axes and neutral marks.
    ground : str
        The ground under the figure, for gaps and marker edges.
    colors : tuple of str
        Four colours; use them with :data:`LINES` or :data:`MARKERS` or with a label, never alone.
    """

    text: str
    ground: str
    colors: tuple[str, ...] = COLORS


SCREEN = Ink(text="#010203", ground="#fcfdfe")
PRINT = Ink(text="#000000", ground="#ffffff")


def no_matplotlib() -> MissingToolError:
    """Return the error that names the missing package and the extra that brings it."""
    return MissingToolError(
        "figures need matplotlib",
        where="spinbnn.report",
        value="matplotlib",
        remedy="pip install 'spinbnn[report]'",
    )


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours, ``(L1 + 0.05) / (L2 + 0.05)`` with L the relative luminance.

    Parameters
    ----------
    first, second : str
        Colours as ``#rrggbb``.

    Returns
    -------
    float
        1 to 21; WCAG 2.2 asks 4.5 for text and 3 for graphics [1].

    Examples
    --------
    >>> round(contrast("#000000", "#ffffff"), 6)
    21.0
    """
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255.0 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def screen_style() -> dict[str, Any]:
    """Return the matplotlib settings of the figures on the page.

    Examples
    --------
    >>> screen_style()["svg.fonttype"]
    'none'
    """
    return _common(SCREEN) | {
        "font.size": 9.0,
        "axes.titlesize": 9.0,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "legend.fontsize": 8.5,
        "svg.fonttype": "none",
        "svg.hashsalt": "spinbnn",
    }


def paper_style(name: str = "ieee-column") -> dict[str, Any]:
    """Return the matplotlib settings of a figure for a journal; use with ``matplotlib.rc_context``.

    Parameters
    ----------
    name : {"ieee-column", "ieee-text"}
        One column of 3.5 in, or the text block of 7.16 in; 8 pt STIX, TrueType fonts in the PDF.

    Returns
    -------
    dict
        Names and values of matplotlib settings.

    Raises
    ------
    ParameterError
        If there is no such style.

    Examples
    --------
    >>> paper_style("ieee-column")["figure.figsize"], paper_style()["pdf.fonttype"]
    ((3.5, 2.4), 42)
    """
    if name not in PAPER:
        raise ParameterError(
            "unknown paper style", where="paper_style", value=name, remedy=suggest(name, PAPER)
        )
    return _common(PRINT) | {
        "figure.figsize": (PAPER[name], 2.4),
        "font.family": "STIXGeneral",
        "mathtext.fontset": "stix",
        "font.size": 8.0,
        "axes.titlesize": 8.0,
        "axes.labelsize": 8.0,
        "xtick.labelsize": 7.0,
        "ytick.labelsize": 7.0,
        "legend.fontsize": 7.0,
        "lines.linewidth": 1.2,
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
    }


def _common(ink: Ink) -> dict[str, Any]:
    try:
        from cycler import cycler
    except ImportError:
        raise no_matplotlib() from None

    return {
        "text.parse_math": False,
        "text.color": ink.text,
        "axes.edgecolor": ink.text,
        "axes.labelcolor": ink.text,
        "xtick.color": ink.text,
        "ytick.color": ink.text,
        "axes.facecolor": "none",
        "figure.facecolor": "none",
        "axes.prop_cycle": cycler(color=ink.colors) + cycler(linestyle=LINES),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.7,
        "axes.titlelocation": "left",
        "axes.axisbelow": True,
        "axes.xmargin": 0.02,
        "grid.color": ink.text,
        "grid.alpha": 0.13,
        "grid.linewidth": 0.6,
        "xtick.major.size": 3.0,
        "ytick.major.size": 3.0,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "lines.linewidth": 1.6,
        "lines.markersize": 4.5,
        "legend.frameon": False,
        "legend.handlelength": 2.4,
        "hatch.linewidth": 0.8,
        "savefig.transparent": True,
    }
