"""Features that a user declares in a folder of his own: found, refused with words, packaged, computed by both sides."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from features.fraud import FRAUD, OURS
from features.own import WrongFeatures, main, packaged, with_own
from tools.package import ROOT, library_of_jobs

CARDS = """
from features.declaration import DAY, Acquaintance, Distinct, Flag, Novelty, Prefix, Ratio, Recurrence, SinceFirst
from features.fraud import DAYS_ACTIVE

CARDS = Distinct("customer", 30 * DAY, DAY, kept=4, of="card_id", called="cards")
SHOPS = Distinct("customer", 7 * DAY, DAY, kept=4, of="shop floor", called="floors")
DAYS = Recurrence("customer_days_with_card_30d", among=CARDS)
NETWORK = Prefix("network", "ip", parts=2, separator=" ")
NETWORKS = Distinct("customer", 30 * DAY, DAY, kept=4, of="network", called="networks")
FEATURES = (
    CARDS,
    SHOPS,
    NETWORK,
    NETWORKS,
    Novelty("is_new_network", among=NETWORKS),
    Novelty("is_new_card", among=CARDS),
    DAYS,
    Flag("is_rare_card", left=(DAYS_ACTIVE.name,), factor=2, right=(DAYS.name,)),
    SinceFirst("customer", "customer_days_since_first_payment"),
    Acquaintance("days_since_first_with_card_30d", among=CARDS),
    Ratio("payments_a_day", ("customer_payment_count_30d",), (DAYS_ACTIVE.name,)),
)
"""
# Both engines over one log, without Spark.
BOTH = """
from features.fraud import FRAUD
from tests.parity.engines import differing_in_open_windows, served_vectors
from tests.parity.events import event_log
log = event_log(3, 700)
served = served_vectors(log)
place = FRAUD.columns.index("is_rare_card")
print(FRAUD.version, len(differing_in_open_windows(log, served)), len({v[place] for v in served.vectors.values()}))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FEATURES", str(tmp_path))
    return tmp_path


def with_prefix(column: object = "ip", parts: object = 2, separator: object = ".") -> str:
    """A file with a prefix of these beside another one."""
    return f"""
from features.declaration import *
NETWORK = Prefix("network", "ip", 3, ".")
MADE = Prefix("made", {column!r}, {parts!r}, {separator!r})
FEATURES = (NETWORK, MADE, Distinct("customer", DAY, DAY, 4, "made", "beginnings"))
"""


def run(program: str, *paths: Path, **environment: str) -> list[str]:
    said = {k: v for k, v in os.environ.items() if k != "FEATURES"}
    said |= {"PYTHONPATH": os.pathsep.join(map(str, paths)), **environment}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=said, cwd=paths[0].parent, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def test_what_a_user_declares_stands_behind_ours(folder):
    (folder / "cards.py").write_text(CARDS)
    (folder / "notes.txt").write_text("no Python")

    found = with_own(OURS)

    assert found.columns[: len(OURS.columns)] == OURS.columns
    assert found.columns[len(OURS.columns) :][:2] == ("customer_distinct_cards_30d", "customer_distinct_floors_7d")
    assert "network" not in found.columns, "a prefix is counted over"
    assert "is_new_network" in found.columns
    assert found.version != OURS.version
    assert {name: found.fingerprints[name] for name in OURS.fingerprints} == OURS.fingerprints, "ours mean the same"


