"""The command ``spinbnn``, called in this process."""

from __future__ import annotations

import pytest

from spinbnn.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error; without ``--debug`` none of them shows a traceback."""
    try:
        main(list(arguments))
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    out = capsys.readouterr()
    assert "--debug" in arguments or "Traceback" not in out.out + out.err
    return code, out.out, out.err
