"""Lines of a CSV file become rows: each once, in its place, with its cells, or with what is wrong with it."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.contract import TRANSACTIONS, Column, Contract
from features.values import BLANKS
from raw import packing
from raw.reader import Part, parts, rows
from raw.refusal import Unreadable
from raw.understanding import form_of

PAIRS = Contract("pairs", ("a",), "a", "day", (Column("a", "text", ""), Column("b", "text", "")))


def read(path, contract=PAIRS, size: int | None = None) -> tuple[dict[int, tuple], dict[int, tuple[str, str]]]:
    """Cells, and fault with line, by the row's place in the file."""
    form = form_of(str(path), contract)
    good, bad = {}, {}
    stretches = parts(str(path), form, size=size) if size else [Part()]
    for part in stretches:
        for batch in rows(str(path), form, part):
            cells = zip(*(column.to_pylist() for column in batch.cells.values()), strict=True)
            good |= dict(zip(batch.numbers.tolist(), cells, strict=True))
            bad |= {int(n): (fault, line) for n, fault, line in batch.faulty}
    assert not set(good) & set(bad)
    return good, bad


@pytest.fixture
def file(tmp_path):
    def write(content: bytes, name: str = "pairs.csv") -> str:
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return write


def test_every_row_knows_its_place_among_the_lines(file):
    good, bad = read(file(b'a,b\n1,x\n\n2\n3,"y,z"\n4,"two\nlines"\n5,v\n'))

    assert good == {1: ("1", "x"), 4: ("3", "y,z"), 5: ("4", "two\nlines"), 7: ("5", "v")}
    assert bad == {3: ("ragged_row", "2")}


def test_a_quote_that_is_not_closed_swallows_no_row_behind_it(file):
    good, bad = read(file(b'a,b\n1,"x\n2,y\n3,z\n4,"w"\n'))

    assert good == {2: ("2", "y"), 3: ("3", "z"), 4: ("4", "w")}
    assert bad == {1: ("unclosed_quote", '1,"x')}


def test_two_stray_quotes_swallow_no_rows_between_them(tmp_path):
    header = b"transaction_id,note,event_time,customer_id,merchant_id,amount\n"
    good = b"".join(b"t%d,ok,2024-03-0%d,c,m,5\n" % (n, n) for n in range(1, 6))
    (tmp_path / "a.csv").write_bytes(
        header + b'a1,"left open,2024-03-01,c,m,5\n' + good + b'a2,left open",2024-03-01,c,m,5\n'
    )
    read_, bad = read(tmp_path / "a.csv", TRANSACTIONS)

    assert [row[0] for row in read_.values()] == ["t1", "t2", "t3", "t4", "t5"]
    assert {fault for fault, _ in bad.values()} == {"unclosed_quote"}


def test_a_long_cell_with_a_line_end_is_a_cell(file):
    assert len(read(file(b'a,b\n1,"' + b"x" * 200_000 + b'\ny"\n'))[0][1][1]) == 200_002


def test_letters_of_two_encodings_in_one_file_are_refused(file):
    rows_ = "1,Caf\xe9\n" * 3
    path = file(b"a,b\n" + rows_.encode("cp1252") + b"2,x\n" * 400_000 + "3,José\n".encode() * 10)
    with pytest.raises(Unreadable, match="Windows-1252 in its first rows and of UTF-8 in later ones"):
        read(path)


def test_a_row_over_many_lines_is_found_wherever_a_block_ends(file, monkeypatch):
    rows_ = b"".join(b'%d,"%s"\n' % (n, b"\n".join([b"line"] * (n % 7))) for n in range(400))
    path = file(b"a,b\n" + rows_)
    whole = read(path)
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr(packing, "CHUNK", size)
        assert read(path) == whole, size
    assert len(whole[0]) == 400
    assert not whole[1]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_file_is_read_whatever_its_line_ends(file, end):
    good, bad = read(file(end.join([b"\xef\xbb\xbf a ,b", b"1,x", b"", b"2,y"])))

    assert (good, bad) == ({1: ("1", "x"), 3: ("2", "y")}, {})


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_from_the_columns_that_must_be_there(file, separator):
    content = f'c{separator}b{separator}a\n1{separator}"x,;|"{separator}2\n'
    assert read(file(content.encode()))[0] == {1: ("1", "x,;|", "2")}


def test_cells_in_single_quotes_lose_them_when_the_header_has_them(file):
    assert read(file(b"'a','b'\n'1','x,y'\n"))[0] == {1: ("1", "x,y")}


def test_a_note_before_the_header_is_passed_over(file):
    assert read(file(b"Notes offered by Prospectus (https://x)\na,b\n1,x\n"))[0] == {1: ("1", "x")}


def test_a_separator_behind_every_row_is_forgiven_and_behind_some_is_not(file):
    assert read(file(b"a,b\n1,x,\n2,y,\n"))[0] == {1: ("1", "x"), 2: ("2", "y")}
    assert read(file(b"a,b\n1,x,\n2,y\n"))[1] == {1: ("ragged_row", "1,x,")}
    assert read(file(b"a,b\n" + b"1,x,\n" * 300_000 + b"2,y,z\n"))[1] == {300_001: ("ragged_row", "2,y,z")}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_letters_survive_every_encoding_that_is_found(file, encoding):
    content = "".join(f"{n},Café\n" for n in range(5))

    good, bad = read(file(f"a,b\n{content}".encode(encoding)))
    assert (set(good.values()), bad) == ({(str(n), "Café") for n in range(5)}, {})


