"""Public sets of loans that tell when, in the very form in which their publishers give them."""

from __future__ import annotations

import pandas as pd
import pyarrow.parquet as pq
import pytest

from datasets.catalog import SETS, Unusable
from features.contract import CONTRACTS, DECISION_WORDS
from features.values import instant
from training.default import DEFINITION, Definition, Told, standing

LENDING_CLUB = """Notes offered by Prospectus (https://www.example.com/info/prospectus.action)
"id","member_id","loan_amnt","funded_amnt","term","int_rate","grade","annual_inc","issue_d","loan_status","revol_util","out_prncp","total_pymnt","total_rec_prncp","recoveries","last_pymnt_d","last_fico_range_high"
"","","5000","5000"," 36 months"," 10.65%","B","24000","Dec-2011","Fully Paid","83.7%","0.00","5863.15","5000.00","0.0","Jan-2015","744"
"","","2500","2400"," 60 months"," 15.27%","C","30000","Dec-2011","Charged Off","9.4%","0.00","1014.53","456.46","122.90","Apr-2013","499"
"","","6000","6000"," 36 months"," 7.90%","A","36000","Nov-2011","Does not meet the credit policy. Status:Charged Off","28.3%","0.00","100.00","90.00","0.0","","500"
"","","7000","7000"," 60 months"," 7.90%","A","47000","Dec-2014","Current","85.6%","4200.00","3500.00","2800.00","0.0","Mar-2016","700"
"","","3000","3000"," 36 months"," 18.64%","E","48000","Feb-2016","Late (31-120 days)","87.5%","2900.00","100.00","100.00","0.0","Mar-2016","600"
"","","3000","3000"," 36 months"," 18.64%","E","48000","Mar-2016","Issued","87.5%","3000.00","0.00","0.00","0.0","","690"


Total amount funded in policy code 1: 460296150
"Total amount funded in policy code 2: 0",,,,,,,,,,,,,,,,
"""  # noqa: E501
SBA = """LoanNr_ChkDgt,Name,City,State,Zip,Bank,NAICS,ApprovalDate,ApprovalFY,Term,NoEmp,NewExist,UrbanRural,RevLineCr,LowDoc,ChgOffDate,DisbursementDate,DisbursementGross,BalanceGross,MIS_Status,ChgOffPrinGr,GrAppv,SBA_Appv
1000014003,ABC HOBBYCRAFT,EVANSVILLE,IN,47711,FIFTH THIRD BANK,451120,28-Feb-97,1997,84,4,2,0,N,Y,,28-Feb-99,"$60,000.00 ",$0.00 ,P I F,$0.00 ,"$60,000.00 ","$48,000.00 "
1000074003,A COMPANY,TOWN,CA,91000,BANK,0,7-Feb-06,2006,60,19,1,1,0,N,4-Oct-07,31-Mar-06,"$212,500.00 ",$0.00 ,CHGOFF,"$208,959.00 ","$229,000.00 ","$229,000.00 "
1000084002,OTHER,TOWN,CA,91000,BANK,0,2-Jul-13,2013,240,19,1,1,0,N,,31-Aug-13,$900.00 ,$0.00 ,,$0.00 ,$900.00 ,$450.00 
1000094003,LATE ONE,TOWN,CA,91000,BANK,0,2-Jul-13,2013,240,19,1,1,0,N,,31-Aug-13,$900.00 ,$0.00 ,P I F,$0.00 ,$900.00 ,$450.00 
"""  # noqa: E501


@pytest.fixture
def read(tmp_path):
    """The frames by entity of a file in a publisher's form."""

    def run(name: str, text: str, file: str = "loans.csv", **options: str) -> dict[str, pd.DataFrame]:
        (tmp_path / file).write_text(text)
        counts = SETS[name]({"SOURCE": str(tmp_path / file), **options}, tmp_path / "out")
        frames = {entity: pq.read_table(tmp_path / "out" / f"{entity}.parquet").to_pandas() for entity in counts}
        assert {entity: len(frame) for entity, frame in frames.items()} == counts
        return frames

    return run


