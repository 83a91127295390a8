"""Tables and waveforms in the formats of others: CSV, Liberty, ngspice raw, VCD, and folders that ngspice runs."""

from __future__ import annotations

from .liberty import write_liberty as write_liberty
from .liberty_syntax import parse_liberty as parse_liberty
from .long_csv import table_csv as table_csv
from .raw import write_raw as write_raw
from .run_folder import write_run_folder as write_run_folder
from .vcd import read_vcd as read_vcd
from .vcd import write_vcd as write_vcd
