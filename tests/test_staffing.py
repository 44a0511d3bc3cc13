"""The staff's accounts: invited, set up once by whom they are for, ended; and who is told."""

from datetime import timedelta

import pytest

from gateway import alarms, sign_in, staffing
from gateway.browsers import Signed
from gateway.errors import NotFound, NotPossible
from gateway.methods.pin import totp_code, totp_key
from gateway.rules import House, Rules
from gateway.sign_in import Refused
from gateway.staffing import INVITATION, Begun, Invited, Role, SetUp
from gateway.store.staffed import Passkey
from tests import colleagues
from tests.colleagues import PASSWORD, at, facts, hire, known, row, set_up, signed_in, whys
from tests.houses import dump, together
from tests.makers import NOW, later, make_site

OTHER = "nine kites above the ferry"


def invite(
    house: House, site: Rules, name: str = "mei", role: Role = Role.DESK, by: str = "cli:test"
) -> str:
    return staffing.invite(house, site, Invited(name, name.title(), role), by, NOW)


def begun(house: House, site: Rules, code: str, name: str = "mei") -> Begun:
    found = staffing.begin_setup(house, site.id, name, code, NOW)
    assert found is not None
    return found


def chosen(of: Begun, password: str = PASSWORD, again: str = "", code: str = "") -> SetUp:
    shown = code or totp_code(of.key, NOW)
    return SetUp(of.invitation, of.key, password, again or password, shown)


def refused(house: House, site: Rules, of: Begun, given: SetUp) -> str:
    with pytest.raises(NotPossible) as why:
        staffing.set_up(house, site, of.staff_id, given, NOW)
    return why.value.code


# --- an invitation ---


def test_whoever_is_invited_sets_themselves_up_and_signs_in(house: House, site: Rules):
    mei = set_up(house, site, "mei", invite(house, site))
    signed_in(house, mei, later(minutes=1))
    kept = row(house, mei)
    assert (kept.username, kept.name, kept.role) == ("mei", "Mei", "desk")
    assert (kept.setup_mac, kept.setup_until) == (None, None)


def test_a_code_is_typed_as_people_type_it(house: House, site: Rules):
    code = invite(house, site)
    assert [len(part) for part in code.split("-")] == [4, 4, 4, 4]
    for typed in (code.lower(), code.replace("-", ""), f" {code.replace('-', ' ')} "):
        assert staffing.begin_setup(house, site.id, "mei", typed, NOW)


def test_no_other_code_name_or_site_will_do(house: House, site: Rules):
    court = make_site(house, site_id="court")
    code, of_li = invite(house, site), invite(house, site, "li")
    invite(house, court)
    wrong = [
        ("hotel", "mei", of_li),
        ("hotel", "li", code),
        ("court", "mei", code),
        ("nowhere", "mei", code),
        ("hotel", "nobody", code),
        ("hotel", "mei", ""),
        ("hotel", "mei", code[:-1]),
        ("hotel", "mei", code + "A"),
        ("", "", ""),
    ]
    for site_id, name, typed in wrong:
        assert staffing.begin_setup(house, site_id, name, typed, NOW) is None


def test_an_invitation_is_good_for_a_day(house: House, site: Rules):
    code = invite(house, site)
    last, over = NOW + INVITATION - timedelta(seconds=1), NOW + INVITATION
    assert staffing.begin_setup(house, site.id, "mei", code, last)
    assert staffing.begin_setup(house, site.id, "mei", code, over) is None


def test_an_invitation_that_was_begun_in_time_is_over_with_its_day(house: House, site: Rules):
    of = begun(house, site, invite(house, site))
    over = NOW + INVITATION
    given = chosen(of, code=totp_code(of.key, over))
    with pytest.raises(NotPossible, match="over"):
        staffing.set_up(house, site, of.staff_id, given, over)


