"""A site that offers face at both of its doors, with a full notice, and ways to change it."""

import pytest

from gateway import sitefile
from gateway.errors import BadSite, Fault
from gateway.law.catalogue import RULES
from gateway.law.linter import Facts
from gateway.sitefile import KNOWN
from tests.makers import HOTEL

WITH_FACE = 'ways = ["card", "qr", "pin", "face"]'
NOTICE = """
[[notices]]
way = "face"
references = "device"
days = 30
purpose = { en = "To verify that you are our guest", zh = "核实您就是本店客人" }
method = { en = "A camera looks once, after you agree", zh = "您同意后，摄像头拍摄一次" }
data_kinds = { en = "Pictures and measures of a face", zh = "面部照片与特征数值" }
retention = { en = "Until you check out, 30 days at most", zh = "到退房为止，最长三十天" }
necessity = { en = "For guests with their hands full", zh = "供双手提着行李的客人选用" }
effect = { en = "Nothing changes if you do not agree", zh = "不同意也一切照旧" }
rights = { en = "Withdraw here at any time", zh = "可随时在此撤回同意" }
expiry_action = { en = "The device erases it and says so", zh = "设备删除并出具证明" }
sharing_list = { en = "Nobody else gets it", zh = "不向任何人提供" }
more = { en = "Under 14 a guardian consents", zh = "未满十四周岁由监护人同意" }
"""
FACE_HOTEL = HOTEL.replace('ways = ["card", "qr", "pin"]', WITH_FACE) + NOTICE
"""The hotel of the makers with face at the lobby and the gate."""


def edited(old: str, new: str, text: str = FACE_HOTEL) -> str:
    """Write the site otherwise in one place."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


LONGER = edited("30 days at most", "31 days at most")
"""What a consent rests on has changed."""
OTHER_CONTACT = edited("privacy@harbour.example", "data@harbour.example")
"""Only what is shown besides has changed."""
NO_NOTICE = HOTEL
"""The same hotel without face and without a notice."""


def faults(text: str, facts: Facts = KNOWN) -> tuple[Fault, ...]:
    """Say all that is wrong with a site."""
    with pytest.raises(BadSite) as refused:
        sitefile.parse(text, facts=facts)
    return refused.value.faults


def the_fault(text: str, line_of: str) -> Fault:
    """Give the only fault there is, on the line that begins so."""
    (fault,) = faults(text)
    assert text.split("\n")[fault.line - 1].startswith(line_of)
    assert fault.reason
    assert fault.fix
    assert fault.rule in {"", *RULES}
    return fault
