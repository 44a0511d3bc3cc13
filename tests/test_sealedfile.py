"""A sealed file gives back what was written, and nothing if one byte of it is not as it was."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadBackup
from gateway.sealedfile import CHUNK, MAGIC, TAG, Sealer, lines, read_head, read_sealed

KEY = bytes(range(32))
HEAD = b'{"v":1}'
START = len(MAGIC) + 4 + len(HEAD)
STEP = CHUNK + TAG


def noise(length: int) -> bytes:
    """Make bytes that cannot be compressed."""
    out, state = bytearray(), 1
    while len(out) < length:
        state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        out += state.to_bytes(8, "big")[:4]
    return bytes(out[:length])


def sealed(data: bytes) -> bytes:
    file = BytesIO()
    sealer = Sealer(file, KEY, HEAD)
    for start in range(0, len(data), 5000):
        sealer.write(data[start : start + 5000])
    sealer.close()
    return file.getvalue()


def opened(text: bytes) -> bytes:
    file = BytesIO(text)
    head = read_head(file)
    return b"".join(read_sealed(file, KEY, head))


LONG = noise(3 * CHUNK + 1000)
WHOLE = sealed(LONG)
CHUNKS = [WHOLE[start : start + STEP] for start in range(START, len(WHOLE), STEP)]


def joined(*chunks: bytes) -> bytes:
    return WHOLE[:START] + b"".join(chunks)


@pytest.mark.parametrize("length", [0, 1, CHUNK - 20, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_what_was_written_is_read(length):
    data = noise(length)
    assert opened(sealed(data)) == data


@given(st.binary(max_size=200))
def test_whatever_was_written_is_read(data):
    assert opened(sealed(data)) == data


def test_two_files_under_two_heads_do_not_open_for_each_other():
    other = WHOLE.replace(HEAD, b'{"v":2}')
    with pytest.raises(BadBackup, match="damaged"):
        opened(other)


def test_a_file_of_several_chunks_is_what_these_tests_are_about():
    assert len(CHUNKS) == 4
    assert opened(joined(*CHUNKS)) == LONG


ONE, TWO, THREE, LAST = CHUNKS
DAMAGED = {
    "the last chunk left out": (ONE, TWO, THREE),
    "only the first": (ONE,),
    "nothing at all": (),
    "two swapped": (TWO, ONE, THREE, LAST),
    "one doubled": (ONE, ONE, TWO, THREE, LAST),
    "the last one doubled": (ONE, TWO, THREE, LAST, LAST),
    "one left out": (ONE, THREE, LAST),
    "the last one first": (LAST,),
    "cut in a chunk": (ONE, TWO[:-1]),
    "a byte behind the end": (*CHUNKS, b"\x00"),
    "a chunk behind the end": (*CHUNKS, ONE),
    "a byte short": (ONE, TWO, THREE, LAST[:-1]),
}


@pytest.mark.parametrize("chunks", DAMAGED.values(), ids=DAMAGED)
def test_chunks_left_out_moved_doubled_or_added_do_not_open(chunks):
    with pytest.raises(BadBackup, match="damaged"):
        opened(joined(*chunks))


@pytest.mark.parametrize(
    "place", [0, 5, len(MAGIC), START - 2, START, START + STEP, len(WHOLE) - 1]
)
def test_one_bit_is_enough_to_be_refused(place):
    text = bytearray(WHOLE)
    text[place] ^= 1
    with pytest.raises(BadBackup):
        opened(bytes(text))


@pytest.mark.parametrize("chunk", range(4))
def test_it_is_said_roughly_where_it_is_damaged(chunk):
    text, first = bytearray(WHOLE), START + chunk * STEP
    text[first + 500] ^= 1
    told = f"between its bytes {first if chunk else 0} and {min(first + STEP, len(WHOLE))}:"
    with pytest.raises(BadBackup, match=told):
        opened(bytes(text))


@pytest.mark.parametrize("text", [b"", b"PK\x03\x04", MAGIC, MAGIC + b"\xff\xff\xff\xff{}"])
def test_another_file_is_no_backup(text):
    with pytest.raises(BadBackup):
        opened(text)


def test_what_shrank_a_thousandfold_is_given_back_a_little_at_a_time():
    text = sealed(bytes(200 * CHUNK))
    assert len(text) < STEP
    file = BytesIO(text)
    pieces = [len(piece) for piece in read_sealed(file, KEY, read_head(file))]
    assert sum(pieces) == 200 * CHUNK
    assert max(pieces) <= CHUNK


def test_lines_are_cut_wherever_the_chunks_were():
    assert list(lines(iter([b"a\nb", b"", b"b\n\nc", b"\n"]))) == [b"a", b"bb", b"", b"c"]
    with pytest.raises(BadBackup, match="middle of a line"):
        list(lines(iter([b"a\nb"])))
