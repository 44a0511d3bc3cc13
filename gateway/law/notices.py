"""What a notice must say, and the words it may not: pure judgement on one text at a time.

A phrase just after "not" or 不 is let pass ("not required to enter", 不永久保存), as is erasing for
good. Whoever means well and is caught all the same can say it in other words; the reverse cannot
be mended.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

RULE_OF: Mapping[str, str] = MappingProxyType(
    {
        "days": "S-11",  # a consent always ends
        "purpose": "M-05a",
        "method": "M-05a",
        "data_kinds": "P-17",
        "retention": "M-05a",
        "necessity": "M-05a",
        "effect": "M-05a",
        "rights": "M-05a",
        "expiry_action": "D-21",
        "sharing_list": "D-21",
    }
)
"""The rule that asks for each key of a notice."""

TEXTS = tuple(key for key in RULE_OF if key != "days")


@dataclass(frozen=True)
class Objection:
    """A phrase that may not stand in a notice, why, and the rule it breaks."""

    phrase: str
    reason: str
    fix: str
    rule: str


def objections(text: str) -> Iterator[Objection]:
    """Find what takes rights away or pushes people, however it is spaced, hyphened or written."""
    plain = _plain(text)
    for pattern, reason, fix, rule in _FORBIDDEN:
        if found := pattern.search(plain):
            yield Objection(found[0], reason, fix, rule)


def _plain(text: str) -> str:
    """Fold letters, hyphens, spaces and the two ways to write Chinese, so that words are words."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_SIMPLER)
    spaced = " ".join(folded.split())
    return re.sub(rf"(?<={_HAN})\s+(?={_HAN})", "", spaced)


_HAN = "[\u3400-\u9fff]"
_SIMPLER = str.maketrans(
    "\u2019銷無轉權許讓須臉僅強務識別過進採絕從遠續視為棄撤回後則沒",
    "'销无转权许让须脸仅强务识别过进采绝从远续视为弃撤回后则没",
    "-\u00ad\u2010\u2011\u2012\u2013\u2014\u200b\u200c\u200d\u2060\ufeff",
)


# Your face, not the device that looks at it or the data that come of it
_FACE = r"fac(?:e|ial)\b(?! (?:device|data|information|camera|picture|image))"


def _any(*patterns: str) -> re.Pattern[str]:
    spared = (
        r"(?<!\bnot )(?<!\bnever )(?<!n't )(?<!\bno )(?<!不)(?<!不[会是得再])(?<!并非)(?<!从未)"
    )
    return re.compile(f"{spared}(?:{'|'.join(patterns)})")


_RIGHTS = _any(
    r"\b(?:ir|non)revocabl[ey]\b",
    r"\b(?:cannot|can't|can not|may not|must not) be (?:revoked|withdrawn|recalled)\b",
    r"\bperpetual(?:ly)?\b|\bin perpetuity\b|\bforever\b|\bfor ever\b|\bindefinite(?:ly)?\b",
    r"\bpermanent(?:ly)? (?:kept|stored|retained|held|used|licen[cs]ed?|rights?|consent)\b",
    r"\b(?:kept|stored|retained|held|used) permanently\b",
    r"\bunlimited (?:in )?(?:period|time|term|duration)\b",
    r"\b(?:without|no) (?:any )?(?:time )?limit(?:ation)?\b(?: (?:of|in|on) time)?",
    r"\bsub ?licen[cs](?:e|es|ed|ing|able)\b",
    r"\bfreely (?:assign|transfer|share|pass on|sell)",
    r"\bwaives?\b",
    r"永久(?!性?地?(?:删除|清除|销毁|抹除|擦除))|永远(?![不无])|[无不](?:限|定)?期限|无限期|期限不限|不限时",
    r"[不无](?:可|得|能|许|予|法)(?:撤销|撤回|收回|取消)",
    r"(?:转|再|分)(?:授权|许可)|[任随]意转让|自由转让",
    r"放弃.{0,6}(?:权利|权益)",
)
_PUSH = _any(
    r"\brequired (?:to|for) (?:enter|entry|access|continue|proceed|pass|open|check ?in|stay)",
    r"\b(?:must|have to|has to|need to|shall) (?:first )?(?:scan|agree|consent|accept)\b",
    r"\b(?:must|have to|has to|need to|shall) [a-z]+ (?:(?:your|the|a|their|by) )?" + _FACE,
    r"\bonly (?:with|by|through|via|after) (?:your |the |a )?(?:scan|" + _FACE + ")",
    r"\bfac(?:e|ial)(?: (?:scan|recognition|verification))? is (?:the only|required|needed|a must)",
    r"\bthe only way\b|\bno other way\b|\bmandatory\b|\bcompulsory\b|\bobligatory\b",
    r"\bno (?:entry|access|admission) (?:without|unless)",
    r"\b(?:cannot|can't) (?:enter|pass|check ?in|get in) (?:without|unless)",
    r"\bto (?:continue|enter|proceed),? (?:please )?(?:scan|look|agree|show your face)",
    r"\bby (?:entering|continuing|proceeding|staying),? you (?:agree|consent|accept)",
    r"(?:必须|只能|仅能|仅可|仅限|务必|强制|一律|唯有|只有)"
    r"(?:先|要|得|通过|使用|采用|进行|接受|完成|以|用|靠|您的?|你的?|本人)*"
    r"(?:刷脸|扫脸|录脸|扫描|(?:人脸|面部|脸部)(?!设备|终端|数据|信息|特征|照片|图像))",
    r"(?:必须|务必|应当)(?:先|要)?同意",
    r"(?:刷脸|人脸|面部)(?:识别|验证|核验)?(?:是|为|系)?唯一",
    r"(?:不刷脸|不同意|拒绝)(?:的|者|就|则|即|将|,|,)*(?:不能|不得|不予|不可|无法)(?!撤|影响)",
    r"(?:进入|继续|使用|入住)(?:本.{0,6})?即(?:视为|表示|代表|为)(?:您|你)?(?:已)?同意",
)
_FORBIDDEN = (
    (
        _RIGHTS,
        "takes away what nobody can sign away",
        "Say until when it lasts, and that it can be withdrawn at any time",
        "S-11",
    ),
    (
        _PUSH,
        "pushes people to their face",
        "Say what this way is for, and that every other way leads to the same",
        "M-12",
    ),
)