def test_one_row_in_another_encoding_is_a_fault_with_its_bytes(file):
    good, bad = read(file("a,b\n1,Zoë\n".encode() + b"2,Caf\xe9\n3,x\0\n"))

    assert good == {1: ("1", "Zoë")}
    assert {n: (fault, line.encode(errors="surrogateescape")) for n, (fault, line) in bad.items()} == {
        2: ("not_utf8", b"2,Caf\xe9"),
        3: ("nul_byte", b"3,x\0"),
    }


CELL = st.text(st.sampled_from("ab \t,;\"'\n\r\0é\u2028x1"), max_size=6)


@given(table=st.lists(st.tuples(CELL, CELL), max_size=30), chunk=st.integers(1, 50), quoting=st.sampled_from([0, 1]))
def test_what_python_writes_is_read_as_it_was(tmp_path_factory, table, chunk, quoting):
    """Quotes, separators and line ends within cells, whatever block they fall into."""
    text = io.StringIO()
    if quoting != csv.QUOTE_ALL:  # Python leaves a carriage return, and a row of one empty cell, without quotes
        table = [tuple(cell.replace("\r", "") for cell in row) for row in table]
    writer = csv.writer(text, quoting=quoting, lineterminator="\n")
    writer.writerows([("a", "b"), *table])
    path = tmp_path_factory.mktemp("raw") / "pairs.csv"
    path.write_text(text.getvalue(), newline="")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(packing, "CHUNK", chunk)
        good, bad = read(path)
    expected = [row for row in table if not any("\0" in cell for cell in row)]
    normal = [tuple(cell.replace("\r\n", "\n").replace("\r", "\n").strip(BLANKS) for cell in row) for row in expected]
    assert [good[n] for n in sorted(good)] == normal
    assert bool(bad) == any("\0" in cell for row in table for cell in row)


def test_stretches_of_a_file_give_the_rows_of_the_whole(file, monkeypatch):
    path = file(b"a,b\n" + b"".join(b'%d,"x%d"\n' % (n, n) for n in range(3000)))
    monkeypatch.setattr(packing, "CHUNK", 1000)

    assert len(parts(path, form_of(path, PAIRS), size=4000)) > 5
    assert read(path, size=4000) == read(path)


@pytest.mark.parametrize("odd", [b'7,"two\nlines"\n', b"7,x\r8,y\n"])
def test_a_file_whose_rows_may_reach_over_lines_is_read_in_one_piece(file, odd):
    path = file(b"a,b\n" + b"1,x\n" * 2000 + odd + b"1,x\n" * 2000)

    assert parts(path, form_of(path, PAIRS), size=1000) == [Part()]
    assert len(read(path)[0]) == 4002 - (b"\r" not in odd)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; expected a header line"),
        (b"\n1,2\n", "begins with an empty line; expected a header line"),
        ("a,b\n1,2\n".encode("utf-16-le"), "has NUL bytes in its header; is it UTF-16 without a byte order mark?"),
        ("é,b\n".encode("latin-1"), "has a header that is not UTF-8"),
        (b"PAR1....", "is a Parquet file; name it .parquet"),
        (b"\x1f\x8b\x08", "is damaged gzip|is gzip that breaks off"),
        (b"PK\x03\x04", "is a damaged or locked ZIP archive"),
        (b"a,c\n1,2\n", "column b is missing; pairs needs a, b; the file has a, c"),
        (b"a,b,B\n1,2,3\n", "expected every column once, whatever its case; the file has b, b"),
    ],
)
def test_a_file_that_cannot_be_taken_in_says_why(file, content, said):
    path = file(content)
    with pytest.raises(Unreadable, match=said) as refused:
        parts(path, form_of(path, PAIRS))
    assert str(refused.value).startswith(f"{path}: ")


@pytest.mark.parametrize("before", [0, 1, 7, 33, 1000])
def test_a_line_just_over_the_limit_is_refused_and_one_at_the_limit_is_not(file, before, monkeypatch):
    monkeypatch.setattr(packing, "CHUNK", 90)
    lines = b"a,b\n" + b"1,2\n" * before
    fits = file(lines + b"x" * 48 + b",1\n1,2\n")
    form = form_of(fits, PAIRS, 50)

    assert parts(fits, form, longest_line=50)
    for end in (b"\n1,2\n", b""):
        over = file(lines + b"x" * 49 + b",1" + end)
        with pytest.raises(Unreadable, match=f"line {before + 2} is longer than 50 bytes; is its line end missing"):
            parts(over, form, longest_line=50)
        with pytest.raises(Unreadable, match=f"line {before + 2} is longer than 50 bytes"):
            list(rows(over, form, Part(), 50))


def test_cells_in_single_quotes_are_read_under_a_header_that_has_none(file):
    good, bad = read(file(b"a,b\n'1','x, y'\n'2','z'\n"))
    assert (good, bad) == ({1: ("1", "x, y"), 2: ("2", "z")}, {})


@pytest.mark.parametrize(
    "content",
    [b"a,b\n'1','x'\n2,O'Neill\n", b"a,b\n'1','x'\n'2',\"y\"\n", b"a,b\n'1','x'\n"],
    ids=["some", "both", "plain"],
)
def test_an_apostrophe_is_a_letter_where_nothing_proves_that_it_quotes(file, content):
    good, bad = read(file(content))
    assert (good[1], bad) == (("'1'", "'x'"), {})
