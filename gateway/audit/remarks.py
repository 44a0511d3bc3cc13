"""What whoever reads a log should know, and is no fault: told once, with a number, however often.

Anybody may have written a log, so what is told of it is few lines, whatever stands in it.
"""

from dataclasses import dataclass

from gateway.audit.body import Said

RESTORED, LOST = "restored", "lost"
"""The kinds of records by which a log says that it was restored: one, then one for each it lost."""
MOST = 20  # restores that are told of, one by one


@dataclass
class _Restore:
    """A restore of which the log tells. `signed`: how many records had been signed, if known."""

    seq: int
    at: str
    signed: int | None = None
    lost: int = 0

    @classmethod
    def of(cls, seq: int, said: Said) -> "_Restore":
        signed = said.data.get("signed")
        at = f"{said.at[:10]} {said.at[11:19]} UTC"
        return cls(seq, at, signed if type(signed) is int else None)

    def __str__(self) -> str:
        if self.lost:
            were = "was" if self.lost == 1 else "were"
            return f"{counted(self.lost, 'record')} {were} lost in the restore of {self.at}"
        if self.signed is None:
            return (
                f"record {self.seq}: a backup was restored on {self.at}; what had been written"
                " after it was made is not here"
            )
        return f"record {self.seq}: a backup was restored on {self.at}; nothing signed was lost"


class Remarks:
    """Takes in what records say, one after the other, and tells what of it is worth a remark."""

    def __init__(self) -> None:
        self._more: list[str] = []
        self._set_back = 0
        self._first = ""
        self._restores: list[_Restore] = []
        self._untold = 0

    def add(self, text: str) -> None:
        """Tell this too."""
        self._more.append(text)

    def hear(self, seq: int, said: Said) -> None:
        """Take in a record, in its turn."""
        if said.clock:
            self._first = self._first or f"record {seq}: the clock was set back to {said.clock}"
            self._set_back += 1
        if said.kind == RESTORED:
            self._restored(seq, said)
        if said.kind == LOST:
            if not self._restores:  # we began to read in the middle of it
                self._restored(seq, said)
            self._restores[-1].lost += not self._untold

    def _restored(self, seq: int, said: Said) -> None:
        if len(self._restores) < MOST:
            self._restores.append(_Restore.of(seq, said))
        else:
            self._untold += 1

    def told(self) -> list[str]:
        """Give all remarks."""
        lines = [*self._more, *map(str, self._restores)]
        if self._untold:
            lines.append(f"it was restored {counted(self._untold, 'time')} more")
        if self._first:
            often = f"; {counted(self._set_back, 'time')} in all" if self._set_back > 1 else ""
            lines.append(f"{self._first}{often}")
        return lines


def why_another(seq: int, said: Said, size: int) -> str:
    """Say how a restore may be why a log does not begin with a checkpoint's `size` records.

    Empty if what this record says cannot be why.
    """
    found = _Restore.of(seq, said)
    if said.kind != RESTORED or not seq < size <= (size if found.signed is None else found.signed):
        return ""
    return (
        f"record {seq} says that a backup was restored on {found.at}, and what had been written"
        " after it was lost: the trusted checkpoint may be of that, and this may be why"
    )


def counted(many: int, what: str) -> str:
    """Write how many: 1 record, 2 records."""
    return f"{many} {what}" if many == 1 else f"{many} {what}s"
