"""Which columns are protected by law, by their names: English, German, French, Spanish and Italian words.

A name is taken apart into words, so that `usage`, `mortgage` or `package` are never taken for `age`. What a name does
not say, a user declares with the prefix `protected_`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from features.contract import PROTECTED_PREFIX
from features.declared import Column as Declared

# By characteristic: words of a name, each a word or several in a row. Without accents, in lower case.
WORDS = {
    "sex": (
        "sex, gender, male, female, geschlecht, anrede, salutation, honorific, sexe, civilite, sexo, genero, "
        "sesso, genere, genre"
    ),
    "age": (
        "age, ages, alter, lebensalter, edad, eta, years old, dob, yob, birth, born, birthday, birthdate, "
        "birthyear, dateofbirth, yearofbirth, geburt, geburtsdatum, geburtstag, geburtsjahr, naissance, "
        "nacimiento, nascita"
    ),
    "race or ethnic origin": (
        "race, racial, ethnic, ethnicity, ethnicgroup, hispanic, latino, caste, tribe, skin color, skin "
        "colour, rasse, ethnie, ethnisch, ethnische, ethnizitat, hautfarbe, ethnique, ethnicite, raza, etnia, "
        "etnico, razza, etnica"
    ),
    "nationality": (
        "nationality, citizen, citizenship, national origin, country of origin, native country, birth "
        "country, country of birth, birthplace, place of birth, foreign worker, foreign national, foreigner, "
        "immigrant, immigration, nationalitat, staatsangehorigkeit, staatsburgerschaft, auslander, "
        "migrationshintergrund, geburtsort, geburtsland, nationalite, citoyennete, etranger, nacionalidad, "
        "ciudadania, extranjero, nazionalita, cittadinanza, straniero"
    ),
    "religion": (
        "religion, religious, religions, creed, religionszugehorigkeit, konfession, kirche, kirchensteuer, "
        "religieux, confession, religione, religioso, religiosa"
    ),
    "marital status": (
        "marital, maritalstatus, marriage, married, divorced, widowed, spouse, civil status, family status, "
        "personal status, familienstand, zivilstand, verheiratet, etat civil, situation familiale, situation "
        "matrimoniale, matrimonial, marie, estado civil, casado, casada, stato civile, sposato, sposata"
    ),
    "disability": (
        "disability, disabilities, disabled, handicap, handicapped, behinderung, behindert, schwerbehindert, "
        "schwerbehinderung, handicape, invalidite, discapacidad, discapacitado, disabilita, disabile"
    ),
    "pregnancy": (
        "pregnancy, pregnant, maternity, schwanger, schwangerschaft, grossesse, enceinte, embarazo, "
        "embarazada, gravidanza, incinta"
    ),
    "political opinion": (
        "political, politics, political opinion, political party, politisch, politische, partei, "
        "parteizugehorigkeit, politique, politico, politica"
    ),
    "sexual orientation": (
        "sexual, sexuality, sexual orientation, homosexual, lgbt, lgbtq, transgender, sexuell, sexuelle, "
        "orientation sexuelle, orientacion sexual, orientamento sessuale, sessuale"
    ),
    "trade union": (
        "trade union, tradeunion, union member, union membership, gewerkschaft, gewerkschaftsmitglied, "
        "syndicat, syndique, sindicato, sindacato"
    ),
    "health": (
        "health status, health condition, medical condition, genetic, biometric, gesundheitszustand, "
        "krankheit, etat de sante, estado de salud, stato di salute"
    ),
}
# The age of a thing, and what was switched off, are no person's.
THINGS = (
    "account accounts asset bill building business car card claim company credit debt device document engine "
    "enterprise file firm home house inquiry invoice line listing loan machine newest oldest phone policy property "
    "record relationship roof site tractor trade tradeline vehicle website"
)
OF_THINGS = frozenset(THINGS.split())
THINGS_MAY_HAVE = frozenset({"age", "ages", "disabled"})
# What stands before or behind such a word without a sign between: custsex, ageband.
PEOPLE = (
    "applicant antragsteller borrower client cliente coborrower cust customer debtor holder kreditnehmer kunde person"
)
ADDED = "band bands bin bracket bucket cat category cd class code flag group grp ind num range years yrs"
BEFORE, BEHIND = ("", *PEOPLE.split()), ("", *ADDED.split())

PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]")
DECLARED = PROTECTED_PREFIX.rstrip("_")
PHRASES = {tuple(phrase.split()): what for what, phrases in WORDS.items() for phrase in phrases.split(", ")}
LONGEST = max(map(len, PHRASES))


def protected(name: str) -> str | None:
    """Which protected characteristic a column's name speaks of, or `declared` for the prefix; none for any other."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    words = [tuple(re.findall(r"[a-z]+", plain.casefold())), tuple(w.casefold() for w in PARTS.findall(plain))]
    if any(found[:1] == (DECLARED,) for found in words):
        return "declared"
    return next((what for found in words for what in spoken_of(found)), None)


def characteristic_of(name: str, declared: Declared) -> str | None:
    """What a column protects, by what a user declares and else by its name; none when it is not protected. Nothing that
    was declared takes away the prefix."""
    found = protected(name)
    if declared.protected:
        return found or "declared"
    return None if declared.not_protected and found != "declared" else found


def spoken_of(words: tuple[str, ...]) -> Iterator[str]:
    """Characteristics of a name's words; those of several words in a row come first, as they say more."""
    for length in range(LONGEST, 0, -1):
        for start in range(len(words) - length + 1):
            phrase = words[start : start + length]
            what = PHRASES.get(phrase) or (joined(phrase[0]) if length == 1 else None)
            if what and not (THINGS_MAY_HAVE.intersection(phrase) and of_a_thing(words[:start], words[start + 1 :])):
                yield what


def of_a_thing(before: tuple[str, ...], behind: tuple[str, ...]) -> bool:
    """Whether a word between others is a thing's: `loan_age` and `age_of_loan` are, `age_at_loan` is a person's."""
    behind = behind[1:] if behind[:1] == ("of",) else behind
    return bool(OF_THINGS.intersection(before[-1:] + behind[:1]))


def joined(word: str) -> str | None:
    """The characteristic of a word that is grown together with who has it or how it is written."""
    ends = [
        (before, behind) for before in BEFORE if word.startswith(before) for behind in BEHIND if word.endswith(behind)
    ]
    stems = (word[len(before) : len(word) - len(behind)] for before, behind in ends)
    return next((PHRASES[stem,] for stem in stems if (stem,) in PHRASES), None)
