"""The process that holds one ngspice: started by `process.WorkerProcess`, spoken to over a socket."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection

from .session import Session
from .wire import pack

_ORPHAN_CHECK = 1.0
"""How often the worker looks whether its parent lives. [s]"""


def main(descriptor: int, parent: int) -> None:
    """Answer jobs until the other side closes the line or ngspice becomes unusable.

    Parameters
    ----------
    descriptor : int
        Inherited socket that carries pickled messages: first ``("ready", version)`` or
        ``("broken", reason)``, then one ``(packed result, unusable)`` for each ``(deck, save)``.
    parent : int
        Process id of the parent; the worker ends when it is gone, even in the middle of a run.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    line: Connection = Connection(descriptor)
    try:
        session = Session()
    except (ImportError, OSError, NameError) as error:
        line.send(("broken", f"{type(error).__name__}: {error}"))
        return
    line.send(("ready", session.version))
    while True:
        try:
            deck, save = line.recv()
        except EOFError:
            return
        result, unusable = session.simulate(deck, save)
        line.send((pack(result), unusable))
        if unusable:
            sys.stderr.flush()
            os._exit(0)  # a library that asked to be detached must not run its exit handlers


def _end_with(parent: int) -> None:
    """End this process when its parent has died; the pipe tells nothing while ngspice runs."""
    while os.getppid() == parent:
        time.sleep(_ORPHAN_CHECK)
    os._exit(0)
