"""`memscan TARGET` is `memscan estimate TARGET`: a click group whose first word may be a target."""

import click
from click.shell_completion import CompletionItem

from memscan.cli.dtypes import join_dtypes

DEFAULT = "estimate"
COMMANDS = (
    DEFAULT,
    "layers",
    "files",
    "inference",
    "training",
    "fit",
    "check",
    "diff",
    "devices",
    "snapshot",
    "batch",
    "serve",
    "cache",
)
"""Every command; all but the default are in `memscan.cli.commands`, which a plain scan does not import."""
OWN_OPTIONS = ("--help", "-h", "--version")


def dashed(token: str) -> str:
    """`--library_name` is `--library-name`: both spellings work for every option, as in accelerate."""
    return token.replace("_", "-") if token.startswith("--") else token


SETTINGS = {"help_option_names": ["-h", "--help"], "token_normalize_func": dashed, "max_content_width": 110}


class TargetCommand(click.Command):
    """A command whose `--dtypes` takes several words."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Join the words behind `--dtypes`, then parse as click does."""
        takes_value = {
            name: not (isinstance(param, click.Option) and (param.is_flag or param.count))
            for param in self.params
            for name in (*param.opts, *param.secondary_opts)
        }
        if "--dtypes" in takes_value and not ctx.resilient_parsing:  # while the shell completes, words may be missing
            dashes = args.index("--") if "--" in args else len(args)
            args = join_dtypes([*(_option(word) for word in args[:dashes]), *args[dashes:]], takes_value)
        return super().parse_args(ctx, args)


def _option(word: str) -> str:
    name, equals, value = word.partition("=")
    return dashed(name) + equals + value


class DefaultGroup(click.Group):
    """A group that reads a first word which is no command as the first word of the default command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command's name in front, where no command is named."""
        if args and args[0] not in COMMANDS and args[0] not in OWN_OPTIONS:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now if it was not yet."""
        if cmd_name not in self.commands:
            self.load()
        return super().get_command(ctx, cmd_name)

    def load(self) -> None:
        """Import all commands."""
        from memscan.cli import commands

        for name in COMMANDS:
            if name not in self.commands:
                self.add_command(getattr(commands, name), name)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Their names, in the order of the alphabet, as click lists them."""
        return sorted(COMMANDS)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The default command's usage and options first, then the other commands."""
        default = self.commands[DEFAULT]
        inner = click.Context(default, info_name=ctx.info_name, parent=ctx.parent, **default.context_settings)
        default.format_usage(inner, formatter)
        self.format_help_text(ctx, formatter)
        options = [param for param in default.get_params(inner) if isinstance(param, click.Option)]
        records = [record for param in options if (record := param.get_help_record(inner))]
        own = [record for param in self.params if (record := param.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl([*records[:-1], *own, *records[-1:]])
        self.format_commands(ctx, formatter)
        self.format_epilog(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, and the default command's options."""
        default = self.commands[DEFAULT]
        inner = click.Context(default, info_name=ctx.info_name, parent=ctx.parent)
        known: dict[str, CompletionItem] = {}
        for item in (*super().shell_complete(ctx, incomplete), *default.shell_complete(inner, incomplete)):
            known.setdefault(item.value, item)
        return list(known.values())
