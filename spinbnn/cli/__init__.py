"""The command ``spinbnn``: one file a command, each loaded when it is called."""

from __future__ import annotations

import importlib
import sys

import click

from ..errors import MissingToolError, SpinbnnError

COMMANDS = {
    "run": "Run a whole experiment: characterise, train, predict, cost, report.",
    "characterize": "Run a characterisation flow with ngspice and write its lookup table.",
    "fit": "Fit the switching model to measured switching probabilities.",
    "evaluate": "Evaluate trained weights on a data set, on sampled chips.",
    "cost": "Count operations of a network and estimate energy, latency and area.",
    "list": "List the devices, flows, cells and tables that come with spinbnn.",
    "copy": "Copy one of them here, for editing.",
    "doctor": "Report what is installed, found and assumed.",
}


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
    """Entry point: errors of the spinbnn family print without a traceback and set the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        try:
            cli.main(args=given, prog_name="spinbnn", standalone_mode=False)
        except ModuleNotFoundError as missing:
            raise _of_an_extra(missing) from missing
    except SpinbnnError as error:
        if "--debug" in given:
            raise
        click.secho("error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; the same command resumes where it stopped", err=True)
        sys.exit(130)


def _of_an_extra(missing: ModuleNotFoundError) -> Exception:
    """Turn a missing optional package into an error that names the extra; return any other as it is."""
    from ._packages import extra_of

    name = missing.name or ""
    if extra := extra_of(name):
        return MissingToolError("this command needs a package that is not installed", where="spinbnn", value=name, remedy=f"pip install 'spinbnn[{extra}]'")
    return missing
