"""Every error we raise, drawn as a tree.

GatewayError
├── BadConfig       a setting is missing or wrong: the start stops
├── BadBackup       a backup is damaged, foreign, or of a later version
├── BadSite         a site file is refused whole, with every fault it has
├── NotFound        nothing by that name at this site
├── NotAllowed      known, but not for this caller
├── NotPossible     the thing is in a state that does not permit the act
├── BadNote         a signed text that cannot be believed
└── LogBroken       a log is not what was signed of it

A presentation that does not match is not here: that is a value (`methods.Evidence`).
"""

from dataclasses import dataclass


class GatewayError(Exception):
    """The root: catch it only at the edge of the program."""


class BadConfig(GatewayError):
    """A setting is missing or wrong; says which, why and how to mend it."""

    def __init__(self, setting: str, reason: str, fix: str) -> None:
        super().__init__(f"{setting}: {reason}. {fix}")
        self.setting = setting
        self.reason = reason
        self.fix = fix


class BadBackup(GatewayError):
    """A backup cannot be used; says why, in a sentence."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a site file: where, why, how to mend it, and the rule it breaks."""

    line: int
    where: str
    reason: str
    fix: str
    rule: str = ""

    def __str__(self) -> str:
        rule = f" [{self.rule}]" if self.rule else ""
        return f"line {self.line}: {self.where}: {self.reason}{rule}\n    {self.fix}"


class BadSite(GatewayError):
    """A site file breaks rules; carries every fault, in line order."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class NotFound(GatewayError):
    """Nothing by that name at this site."""


class NotAllowed(GatewayError):
    """The caller is known but may not do this."""


class NotPossible(GatewayError):
    """The act does not fit the state of the thing; `code` is stable for programs."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class BadNote(GatewayError):
    """A note, key, checkpoint or proof that cannot be believed; says why."""


class LogBroken(GatewayError):
    """A site's log does not begin with what was signed of it before."""
