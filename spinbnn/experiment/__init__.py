"""Whole experiments: from a flow file to a report, in one run folder."""

from __future__ import annotations

from .run import RunResult as RunResult
from .run import run_experiment as run_experiment
from .spec import Experiment as Experiment