def told(frames: dict[str, pd.DataFrame]) -> Told:
    """As SILVER holds it."""

    def silver(entity: str) -> pd.DataFrame:
        contract, frame = CONTRACTS[entity], frames[entity]
        instants = {c.name: pd.to_datetime(frame[c.name], utc=True) for c in contract.columns if c.type == "instant"}
        money = {
            f"{c.name}_cents": frame[c.name].astype(float) * 100
            for c in contract.columns
            if c.type == "money" and c.name in frame
        }
        rest = frame if "days_past_due" in frame or entity != "loan_performance" else frame.assign(days_past_due=None)
        return rest.assign(**instants, **money)

    return Told(silver("loan_outcomes"), silver("loan_performance"), silver("loan_decisions"))


def states(frames: dict[str, pd.DataFrame], as_of: str, definition: Definition = DEFINITION) -> list[tuple[str, bool]]:
    made = frames["loan_applications"].set_index("loan_id")["applied_at"]
    found = standing(pd.to_datetime(made, utc=True), told(frames), pd.Timestamp(as_of, tz="UTC"), definition)
    return list(zip(found["state"], found["labelled"], strict=True))


@pytest.mark.parametrize(
    ("name", "text", "count"), [("lending_club_loans", LENDING_CLUB, 6), ("sba", SBA, 4)], ids=["lending_club", "sba"]
)
def test_a_set_with_a_calendar_keeps_the_contract_in_every_file(name, text, count, read):
    frames = read(name, text)

    assert len(frames["loan_applications"]) == len(frames["loan_decisions"]) == count
    for entity, frame in frames.items():
        contract = CONTRACTS[entity]
        assert not frame[list(contract.required)].isna().any().any()
        assert not frame.duplicated(list(contract.key)).any()
        assert frame[contract.dated_by].map(instant).min() > 0
        assert set(frame["loan_id"]) <= set(frames["loan_applications"]["loan_id"])
        if entity != "loan_applications":
            assert set(frame) <= {column.name for column in contract.columns}
    assert set(frames["loan_decisions"]["decision"]) <= set(DECISION_WORDS)


def test_lending_clubs_own_file_is_read_with_its_note_its_months_and_its_percents(read):
    frames = read("lending_club_loans", LENDING_CLUB)
    loan, decided = frames["loan_applications"].iloc[1], frames["loan_decisions"].iloc[2]

    assert (loan["applied_at"], float(loan["amount"]), loan["term_months"]) == ("2011-12-01T00:00:00.000Z", 2500.0, 60)
    assert set(frames["loan_applications"]) == {
        "loan_id",
        "customer_id",
        "applied_at",
        "amount",
        "term_months",
        "annual_inc",
        "revol_util",
    }
    assert (decided["interest_rate"], float(decided["amount_granted"])) == ("7.90", 6000.0)
    assert decided["reason"] == "does not meet the credit policy"


def test_what_became_of_lending_clubs_loans_is_dated_by_their_last_payment(read):
    seen = read("lending_club_loans", LENDING_CLUB)["loan_performance"]
    found = [
        (at[:10], None if pd.isna(late) else int(late), *(None if pd.isna(x) else float(x) for x in money))
        for at, late, *money in seen[
            ["observed_at", "days_past_due", "balance", "charged_off", "recovered"]
        ].itertuples(index=False)
    ]

    assert found == [
        ("2015-01-31", 0, 0.0, None, None),
        ("2013-09-30", 150, 0.0, 1943.54, 122.9),
        ("2012-04-30", 150, 0.0, 5910.0, 0.0),
        ("2016-03-31", 0, 4200.0, None, None),
        ("2016-04-30", 31, 2900.0, None, None),
    ]


def test_lending_clubs_loans_are_labelled_by_the_definition_of_default(read):
    frames = read("lending_club_loans", LENDING_CLUB)

    assert states(frames, "2016-05-01") == [
        ("good", True),
        ("good", True),  # charged off after 21 months on book
        ("bad", True),
        ("good", True),  # current, fifteen months on book
        ("immature", False),
        ("immature", False),
    ]
    assert [state for state, _ in states(frames, "2016-05-01", Definition(months=24))][:4] == [
        "good",
        "bad",
        "bad",
        "immature",
    ]


