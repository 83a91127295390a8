"""Arrays of a chip as linear responses: how they are driven and read, what their wires take, how far the table is from the exact one."""

from __future__ import annotations

from .agreement import ColumnAgreement as ColumnAgreement
from .agreement import measure_agreement as measure_agreement
from .response import Calibration as Calibration
from .response import TileResponse as TileResponse
from .response import exact_response as exact_response
from .setup import CrossbarSetup as CrossbarSetup
from .statistics import table_response as table_response
from .tiles import RowTile as RowTile
from .tiles import row_tiles as row_tiles
