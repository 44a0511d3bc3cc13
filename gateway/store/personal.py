"""Every column of every table by whose it is, so that nothing personal is kept unknown (P-51).

    PERSONAL      says something of a person, or names them: gone when they are erased
    PSEUDONYM     a number by which somebody is meant: cut or replaced when they are erased
    STAFF         of those who work here: goes with their account, or with what they are evidence of
    OPERATIONAL   of sites, doors, devices, texts, moments and counts: of nobody

A table or a column that is new and stands in none of these lists fails the tests: say whose it is,
and have `gateway.erasure` see to it if it is a person's.
"""

from collections.abc import Mapping
from types import MappingProxyType

_Columns = Mapping[str, frozenset[str]]


def _of(**tables: str) -> _Columns:
    return MappingProxyType(
        {name.rstrip("_"): frozenset(said.split()) for name, said in tables.items()}
    )


PERSONAL: _Columns = _of(
    subscriber="handle locator name salt household consents_from external_id guardian_contact"
    " guardian_relation created_at closed_at",
    entitlement="group basis not_before not_after revoked_at",
    enrolment="method lookup data counter last_two valid_from valid_to revoked_at frozen_at",
    verification="message claim_lookup claim_last_two face document_lookup document_last_two",
    import_="name result text",
    my_sign_in="way proof secret_hash started_at touched_at",
    request="text contact",
)
PSEUDONYM: _Columns = _of(
    subscriber="id guardian_id host_id",
    entitlement="id subscriber_id",
    enrolment="id subscriber_id",
    verification="subscriber_id",
    consent="subscriber_id guardian_id",
    erase_order="subscriber_id",
    erasure="who",
    my_sign_in="id subscriber_id enrolment_id",
    request="subscriber_id",
    throttle="key",
    tombstone="key",
)
STAFF: _Columns = _of(
    staff="id username name role password_hash totp_sealed counter setup_mac setup_until created_at"
    " ended_at",
    passkey="id staff_id credential public_key counter name added_at used_at",
    recovery_code="id staff_id code_mac used_at",
    sign_in="id staff_id secret_hash before_hash rotated_at agent started_at touched_at ended_at",
    override="staff_id second_id",
    alarm="staff_id seen_by",
    referral="closed_by taken_by",
    request="answered_by",
    import_="staff_id",
)
OPERATIONAL: _Columns = _of(
    site="document digest applied_at",
    door="id retired_at",
    closure="way why closed_at",
    device="id door_id kind name secret_hash public_key paired_at seen_at revoked_at"
    " verification_id language visits url status report",
    pairing="id door_id kind code_mac guesses expires_at used_at",
    key="kid public sealed created_at retired_at",
    api_key="id name secret_hash created_at revoked_at",
    notice="version way material document first_at",
    verification="id door_id device_id state draw way failures offered claim_reader assurance"
    " document started_at touched_at expires_at closed_at",
    attempt="verification_id nonce way outcome reason decision wait at",
    grant="jti verification_id token expires_at redeemed_at",
    referral="id verification_id why opened_at closed_at taken_until",
    throttle="failures until updated_at",
    tally="door_id way day outcome count",
    used_token="jti expires_at",  # noqa: S106 - names of columns
    consent="id seq way kind verification_id notice material language device_id at until",
    erase_order="id kid reference why ordered_at done_at certificate erasure_id",
    erasure="id at why counts done_at document token",
    tombstone="at",
    sweep="swept_at latest_at doubted_at holder held_until counts",
    override="id verification_id door_id act reason detail before asked_at done_at ended_at",
    alarm="id door_id why detail at seen_at",
    import_="id digest state done rows created_at touched_at",
    record="seq kind body hashes",
    request="id kind language code_mac proof verification_id lodged_at due_on parted_at answered_at"
    " answer",
    log_head="size at origin key_id",
    log_key="key_id vkey sealed seam created_at",
    checkpoint="size note at",
    witness="name vkey added_at",
    cosignature="size witness line at",
    data_key="kind id kek wrapped created_at retired_at resealed_at",
)
CLASSES: Mapping[str, _Columns] = MappingProxyType(
    {"personal": PERSONAL, "pseudonym": PSEUDONYM, "staff": STAFF, "operational": OPERATIONAL}
)


def classes_of(table: str, column: str) -> list[str]:
    """Name the classes that a column stands in: exactly one, for every column there is.

    `site_id` says of every row to which site it belongs, and is of nobody.
    """
    if column == "site_id":
        return ["operational"]
    return [name for name, tables in CLASSES.items() if column in tables.get(table, frozenset())]
