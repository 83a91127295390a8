"""The text of a small flow of the dropout module, for tests that need samples and not their values."""

from __future__ import annotations

DRAWS = "draw = { count = 4 }"
THREE = 'set_voltage = { values = ["0.9 V", "1.0 V", "1.1 V"] }'


def flow_text(*axes: str, name: str = "small", seed: int = 5, head: str = "", device: bool = True, mismatch: bool = False, more: str = "") -> str:
    """Return a flow of ``cmos40lp`` and ``seed_eq23``: axes in order, a line before them, what varies, and what follows."""
    varied = f"[variation]\ndevice = {str(device).lower()}\nmismatch = {str(mismatch).lower()}\n"
    lines = ('schema = "spinbnn.flow/1"', f'name = "{name}"', 'bench = "dropout_module"', 'technology = "cmos40lp"', 'device = "seed_eq23"', f"seed = {seed}")
    return "\n".join([*lines, *filter(None, [head]), "[axes]", *axes, varied]) + more
