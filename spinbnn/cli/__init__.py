"""The command ``spinbnn``: one file a command, each loaded when it is called."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import click

from ..errors import MissingToolError, SpinbnnError

COMMANDS = {
    "run": "Run a whole experiment: characterise, train, predict, cost, report.",
    "train": "Train the network of an experiment, in pieces where time is short.",
    "characterize": "Run a characterisation flow and write its lookup table.",
    "datasheet": "Hold flows or tables against the limits in their flow files.",
    "table": "Look into lookup tables, merge shards, run samples again, export.",
    "size": "Size a dropout module for a technology and a device.",
    "device": "Look into a device file: parameters, populations, trim and random bits.",
    "fit": "Fit the switching model to measured switching probabilities.",
    "data": "List data sets and fetch them, with checksums and licences.",
    "evaluate": "Evaluate trained weights on a data set, on sampled chips.",
    "cost": "Count operations of a network and estimate energy, latency and area.",
    "list": "List the devices, flows, cells and tables that come with spinbnn.",
    "copy": "Copy one of them here, for editing.",
    "doctor": "Report what is installed, found and assumed.",
}


UNEXPECTED = 70
"""Exit code of an error that is not of our family: a fault of spinbnn (EX_SOFTWARE)."""
PIPE_CLOSED = 141
"""Exit code when the reader of the output went away, as of a program that SIGPIPE ends."""


class _PipeClosed(Exception):
    """The reader of standard output has gone; click and rich would make exit code 1 of it, which means something else."""


@contextmanager
def _pipe() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _PipeClosed from error
    except SystemExit as stop:  # rich turns a broken pipe into this one
        if isinstance(stop.__context__, BrokenPipeError):
            raise _PipeClosed from stop
        raise


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = "list_" if cmd_name == "list" else cmd_name
        command: click.Command = importlib.import_module(f".{module}", __name__).command
        return command

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _pipe():  # --help and --version print here
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with _pipe():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="spinbnn")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """From the SOT-MTJ to the uncertainty of a binary Bayesian network and the joules of its answer."""
    ctx.obj = {"debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Entry point: errors of the spinbnn family print without a traceback and set the exit code.

    Exit codes: 0 good; 1 a specification is missed; 2 usage or input; 3 simulator, tool or samples that are not ok;
    70 a fault of spinbnn itself; 130 interrupted; 141 the reader of the output went away. ``--debug`` adds the
    traceback and changes no code.
    """
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    try:
        try:
            cli.main(args=given, prog_name="spinbnn", standalone_mode=False)
            with _pipe():
                sys.stdout.flush()
        except ModuleNotFoundError as missing:
            raise _of_an_extra(missing) from missing
    except SpinbnnError as error:
        _stop(str(error), error.exit_code, debug)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; the same command resumes where it stopped", err=True)
        sys.exit(130)
    except _PipeClosed:
        with suppress(OSError, ValueError):  # nothing may be flushed into the closed pipe at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        _stop(f"unexpected error: {what} (run again with 'spinbnn --debug ...' and report it)", UNEXPECTED, debug, lead="")


def _stop(text: str, code: int, debug: bool, lead: str = "error: ") -> NoReturn:
    """Print an error, with the traceback of the one that is being handled if asked for, and exit."""
    if debug:
        traceback.print_exc()
    click.secho(lead, fg="red", bold=True, nl=False, err=True)
    click.echo(text, err=True)
    sys.exit(code)


def _of_an_extra(missing: ModuleNotFoundError) -> Exception:
    """Turn a missing optional package into an error that names the extra; return any other as it is."""
    from ._packages import extra_of

    name = missing.name or ""
    if extra := extra_of(name):
        return MissingToolError("this command needs a package that is not installed", where="spinbnn", value=name, remedy=f"pip install 'spinbnn[{extra}]'")
    return missing