def test_an_invitation_is_good_once(house: House, site: Rules):
    code = invite(house, site)
    of = begun(house, site, code)
    staffing.set_up(house, site, of.staff_id, chosen(of), NOW)
    before = dump(house)
    assert staffing.begin_setup(house, site.id, "mei", code, NOW) is None
    assert refused(house, site, of, chosen(of, OTHER)) == "not_invited"
    assert dump(house) == before


def test_of_two_browsers_that_set_up_one_invitation_at_once_one_wins(house: House, site: Rules):
    code = invite(house, site)
    tries = [begun(house, site, code) for _ in range(2)]
    passwords = [PASSWORD, OTHER]

    def act(turn: int) -> bool:
        try:
            staffing.set_up(
                house, site, tries[0].staff_id, chosen(tries[turn], passwords[turn]), NOW
            )
        except NotPossible:
            return False
        return True

    won = together(2, act)
    assert sorted(won) == [False, True]
    winner = won.index(True)
    mei = colleagues.Colleague(
        site.id, tries[0].staff_id, "mei", tries[winner].key, (), passwords[winner]
    )
    signed_in(house, mei, later(minutes=1))
    assert len(facts(house, site, "staff.set_up")) == 1
    assert len(dump(house)["recovery_code"]) == staffing.RECOVERY_CODES


def test_what_was_begun_with_one_invitation_sets_nothing_up_under_the_next(
    house: House, site: Rules
):
    old = begun(house, site, invite(house, site))  # whose code somebody else had seen
    new = begun(house, site, invite(house, site))
    assert refused(house, site, old, chosen(old)) == "not_invited"
    staffing.set_up(house, site, new.staff_id, chosen(new), NOW)


def test_the_next_invitation_makes_the_one_before_worthless(house: House, site: Rules):
    first, second = invite(house, site), invite(house, site)
    assert staffing.begin_setup(house, site.id, "mei", first, NOW) is None
    assert staffing.begin_setup(house, site.id, "mei", second, NOW)


def test_two_who_begin_with_one_code_see_different_keys(house: House, site: Rules):
    code = invite(house, site)
    assert begun(house, site, code).key != begun(house, site, code).key


def test_two_who_invite_one_name_at_once_make_one_account(house: House, site: Rules):
    codes = together(4, lambda _: invite(house, site))
    good = [code for code in codes if staffing.begin_setup(house, site.id, "mei", code, NOW)]
    assert len(good) == len(dump(house)["staff"]) == 1


@pytest.mark.parametrize(
    "name", ["", "m", "Mei", "1mei", "mei lin", "mei@hotel", "mei\x00", "ｍei", "m" * 33, "-mei"]
)
def test_a_username_is_plain(house: House, site: Rules, name: str):
    with pytest.raises(NotPossible) as why:
        invite(house, site, name)
    assert why.value.code == "bad_username"
    assert dump(house)["staff"] == []


def test_no_secret_is_kept_or_recorded_as_it_is(house: House, site: Rules):
    code = invite(house, site)
    assert code not in repr(dump(house))
    assert code.replace("-", "") not in repr(dump(house))
    mei = set_up(house, site, "mei", code)
    kept = repr(dump(house))
    for secret in (PASSWORD, mei.key, *mei.spare, *(s.replace("-", "") for s in mei.spare)):
        assert secret not in kept
    told = repr(facts(house, site))
    assert "Mei" not in told
    assert "mei" not in told


# --- setting up ---


def test_what_is_wrong_with_a_choice_is_said_and_nothing_is_kept(house: House, site: Rules):
    of = begun(house, site, invite(house, site))
    before = dump(house)
    assert refused(house, site, of, chosen(of, again=OTHER)) == "passwords_differ"
    assert refused(house, site, of, chosen(of, "hotel2026!!!!")) == "weak_password"
    assert refused(house, site, of, chosen(of, "Mei-Mei-Mei-1")) == "weak_password"
    wrong = totp_code(totp_key(), NOW)
    assert refused(house, site, of, chosen(of, code=wrong)) == "wrong_code"
    assert dump(house) == before