def test_a_guaranteed_loan_that_is_paid_in_full_within_its_window_is_good(read):
    old, new = "2-Jul-13,2013,240,19,1,1,0,N,,31-Aug-13,$900.00 ,$0.00 ,P I F", "2-Jul-07,2007,6,19,1,1,0,N,,,,,P I F"
    assert old in SBA
    short = SBA.replace(old, new).replace(",1997,84,", ",1997,240,")  # and another one is told up to the end of 2014

    assert states(read("sba", short), "2015-01-01")[3] == ("good", True)


def test_kaggles_copy_without_a_note_and_with_numbers_is_read_alike(read):
    numbered = "\n".join(LENDING_CLUB.splitlines()[1:8]).replace('"",""', '"1077501",""', 1)
    loans = read("lending_club_loans", numbered)["loan_applications"]

    assert loans["loan_id"].tolist() == ["1077501", *(f"LC{n:08d}" for n in range(2, 7))]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("lending_club_loans", LENDING_CLUB.replace("Fully Paid", "Sold"), "as loan_status, found 'Sold'"),
        (
            "lending_club_loans",
            LENDING_CLUB.replace("Jan-2015", "x").replace("Nov-2011", "11/11"),
            "issue_d: expected days or months such as Feb-1997, found '11/11'",
        ),
        ("sba", SBA.replace("CHGOFF", "GONE"), "as MIS_Status, found 'GONE'"),
        ("sba", SBA.replace('"$229,000.00 ","$2', '"$22,9000.00 ","$2'), "GrAppv: expected numbers"),
    ],
    ids=["status", "month", "agency status", "amount"],
)
def test_a_cell_that_the_publisher_does_not_write_is_named(name, text, words, read):
    with pytest.raises(Unusable) as refused:
        read(name, text)
    assert words.replace("\\", "") in str(refused.value)


def test_the_agencys_loans_have_their_own_days_amounts_and_losses(read):
    frames = read("sba", SBA)
    loans, seen = frames["loan_applications"], frames["loan_performance"].set_index("loan_id")

    assert loans["applied_at"].str[:10].tolist() == ["1997-02-28", "2006-02-07", "2013-07-02", "2013-07-02"]
    assert [float(amount) for amount in loans["amount"]] == [60_000.0, 229_000.0, 900.0, 900.0]
    assert not {"name", "mis_status", "chg_off_date", "chg_off_prin_gr", "disbursement_gross"} & set(loans)
    assert seen["observed_at"].str[:10].to_dict() == {
        "1000014003": "2004-02-29",
        "1000074003": "2007-10-04",
        "1000094003": "2014-12-31",
    }
    lost = float(seen.loc["1000074003", "charged_off"])
    granted = frames["loan_decisions"].set_index("loan_id")["amount_granted"]
    assert lost / float(granted["1000074003"]) == pytest.approx(0.98334, abs=1e-5), "loss given default"
    assert [state for state, _ in states(frames, "2015-01-01", Definition(months=60))] == [
        "good",
        "bad",
        "immature",
        "immature",
    ]


def test_years_of_two_digits_lie_behind_us(read):
    text = SBA.replace("28-Feb-97", "28-Feb-71").replace("7-Feb-06", "7-Feb-20")
    assert read("sba", text)["loan_applications"]["applied_at"].str[:4].tolist()[:2] == ["1971", "2020"]


def test_start_and_days_select_applications_with_all_that_is_told_of_them(read):
    frames = read("lending_club_loans", LENDING_CLUB, START="2011-11-01", DAYS="31")
    assert {entity: len(frame) for entity, frame in frames.items()} == {
        "loan_applications": 3,
        "loan_decisions": 3,
        "loan_performance": 3,
        "loan_outcomes": 3,
    }
    with pytest.raises(Unusable, match="expected loans from 2020-01-01"):
        read("lending_club_loans", LENDING_CLUB, START="2020-01-01", DAYS="31")
