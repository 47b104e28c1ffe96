"""Public sets of payments, declared. Times without a zone are taken for UTC; labels are known 7 days later."""

from __future__ import annotations

from datetime import date

from datasets.cells import clock, elapsed, flag, money, number, unless, without_prefix
from datasets.declaration import PaymentSet
from datasets.origins import Column, Constant, Dealt, Joined, RowNumber, any_of
from datasets.tokens import token

HANDBOOK = PaymentSet(
    name="handbook",
    title="Fraud Detection Handbook, simulated card payments",
    publisher="Le Borgne, Siblini, Lebichot, Bontempi (Université Libre de Bruxelles, Worldline): "
    "github.com/Fraud-Detection-Handbook/simulated-data-raw",
    licence="the data repository states none: use it, do not pass it on",
    columns={
        "transaction_id": any_of("TRANSACTION_ID", "transaction_id"),
        "event_time": any_of("TX_DATETIME", "tx_datetime", read=clock),
        "customer_id": any_of("CUSTOMER_ID", "customer_id"),
        "merchant_id": any_of("TERMINAL_ID", "terminal_id"),
        "amount": any_of("TX_AMOUNT", "tx_amount", read=money),
        "is_fraud": any_of("TX_FRAUD", "tx_fraud", read=flag()),
    },
    dropped={
        "(?i)TX_FRAUD_SCENARIO": "names the kind of fraud, so it is the label",
        "(?i)TX_TIME_(SECONDS|DAYS)": "repeats the instant",
    },
    notes="Published as daily pickles, which are not accepted, since a pickle runs code when it is opened: export them "
    "as Parquet or CSV.",
)

ULB = PaymentSet(
    name="ulb",
    title="Credit card fraud, two days of September 2013 (creditcard.csv)",
    publisher="Machine Learning Group, Université Libre de Bruxelles: kaggle.com/mlg-ulb/creditcardfraud",
    licence="Database Contents License 1.0",
    columns={
        "transaction_id": (RowNumber("U"),),
        "event_time": (Column("Time", elapsed(1000, date(2013, 9, 1))),),
        "customer_id": (Dealt("C", 5_000),),
        "merchant_id": (Dealt("M", 331),),
        "amount": (Column("Amount", money),),
        "is_fraud": (Column("Class", flag()),),
    },
    stem="creditcard",
    deal_over=28,
    notes="The set says neither who paid nor who was paid: customers and merchants are dealt out and mean nothing, so "
    "the platform's behaviour features carry no signal here. Its two days are dealt out over DAYS days (28 unless "
    "told) at their own time of day, so that labels become known before the last day. Use it to try the machinery; "
    "do not quote a quality figure from it.",
)

IEEE_CIS = PaymentSet(
    name="ieee_cis",
    title="IEEE-CIS Fraud Detection (train_transaction.csv and, if there, train_identity.csv)",
    publisher="Vesta, IEEE Computational Intelligence Society: kaggle.com/c/ieee-fraud-detection",
    licence="the competition's rules",
    columns={
        "transaction_id": (Column("TransactionID"),),
        "event_time": (Column("TransactionDT", elapsed(1000, date(2017, 12, 1))),),
        "customer_id": (Joined("card", ("card1", "card2", "card3", "card4", "card5", "card6", "addr1")),),
        "merchant_id": (Joined("product", ("ProductCD", "R_emaildomain")), Joined("product", ("ProductCD",))),
        "amount": (Column("TransactionAmt", money),),
        "is_fraud": (Column("isFraud", flag()),),
    },
    optional={
        "currency": (Constant("USD"),),
        "card_id": (Joined("card", ("card1", "card2", "card3", "card4", "card5", "card6")),),
    },
    dropped={r"V\d+": "339 columns of unpublished meaning that the publisher derived from the payment's history"},
    stem="train_transaction",
    companion=("train_identity", "TransactionID"),
    notes="TransactionDT counts seconds from a day that was never published; 2017-12-01 is the usual convention. "
    "There are no customers or merchants: a customer is the masked card with its billing area, a merchant is the "
    "product with the recipient's mail domain. Both are guesses, and both merge what is really several. addr2 is a "
    "masked country and DeviceInfo a kind of device, so neither fills a column of the contract.",
)

PAYSIM = PaymentSet(
    name="paysim",
    title="PaySim, simulated mobile money",
    publisher="Lopez-Rojas, Elmir, Axelsson: kaggle.com/ealaxi/paysim1",
    licence="CC BY-SA 4.0",
    columns={
        "transaction_id": (RowNumber("P"),),
        "event_time": (Column("step", elapsed(3_600_000, date(2017, 1, 1), first=1)),),
        "customer_id": (Column("nameOrig"),),
        "merchant_id": (Column("nameDest"),),
        "amount": (Column("amount", money),),
        "channel": (Column("type"),),
        "is_fraud": (Column("isFraud", flag()),),
    },
    optional={"beneficiary_id": (Column("nameDest", unless("M")),)},
    dropped={
        "isFlaggedFraud": "a rule's verdict on the payment, not known before it",
        "(old|new)balance(Org|Orig|Dest)": "the simulator takes a fraud back, so the balances give it away",
    },
    notes="A step is an hour and nothing finer is known: all payments of an hour share its first instant. Step 1 is "
    "put at 2017-01-01. Who receives a payment is its merchant, and its beneficiary when it is a person. Nearly every "
    "payer occurs once, so there is hardly any customer history.",
)

SPARKOV = PaymentSet(
    name="sparkov",
    title="Sparkov, simulated card payments of 2019 and 2020 (fraudTrain.csv, fraudTest.csv)",
    publisher="Harris' Sparkov generator, published by Shenoy: kaggle.com/kartik2112/fraud-detection",
    licence="CC0 1.0",
    columns={
        "transaction_id": (Column("trans_num"),),
        "event_time": (Column("trans_date_trans_time", clock),),
        "customer_id": (Column("cc_num", token),),
        "merchant_id": (Column("merchant", without_prefix("fraud_")),),
        "amount": (Column("amt", money),),
        "is_fraud": (Column("is_fraud", flag()),),
    },
    optional={
        "card_id": (Column("cc_num", token),),
        "latitude": (Column("merch_lat", number),),
        "longitude": (Column("merch_long", number),),
    },
    dropped={
        "first|last|street": "who and where a person is",
        "city|zip|lat|long": "with the birthday it points at one person",
        "unix_time": "repeats the instant, seven years off",
    },
    protected=("gender", "dob"),
    notes="cc_num is a card number and never passes: the customer is its keyed hash (HMAC-SHA256). Set the variable "
    "DATASET_TOKEN_KEY for the same tokens in every run; without it the key is random and forgotten. Every merchant "
    "is published as `fraud_...`, honest or not: that prefix goes. A payment was made where its merchant is; category "
    "is this generator's own word and no ISO 18245 code.",
)

PAYMENT_SETS = (HANDBOOK, ULB, IEEE_CIS, PAYSIM, SPARKOV)
