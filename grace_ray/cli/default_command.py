"""A family of commands that does something by itself: words that name none of its commands go to the first one."""

from typing import Any

from typer.core import TyperGroup

_HELP = "--help"


class DefaultCommand(TyperGroup):
    """``grace forecast api.error_rate`` is ``grace forecast show api.error_rate``: show is the first command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the first command's name before words that begin with none."""
        first = args[0] if args else ""
        if first != _HELP and first not in self.commands:
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)
