"""Characterisation: benches, flows, grids, the runner and its lookup tables."""

from __future__ import annotations

from .bench import Bench as Bench
from .bench import bench_class as bench_class
from .bench import benches as benches
from .column_bench import ColumnBench as ColumnBench
from .column_read_bench import ColumnReadBench as ColumnReadBench
from .flow import Flow as Flow
from .grid import Axis as Axis
from .grid import Grid as Grid
from .runner import check_limits as check_limits
from .runner import run_flow as run_flow
from .shared_bench import SharedModuleBench as SharedModuleBench
from .switching_table import switching_from_table as switching_from_table
from .table import LookupTable as LookupTable
from .table import Measure as Measure