def test_the_code_that_set_an_account_up_signs_nobody_in(house: House, site: Rules):
    mei = set_up(house, site, "mei", invite(house, site))
    assert sign_in.sign_in(house, mei.given(NOW), at(), NOW) == Refused()
    signed_in(house, mei, later(seconds=30))


def test_setting_up_gives_ten_recovery_codes(house: House, site: Rules):
    mei = set_up(house, site, "mei", invite(house, site))
    assert len(set(mei.spare)) == staffing.RECOVERY_CODES
    assert all(len(code) == staffing.RECOVERY_LENGTH + 1 for code in mei.spare)


def test_new_recovery_codes_end_the_old_ones(house: House, site: Rules):
    mei = hire(house, site)
    fresh = staffing.new_codes(house, site.id, mei.id, NOW)
    old = sign_in.sign_in(house, mei.given(code=mei.spare[0]), at(), NOW)
    assert old == Refused()
    assert isinstance(sign_in.sign_in(house, mei.given(code=fresh[0]), at(), NOW), Signed)
    assert facts(house, site, "staff.new_codes") == [{"staff": mei.id}]


# --- set up anew ---


def test_an_invitation_anew_locks_nobody_out_until_it_is_set_up(house: House, site: Rules):
    mei = hire(house, site)
    cookie = signed_in(house, mei).cookie
    code = invite(house, site)
    begun(house, site, code)
    assert known(house, cookie)
    signed_in(house, mei, later(minutes=1))
    assert isinstance(sign_in.sign_in(house, mei.given(code=mei.spare[0]), at(), NOW), Signed)


def test_an_account_that_is_set_up_anew_loses_all_it_had(house: House, site: Rules):
    mei = hire(house, site)
    cookies = [signed_in(house, mei, later(seconds=30 * n)).cookie for n in range(2)]
    with house.store.writes.begin() as session:
        named = {"site_id": site.id, "id": "p", "staff_id": mei.id, "name": "Phone"}
        session.add(Passkey(**named, credential="c", public_key="k", added_at=NOW))
    anew = set_up(house, site, "mei", invite(house, site), now=later(minutes=1), password=OTHER)
    assert anew.id == mei.id
    at_once = later(minutes=2)
    for cookie in cookies:
        assert known(house, cookie, at_once) is None
    for given in (
        mei.given(at_once),
        mei.given(at_once, code=mei.spare[0]),
        mei.given(at_once, password=OTHER),
        anew.given(at_once, password=PASSWORD),
    ):
        assert sign_in.sign_in(house, given, at(), at_once) == Refused()
    assert dump(house)["passkey"] == []
    signed_in(house, anew, at_once)


def test_an_invitation_changes_neither_the_role_nor_the_name_of_who_works_here(
    house: House, site: Rules
):
    mei = hire(house, site, role=Role.SUPERVISOR)
    before = row(house, mei)
    for role in (Role.DESK, Role.OPERATOR):
        with pytest.raises(NotPossible) as why:
            staffing.invite(house, site, Invited("mei", "Somebody", role), "op", NOW)
        assert why.value.code == "other_role"
    staffing.invite(house, site, Invited("mei", "Somebody", Role.SUPERVISOR), "op", NOW)
    assert (row(house, mei).role, row(house, mei).name) == (before.role, before.name)


def test_who_was_not_set_up_yet_can_be_invited_in_another_role(house: House, site: Rules):
    invite(house, site, role=Role.OPERATOR)
    mei = set_up(house, site, "mei", invite(house, site, role=Role.DESK))
    assert row(house, mei).role == "desk"


def test_nobody_invites_themselves_anew(house: House, site: Rules):
    mei = hire(house, site, role=Role.OPERATOR)
    with pytest.raises(NotPossible) as why:
        invite(house, site, role=Role.OPERATOR, by=mei.id)
    assert why.value.code == "not_yourself"
    assert row(house, mei).setup_mac is None


# --- ended ---


