"""Words for doors, devices and what a test of a way came to."""

from flask_babel import gettext as _

from gateway.methods import N_
from gateway.web import words

WAYS = {
    "card": N_("ID card"),
    "qr": N_("QR code"),
    "pin": N_("PIN"),
    "face": N_("Face"),
}
CLOSING = {
    "out_of_order": N_("The camera or its device is out of order"),
    "asked_to": N_("Somebody in charge has asked for it"),
    "authority": N_("An authority has asked for it"),
    "complaint": N_("A complaint is being looked into"),
    "other_reason": N_("Another reason"),
}
CAMERAS = {
    "ready": N_("camera ready"),
    "none": N_("no camera"),
    "refused": N_("camera refused"),
}
FACES = {
    "ready": N_("ready"),
    "busy": N_("busy"),
    "broken": N_("says it is broken"),
}
STEPS = {
    "enrolled": N_("A test person is enrolled"),
    "begun": N_("They come to the door"),
    "presented": N_("What they show is right"),
    "signed": N_("The word to the door is signed"),
    "paired": N_("A face device is paired"),
    "heard": N_("It is heard of"),
    "well": N_("It says that it works"),
    "offered": N_("Another way works beside it"),
}
WHY = {
    "way_closed": N_("This way is closed at this site."),
    "not_installed": N_("This way is not installed here."),
    "no_test": N_("This way cannot be tested from here."),
    "no_device": N_("No face device is paired with this door."),
    "silent": N_("The face device has not been heard of."),
    "broken": N_("The face device says that it is broken."),
    "withheld": N_("No other way works here, so face is not offered."),
    "not_offered": N_("This way is not offered at this door."),
    "site_full": N_("This site has no PIN locators left."),
}


def way(name: str) -> str:
    """Name a way in a word."""
    return _(WAYS[name]) if name in WAYS else name


def closing(why: str) -> str:
    """Say why a way was closed: by a code of ours, or as somebody wrote it."""
    return _(CLOSING[why]) if why in CLOSING else why


def camera(word: str) -> str:
    """Say how a kiosk's camera is; nothing where that is not known."""
    return _(CAMERAS[word]) if word in CAMERAS else ""


def face(status: str) -> str:
    """Say what a face device says of itself."""
    return str(_(FACES[status]) if status in FACES else _("has not called yet"))


def step(name: str) -> str:
    """Name a step of a test."""
    return _(STEPS[name]) if name in STEPS else name


def failed(why: str) -> str:
    """Say why a test did not pass."""
    if why in WHY:
        return str(_(WHY[why]))
    return str(_("It was refused: %(why)s", why=why))


def device(name: str) -> str:
    """Name a kiosk: by its browser, if that is what it is called by."""
    return words.browser_name(name)
