"""A progress bar, on a terminal and nowhere else."""

import sys
from collections.abc import Callable

import click


class Bar:
    """A bar on the terminal, if there is one, that learns how long it is as it grows."""

    def __init__(self, label: str) -> None:
        self._bar = click.progressbar(
            length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
        )

    def __enter__(self) -> Callable[[int, int], None]:
        self._bar.__enter__()
        return self._show

    def __exit__(self, *given: object) -> None:
        self._bar.render_finish()

    def _show(self, done: int, of: int) -> None:
        self._bar.length = max(of, 1)
        self._bar.update(done - self._bar.pos)
