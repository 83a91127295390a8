"""Figures, the HTML report, and styles for papers; matplotlib and jinja2 are imported when first used."""

from __future__ import annotations

from . import figures
from .figure import Figure, paper_style, render
from .html import Section, Tile, write_report

__all__ = ["Figure", "Section", "Tile", "figures", "paper_style", "render", "write_report"]
