"""Card numbers in what a source sends: found in any column, however they are spelt, and taken for nothing else.

A number is a card's when its first digits and its length are those of a card scheme (ISO/IEC 7812-1 and the schemes'
published ranges) and its last digit passes the Luhn check. Length and check alone would take every tenth time stamp,
order number and IMEI for one. Python and Java read the expressions alike: the lake refuses what the doors refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# First digits and lengths in use, of the digits alone. Left out: Visa's 13 digits, which are withdrawn and are what
# telephone numbers look like, and lengths of 17 and 18, which hardly a card has and many databases' identifiers have.
SCHEMES = (
    r"4\d{15}(?:\d{3})?"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|220[0-4]\d{12}"  # Mir
    r"|3[47]\d{13}"  # American Express
    r"|(?:30[0-5]|36\d|38\d|39\d)\d{11}(?:\d\d)?"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12}(?:\d{3})?"  # JCB
    r"|(?:50|5[6-8]|6\d)\d{14}(?:\d{3})?"  # Discover, UnionPay, RuPay, Maestro
    r"|(?:81|82)\d{14}|9792\d{12}"  # RuPay, Troy
)
OF_A_SCHEME = re.compile(SCHEMES)
LEAST_DIGITS = 14

FULL_WIDTH = "０１２３４５６７８９"
_TO_DIGITS = str.maketrans(FULL_WIDTH, "0123456789")
_BLANKS = r" \t\n\x0b\f\r\u00a0\u1680\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff"
_DASHES = r"\-_\u00ad\u2010-\u2015\u2212\u2043\uff0d"
ANY_GROUPS = rf"[{_BLANKS}{_DASHES}]{{0,3}}"  # what may stand between any two digits of a cell that is nothing else
CARDS_GROUPS = rf"[{_BLANKS}{_DASHES}./\\:,*|+\u00b7\u2022]{{1,3}}"  # between the groups that cards are printed in
WHOLE = rf"[{_BLANKS}]*[0-9](?:{ANY_GROUPS}[0-9]){{13,18}}(?:\.0+)?[{_BLANKS}]*"
# Among other text a number stands alone: no letter and no digit touches it, it is no decimals and no telephone number.
# Only in the first track of a magnetic stripe a letter comes before it.
WITHIN = (
    r"(?:(?<![0-9A-Za-z+])(?<![0-9][.,])|(?<=%[Bb]))(?=("
    r"[0-9]{14,19}"
    rf"|[0-9]{{4}}(?:{CARDS_GROUPS}[0-9]{{4}}){{3}}{CARDS_GROUPS}[0-9]{{3}}"
    rf"|[0-9]{{4}}(?:{CARDS_GROUPS}[0-9]{{4}}){{2}}{CARDS_GROUPS}[0-9]{{2,7}}"
    rf"|[0-9]{{4}}{CARDS_GROUPS}[0-9]{{6}}{CARDS_GROUPS}[0-9]{{4,5}}"
    rf"|[0-9]{{6}}{CARDS_GROUPS}[0-9]{{10,13}}|[0-9]{{8}}{CARDS_GROUPS}[0-9]{{8}}"
    r")(?![0-9A-Za-z]|[.,][0-9]))"
)
# A quick look: few cells have so many digits with so little between them. Full width counts, other letters do not.
ENOUGH = rf"[0-9{FULL_WIDTH}](?:[^0-9A-Za-z]{{0,3}}[0-9{FULL_WIDTH}]){{13}}"
# As long as a card number, in text that nobody could read: masked but for the group in brackets.
LONG = r"(?<!\d)(?:\d[ -]?){9,15}((?:\d[ -]?){3}\d)(?!\d)"
MASKED = "****"

_WHOLE, _WITHIN = re.compile(WHOLE), re.compile(WITHIN)
_ENOUGH = re.compile(ENOUGH)


def holds_card(value: object) -> bool:
    """Whether a cell is a card number, or a text with one in it."""
    text = str(value)
    if len(text) < LEAST_DIGITS:
        return False
    if not _ENOUGH.search(text):
        return False
    return is_card(text) or (isinstance(value, str) and any(cards_within(text)))


def is_card(text: str) -> bool:
    """A card number and nothing else. A number that JSON made a float is one too."""
    text = plain(text)
    return _WHOLE.fullmatch(text) is not None and of_a_scheme(re.sub(r"\.0+\s*$", "", text))


def cards_within(text: str) -> Iterator[str]:
    """Card numbers among other text, as they are spelt in it."""
    return (found[1] for found in _WITHIN.finditer(plain(text)) if of_a_scheme(found[1]))


def places_within(text: str) -> Iterator[tuple[int, int]]:
    """Where card numbers stand among other text: first and one beyond the last letter, none within another."""
    end = 0
    for found in _WITHIN.finditer(plain(text)):
        if found.start(1) >= end and of_a_scheme(found[1]):
            end = found.end(1)
            yield found.start(1), end


def of_a_scheme(text: str) -> bool:
    digits = "".join(c for c in text if "0" <= c <= "9")
    return OF_A_SCHEME.fullmatch(digits) is not None and passes_luhn(digits)


def plain(text: str) -> str:
    """Digits of full width are digits."""
    return text if text.isascii() else text.translate(_TO_DIGITS)


def passes_luhn(digits: str) -> bool:
    """The check of ISO/IEC 7812-1, of digits alone."""
    numbers = [int(c) for c in digits]
    doubled = (sum(divmod(2 * n, 10)) for n in numbers[-2::-2])
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0
