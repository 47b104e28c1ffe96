"""The generated population: it follows from its seed, fits in memory, and holds what it claims to hold."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from datasets import generated, population
from datasets.population import Population, Settings
from features.contract import CONTRACTS, PROTECTED_PREFIX
from features.payment import InvalidPayment, Payment

SMALL = Settings(payments=20_000, loans=400, days=60, seed=7)


@pytest.fixture(scope="module")
def drawn():
    """A small population, its payments in one frame, and its labels."""
    people = Population(SMALL)
    slices = list(people.payments())
    labels = [people.labels(payments, index) for index, payments in enumerate(slices)]
    return people, pd.concat(slices, ignore_index=True), pd.concat(labels, ignore_index=True)


def digests(folder):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generated.write(Settings(payments=10_000, loans=50, days=20, seed=seed), tmp_path / name)
    first, again, other = (digests(tmp_path / name) for name in "abc")
    assert first == again
    assert set(first) == {"transactions.parquet", "fraud_labels.parquet", "loan_applications.csv", "loan_outcomes.csv"}
    assert not set(first.values()) & set(other.values())


def test_payments_are_drawn_and_written_slice_by_slice(tmp_path, monkeypatch):
    monkeypatch.setattr(population, "SLICE", 3_000)
    settings = Settings(payments=10_000, loans=50, days=20, seed=1)
    assert [len(part) for part in Population(settings).payments()] == [3_000, 3_000, 3_000, 1_000]
    generated.write(settings, tmp_path)
    metadata = pq.read_metadata(tmp_path / "transactions.parquet")
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert len(sizes) == 4
    assert max(sizes) < 3_000 * (1 + 10 * generated.FLAWED)


def test_people_and_merchants_do_not_grow_without_bound():
    assert Settings(payments=100_000_000).customers == population.MOST_CUSTOMERS
    assert Settings(payments=100_000_000).merchants <= population.MOST_CUSTOMERS


def test_no_label_is_reported_before_its_payment(drawn):
    _, payments, labels = drawn
    joined = labels.merge(payments[["transaction_id", "event_time"]], on="transaction_id")
    assert len(joined) == len(labels)
    assert (pd.to_datetime(joined["reported_at"]) >= pd.to_datetime(joined["event_time"])).all()


def test_every_payment_is_judged_and_finally_as_it_was(drawn):
    _, payments, labels = drawn
    final = labels.sort_values("reported_at").groupby("transaction_id")["is_fraud"].last()
    assert final.to_dict() == payments.set_index("transaction_id")["is_fraud"].to_dict()


def test_a_fraud_reported_late_was_taken_for_honest_first(drawn):
    _, payments, labels = drawn
    times = pd.to_datetime(labels["reported_at"])
    twice = labels.assign(at=times).sort_values("at").groupby("transaction_id").filter(lambda rows: len(rows) > 1)
    judged = twice.groupby("transaction_id")["is_fraud"].apply(list)
    assert len(judged) > 10
    assert judged.map(lambda flags: flags == [0, 1]).all()
    frauds = payments.loc[payments["is_fraud"] == 1, "transaction_id"]
    first = labels.assign(at=times).sort_values("at").drop_duplicates("transaction_id").set_index("transaction_id")
    week_later = pd.to_datetime(payments.set_index("transaction_id")["event_time"]) + pd.Timedelta(days=7)
    in_time = first.loc[frauds, "is_fraud"] == 1
    assert (first.loc[frauds, "at"] <= week_later.loc[frauds]).all()
    assert 0 < in_time.mean() < 1


def test_stolen_cards_are_defrauded_while_they_are_stolen(drawn):
    people, payments, _ = drawn
    share = fraud_share(payments, "customer_id", "C", people.stolen_from, people.stolen_until, people)
    assert share["inside"] > 0.2 > 5 * share["outside"]


def test_compromised_merchants_are_defrauded_while_they_are_compromised(drawn):
    people, payments, _ = drawn
    share = fraud_share(payments, "merchant_id", "M", people.compromised_from, people.compromised_until, people)
    assert share["inside"] > 0.2 > 5 * share["outside"]


def fraud_share(payments, column, prefix, since, until, people):
    who = payments[column].str.removeprefix(prefix).astype(int).to_numpy()
    moments = pd.to_datetime(payments["event_time"]).dt.tz_localize(None)
    day = ((moments - people.start) / pd.Timedelta(days=1)).to_numpy()
    inside = (day >= since[who]) & (day < until[who])
    assert inside.sum() > 50
    return {"inside": payments["is_fraud"][inside].mean(), "outside": payments["is_fraud"][~inside].mean()}


def test_rings_test_cards_with_bursts_of_small_amounts_at_one_merchant(drawn):
    people, payments, _ = drawn
    ring = set(people.merchant_ids[people.ring_merchants])
    small = payments[(payments["is_fraud"] == 1) & (payments["amount"] < 9) & (payments["channel"] == "online")]
    bursts = small[small["merchant_id"].isin(ring)].groupby(["customer_id", "merchant_id"]).size()
    assert (bursts >= 4).sum() >= 2


def test_frauds_are_rare(drawn):
    assert 0.005 < drawn[1]["is_fraud"].mean() < 0.06


def test_the_protected_attribute_goes_by_its_prefix_only():
    applications, outcomes = Population(SMALL).loans()
    carriers = [c for c in applications if set(applications[c].astype(str)) == {"A", "B"}]
    assert carriers == ["protected_group"]
    assert carriers[0].startswith(PROTECTED_PREFIX)
    assert list(outcomes) == ["loan_id", "defaulted", "observed_at"]


def test_defaults_depend_on_what_an_application_says():
    applications, outcomes = Population(Settings(payments=10_000, loans=4_000)).loans()
    defaulted = outcomes["defaulted"].to_numpy()
    assert 0.05 < defaulted.mean() < 0.5
    assert np.corrcoef(applications["utilisation"], defaulted)[0, 1] > 0.1


def test_every_file_has_the_contracts_columns(tmp_path):
    generated.write(Settings(payments=10_000, loans=50, days=20), tmp_path)
    for file in tmp_path.iterdir():
        names = pq.read_schema(file).names if file.suffix == ".parquet" else list(pd.read_csv(file, nrows=1))
        assert set(CONTRACTS[file.stem].required) <= set(names)


def test_nearly_every_payment_keeps_the_contract_and_a_few_break_it(tmp_path):
    generated.write(Settings(payments=10_000, loans=50, days=20), tmp_path)
    payments = pq.read_table(tmp_path / "transactions.parquet").to_pylist()
    refused = 0
    for fields in payments:
        try:
            Payment.parse(fields)
        except InvalidPayment:
            refused += 1
    assert 0 < refused < 0.002 * len(payments)
    assert len({fields["transaction_id"] for fields in payments}) < len(payments), "some payments come twice"