def test_without_a_folder_there_are_only_ours(monkeypatch):
    monkeypatch.delenv("FEATURES", raising=False)

    assert with_own(OURS) is OURS
    assert packaged() == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a tuple FEATURES of declarations .features.declaration., got nothing"),
        ("FEATURES = 3", "got int"),
        ("FEATURES = (3,)", "got among them int"),
        ("\nx = (", "line 2: expected .* got SyntaxError"),
        ("import nothing_of_that_name", "line 1: expected .* got ModuleNotFoundError"),
        (
            "from features.declaration import *\nFEATURES = (Window('customer', 'payment', 'x', 1, 1),)",
            "line 2.*measures",
        ),
        ("from features.declaration import *\nFEATURES = (Ratio('Mine', ('amount',), ('amount',)),)", "got 'Mine'"),
        ("from features.declaration import *\nFEATURES = (Ratio('mine', ('amount',), ('x',)),)", "never declared x"),
        ("from features.fraud import *\nFEATURES = (HIGH,)", "declared twice high_for_customer"),
        ("import sys\nsys.exit(3)", "line 2: expected .* got SystemExit"),
        (
            "from features.declaration import *\nFEATURES = (Ratio('is_fraud', ('amount',), ('amount',)),)",
            "got 'is_fraud'",
        ),
        (
            "from features.declaration import *\nFEATURES = (Ratio('mine', ('amount',), ('mine',)),)",
            "got one from itself",
        ),
        (
            "from features.declaration import *\nFEATURES = (Distinct('card', DAY, DAY, 4, 'ip', 'addresses'),)",
            "expected an entity among .*device, got 'card'",
        ),
        (
            "from features.declaration import *\nFEATURES = (Distinct('customer', DAY, DAY, 4, 'latitude', 'places'),)",
            "only values of texts",
        ),
        (
            "from features.declaration import *\nFEATURES = (SinceFirst('merchant', 'merchant_age'),)",
            "merchant_age: it is known of customers only",
        ),
        (
            "from features.declaration import *\nFEATURES = (SinceFirst('customer', 'age', unit=0),)",
            "age: expected a unit of whole milliseconds, such as DAY, got unit=0",
        ),
        *(
            (f"from features.declaration import *\nFEATURES = (LocalPart('local', '{column}', HOUR, 24),)", words)
            for column, words in (
                ("event_time", "got `event_time`: send the local time, or its offset, in a column of its own"),
                ("hour_of_day", "local: expected a text that a payment may say besides"),
                ("latitude", "local: expected a text that a payment may say besides"),
            )
        ),
        (
            "from features.declaration import *\n"
            "FEATURES = (LocalPart('l', 'country', HOUR, 24, offsets=(('DE', 1.5),)),)",
            "l: expected whole minutes ahead of UTC",
        ),
        (
            "from features.declaration import *\nFEATURES = (FromUsual('far', 'hour_of_day', 12, DAY, HOUR),)",
            "far: expected a part of the calendar or of the local time, and its modulo, got `hour_of_day` and 12",
        ),
        (
            "from features.declaration import *\nFEATURES = (CalendarFlag('odd', 'is_night', (1,)),)",
            "odd: expected a part of the calendar or of the local time, got `is_night`",
        ),
        (
            "from features.declaration import *\nFEATURES = (Prefix('network', 'ip', 0),)",
            "network: expected at least one part",
        ),
        (
            "from features.declaration import *\nFEATURES = (Prefix('month', 'event_time', 7),)",
            "month: expected a text that a payment may say besides as its column, got `event_time`",
        ),
        *(
            (with_prefix(parts=parts), f"made: expected at least one part, in whole numbers, got parts={parts!r}")
            for parts in (2.5, True, "2", -1)
        ),
        *(
            (with_prefix(separator=separator), f"made: expected one character as separator, or none, got {separator!r}")
            for separator in (None, "::", 3)
        ),
        *(
            (with_prefix(column=column), f"made: expected the name of a text column of a payment, got {column!r}")
            for column in ("", None)
        ),
        *(
            (with_prefix(column=column), f"made: expected a text that a payment may say besides .* got `{column}`")
            for column in ("network", "made", "day_of_week", "is_night", "is_new_merchant", "amount", "customer_id")
        ),
        (
            "from features.fraud import *\nFEATURES = (closed('account', 'payment', 'count', 30),)",
            "account_payment_count_30d: of the entity account only events of the kinds label, loan, outcome are known",
        ),
        (
            "from features.fraud import *\nFEATURES = (closed('device', 'loan', 'count', 30),)",
            "of the entity device only events of the kinds payment, decline, block, attempt, label",
        ),
        (
            "from features.fraud import *\n"
            "FEATURES = (Distinct('account', DAY, DAY, 4, 'ip', 'addresses', open_head=False, delay=SETTLED),)",
            "account_distinct_addresses_1d: no account knows of payments",
        ),
        (
            "from features.declaration import *\n"
            "FEATURES = (Distinct('customer', DAY, DAY, 4, 'transaction_id', 'all'),)",
            "customer_distinct_all_1d: no two payments share one",
        ),
        *(
            (
                f"from features.declaration import *\nFEATURES = (Distinct('customer', DAY, DAY, 4, '{of}', 'all'),)",
                f"customer_distinct_all_1d: `{of}` is a feature, which no payment says; .*: {instead}",
            )
            for of, instead in (
                ("is_night", "count over the part `hour_of_day`"),
                ("high_for_customer", "name the column that it is made of"),
                ("customer_payment_count_1d", "name the column that it is made of"),
            )
        ),
        (
            "from features.declaration import *\nFEATURES = (Distinct('customer', DAY, DAY, 4, 'customer_id', 'all'),)",
            "a record of one customer has one customer_id",
        ),
        *(
            (f"from features.fraud import *\nfrom features.declaration import *\nFEATURES = ({declared},)", words)
            for declared, words in (
                ("Entity('card', '')", "card: expected the column of a payment that names it"),
                ("Entity('card', 'Card Id')", "card: expected the column .* got column='Card Id'"),
                ("Entity('Card', 'card_id')", "expected small letters, digits and single _ .* got 'Card'"),
                ("Entity('device', 'card_id')", "device: the name is taken, or kept"),
                ("Entity('card_traffic', 'card_id')", "card_traffic: the name is taken, or kept"),
                ("Entity('is_night', 'card_id')", "declared twice is_night"),
                (f"Entity('{'c' * 31}', 'card_id')", "expected an entity's name of at most 30 characters"),
                ("Entity('card', 'merchant_id')", "card: expected a text that a payment may say besides"),
                ("Entity('card', 'latitude')", "card: expected a text that a payment may say besides"),
                ("Entity('card', 'is_night')", "card: expected a text that a payment may say besides"),
                ("Entity('card', 'state')", "card: expected a text that a payment may say besides"),
                ("Entity('card', 'card_id', happens=('loan',))", "card: expected happens among .*, got .'loan',."),
                (
                    "Entity('phone', 'device_id', live=True)",
                    "phone: what `device_id` names is counted live as device_t",
                ),
                (
                    "Entity('card', 'card_id', live=True), Entity('token', 'card_id', live=True)",
                    "token: what `card_id` names is counted live as card_traffic: expected live=False",
                ),
                ("Entity('lo', 'loan_id')", "lo: expected a text that a payment may say besides"),
                ("Entity('att', 'attributes')", "att: expected a text that a payment may say besides"),
                (
                    "*(Entity(f'e{n}', f'column_{n}') for n in range(13))",
                    "expected at most 12 declared entities",
                ),
                (
                    "closed('card', 'payment', 'count', 7)",
                    "expected an entity among .*, device, got 'card': declare it",
                ),
                (
                    "Entity('card', 'card_id'), closed('card', 'loan', 'count', 7)",
                    "of the entity card only events of the kinds payment, decline, block, attempt, label are",
                ),
                (
                    "Entity('card', 'card_id', happens=('payment',)), closed('card', 'label', 'fraud', 7)",
                    "of the entity card only events of the kinds payment are known",
                ),
                (
                    "Entity('card', 'card_id'), Window('card', 'payment', 'count', DAY, HOUR)",
                    "only a customer's window has an open head",
                ),
                (
                    "Entity('card', 'card_id'), "
                    "Distinct('card', DAY, DAY, 4, 'card_id', 'cards', open_head=False, delay=SETTLED)",
                    "a record of one card has one card_id",
                ),
            )
        ),
    ],
)
def test_a_file_that_declares_none_is_refused_by_its_name(folder, text, words):
    (folder / "mine.py").write_text(text)

    with pytest.raises(WrongFeatures, match=f"mine.py.*{words}"):
        with_own(OURS)


