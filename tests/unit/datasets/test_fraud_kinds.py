"""Kinds of fraud in the generated population: what makes each visible, and which honest customers look alike."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from datasets import generated, population
from datasets.catalog import SETS, Unusable
from datasets.fraud_kinds import ALIKE, FRAUDS, FRIENDLY_TOLD, LEAST_CARDS, LEAST_MEMBERS
from datasets.means import Means
from datasets.population import Population, Settings
from features.contract import FRAUD_LABELS, TRANSACTIONS
from features.currency import UNIT, Rates
from features.payment import Payment
from features.values import cents
from tools.raw_data.__main__ import main as check_data

ASKED = Settings(payments=30_000, loans=50, days=60, seed=11, fraud_kinds=True)
HOUR = pd.Timedelta(hours=1)


@pytest.fixture(scope="module")
def people() -> Population:
    return Population(ASKED)


@pytest.fixture(scope="module")
def payments(people) -> pd.DataFrame:
    """All payments with kind and episode; `at` is the moment, `home_amount` counted in EUR."""
    drawn = pd.concat(people.payments(), ignore_index=True)
    rates = rates_of(people)
    day = drawn["event_time"].str[:10]
    one = [rates.billionths(*pair) for pair in zip(drawn["currency"], day, strict=True)]
    assert None not in one
    return drawn.assign(at=pd.to_datetime(drawn["event_time"]), home_amount=drawn["amount"] * one / UNIT)


def rates_of(people: Population) -> Rates:
    table = people.exchange.table()
    told = [(c, d, round(float(r) * UNIT)) for c, d, r in table.itertuples(index=False)]
    return Rates().published(told, "9999-12-31")


def episodes(payments: pd.DataFrame, kind: str) -> list[pd.DataFrame]:
    found = [rows for _, rows in payments[payments["kind"] == kind].groupby("episode")]
    assert found, f"expected at least one episode of {kind}"
    return found


def own(payments: pd.DataFrame, rows: pd.DataFrame, column: str) -> set:
    """What the payers of these rows show in a column in their ordinary payments."""
    ordinary = payments[(payments["kind"] == "") & payments["customer_id"].isin(rows["customer_id"])]
    return set(ordinary[column].dropna())


# What every customer shows


def test_the_contract_and_the_doors_take_every_kind_of_payment(payments, people):
    names = {column.name for column in TRANSACTIONS.columns}
    rows = payments.drop(columns=["at", "home_amount", "kind", "episode", "is_fraud"])
    assert set(rows) == names
    rates, some = rates_of(people), pd.concat([rows.iloc[::40], rows[payments["kind"] != ""]])
    for row in some.astype(object).where(some.notna(), None).to_dict("records"):
        payment = Payment.parse({**row, "amount": f"{row['amount']:.2f}"})
        assert (payment.currency, payment.amount) == (row["currency"], cents(row["amount"]))
        assert payment.counted(rates).currency is None


def test_a_customer_keeps_to_few_devices_and_cards_and_mostly_stays_at_home(payments):
    ordinary = payments[payments["kind"] == ""]
    kiosks = ordinary.groupby("device_id")["customer_id"].nunique().loc[lambda count: count > 3].index
    by_customer = ordinary[~ordinary["device_id"].isin(kiosks)].groupby("customer_id")

    assert by_customer["device_id"].nunique().max() <= 4
    assert by_customer["card_id"].nunique().max() <= 4
    assert (by_customer["country"].agg(lambda cells: (cells == cells.mode()[0]).mean()) > 0.6).mean() > 0.9
    assert ordinary.groupby("card_id")["customer_id"].nunique().max() == 1


def test_how_a_payment_was_made_agrees_in_all_its_columns(payments):
    transfer, online = payments["channel"] == "transfer", payments["channel"] == "online"
    present = ~transfer & ~online

    assert payments.loc[present, "card_present"].eq(1).all()
    assert payments.loc[online, "card_present"].eq(0).all()
    assert payments.loc[present, ["latitude", "longitude"]].notna().all().all()
    assert (payments["country"] == payments["merchant_country"])[present].all()
    assert payments.loc[~present, ["device_id", "ip"]].notna().all().all()
    assert payments.loc[present, "ip"].isna().all()
    assert payments.loc[transfer, ["card_id", "mcc", "entry_mode", "card_present"]].isna().all().all()
    assert payments.loc[transfer, "beneficiary_id"].equals(payments.loc[transfer, "merchant_id"].astype("string"))
    assert payments.loc[~transfer, "beneficiary_id"].isna().all()
    assert (payments["customer_id"] != payments["beneficiary_id"]).all()
    assert set(payments.loc[online, "entry_mode"]) == {"ecommerce", "keyed"}
    assert payments.groupby("merchant_id")["mcc"].nunique().max() == 1


def test_honest_customers_change_devices_travel_pay_in_foreign_money_and_are_declined_now_and_then(payments, people):
    honest = payments[payments["is_fraud"] == 0]
    by_customer = honest[honest["kind"] == ""].groupby("customer_id")
    phones = honest[(honest["entry_mode"] == "wallet") & (honest["kind"] == "")]
    phones = phones[~phones["merchant_id"].isin(people.merchant_ids[people.means.kiosks])]

    assert (phones.groupby("customer_id")["device_id"].nunique() > 1).mean() > 0.02
    assert (by_customer["country"].nunique() > 1).mean() > 0.1
    assert 0.03 < (honest["currency"] != "EUR").mean() < 0.2
    assert set(honest["currency"]) == {"EUR", "GBP", "USD", "CHF", "PLN"}
    assert 0.003 < (honest["authorised"] == 0).mean() < 0.03


def test_amounts_abroad_are_worth_about_what_they_are_at_home(payments):
    ordinary = payments[(payments["kind"] == "") & (payments["channel"] != "transfer")]
    worth = ordinary.groupby("currency")["home_amount"].median()
    assert worth.between(0.7 * worth["EUR"], 1.4 * worth["EUR"]).all(), worth


def test_rates_are_told_on_weekdays_from_before_the_first_payment_and_one_is_the_home_currencys(people):
    table = people.exchange.table()
    days = pd.to_datetime(table["day"])
    assert days.min() < people.start <= days.max()
    assert set(days.dt.dayofweek) == {0, 1, 2, 3, 4}
    assert rates_of(people).home == "EUR"
    assert (table.groupby("currency")["rate"].nunique() > 1).to_dict() == {
        "EUR": False, "GBP": True, "USD": True, "CHF": True, "PLN": True
    }  # fmt: skip


def test_nobody_pays_themselves(people):
    for seed in range(10):
        usual = Means(seed, people.strain, 60, people.exchange).payees
        assert (usual != np.arange(len(usual))[:, None]).all()


# What makes a fraud visible, and who looks alike


@pytest.mark.parametrize("kind", ["account_takeover", "move"])
def test_a_takeover_is_a_new_device_and_address_large_amounts_and_a_new_payee_and_so_is_a_move(payments, kind):
    for rows in episodes(payments, kind):
        assert rows["customer_id"].nunique() == rows["device_id"].nunique() == rows["ip"].nunique() == 1
        assert not set(rows["device_id"]) & set(payments.loc[payments["kind"] == "", "device_id"])
        assert not set(rows["ip"]) & own(payments, rows, "ip")
        assert not set(rows["beneficiary_id"].dropna()) & own(payments, rows, "beneficiary_id")
    whole = pd.concat(episodes(payments, kind))
    usual = payments[payments["kind"] == ""].groupby("customer_id")["home_amount"].median()
    assert (whole["home_amount"] / whole["customer_id"].map(usual)).median() > 3
    assert whole["beneficiary_id"].notna().sum() >= 3


def test_takeovers_follow_each_other_within_hours(payments):
    assert max(rows["at"].max() - rows["at"].min() for rows in episodes(payments, "account_takeover")) < 12 * HOUR


@pytest.mark.parametrize(("kind", "declined"), [("card_testing", True), ("rush", False)])
def test_a_card_test_is_many_cards_on_one_device_in_an_hour_and_so_is_a_queue_at_a_kiosk(payments, kind, declined):
    for rows in episodes(payments, kind):
        assert rows["device_id"].nunique() == rows["merchant_id"].nunique() == 1
        assert rows["card_id"].nunique() == rows["customer_id"].nunique() >= LEAST_CARDS >= 20
        assert rows["at"].max() - rows["at"].min() <= HOUR
        assert rows["home_amount"].max() < 7
        assert ((rows["authorised"] == 0).mean() > 0.25) == declined


@pytest.mark.parametrize("kind", ["ring", "office"])
def test_a_ring_shares_devices_and_an_address_and_so_do_colleagues(payments, kind):
    for rows in episodes(payments, kind):
        assert rows["customer_id"].nunique() >= LEAST_MEMBERS == 5
        assert rows["device_id"].nunique() <= 2
        assert rows["ip"].nunique() == 1
        assert (rows.groupby("customer_id").size() >= 2).all()
        assert not set(rows["device_id"]) & own(payments, rows, "device_id")


def test_households_and_customers_at_kiosks_share_devices_too(payments):
    shared = payments[payments["kind"] == ""].groupby("device_id")["customer_id"].nunique()
    assert (shared.between(2, 3)).sum() > 10
    assert (shared >= LEAST_MEMBERS).sum() >= 2


@pytest.mark.parametrize(("kind", "least"), [("mule", 6), ("collection", 5)])
def test_a_mule_is_paid_by_many_and_pays_on_and_so_does_whoever_collects(payments, kind, least):
    for rows in episodes(payments, kind):
        receiver = rows["beneficiary_id"].mode()[0]
        paid, onward = rows[rows["beneficiary_id"] == receiver], rows[rows["customer_id"] == receiver]
        assert len(paid) + len(onward) == len(rows)
        assert paid["customer_id"].nunique() == len(paid) >= least
        assert len(onward) >= 1
        assert onward["at"].min() > paid["at"].min()
        assert onward["at"].max() - paid["at"].max() < 12.1 * HOUR
        assert onward["home_amount"].sum() > 0.5 * paid["home_amount"].sum()


def test_a_mule_pays_on_within_three_hours_what_it_receives(payments):
    for rows in episodes(payments, "mule"):
        receiver = rows["beneficiary_id"].mode()[0]
        paid, onward = rows[rows["beneficiary_id"] == receiver], rows[rows["customer_id"] == receiver]
        for at in onward["at"]:
            assert ((at - paid["at"]).between(pd.Timedelta(0), 3 * HOUR)).any()


def test_accounts_that_many_pay_are_mostly_honest(payments):
    payers = payments[payments["is_fraud"] == 0].groupby("beneficiary_id")["customer_id"].nunique()
    assert (payers >= 6).sum() > 5


def test_friendly_fraud_is_an_ordinary_payment_that_is_called_a_fraud_months_later(payments, people):
    labels = pd.concat([people.labels(part, i) for i, part in enumerate(people.payments())])
    friendly = payments[payments["kind"] == "friendly_fraud"].set_index("transaction_id")
    told = labels[labels["transaction_id"].isin(friendly.index)].sort_values("reported_at")
    late = pd.to_datetime(told[told["is_fraud"] == 1].set_index("transaction_id")["reported_at"]) - friendly["at"]
    others = payments[(payments["is_fraud"] == 1) & (payments["kind"] != "friendly_fraud")].set_index("transaction_id")
    reported = labels[labels["is_fraud"] == 1].set_index("transaction_id")["reported_at"].loc[others.index]

    assert len(friendly) > 10
    assert told.groupby("transaction_id")["is_fraud"].apply(list).map(lambda flags: flags == [0, 1]).all()
    assert (late / pd.Timedelta(days=1)).between(*FRIENDLY_TOLD).all()
    assert ((pd.to_datetime(reported) - others["at"]) > pd.Timedelta(days=14)).any()  # others come late, too
    by_customer = payments[payments["kind"] == ""].groupby("customer_id")["device_id"].agg(set)
    known = [
        device in by_customer[who] for who, device in zip(friendly["customer_id"], friendly["device_id"], strict=True)
    ]
    assert sum(known) > 0.8 * len(known)
    ordinary = payments[payments["kind"] == ""]["home_amount"].median()
    assert 0.5 * ordinary < friendly["home_amount"].median() < 2 * ordinary


def test_thieves_of_cards_pay_from_afar_with_devices_of_their_own(payments):
    stolen = payments[payments["kind"].isin(["stolen_card", "burst"]) & (payments["channel"] == "online")]
    assert len(stolen) > 20
    assert not set(stolen["device_id"]) & set(payments.loc[payments["kind"] == "", "device_id"])
    assert (stolen.groupby(["customer_id", "device_id"]).size() > 1).any()


# No giveaway, and what the option leaves alone


def test_no_column_but_the_truth_tells_frauds_apart(payments):
    """No cell, no form of an identifier and no size of amount that only frauds have."""
    fraud = payments["is_fraud"] == 1
    for column in ("currency", "channel", "country", "merchant_country", "entry_mode", "card_present", "authorised"):
        assert set(payments.loc[fraud, column].dropna()) <= set(payments.loc[~fraud, column].dropna()), column
    for column in ("transaction_id", "device_id", "ip", "card_id", "beneficiary_id"):
        form = payments[column].dropna().str.replace(r"[0-9a-f]+", "0", regex=True)
        assert set(form[fraud]) <= set(form[~fraud]), column
    tiny = payments.loc[payments["kind"] == "card_testing", "home_amount"].max()
    large = payments.loc[payments["kind"].isin(["account_takeover", "mule"]), "home_amount"].median()
    assert (payments.loc[~fraud, "home_amount"] < tiny).sum() >= 10
    assert (payments.loc[~fraud, "home_amount"] > large).sum() >= 10


def test_a_trait_of_fraud_is_commoner_among_frauds_and_yet_mostly_honest(payments):
    ordered = payments.sort_values("at")
    known = ordered["device_id"].notna() & ordered["customer_id"].duplicated()
    traits = {
        "new device": known & ~ordered.duplicated(["customer_id", "device_id"]),
        "shared device": ordered.groupby("device_id")["customer_id"].transform("nunique") >= LEAST_MEMBERS,
        "much paid payee": ordered.groupby("beneficiary_id")["customer_id"].transform("nunique") >= 6,
        "abroad": ordered["country"] != "IE",
        "declined": ordered["authorised"] == 0,
    }
    share = {name: ordered.loc[shown, "is_fraud"].mean() for name, shown in traits.items()}
    assert all(1.3 * payments["is_fraud"].mean() < found < 0.4 for found in share.values()), share


@pytest.mark.parametrize("days", [1, 9])
def test_every_kind_occurs_in_the_smallest_set_within_its_calendar(days):
    asked = Settings(payments=10_000, days=days, fraud_kinds=True)
    drawn = pd.concat(Population(asked).payments())
    at = pd.to_datetime(drawn["event_time"]).dt.tz_localize(None)
    wanted = {*FRAUDS, *ALIKE, "friendly_fraud", ""}

    assert wanted <= set(drawn["kind"])
    assert (drawn["kind"].isin(["", *ALIKE])).equals(drawn["is_fraud"] == 0)
    assert at.between(pd.Timestamp(asked.start), pd.Timestamp(asked.start) + pd.Timedelta(days=days)).all()
    assert drawn["transaction_id"].is_unique
    assert 10_000 < len(drawn) < 10_600


def written(folder, **asked) -> dict[str, bytes]:
    generated.write(Settings(**{"payments": 10_000, "loans": 200, "days": 30, "seed": 5, **asked}), folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_without_the_option_nothing_changes_and_with_it_loans_do_not(tmp_path):
    plain, full = written(tmp_path / "plain"), written(tmp_path / "full", fraud_kinds=True)

    assert full == written(tmp_path / "again", fraud_kinds=True)
    assert set(full) - set(plain) == {"exchange_rates.csv", "truth.csv"}
    same = [name for name in plain if plain[name] == full[name]]
    assert sorted(same) == ["loan_applications.csv", "loan_outcomes.csv"]
    assert list(pq.read_table(tmp_path / "plain" / "transactions.parquet").column_names) == [
        "transaction_id", "event_time", "customer_id", "merchant_id", "amount", "currency", "channel", "country"
    ]  # fmt: skip
    other = written(tmp_path / "other", fraud_kinds=True, seed=6)
    assert all(other[name] != full[name] for name in full)


def test_what_was_drawn_before_there_were_options_is_drawn_today():
    people = Population(Settings(payments=10_000, days=30, seed=5))
    digest = hashlib.sha256()
    for index, part in enumerate(people.payments()):
        for frame in (part, people.labels(part, index)):
            digest.update(frame.to_csv(index=False, lineterminator="\n").encode())
    assert digest.hexdigest() == "db64f70f9967f70b43b74fc639c9f5abc4eeadafd12a770effa751eb1ed71cf1"


def test_slices_are_alike_in_their_types_and_number_payments_and_episodes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(population, "SLICE", 2_500)
    written(tmp_path, fraud_kinds=True)
    table = pq.read_table(tmp_path / "transactions.parquet").to_pandas()
    truth = pd.read_csv(tmp_path / "truth.csv")
    labels = pq.read_table(tmp_path / "fraud_labels.parquet").to_pandas()

    whole = table.loc[~table["transaction_id"].str.endswith("X"), "transaction_id"].drop_duplicates()
    assert whole.sort_values().str[1:].astype(int).tolist() == list(range(len(whole)))
    for contract, found in ((TRANSACTIONS, table), (FRAUD_LABELS, labels)):
        assert list(found) == [column.name for column in contract.columns]
    assert (truth.groupby("episode")["kind"].nunique() == 1).all()
    assert truth.groupby("kind")["episode"].nunique()["ring"] == 4
    final = labels.sort_values("reported_at").groupby("transaction_id")["is_fraud"].last()
    frauds = truth.loc[~truth["kind"].isin(ALIKE), "transaction_id"]
    assert set(frauds) == set(final[final == 1].index)


def test_the_lake_takes_a_set_with_fraud_kinds(tmp_path, capsys):
    SETS["generated"]({"SIZE": "10000", "LOANS": "100", "DAYS": "30", "FRAUD_KINDS": "1"}, tmp_path)

    assert check_data([str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "the lake takes these files" in told
    assert "currency: amounts are counted in EUR" in told
    assert "no rate is known" not in told


def test_the_option_is_yes_or_no(tmp_path):
    with pytest.raises(Unusable, match="FRAUD_KINDS: expected a whole number between 0 and 1"):
        SETS["generated"]({"FRAUD_KINDS": "yes"}, tmp_path)
