"""A form of the people pages as it was sent: what was typed, what it means, and what is wrong.

What is wrong is a code by field, so that the page can say it there, in words. What was typed stays
in the form, but for secrets, which are never read by this room.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import request

from gateway import lodging
from gateway.web import forms

FAR = timedelta(days=3660)  # what people mean lies within ten years
OLDEST = 130  # years
YES = "1"


@dataclass
class Form:
    """What was typed, by field; what is wrong, by field; and the site's time of the request."""

    zone: ZoneInfo
    now: datetime
    typed: dict[str, str] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    wrong: dict[str, str] = field(default_factory=dict)
    asks_guardian: bool = False

    @property
    def today(self) -> date:
        """The site's own date."""
        return self.now.astimezone(self.zone).date()

    def read(self, name: str, most: int = 200) -> str:
        """Read a field, without what does not print."""
        text = "".join(c if c.isprintable() else " " for c in forms.field(name, most))
        self.typed[name] = " ".join(text.split())
        return self.typed[name]

    def name(self, of: str = "name") -> str:
        """Read a name, and insist on it."""
        return self.wanted(of, self.read(of), "name_wanted")

    def wanted(self, of: str, text: str, code: str) -> str:
        """Insist on an answer."""
        if not text:
            self.wrong[of] = code
        return text

    def groups(self, known: Iterable[str]) -> tuple[str, ...]:
        """Read which doors were ticked, of those there are, and insist on one."""
        ticked = request.form.getlist("group")
        self.chosen = tuple(group for group in known if group in ticked)
        if not self.chosen:
            self.wrong["group"] = "doors_wanted"
        return self.chosen

    def moment(self, of: str) -> datetime | None:
        """Read a day and a time of day as the site means them; None if that is no moment."""
        day, time = self.read(f"{of}_date", 10), self.read(f"{of}_time", 5)
        try:
            meant = datetime.strptime(f"{day} {time}", "%Y-%m-%d %H:%M")  # noqa: DTZ007 - next line
            found = meant.replace(tzinfo=self.zone)
            near = abs(found - self.now) < FAR
        except (ValueError, OverflowError):
            near = False
        if not near:
            self.wrong[of] = "no_moment" if day else "day_wanted"
            return None
        return found

    def until(self, start: datetime) -> datetime:
        """Read when something ends, and insist that it comes after `start`."""
        end = self.moment("until")
        if end is not None and end <= start:
            self.wrong["until"] = "ends_before"
        return end or start

    def born(self, suffix: str = "", *, wanted: bool) -> date | None:
        """Read a date of birth, or that somebody is eighteen: then the latest it can be.

        One who is under age is asked about a guardian from here on.
        """
        text, grown = self.read(f"born{suffix}", 10), self.read(f"grown{suffix}", 1) == YES
        if not text:
            if wanted and not grown:
                self.wrong[f"born{suffix}"] = "age_wanted"
            return lodging.born_at_latest(self.today) if grown else None
        try:
            found = date.fromisoformat(text)
        except ValueError:
            found = date.max
        if not self.today.year - OLDEST <= found.year or found > self.today:
            self.wrong[f"born{suffix}"] = "no_birthday"
            return None
        return found

    def guardian(self, born: date | None) -> tuple[str, str]:
        """Read how to reach a minor's guardian, and what they are; nothing of who is grown up."""
        if born is None or not lodging.is_minor(born, self.today):
            self.guardian_typed()
            return "", ""
        return self.guardian_answers()

    def guardian_answers(self) -> tuple[str, str]:
        """Read both answers about a guardian, and insist on them."""
        self.asks_guardian = True
        given = self.guardian_typed()
        for name in (*lodging.wanting(*given), *lodging.unfit(*given)):
            self.wrong[f"guardian_{name}"] = f"{name}_wanted"
        return given

    def guardian_typed(self) -> tuple[str, str]:
        """Read both answers as they are."""
        contact = self.read("guardian_contact", lodging.MAX_CONTACT + 1)
        return contact, self.read("guardian_relation")


def told(moment: datetime, zone: ZoneInfo, of: str) -> dict[str, str]:
    """Write a moment into a form's two fields."""
    there = moment.astimezone(zone)
    return {f"{of}_date": f"{there:%Y-%m-%d}", f"{of}_time": f"{there:%H:%M}"}
