"""What is wrong with a list, in words that say what to do about it: for people and for translators.

`sentence` gives the message and what to put in it; whoever shows it translates it, or not.
"""

from gateway.entitlement import OF_PEOPLE
from gateway.lodging import Relation
from gateway.methods import N_
from gateway.roster.listed import COLUMNS
from gateway.roster.sheet import Code, Fault

SENTENCES = {
    Code.TOO_BIG: N_("the file is too big (%(detail)s): split it"),
    Code.UTF_16: N_("this is Unicode text (UTF-16): save it as CSV UTF-8"),
    Code.EMPTY: N_("there is nothing in the file"),
    Code.NO_HEADER: N_("no column is known: the first line is to be like this: %(list)s"),
    Code.UNKNOWN_COLUMN: N_("there is no such column: mend its name, or leave it out"),
    Code.COLUMN_TWICE: N_("this column is there twice: leave one out"),
    Code.COLUMN_WANTED: N_("this column is missing"),
    Code.TOO_MANY_ROWS: N_("there are more than %(detail)s rows: split the file"),
    Code.QUOTE: N_('a quotation mark is alone: close the cell, and write " twice inside of one'),
    Code.TOO_FEW_CELLS: N_("too few cells (%(detail)s): does the line end too early?"),
    Code.TOO_MANY_CELLS: N_(
        'too many cells (%(detail)s): put what has a comma between "quotation marks"'
    ),
    Code.TOO_LONG: N_("too long: shorten it"),
    Code.UNREADABLE: N_("letters that cannot be read: save the file as CSV UTF-8"),
    Code.CONTROL: N_("characters that are no text: type this cell anew"),
    Code.WANTED: N_("nothing is said, and something must be"),
    Code.TWICE: N_("the same id as in line %(detail)s: each person has one line"),
    Code.NO_GROUP: N_("no door of this site belongs to the group %(detail)s: mend it"),
    Code.NOT_LISTED: N_("%(detail)s is none of these: %(list)s"),
    Code.NO_DATE: N_("%(detail)s is no date: write 2026-11-23 or 2026-11-23 14:00"),
    Code.NOT_AFTER: N_("%(detail)s is not after it begins"),
    Code.NO_HOUSEHOLD: N_("a flat or booking has letters or digits, and at most 40 of them"),
    Code.NO_BIRTHDAY: N_("%(detail)s is nobody's day of birth"),
    Code.AGE_WANTED: N_("for a stay, say when they were born, or say yes under adult"),
    Code.YES_OR_NO: N_("%(detail)s is neither yes nor no"),
    Code.CONTRADICTS: N_("%(detail)s is not so by the date of birth"),
    Code.GUARDIAN_WANTED: N_(
        "a minor is to be lodged: say how a guardian is reached and who they are"
    ),
    Code.OWN_GUARDIAN: N_("nobody is their own guardian"),
    Code.NO_GUARDIAN: N_("nobody has the id %(detail)s, neither in this list nor here"),
    Code.SITE_FULL: N_("from here on there is no room: this site has no PIN locators left"),
}
WITH_DETAIL = {
    Code.UNKNOWN_COLUMN: N_("there is no such column: did you mean %(detail)s?"),
    Code.TOO_LONG: N_("too long (%(detail)s characters): shorten it"),
}
LISTS = {
    "": ",".join(COLUMNS),
    "basis": " / ".join(OF_PEOPLE),
    "guardian_relation": " / ".join(Relation),
}


def sentence(fault: Fault) -> tuple[str, dict[str, str]]:
    """Give the message for a fault, and what stands in it."""
    known = WITH_DETAIL if fault.detail and fault.code in WITH_DETAIL else SENTENCES
    return known[fault.code], {"detail": fault.detail, "list": LISTS.get(fault.column, "")}
