"""Measures an engine on an operator's own pictures, and says what the figures can carry.

Performance testing as ISO/IEC 19795-1 has it: a threshold is chosen on some people for a target
false match rate (FMR) and the rates are reported on others, whom no choice has seen. References and
probes are averages of three pictures each, and a picture counts only if the device would have used
it; the rest is failure to acquire (FTA). Intervals are exact (Clopper and Pearson, 1934), at 95 %.

Comparing everybody with everybody gives many comparisons but no more people, so those are not
independent trials. A rate is claimed only on as many trials as there are people, or pairs of people
that share nobody: with 95 % confidence, 1 in 10,000 takes 29,956 of them without an error.
"""

# Without the extra this module still loads, and its types are but words.
from __future__ import annotations

import hashlib
import io
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import NotPossible
from gateway.facedevice.capture import MAX_PIXELS, look
from gateway.facedevice.engine import Engine, mean
from gateway.facedevice.rates import Rate, trials_needed

with suppress(ImportError):  # `make_engine` says what is missing
    import numpy as np
    from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from gateway.facedevice.engine import Pixels, Vector

AVERAGED = 3
MOST = 10
"""References, and probes, made of one person's pictures."""
FRAME = (640, 480)
ENLARGED = 4.0
SUFFIXES = {".png", ".jpg", ".jpeg"}


@dataclass(frozen=True)
class Outcome:
    """What one set of people came to at the threshold.

    `fnmr` and `fmr` count comparisons. `people_missed` counts people of whom any comparison failed,
    `pairs_matched` pairs that share nobody of whom any matched: only those are independent.
    `unused` are people with too few fit pictures, `faults` why pictures were not fit.
    """

    people: int
    unused: tuple[str, ...]
    faults: tuple[tuple[str, int], ...]
    fta: Rate
    fnmr: Rate
    fmr: Rate
    people_missed: Rate
    pairs_matched: Rate


@dataclass(frozen=True)
class Report:
    """A threshold for an engine, what it gave where it was chosen, and what it gave elsewhere."""

    engine: str
    target_fmr: float
    threshold: float
    chosen: Outcome
    reported: Outcome

    @property
    def claimed(self) -> bool:
        """Whether the reported trials can carry the target FMR; otherwise nobody may claim it."""
        return self.reported.pairs_matched.supports(self.target_fmr)


def calibrate(choose: Path, report: Path, engine: Engine, target_fmr: float) -> Report:
    """Choose a threshold on the people in one folder and report it on those in the other.

    A folder holds one folder of pictures (PNG or JPEG) for each person. Raises NotPossible if the
    two share a person's name or a picture, or if there are too few people or pictures.
    """
    return _calibrate(people(choose), people(report), engine, target_fmr)


def calibrate_halves(folder: Path, engine: Engine, target_fmr: float) -> Report:
    """Do so with one folder: its first half of people, by name, to choose; the others to report."""
    everybody = people(folder)
    middle = (len(everybody) + 1) // 2
    return _calibrate(everybody[:middle], everybody[middle:], engine, target_fmr)


def render(report: Report) -> str:
    """Write a report for people, with what nobody may claim from it."""
    sides = (report.chosen, report.reported)
    rows = [
        ("", "chosen on", "reported on"),
        ("people", *(str(side.people) for side in sides)),
        ("not enough fit pictures", *(", ".join(side.unused) or "nobody" for side in sides)),
        ("FTA, pictures", *(_told(side.fta) for side in sides)),
        ("FNMR, comparisons", *(_told(side.fnmr) for side in sides)),
        ("FMR, comparisons", *(_told(side.fmr) for side in sides)),
        ("people ever missed", *(_told(side.people_missed) for side in sides)),
        ("pairs ever matched", *(_told(side.pairs_matched) for side in sides)),
    ]
    faults = (", ".join(f"{why} {n}" for why, n in side.faults) or "none" for side in sides)
    rows.insert(4, ("  not fit for", *faults))
    return "\n".join(
        [
            f"Engine {report.engine}: threshold {report.threshold:.3f}",
            f"chosen for an FMR of at most {report.target_fmr:.4%}",
            "",
            *(f"{name:<25}{one:<40}{other}".rstrip() for name, one, other in rows),
            "",
            *_limits(report),
        ]
    )


def _told(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.errors} of {rate.trials} = {rate.share:.2%} [{low:.2%}, {high:.2%}]"


def _limits(report: Report) -> list[str]:
    trials = report.reported.pairs_matched.trials
    verdict = (
        f"An FMR of {report.target_fmr:.4%} may be claimed, with 95 % confidence."
        if report.claimed
        else f"An FMR of {report.target_fmr:.4%} may NOT be claimed: it takes "
        f"{trials_needed(report.target_fmr):,} independent impostor trials without an error, "
        f"and there were {trials} ({report.reported.pairs_matched.errors} in error)."
    )
    return [
        verdict,
        "Comparisons of everybody with everybody share people: they are not independent, and",
        "their intervals are narrower than the truth. People, and pairs that share nobody, are.",
        "Intervals are exact (Clopper-Pearson), 95 %. Method: ISO/IEC 19795-1, disjoint sets.",
        "pad_level: none. Nothing here says how often a photograph, a film or a mask gets through.",
    ]


