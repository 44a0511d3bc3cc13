"""The console's words for what is kept as a code: roles, tabs, what an act did or could not do.

A room of the console adds its own to `SAID`; what has no words there is told by its code, so that
nothing is ever left unsaid.
"""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from gateway.methods import N_
from gateway.store.staffed import Alarm

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
    "requests.show": N_("Requests"),
    "watch.show": N_("Overrides"),
    "log.show": N_("Log"),
    "accounts.show": N_("Staff"),
}
SAID = {
    "not_in_the_log": N_("No record has that in it."),
    "signed_out_there": N_("Signed out there."),
    "account_ended": N_("The account is ended, in every browser."),
    "not_yourself": N_("You cannot do that to your own account: ask a colleague."),
    "other_role": N_(
        "They work here in another role: end that account, and invite them under a new username."
    ),
    "own_alarm": N_("It is about what you did yourself: somebody else must see to it."),
    "bad_username": N_("A username is 2 to 32 of a-z, 0-9, dot, _ and -, with a letter first."),
    "name_taken": N_("Somebody who has left was called that: choose another username."),
    "no_role": N_("Choose a role from the list."),
    "passwords_differ": N_("The two passwords are not the same."),
    "weak_password": N_("That password is too short or easy to guess: choose another."),
    "not_invited": N_("This invitation is over: ask for a new one."),
    "wrong_code": N_("That code is not right, or was used: wait for the next one your app shows."),
    "passkey_refused": N_("That passkey did not work: try again, or use the code from your app."),
    "passkey_known": N_("That passkey is kept already."),
    "many_passkeys": N_("Nobody has more than ten passkeys: remove one first."),
    "no_passkey": N_("There is no such passkey any more."),
    "passkey_added": N_("The passkey is added: it signs you in from now on."),
    "passkey_removed": N_("The passkey is removed: it signs nobody in any more."),
    "show_first": N_("Show a code or a passkey first."),
    "closed": N_("This visit is over."),
    "taken": N_("A colleague was quicker and is on it."),
    "nobody_waits": N_("Nobody is waiting."),
    "alarm_seen": N_("Noted that you have seen to it."),
    "offered_anew": N_("All the ways are on the kiosk again."),
    "no_screen": N_("There is no kiosk to show them on."),
    "sighted": N_("Document seen: the door opens."),
    "differs": N_(
        "The document does not end as was given, or is not the one on file. "
        "Look again; if it is right, say so with the tick."
    ),
    "not_verified": N_("This person has not been verified yet."),
    "accepted": N_("Let in: the door opens."),
    "denied": N_("Noted: not let in."),
    "not_offered": N_("Not yet: every way that works must be offered first."),
    "bad_reason": N_("Choose a reason from the list."),
    "pending": N_("A second person is to agree to something else first."),
    "same_person": N_("A second person must agree, on their own account."),
    "agreed": N_("Agreed: it is done."),
    "undone": N_("Taken back: the person waits again."),
    "opened": N_("Too late: the door has been opened with it already."),
    "face_closed": N_("Face is closed at this site."),
    "face_opened": N_("Face is open again at this site."),
    "no_face": N_("No door of this site has to do with faces."),
    "unpaired": N_("Unpaired: it counts for nothing from now on."),
    "testing": N_("This way is being tested just now: try again in two minutes."),
    "list_empty": N_("Choose a file that has something in it."),
    "list_too_big": N_("A list has at most 64 MB: split it."),
    "list_many": N_("There are lists to be looked at first: read them in, or put them away."),
    "list_dropped": N_("The list is put away; nobody was changed."),
    "not_ready": N_("This list is further on its way by now: look again."),
    "request_answered": N_("Answered: whoever asked sees it by number and code."),
    "request_erased": N_("Erased, and answered with the number of the certificate."),
    "no_erasure": N_("Nobody who is here asked to be erased by this."),
    "nothing_said": N_("Write something first."),
    "answered": N_("A colleague has answered it already."),
    "wait": N_("There were too many wrong codes: please wait half a minute."),
}
WHY = {
    "help": N_("Asked for a person"),
    "document": N_("Document to be seen"),
    "no_way": N_("No way is left"),
    "staff": N_("Opened by staff"),
}
REASONS = {
    "document_compared": N_("I looked at the person and their document"),
    "known_in_person": N_("I know this person, who may pass here"),
    "accompanied": N_("With somebody who may pass here"),
    "way_out_of_order": N_("A way is out of order"),
    "emergency": N_("Emergency"),
    "not_expected": N_("No stay, residency or invitation"),
    "document_differs": N_("The document is somebody else's"),
    "no_document": N_("No document where one is required"),
    "not_now": N_("Not entitled at this time or door"),
    "safety": N_("For somebody's safety"),
    "by_mistake": N_("Pressed by mistake"),
    "wrong_person": N_("It was another person"),
    "new_facts": N_("Something new is known"),
    "id_card": N_("ID card"),
    "passport": N_("Passport"),
    "permit": N_("Travel or residence permit"),
    "other": N_("Another document"),
}
DONE = {
    "sighted": N_("Document seen"),
    "accepted": N_("Let in on staff's word"),
    "denied": N_("Not let in"),
}
ALARMS = {
    "log_broken": N_("The log does not begin with what was signed of it: call the operator"),
    "many_overrides": N_("%(staff)s has decided on their own word unusually often in an hour"),
    "sign_in_stolen": N_("Somebody used a copy of %(staff)s's sign-in; it is ended"),
    "guessing": N_("Somebody is guessing passwords or codes; they are made to wait"),
    "account_invited": N_("%(by)s has invited %(staff)s to be %(role)s"),
    "account_invited_anew": N_(
        "%(by)s has invited %(staff)s to set up their account anew: did they ask for it?"
    ),
    "account_set_up_anew": N_(
        "The account of %(staff)s was set up anew: make sure that it was they who did it"
    ),
    "clock_jumped": N_(
        "The clock has jumped ahead: nothing is erased until an operator says that it is right"
    ),
    "guardian_erased": N_(
        "A guardian has been erased: ask who is answerable for the minor who stays here"
    ),
    "no_alternative": N_("No other way is left at %(door)s: face is withdrawn there"),
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


def why(code: str) -> str:
    """Say why somebody waits."""
    return str(_(WHY.get(code, code)))


def reason(code: str) -> str:
    """Say on which ground staff acted, or which kind of document they saw."""
    return str(_(REASONS.get(code, code)))


def done(act: str) -> str:
    """Name what staff did about a visit."""
    return str(_(DONE.get(act, act)))


def alarm(row: Alarm, staff: Mapping[str, str], doors: Mapping[str, str]) -> str:
    """Say what an alarm is about, by the names of who and where."""
    who = staff.get(row.staff_id or "", row.staff_id or "")
    where = doors.get(row.door_id or "", row.door_id or "")
    if row.why not in ALARMS:
        return row.why
    by = row.detail.get("by", "")
    role = role_name(row.detail["role"]) if row.detail.get("role") in ROLES else ""
    return str(_(ALARMS[row.why], staff=who, door=where, by=staff.get(by, by), role=role))


def browser_name(agent: str) -> str:
    """Name a browser as people know it, from what it calls itself."""
    found = [name for mark, name in _BROWSERS if mark in agent][:1]
    found += [name for mark, name in _SYSTEMS if mark in agent][:1]
    return " · ".join(found) or agent[:40] or "–"


def local(moment: datetime, zone: ZoneInfo) -> str:
    """Tell a time as people at the site mean it."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")
