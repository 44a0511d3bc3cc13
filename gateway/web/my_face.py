"""A person's own page about their face: how they stand, and to stop it. Never signed in by face.

Who holds the live pass on a phone is taken for its person: the same short link or QR code.
"""

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from gateway import face_keeping
from gateway.consent import By
from gateway.web import faces, language, now, parts
from gateway.web.my import held

my_face = Blueprint("my_face", __name__)


@my_face.get("/pass/face")
def show() -> ResponseReturnValue:
    """Say how the holder of this phone's pass stands with their face."""
    site, live = held()
    if site is None or live is None:
        return render_template("my/open.html", message=None)
    found = faces.own(parts().house, site, live.subscriber_id, now())
    return render_template(
        "my/face.html",
        site={"name": site.file.site.name.to(language())},
        notice=faces.notice(site),
        own=found,
    )


@my_face.post("/pass/face/stop")
def stop() -> ResponseReturnValue:
    """Withdraw, with one tap; it counts at the next look."""
    site, live = held()
    if site is not None and live is not None:
        by = By(language=language(), device="")
        face_keeping.stop_for(parts().house, site, live.subscriber_id, by, now())
    return redirect(url_for("my_face.show"), 303)