def people(folder: Path) -> list[Path]:
    """Give the folders of a folder, each of which is a person, by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _calibrate(
    choose: Sequence[Path], report: Sequence[Path], engine: Engine, target_fmr: float
) -> Report:
    if not 0 < target_fmr < 1:
        raise NotPossible("bad_target", "a target false match rate lies between 0 and 1")
    _check_apart(choose, report)
    to_choose, to_report = (_Set([_gather(engine, p) for p in side]) for side in (choose, report))
    threshold = _threshold(to_choose, target_fmr)
    chosen, reported = to_choose.outcome(threshold), to_report.outcome(threshold)
    return Report(engine.name, target_fmr, threshold, chosen, reported)


def _check_apart(choose: Iterable[Path], report: Iterable[Path]) -> None:
    """Refuse sets that share anybody: a threshold looks its best on whom it was chosen for."""
    sides = [({p.name for p in side}, _hashes(side)) for side in (list(choose), list(report))]
    for mine, theirs in zip(*sides, strict=True):
        if mine & theirs:
            raise NotPossible("not_apart", "the two sets share people or pictures")


def _hashes(side: Iterable[Path]) -> set[str]:
    return {
        hashlib.sha256(picture.read_bytes()).hexdigest() for p in side for picture in _pictures(p)
    }


def _pictures(person: Path) -> list[Path]:
    return sorted(path for path in person.iterdir() if path.suffix.lower() in SUFFIXES)


@dataclass(frozen=True, eq=False)
class _Person:
    name: str
    pictures: int
    faults: Counter[str]
    references: list[Vector] = field(repr=False)
    probes: list[Vector] = field(repr=False)


def _gather(engine: Engine, folder: Path) -> _Person:
    pictures = _pictures(folder)
    faults: Counter[str] = Counter()
    vectors: list[Vector] = []
    for path in pictures:
        acquired = _acquire(engine, path)
        if isinstance(acquired, str):
            faults[acquired] += 1
        else:
            vectors.append(acquired)
    middle = len(vectors) // 2
    first, rest = _averages(vectors[:middle]), _averages(vectors[middle:])
    return _Person(folder.name, len(pictures), faults, first, rest)


def _acquire(engine: Engine, path: Path) -> Vector | str:
    """Describe a picture as the device would have; a word for why not, if it would not."""
    picture = _frame(path.read_bytes())
    if picture is None:
        return "unreadable"
    seen = look(engine, picture)
    if seen.face is None:
        return "many faces" if seen.crowd else seen.fault or "no face"
    return engine.describe(picture, seen.face) if seen.straight else seen.fault or "straight"


def _frame(data: bytes) -> Pixels | None:
    """Put a picture, enlarged up to four times, in the middle of a frame of 640 by 480."""
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG"])
        if image.width * image.height > MAX_PIXELS:
            return None
        picture = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    scale = min(ENLARGED, FRAME[0] / picture.width, FRAME[1] / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    frame = Image.new("RGB", FRAME, (128, 128, 128))
    corner = (FRAME[0] - size[0]) // 2, (FRAME[1] - size[1]) // 2
    frame.paste(picture.resize(size, Image.Resampling.BICUBIC), corner)
    return np.asarray(frame, np.uint8)


def _averages(vectors: Sequence[Vector]) -> list[Vector]:
    """Average each three of them, or ten threes spread over all there are."""
    threes = list(combinations(vectors, AVERAGED))
    step = max(1.0, len(threes) / MOST)
    return [mean(threes[int(n * step)]) for n in range(min(MOST, len(threes)))]


class _Set:
    """One set of people with all comparisons among them, made once."""

    def __init__(self, everybody: Sequence[_Person]) -> None:
        self.everybody = everybody
        self.used = [p for p in everybody if p.references and p.probes]
        if len(self.used) < 2:  # noqa: PLR2004 - somebody and somebody else
            raise NotPossible(
                "too_few", f"two people with {2 * AVERAGED} fit pictures each are the least"
            )
        self.genuine = {p.name: _distances(p, p) for p in self.used}
        self.impostor = {
            (a.name, b.name): _distances(a, b) for a in self.used for b in self.used if a is not b
        }

    def outcome(self, threshold: float) -> Outcome:
        """Count the errors at a threshold, over comparisons and over independent trials."""
        faults = sum((p.faults for p in self.everybody), Counter[str]())
        missed = {name: distances > threshold for name, distances in self.genuine.items()}
        matched = {names: distances <= threshold for names, distances in self.impostor.items()}
        # Neighbours in twos, so that no two pairs share anybody.
        pairs = [(a.name, b.name) for a, b in list(pairwise(self.used))[::2]]
        return Outcome(
            people=len(self.used),
            unused=tuple(p.name for p in self.everybody if p.name not in self.genuine),
            faults=tuple(faults.most_common()),
            fta=Rate(faults.total(), sum(p.pictures for p in self.everybody)),
            fnmr=_rate(np.concatenate(list(missed.values()))),
            fmr=_rate(np.concatenate(list(matched.values()))),
            people_missed=_rate([wrong.any() for wrong in missed.values()]),
            pairs_matched=_rate([matched[a, b].any() or matched[b, a].any() for a, b in pairs]),
        )


def _distances(one: _Person, other: _Person) -> Vector:
    references, probes = np.stack(one.references), np.stack(other.probes)
    return np.asarray(np.linalg.norm(references[:, None] - probes[None], axis=2).ravel())


def _rate(wrong: ArrayLike) -> Rate:
    return Rate(int(np.count_nonzero(wrong)), np.size(wrong))


def _threshold(chosen: _Set, target_fmr: float) -> float:
    """Give the middle of the widest stretch that keeps the target and fails the fewest people."""
    impostor = np.sort(np.concatenate(list(chosen.impostor.values())))
    first_too_many = float(impostor[math.floor(target_fmr * impostor.size)])
    genuine = np.concatenate(list(chosen.genuine.values()))
    kept = genuine[genuine < first_too_many]
    low = float(kept.max()) if kept.size else 0.0
    allowed = impostor[impostor < first_too_many]
    low = max(low, float(allowed.max())) if allowed.size else low
    return round((low + first_too_many) / 2, 3)
