"""What the people pages call things: ways, what is carried and how it is, relations, faults."""

from flask_babel import gettext as _

from gateway.methods import N_
from gateway.web import parts, words

WAYS = {
    "card": N_("ID card and door code"),
    "pin": N_("PIN"),
    "qr": N_("Pass"),
}
THINGS = {
    "issued": N_("PIN, issued"),
    "totp": N_("PIN by authenticator app"),
    "single": N_("Pass on paper, opens once"),
    "reusable": N_("Pass on paper, opens often"),
    "live": N_("Pass on the phone"),
}
HEALTH = {
    "works": N_("works"),
    "not_yet": N_("not yet"),
    "over": N_("over"),
    "used": N_("used"),
    "revoked": N_("revoked"),
    "frozen": N_("on hold"),
    "resting": N_("resting"),
    "dead": N_("stopped"),
}
BASES = {
    "stay": N_("Stay"),
    "residency": N_("Residency"),
    "invitation": N_("Invitation"),
}
RELATIONS = {
    "parent": N_("Parent"),
    "grandparent": N_("Grandparent"),
    "other_relative": N_("Another relative"),
    "legal_guardian": N_("Legal guardian"),
    "other": N_("Somebody else responsible"),
}
KINDS = {
    "guest": N_("Guest"),
    "resident": N_("Resident"),
    "household": N_("Household"),
    "visitor": N_("Visitor"),
}
NEW = {
    "guest": N_("New guest"),
    "resident": N_("New resident"),
    "household": N_("New household"),
    "visitor": N_("New visitor"),
}
words.SAID.update(
    {
        "name_wanted": N_("Say a name."),
        "flat_wanted": N_("Say which flat."),
        "doors_wanted": N_("Tick at least one door."),
        "day_wanted": N_("Choose a day."),
        "no_moment": N_("That is no day and time within ten years."),
        "ends_before": N_("That is past, or before it begins."),
        "age_wanted": N_("Say the date of birth, or that the guest is 18 or older."),
        "no_birthday": N_("That is no date of birth."),
        "contact_wanted": N_("Say how the guardian can be reached (at most 200 characters)."),
        "relation_wanted": N_("Choose what the guardian is to the child."),
        "nobody_there": N_("Nobody lives in that flat."),
        "host_wanted": N_("Choose who of the flat invites."),
        "guardian_wanted": N_("For a minor, both answers about the guardian are needed."),
        "bad_guardian": N_("That cannot be kept as an answer about a guardian."),
        "guardian_too_young": N_("A guardian must be an adult who is here."),
        "bad_door_code": N_("A door code is 6 to 12 digits."),
        "bad_document": N_("That is no document number this site takes. Look at it again."),
        "codes_differ": N_("The two codes are not the same."),
        "done_before": N_("That was done already. What was issued is shown only once."),
        "revoked": N_("Revoked: it opens nothing any more."),
        "nothing_to_revoke": N_("There was nothing left to revoke."),
        "card_enrolled": N_("The document and the new door code work from now on."),
        "prolonged": N_("The end is moved. A printed square says the old end: issue anew for it."),
        "checked_out": N_("Checked out: nothing opens for this person any more."),
        "guardian_named": N_("The guardian is noted."),
        "ended": N_("This person's time here has ended."),
        "over": N_("That is past, or before it begins."),
        "end_wanted": N_("A stay and an invitation need an end."),
        "not_entitled": N_("This person may pass no door: move the end first."),
        "site_full": N_("This site has no PIN numbers left."),
        "no_method": N_("This way is replaced in this installation."),
    }
)


def way(name: str) -> str:
    """Name a way."""
    method = parts().house.methods.get(name)
    return str(_(WAYS[name])) if name in WAYS else str(_(method.way.verb)) if method else name


def thing(kind: str, last_two: str = "") -> str:
    """Name one thing that is carried."""
    if last_two:
        return str(_("Document ending in %(end)s", end=last_two))
    return str(_(THINGS[kind])) if kind in THINGS else kind


def health(code: str) -> str:
    """Say how something carried is."""
    return str(_(HEALTH[code]))


def basis(code: str) -> str:
    """Name the ground of an entitlement."""
    return str(_(BASES.get(code, code)))


def relation(code: str) -> str:
    """Say what a guardian is to a child."""
    return str(_(RELATIONS.get(code, code)))


def kind(code: str) -> str:
    """Name a kind of person."""
    return str(_(KINDS[code]))


def new(code: str) -> str:
    """Say who is to be taken in."""
    return str(_(NEW[code]))


IN_PAGES = {
    "way_name": way,
    "thing_name": thing,
    "health_name": health,
    "basis_name": basis,
    "relation_name": relation,
    "kind_name": kind,
    "new_name": new,
}
"""As the pages know them."""