def test_an_account_that_is_ended_is_ended_at_once_and_for_good(house: House, site: Rules):
    mei = hire(house, site)
    cookie = signed_in(house, mei).cookie
    code = invite(house, site)
    of = begun(house, site, code)
    assert staffing.end(house, site, mei.id, "op", NOW) == "Mei"
    assert known(house, cookie) is None
    assert sign_in.sign_in(house, mei.given(later(minutes=1)), at(), later(minutes=1)) == Refused()
    assert staffing.begin_setup(house, site.id, "mei", code, NOW) is None
    assert refused(house, site, of, chosen(of)) == "not_invited"
    with pytest.raises(NotPossible) as why:
        invite(house, site)
    assert why.value.code == "name_taken"
    assert facts(house, site, "staff.ended") == [{"staff": mei.id, "by": "op"}]


def test_nobody_of_another_site_is_ended_or_given_codes(house: House, site: Rules):
    court = make_site(house, site_id="court")
    mei = hire(house, court)
    for act in (
        lambda: staffing.end(house, site, mei.id, "op", NOW),
        lambda: staffing.new_codes(house, site.id, mei.id, NOW),
        lambda: staffing.end(house, site, "nobody", "op", NOW),
    ):
        with pytest.raises(NotFound):
            act()
    assert row(house, mei).ended_at is None


def test_an_account_is_ended_once(house: House, site: Rules):
    mei = hire(house, site)
    staffing.end(house, site, mei.id, "op", NOW)
    with pytest.raises(NotFound):
        staffing.end(house, site, mei.id, "op", later(minutes=1))
    assert row(house, mei).ended_at == NOW


# --- who is told ---


def test_the_first_of_a_site_are_nobodys_alarm(house: House, site: Rules):
    invite(house, site, "op", Role.OPERATOR)
    hire(house, site, "boss", Role.SUPERVISOR)
    assert whys(house, site) == []


def test_colleagues_are_told_of_who_is_to_decide_with_them(house: House, site: Rules):
    op = hire(house, site, "op", Role.OPERATOR)
    for name, role in (("d", Role.DESK), ("c", Role.COMPLIANCE), ("s", Role.SUPERVISOR)):
        invite(house, site, f"{name}-two", role, by=op.id)
    (alarm,) = colleagues.alarms(house, site)
    assert (alarm.why, alarm.detail) == ("account_invited", {"by": op.id, "role": "supervisor"})
    assert {"why", "staff", "by", "role"} == facts(house, site, "alarm")[0].keys()


def test_whoever_takes_an_account_over_by_an_invitation_is_noticed_twice(house: House, site: Rules):
    op, boss = hire(house, site, "op", Role.OPERATOR), hire(house, site, "boss", Role.SUPERVISOR)
    hire(house, site, "other", Role.SUPERVISOR)
    for alarm in colleagues.alarms(house, site):
        alarms.see(house.store, site.id, alarm.id, "x", NOW)
    code = invite(house, site, "boss", Role.SUPERVISOR, by=op.id)
    set_up(house, site, "boss", code, now=later(minutes=1), password=OTHER)
    stand = colleagues.alarms(house, site)
    assert [alarm.why for alarm in stand] == ["account_invited_anew", "account_set_up_anew"]
    assert {alarm.staff_id for alarm in stand} == {boss.id}
    assert stand[0].detail["by"] == op.id
    for alarm in stand:  # neither who may have done it, nor who may be somebody else now
        for by in (op.id, boss.id):
            if by in {alarm.staff_id, alarm.detail.get("by")}:
                with pytest.raises(NotPossible) as why:
                    alarms.see(house.store, site.id, alarm.id, by, NOW)
                assert why.value.code == "own_alarm"


def test_many_invitations_of_one_make_one_alarm(house: House, site: Rules):
    hire(house, site, "op", Role.OPERATOR)
    for _ in range(5):
        invite(house, site, "boss", Role.SUPERVISOR)
    assert whys(house, site) == ["account_invited"]
    assert len(facts(house, site, "staff.invited")) == 6
