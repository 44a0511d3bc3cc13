"""What is worth a remark is told in few lines, whoever wrote the log and however often."""

from typing import Any

import pytest

from gateway.audit.body import Said
from gateway.audit.remarks import MOST, Remarks, counted, why_another
from tests import forged

AT = "2026-01-01T00:00:00.000+00:00"
TOLD = "2026-01-01 00:00:00 UTC"


def said(seq: int, kind: str = "x", **more: Any) -> Said:
    return Said.parse(forged.write(forged.said(seq, kind=kind, **({"at": AT} | more))))


def told(*records: Said) -> list[str]:
    remarks = Remarks()
    for one in records:
        remarks.hear(one.seq, one)
    return remarks.told()


def test_of_an_ordinary_record_nothing_is_told():
    assert told(said(0), said(1)) == []


@pytest.mark.parametrize("many", [1, 2, 1000])
def test_a_clock_that_was_set_back_is_told_once_with_the_first_place_and_how_often(many: int):
    often = f"; {many} times in all" if many > 1 else ""
    assert told(*(said(seq, clock=AT) for seq in range(5, 5 + many))) == [
        f"record 5: the clock was set back to {AT}{often}"
    ]


@pytest.mark.parametrize(
    ("lost", "line"),
    [(1, f"1 record was lost in the restore of {TOLD}"), (3, "3 records were lost")],
)
def test_how_many_were_lost_in_a_restore_is_told(lost: int, line: str):
    records = [said(seq, "lost") for seq in range(2, 2 + lost)]
    (found,) = told(said(1, "restored", data={"signed": 9}), *records)
    assert found.startswith(line)


def test_a_restore_that_lost_nothing_signed_and_one_of_which_nobody_knows_are_told_apart():
    (known,) = told(said(1, "restored", data={"size": 1, "signed": 1}))
    (unknown,) = told(said(1, "restored", data={"size": 1}))
    assert known == f"record 1: a backup was restored on {TOLD}; nothing signed was lost"
    assert "what had been written after it was made is not here" in unknown


def test_who_reads_on_from_the_middle_of_a_loss_is_told_of_the_rest():
    assert told(said(7, "lost"), said(8, "lost")) == [
        f"2 records were lost in the restore of {TOLD}"
    ]


def test_however_many_restores_there_are_few_are_told_of_one_by_one():
    records = []
    for n in range(500):
        records += [said(2 * n, "restored", at=f"2026-01-{n % 28 + 1:02}T00:00:00.000+00:00")]
        records += [said(2 * n + 1, "lost")]
    found = told(*records)
    assert len(found) == MOST + 1
    assert all(line.startswith("1 record was lost") for line in found[:-1])
    assert found[-1] == f"it was restored {500 - MOST} times more"


@pytest.mark.parametrize(
    ("data", "size", "why"),
    [
        ({"signed": 9}, 5, True),
        ({"signed": 9}, 9, True),
        ({"signed": 9}, 10, False),  # signed since: the restore cannot be why
        ({"signed": 9}, 3, False),  # nor of what was before it
        ({}, 99, True),
        ({"signed": True}, 99, True),
        ({"signed": "9"}, 99, True),
    ],
)
def test_a_restore_is_named_only_where_it_can_be_why(
    data: dict[str, object], size: int, *, why: bool
):
    assert bool(why_another(3, said(3, "restored", data=data), size)) is why
    assert why_another(3, said(3, "lost", data=data), size) == ""


def test_one_is_one():
    assert [counted(n, "record") for n in (0, 1, 2)] == ["0 records", "1 record", "2 records"]
