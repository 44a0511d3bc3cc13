"""Having all that is held erased, from one's own page; the certificate names nobody."""

from flask import Blueprint, make_response, render_template
from flask.typing import ResponseReturnValue

from gateway import certificates, erasure
from gateway.certificates import Why
from gateway.errors import NotFound
from gateway.mine import Looking
from gateway.web import cookie_name, forms, now, parts, screens
from gateway.web.mine import gone, named, owner, site_named
from gateway.web.my import PHONE_COOKIE
from gateway.web.receipts import attached

pages = Blueprint("erase", __name__, url_prefix="/my")


@pages.context_processor
def _languages() -> dict[str, object]:
    return screens.languages({"erase.ask": "erase"})


@pages.get("/erase")
@owner
def ask(who: Looking) -> ResponseReturnValue:
    """Say what ends and what stays, and ask once."""
    with parts().house.store.reads() as session:
        wards = erasure.wards_of(session, who.site, who.person.id)
    return render_template("my/erase.html", site=named(who.site), wards=len(wards))


@pages.post("/erase")
@owner
def erase(who: Looking) -> ResponseReturnValue:
    """Erase whoever asks for it, and hand them the certificate."""
    by = f"their own page, {who.sign_in.way}"
    made = erasure.erase(parts().house, who.site, who.person.id, Why.ASKED, now(), by)
    response = gone(
        make_response(render_template("my/erased.html", site=named(who.site), made=made))
    )
    response.delete_cookie(cookie_name(PHONE_COOKIE), secure=parts().config.tls, httponly=True)
    return response


@pages.post("/erased")
def certificate() -> ResponseReturnValue:
    """Hand out a certificate of erasure, which names nobody, by its number; anew once complete."""
    site = site_named(forms.field("site"))
    if site is None:
        raise NotFound("no such site")
    found = erasure.find(parts().house, site, forms.field("certificate"))
    return attached(certificates.handed_out(*found), f"erased-{site.id}-{now():%Y%m%d}.json")
