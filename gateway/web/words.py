"""The console's words for what is kept as a code: roles, tabs, what an act did or could not do.

A room of the console adds its own to `SAID`; what has no words there is told by its code, so that
nothing is ever left unsaid.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from gateway.methods import N_

ROLES = {
    "desk": N_("Front desk"),
    "supervisor": N_("Supervisor"),
    "compliance": N_("Compliance"),
    "operator": N_("Operator"),
}
TABS = {
    "queue.show": N_("Queue"),
    "people.find": N_("People"),
    "doors.show": N_("Doors"),
    "imports.show": N_("Import"),
    "watch.show": N_("Overrides"),
    "accounts.show": N_("Staff"),
}
SAID = {
    "signed_out_there": N_("Signed out there."),
    "account_ended": N_("The account is ended, in every browser."),
    "not_yourself": N_("You cannot end your own account: ask a colleague."),
    "bad_username": N_("A username is 2 to 32 of a-z, 0-9, dot, _ and -, with a letter first."),
    "name_taken": N_("Somebody who has left was called that: choose another username."),
    "no_role": N_("Choose a role from the list."),
    "passwords_differ": N_("The two passwords are not the same."),
    "weak_password": N_("That password is too short or easy to guess: choose another."),
    "not_invited": N_("This invitation is over: ask for a new one."),
    "wrong_code": N_("That code is not right, or was used: wait for the next one your app shows."),
    "wait": N_("There were too many wrong codes: please wait half a minute."),
}
_BROWSERS = (
    ("Edg/", "Edge"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def role_name(role: str) -> str:
    """Name a role."""
    return str(_(ROLES[role]))


def tab_name(endpoint: str) -> str:
    """Name a tab of the console."""
    return str(_(TABS[endpoint]))


def said(code: str) -> str:
    """Say what an act has done, or why it could not."""
    return _(SAID[code]) if code in SAID else code


def browser_name(agent: str) -> str:
    """Name a browser as people know it, from what it calls itself."""
    found = [name for mark, name in _BROWSERS if mark in agent][:1]
    found += [name for mark, name in _SYSTEMS if mark in agent][:1]
    return " · ".join(found) or agent[:40] or "–"


def local(moment: datetime, zone: ZoneInfo) -> str:
    """Tell a time as people at the site mean it."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")
