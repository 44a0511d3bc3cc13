import random
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gateway.errors import NotPossible
from gateway.facedevice.calibrate import calibrate, calibrate_halves, render
from gateway.facedevice.engine import Face
from gateway.facedevice.rates import Rate, interval, trials_needed
from tests import faces

# Rates and what they carry


@pytest.mark.parametrize(
    ("errors", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.308497),
        (5, 10, 0.187086, 0.812914),
        (10, 10, 0.691503, 1.0),
        (1, 100, 0.000253, 0.054459),
        (0, 0, 0.0, 1.0),
    ],
)
def test_intervals_are_those_of_clopper_and_pearson(errors, trials, low, high):
    assert list(interval(errors, trials)) == pytest.approx([low, high], abs=1e-6)


@given(st.data())
def test_outside_the_interval_what_was_seen_has_a_probability_of_a_fortieth(data):
    trials = data.draw(st.integers(1, 60))
    errors = data.draw(st.integers(0, trials))
    low, high = interval(errors, trials)
    assert low <= errors / trials <= high
    if errors < trials:
        assert _chance(range(errors + 1), trials, high) == pytest.approx(0.025, rel=1e-6)
    if errors:
        assert _chance(range(errors, trials + 1), trials, low) == pytest.approx(0.025, rel=1e-6)


def _chance(errors, trials, rate):
    p = Fraction(rate)
    return float(sum(comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in errors))


def test_one_in_ten_thousand_takes_29956_trials_without_an_error():
    assert trials_needed(1e-4) == 29_956
    assert Rate(0, 29_956).supports(1e-4)
    assert not Rate(0, 29_955).supports(1e-4)
    assert not Rate(1, 29_956).supports(1e-4)
    assert not Rate(0, 0).supports(0.5)


# A whole calibration, with an engine that knows people by their shade


class Shades:
    """An engine for tests: a face is what is lighter than the wall, and its numbers its shade."""

    name, threshold = "shades", 10.0

    def find(self, image):
        if image[240, 320, 0] < 40:
            return []
        eyes = (350.0, 220.0), (290.0, 220.0)
        return [Face(240, 160, 400, 320, (), *eyes, nose=(320.0, 250.0))]

    def describe(self, image, face):
        inside = image[face.top : face.bottom, face.left : face.right]
        return np.full(128, float(inside.mean()), np.float32)


def _photograph(path, shade, draw):
    grain = Image.frombytes("L", (64, 48), draw.randbytes(64 * 48))
    lit = grain.resize((640, 480), Image.Resampling.NEAREST).point(lambda v: shade + v // 5)
    path.parent.mkdir(parents=True, exist_ok=True)
    lit.save(path)


@pytest.fixture
def album(tmp_path):
    """Photograph people of given shades, six times each."""

    def make(folder, shades, count=6):
        for name, shade in shades.items():
            draw = random.Random(name)
            for number in range(count):
                _photograph(tmp_path / folder / name / f"{number}.png", shade, draw)
        return tmp_path / folder

    return make


def test_a_threshold_is_chosen_on_some_and_reported_on_others(album):
    one = album("choose", {"ada": 60, "bea": 100, "cai": 140})
    other = album("report", {"dan": 80, "eva": 120, "fay": 121})
    Image.new("RGB", (640, 480)).save(other / "eva" / "dark.png")
    (other / "eva" / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    report = calibrate(one, other, Shades(), 0.001)
    assert 200 < report.threshold < 250  # half of 40 shades in 128 numbers
    assert report.chosen.fmr == Rate(0, 6)
    assert report.reported.fmr == Rate(2, 6)
    assert report.reported.pairs_matched == Rate(0, 1)
    assert report.reported.fnmr == Rate(0, 3)
    assert report.reported.fta == Rate(2, 20)
    assert dict(report.reported.faults) == {"no face": 1, "unreadable": 1}
    assert not report.claimed


def test_a_report_says_what_nobody_may_claim(album):
    people = {f"p{n}": 50 + 20 * n for n in range(6)}
    report = calibrate_halves(album("all", people), Shades(), 0.0001)
    assert (report.chosen.people, report.reported.people) == (3, 3)
    text = render(report)
    assert "may NOT be claimed: it takes 29,956 independent impostor trials" in text
    assert "not independent" in text
    assert "pad_level: none" in text


def test_people_with_too_few_pictures_are_named_and_not_counted(album):
    folder = album("choose", {"ada": 60, "bea": 100})
    album("choose", {"cai": 140}, count=5)
    report = calibrate(folder, album("report", {"dan": 80, "eva": 120}), Shades(), 0.01)
    assert report.chosen.unused == ("cai",)
    assert report.chosen.people == 2


@pytest.mark.parametrize("shared", ["person", "picture"])
def test_sets_that_share_anybody_are_refused(album, shared):
    one = album("choose", {"ada": 60, "bea": 100})
    other = album("report", {"ada" if shared == "person" else "dan": 80, "eva": 120})
    if shared == "picture":
        taken = (one / "ada" / "0.png").read_bytes()
        (other / "eva" / "renamed.png").write_bytes(taken)
    with pytest.raises(NotPossible) as refused:
        calibrate(one, other, Shades(), 0.01)
    assert refused.value.code == "not_apart"


def test_one_person_is_no_set(album):
    with pytest.raises(NotPossible) as refused:
        calibrate(album("a", {"ada": 60}), album("b", {"bea": 90, "cai": 120}), Shades(), 0.01)
    assert refused.value.code == "too_few"


@pytest.mark.parametrize("target", [0.0, 1.0, -1.0])
def test_a_target_is_a_rate(album, target):
    folder = album("all", {"ada": 60, "bea": 100}, count=0)
    folder.mkdir()
    with pytest.raises(NotPossible) as refused:
        calibrate_halves(folder, Shades(), target)
    assert refused.value.code == "bad_target"


# dlib, on real people


@pytest.mark.slow
@faces.needs_engine
@faces.needs_pictures
def test_dlib_misses_at_most_one_in_a_hundred_of_ours_and_mistakes_nobody():
    report = calibrate_halves(faces.FACES, faces.engine(), 0.0001)
    assert 0.35 <= report.threshold <= 0.48
    assert report.reported.fmr.errors == 0
    assert report.reported.fmr.trials > 5000
    assert report.reported.fnmr.share <= 0.01
    assert report.reported.fta.share <= 0.2
    assert report.reported.people >= 12
    assert not report.claimed