def test_a_prefix_of_a_column_of_the_banks_own_is_declared(folder):
    (folder / "mine.py").write_text(with_prefix(column="shop floor", separator=""))

    assert "customer_distinct_beginnings_1d" in with_own(OURS).columns


def test_a_file_that_would_take_the_place_of_the_package_is_refused(folder):
    (folder / "__init__.py").write_text(CARDS)

    with pytest.raises(WrongFeatures, match=r"__init__\.py: expected another name"):
        with_own(OURS)


def test_a_file_that_is_no_text_and_a_folder_that_is_none_are_refused(folder, monkeypatch):
    (folder / "mine.py").write_bytes(b"\xff\xfe")
    with pytest.raises(WrongFeatures, match=r"mine\.py: expected text in UTF-8"):
        with_own(OURS)

    monkeypatch.setenv("FEATURES", str(folder / "none"))
    with pytest.raises(WrongFeatures, match="expected a folder"):
        with_own(OURS)


@pytest.mark.parametrize(
    ("kept", "exit_code", "words"),
    [
        (1, 0, ""),
        (40, 0, "a record of customer may have 4[0-9],[0-9]{3} bytes, above the 32,768"),
        (
            1000,
            1,
            "a record of customer may have [3-4][0-9]{2},[0-9]{3} bytes; expected at most 307,200, the online store",
        ),
    ],
)
def test_the_command_refuses_records_that_no_store_takes_and_warns_of_large_ones(folder, kept, exit_code, words):
    (folder / "cards.py").write_text(
        "from features.declaration import DAY, Distinct\n"
        f"FEATURES = (Distinct('customer', 30 * DAY, DAY, {kept}, 'card_id', 'cards'),)\n"
    )

    ran = subprocess.run(
        [sys.executable, "-m", "features.own"],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == exit_code, ran.stderr
    assert re.match(words, ran.stderr)
    assert bool(words) == bool(ran.stderr)


def test_the_command_tells_what_is_declared(capsys):
    assert main() == 0
    assert FRAUD.version in capsys.readouterr().out


def test_what_is_packaged_declares_the_same_and_both_engines_agree_on_it(folder):
    (folder / "cards.py").write_text(CARDS)
    version = with_own(OURS).version

    name, wheel = library_of_jobs()
    (folder / name).write_bytes(wheel)

    assert run("from features.fraud import FRAUD; print(FRAUD.version)", folder / name) == [version]
    (folder / "tests").mkdir()
    (folder / "tests" / "__init__.py").touch()  # else an installed package of that name comes first
    for room in ("parity", "spark"):
        (folder / "tests" / room).symlink_to(ROOT / "tests" / room)
    both = run(BOTH, folder, ROOT, FEATURES=str(folder))
    assert both == [version, "0", "2"]
