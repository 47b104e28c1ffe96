"""Protected columns are known by their names, and no other column is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.contract import CONTRACTS
from features.credit import PAYMENT_BEHAVIOUR
from features.declared import Column as Declared
from features.fraud import FRAUD
from features.protected import WORDS, characteristic_of, protected

NAMES = {
    "sex": (
        "sex SEX Sex sEX gender CODE_GENDER applicant_sex applicantSex custsex sexcode q8_sex sex2 "
        "is_male Geschlecht Sexe sesso género"
    ),
    "age": (
        "age AGE aGe age_in_years ageInYears AgeGroup age_group client_age customerage AGEBAND age1 "
        "DAYS_BIRTH dob DOB DOBYear date_of_birth DateOfBirth dateofbirth birth_date birthday "
        "age_at_loan company_owner_age Alter âge edad età"
    ),
    "race or ethnic origin": "race Race ethnicity ETHNIC_GROUP racecode",
    "nationality": "nationality Nationalität Nationalité foreign_worker Staatsangehörigkeit country_of_birth",
    "religion": "religion Religion religious_affiliation",
    "marital status": (
        "marital_status MaritalStatus MARRIAGE maritalstatus NAME_FAMILY_STATUS Familienstand état_civil "
        "estado_civil stato_civile"
    ),
    "disability": "disability is_disabled",
    "pregnancy": "pregnancy Pregnant",
    "political opinion": "political_opinion politicalOpinion",
    "sexual orientation": "sexual_orientation",
    "trade union": "trade_union tradeUnion union_member",
    "declared": "protected_x Protected_sex PROTECTED_GROUP",
}
OTHERS = (
    "usage average mortgage message engagement package mileage coverage percentage storage village "
    "wages language page stage agent agency agreement manager shortage OWN_CAR_AGE account_age "
    "loan_age AgeOfOldestAccount property_age average_age_of_accounts account_disabled credit_union "
    "union essex unisex trace brace embrace alternative beta delta particle parties marketing region "
    "legion politically_exposed policy generation email emp_title purpose housing job telephone "
    "inq_last_6mths AverageMInFile usageRate messageCount packageSize relationship"
)


@pytest.mark.parametrize(("what", "name"), [(what, name) for what, names in NAMES.items() for name in names.split()])
def test_a_protected_column_is_known_in_any_case_and_with_words_around_it(what, name):
    assert protected(name) == what


@pytest.mark.parametrize("name", OTHERS.split())
def test_no_other_column_is_taken_for_a_protected_one(name):
    for spelling in {name, name.lower(), name.upper(), f"customer_{name}", f"{name}_30d"}:
        assert protected(spelling) is None


def test_none_of_our_own_columns_is_taken_for_a_protected_one():
    ours = {*PAYMENT_BEHAVIOUR.columns, *FRAUD.columns, *(c.name for e in CONTRACTS.values() for c in e.columns)}

    assert {name: what for name in ours if (what := protected(name))} == {}


@given(
    st.sampled_from(["usage", "average", "mortgage", "message", "engagement", "package"]),
    st.sampled_from([str.lower, str.upper, str.title]),
    st.lists(st.sampled_from(["monthly", "total", "loan", "x2", "rate", "30d"]), max_size=3),
    st.sampled_from(["_", "-", " ", "."]),
)
def test_an_age_within_a_word_is_no_age_whatever_stands_around_it(word, case, others, sign):
    assert protected(sign.join([*others, case(word)])) is None
    assert protected(sign.join([case(word), *others])) is None


@given(
    st.sampled_from([(phrase, what) for what, phrases in WORDS.items() for phrase in phrases.split(", ")]),
    st.sampled_from([str.lower, str.upper, str.title]),
    st.sampled_from(["_", "-", " ", ".", "__"]),
)
def test_every_word_of_the_list_is_known_with_any_sign_between_and_words_around(phrase, case, sign):
    words, what = phrase
    name = sign.join(["x", *map(case, words.split()), "y"])

    assert protected(name) == what
    assert protected("".join(w.title() for w in ["x", *words.split(), "y"])) == what


def test_a_name_that_is_no_text_of_ours_is_no_error():
    for name in ("", "_", "123", "名前", "🙂"):
        assert protected(name) is None


def test_only_a_name_is_ruled_out_by_a_reason_and_never_the_prefix():
    ruled = Declared(not_protected="horses")

    assert characteristic_of("race_track", Declared()) == "race or ethnic origin"
    assert characteristic_of("race_track", ruled) is None
    assert characteristic_of("protected_group", ruled) == "declared"
    assert characteristic_of("ward", Declared(protected=True)) == "declared"
