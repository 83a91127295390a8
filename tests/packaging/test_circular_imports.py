"""Every module can be the first one that a program imports."""

from __future__ import annotations

import json
import pkgutil

import spinbnn

PROBE = """
import importlib, json, sys

failed = {}
for name in json.loads(sys.argv[1]):
    for known in [m for m in sys.modules if m == "spinbnn" or m.startswith("spinbnn.")]:
        del sys.modules[known]
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = f"{type(error).__name__}: {error}"
print(json.dumps(failed))
"""


def modules() -> list[str]:
    return [m.name for m in pkgutil.walk_packages(spinbnn.__path__, "spinbnn.") if not m.name.endswith("__main__")]


def test_each_module_is_imported_first(fresh) -> None:
    names = modules()
    assert len(names) > 50
    done = fresh("-c", PROBE, json.dumps(names))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}


def test_the_probe_finds_a_circle(fresh, tmp_path) -> None:
    (tmp_path / "one.py").write_text("from two import b\na = 1\n")
    (tmp_path / "two.py").write_text("from one import a\nb = 1\n")
    done = fresh("-c", PROBE, json.dumps(["one"]), path=[tmp_path])
    assert "circular import" in json.loads(done.stdout)["one"]
