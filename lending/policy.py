"""The credit policy: a document that turns a probability of default into points, a band, a loss and a decision."""

from __future__ import annotations

import fnmatch
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from features import canonical
from features.encoding import Column
from features.protected import protected

Decision = Literal["APPROVE", "REFER", "DECLINE"]
DECISIONS = get_args(Decision)
PARTS = (
    "version", "refer_from", "decline_from", "points", "bands", "lgd", "ead", "terms", "required", "rules", "reasons",
    "moves", "creditor", "four_eyes", "significant_increase",
)  # fmt: skip
OPTIONAL = ("terms", "required", "rules", "moves", "creditor", "four_eyes", "significant_increase")
ALIKE = 1e-12  # probabilities that differ by less are one: .3 is three times .1, which doubles deny
CREDITOR = ("name", "address", "agency")
TESTS = ("above", "below", "equals", "missing")
AMOUNTS = ("number", "indicator")  # kinds of columns that an exposure may be read from
SURE = 1e-9  # beyond it odds are as good as infinite


class InvalidPolicy(ValueError):
    """A credit policy cannot be used; the text says what was expected."""


@dataclass(frozen=True)
class Scale:
    """`base_score` points stand for odds of `base_odds` good to one bad; `pdo` more points for twice these odds."""

    base_score: float
    base_odds: float
    pdo: float

    def points(self, p: float) -> int:
        factor = self.pdo / math.log(2)
        kept = min(max(p, SURE), 1 - SURE)
        return round(self.base_score + factor * (math.log((1 - kept) / kept) - math.log(self.base_odds)))


@dataclass(frozen=True)
class Reason:
    """One concept that a notice may name: the columns it stands for, as patterns, and its sentence."""

    code: str
    columns: tuple[str, ...]
    sentence: str

    def speaks_of(self, column: str) -> bool:
        return any(fnmatch.fnmatchcase(column, pattern) for pattern in self.columns)


@dataclass(frozen=True)
class Rule:
    """A knock-out: what a column must not be, what follows, and the sentence that tells it."""

    name: str
    column: str
    test: str
    value: Any
    action: Decision
    sentence: str

    def require_fits(self, column: Column) -> None:
        """Raises InvalidPolicy where no cell of the column could ever be compared with the value as it is meant."""
        is_category, place = column.kind == "category", f"rule {self.name}: {self.column}"
        if self.test in ("above", "below") and is_category:
            raise InvalidPolicy(f"{place} is a category of the model, and {self.test} asks for a number: use equals")
        if self.test != "equals":
            return
        if isinstance(self.value, str) != is_category:
            raise InvalidPolicy(
                f"{place}: expected equals to be {'one of its categories' if is_category else 'a number'}"
            )
        if column.categories and self.value not in column.categories:
            known = ", ".join(column.categories)
            raise InvalidPolicy(f"{place}: expected equals to be a category that the model knows, which are {known}")

    def meets(self, cell: float | str | None) -> bool:
        """`cell` is a number, a category by name, or none where it is missing."""
        if self.test == "missing":
            return cell is None
        if cell is None:
            return False
        if self.test == "equals":
            return cell == self.value
        return isinstance(cell, float) and (cell > self.value if self.test == "above" else cell < self.value)


@dataclass(frozen=True)
class Terms:
    """What is suggested of a loan: `cost` and `margin` are shares of its exposure over the horizon of the definition of
    default, `limits` amounts by band."""

    cost: float
    margin: float
    limits: Mapping[str, float]

    def price(self, p: float, lgd: float) -> float | None:
        """What a loan must earn if it is paid back, as a share of its exposure, for lending to be worth the margin:
        (1 - PD) x price = cost + margin + PD x LGD. None where no price is high enough."""
        return (self.cost + self.margin + p * lgd) / (1 - p) if p <= 1 - SURE else None


@dataclass(frozen=True)
class Move:
    """What an applicant could change: a column of numbers, towards `until` and no further, in steps."""

    column: str
    rises: bool
    until: float
    step: float


@dataclass(frozen=True)
class Increase:
    """From when on a probability of default has risen significantly since the loan was applied for: to so many times
    what it was then, and by so much. Where both are declared, both must hold."""

    ratio: float | None = None
    increase: float | None = None

    def holds(self, then: float, now: float) -> bool:
        by_ratio = self.ratio is None or now >= self.ratio * then - ALIKE
        return now > then and by_ratio and (self.increase is None or now - then >= self.increase - ALIKE)


@dataclass(frozen=True)
class Policy:
    """A validated document. `ead` is a column, or an amount for each loan; a loan that lacks a cell of a column that is
    `required` goes to a person."""

    document: Mapping[str, Any]
    refer_from: float
    decline_from: float
    scale: Scale
    bands: tuple[tuple[str, float], ...]
    lgd: float
    ead: str | float
    rules: tuple[Rule, ...]
    reasons: tuple[Reason, ...]
    required: tuple[str, ...] = ()
    terms: Terms | None = None
    moves: tuple[Move, ...] = ()
    significant_increase: Increase | None = None

    @property
    def canonical(self) -> bytes:
        """One text for one content."""
        return canonical.canonical(self.document)

    @property
    def sha256(self) -> str:
        return canonical.digest(self.canonical)

    @property
    def version(self) -> str:
        return canonical.versioned(self.document["version"], self.sha256)

    def band(self, p: float) -> str:
        return next(name for name, below in self.bands if p < below or below == 1.0)

    def by_score(self, p: float) -> Decision:
        return "DECLINE" if p >= self.decline_from else "REFER" if p >= self.refer_from else "APPROVE"

    def reason_of(self, column: str) -> Reason | None:
        """The first concept that speaks of a column; none of what its name says is protected, whatever the pattern."""
        if protected(column):
            return None
        return next((reason for reason in self.reasons if reason.speaks_of(column)), None)

    def require_columns(self, used: Sequence[str], there: Sequence[Column], barred: Collection[str] = ()) -> None:
        """`used` are columns that may be a reason, `there` those that a run keeps, `barred` those declared protected.

        Raises InvalidPolicy for one that may be a reason and has no sentence, for a rule about a protected one, for one
        that a rule or the exposure asks of and no run keeps, and for one of another kind than they need.
        """
        silent = [name for name in used if name not in barred and not protected(name) and self.reason_of(name) is None]
        if silent:
            raise InvalidPolicy(
                f"reasons: no sentence for {', '.join(silent)}, which the model uses: add a reason that has them"
            )
        if wrong := sorted({rule.column for rule in self.rules} & set(barred)):
            raise InvalidPolicy(f"rules: {', '.join(wrong)} is declared protected and decides nothing")
        asked = [*(rule.column for rule in self.rules), *([self.ead] if isinstance(self.ead, str) else [])]
        asked += self.required
        known = {column.name: column for column in there}
        absent = sorted(set(asked) - set(known))
        if absent:
            raise InvalidPolicy(f"{', '.join(absent)}: expected columns of the run, which are {', '.join(known)}")
        for rule in self.rules:
            rule.require_fits(known[rule.column])
        if wrong := sorted({move.column for move in self.moves} & set(barred)):
            raise InvalidPolicy(f"moves: {', '.join(wrong)} is declared protected, and nobody is told to change it")
        # One that the model does not use moves nothing, and decides nothing.
        if wrong := [
            move.column for move in self.moves if move.column in known and known[move.column].kind != "number"
        ]:
            raise InvalidPolicy(f"moves: expected columns of numbers, and {wrong[0]} is a {known[wrong[0]].kind}")
        if isinstance(self.ead, str) and known[self.ead].kind not in AMOUNTS:
            raise InvalidPolicy(f"ead: expected a column of numbers, and {self.ead} is a {known[self.ead].kind}")

    @classmethod
    def parse(cls, document: object) -> Policy:
        """Raises InvalidPolicy."""
        if not isinstance(document, Mapping):
            raise InvalidPolicy(f"expected a JSON object, got {type(document).__name__}")
        unknown, absent = sorted(set(document) - set(PARTS)), sorted(set(PARTS) - set(document) - set(OPTIONAL))
        if unknown or absent:
            raise InvalidPolicy(
                f"expected {', '.join(PARTS)}; unknown: {', '.join(unknown) or 'none'}, "
                f"missing: {', '.join(absent) or 'none'}"
            )
        text(document["version"], "version")
        if not isinstance(document.get("four_eyes", False), bool):
            raise InvalidPolicy("four_eyes: expected true or false")
        creditor = document.get("creditor", {})
        if not isinstance(creditor, Mapping) or not set(creditor) <= set(CREDITOR):
            raise InvalidPolicy(f"creditor: expected some of {', '.join(CREDITOR)}")
        for name, told in creditor.items():
            text(told, f"creditor, {name}")
        refer, decline = (ratio(document[name], name) for name in ("refer_from", "decline_from"))
        if refer > decline:
            raise InvalidPolicy(f"expected refer_from at most decline_from, got {refer} and {decline}")
        ead, bands = document["ead"], bands_of(document["bands"])
        return cls(
            document,
            refer,
            decline,
            scale_of(document["points"]),
            bands,
            ratio(document["lgd"], "lgd"),
            unprotected(ead, "ead") if isinstance(ead, str) else positive(ead, "ead"),
            tuple(rule_of(told) for told in several(document.get("rules", []), "rules")),
            reasons_of(document["reasons"]),
            required_of(document.get("required", [])),
            terms_of(document["terms"], bands) if "terms" in document else None,
            moves_of(document.get("moves", [])),
            increase_of(document["significant_increase"]) if "significant_increase" in document else None,
        )


def policy_of(body: bytes, name: str) -> Policy:
    """The policy of a document as it is written. Raises InvalidPolicy, which names the document."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as wrong:  # no UTF-8, no JSON, a number of thousands of digits
        raise InvalidPolicy(f"{name} is no JSON: {type(wrong).__name__}") from None
    return Policy.parse(document)


def scale_of(told: object) -> Scale:
    names = ("base_score", "base_odds", "pdo")
    if not isinstance(told, Mapping) or set(told) != set(names):
        raise InvalidPolicy(f"points: expected {', '.join(names)}")
    scale = Scale(*(positive(told[name], f"points, {name}") for name in names))
    try:
        scale.points(0.0), scale.points(1.0)
    except (OverflowError, ValueError):
        raise InvalidPolicy(f"points: expected smaller {', '.join(names)}, these give points without an end") from None
    return scale


def bands_of(told: object) -> tuple[tuple[str, float], ...]:
    found = []
    for band in several(told, "bands"):
        if set(band) != {"name", "below"}:
            raise InvalidPolicy("bands: expected each to have name and below")
        found.append((text(band["name"], "bands, name"), ratio(band["below"], "bands, below")))
    ends = [below for _, below in found]
    if not found or ends != sorted(set(ends)) or ends[-1] != 1.0 or len({name for name, _ in found}) < len(found):
        raise InvalidPolicy("bands: expected different names, rising ends, and 1 as the last")
    return tuple(found)


def rule_of(told: Mapping) -> Rule:
    tests = [test for test in TESTS if test in told]
    if len(tests) != 1 or set(told) != {"name", "column", tests[0], "action", "sentence"}:
        raise InvalidPolicy(f"rules: expected name, column, action, sentence and one of {', '.join(TESTS)}")
    name, value = text(told["name"], "rules, name"), told[tests[0]]
    if tests[0] in ("above", "below"):
        value = finite(value, f"rule {name}, {tests[0]}")
    elif tests[0] == "missing" and value is not True:
        raise InvalidPolicy(f"rule {name}: expected missing to be true")
    elif tests[0] == "equals":
        value = value if isinstance(value, str) else finite(value, f"rule {name}, equals")
    if told["action"] not in ("REFER", "DECLINE"):
        raise InvalidPolicy(f"rule {name}: expected action REFER or DECLINE, got {told['action']!r}")
    column = unprotected(told["column"], f"rule {name}, column")
    return Rule(name, column, tests[0], value, told["action"], text(told["sentence"], f"rule {name}, sentence"))


def reasons_of(told: object) -> tuple[Reason, ...]:
    found = []
    for reason in several(told, "reasons"):
        if set(reason) != {"code", "columns", "sentence"} or not isinstance(reason["columns"], list):
            raise InvalidPolicy("reasons: expected each to have code, columns (a list) and sentence")
        code = text(reason["code"], "reasons, code")
        columns = tuple(unprotected(c, f"reason {code}, columns") for c in reason["columns"])
        found.append(Reason(code, columns, text(reason["sentence"], f"reason {code}, sentence")))
    if len({reason.code for reason in found}) < len(found):
        raise InvalidPolicy("reasons: expected different codes")
    return tuple(found)


def terms_of(told: object, bands: Sequence[tuple[str, float]]) -> Terms:
    if not isinstance(told, Mapping) or set(told) != {"cost", "margin", "limits"}:
        raise InvalidPolicy("terms: expected cost, margin and limits")
    limits, names = told["limits"], [name for name, _ in bands]
    if not isinstance(limits, Mapping) or sorted(limits) != sorted(names):
        raise InvalidPolicy(f"terms, limits: expected an amount for each band, which are {', '.join(names)}")
    amounts = {name: finite(limits[name], f"terms, limits, {name}") for name in names}
    if wrong := next((name for name, amount in amounts.items() if amount < 0), None):
        raise InvalidPolicy(f"terms, limits, {wrong}: expected a number of no less than 0, got {amounts[wrong]}")
    return Terms(ratio(told["cost"], "terms, cost"), ratio(told["margin"], "terms, margin"), amounts)


def moves_of(told: object) -> tuple[Move, ...]:
    found = []
    for move in several(told, "moves"):
        ends = [end for end in ("highest", "lowest") if end in move]
        if len(ends) != 1 or set(move) != {"column", "step", ends[0]}:
            raise InvalidPolicy("moves: expected each to have column, step, and highest (it may rise) or lowest")
        column = unprotected(move["column"], "moves, column")
        until = finite(move[ends[0]], f"move of {column}, {ends[0]}")
        found.append(Move(column, ends[0] == "highest", until, positive(move["step"], f"move of {column}, step")))
    if len({move.column for move in found}) < len(found):
        raise InvalidPolicy("moves: expected each column once")
    return tuple(found)


def increase_of(told: object) -> Increase:
    name, parts = "significant_increase", ("ratio", "increase")
    if not isinstance(told, Mapping) or not told or not set(told) <= set(parts):
        raise InvalidPolicy(f"{name}: expected one or both of {', '.join(parts)}")
    found = {part: finite(value, f"{name}, {part}") for part, value in told.items()}
    if found.get("ratio", math.inf) <= 1:
        raise InvalidPolicy(f"{name}, ratio: expected a number above 1, got {told['ratio']!r}")
    if not 0 < found.get("increase", 0.5) < 1:
        raise InvalidPolicy(f"{name}, increase: expected a number between 0 and 1, got {told['increase']!r}")
    return Increase(**found)


def required_of(told: object) -> tuple[str, ...]:
    if not isinstance(told, list):
        raise InvalidPolicy(f"required: expected a list of columns, got {type(told).__name__}")
    found = tuple(unprotected(name, "required") for name in told)
    if len(set(found)) < len(found):
        raise InvalidPolicy("required: expected different columns")
    return found


def several(told: object, place: str) -> list[Mapping]:
    if not isinstance(told, list) or not all(isinstance(one, Mapping) for one in told):
        raise InvalidPolicy(f"{place}: expected a list of objects")
    return told


def text(told: object, place: str) -> str:
    if not isinstance(told, str) or not told.strip():
        raise InvalidPolicy(f"{place}: expected a text, got {type(told).__name__}")
    try:
        told.encode()
    except UnicodeEncodeError:
        raise InvalidPolicy(f"{place}: expected a text, got half of a character (a lone surrogate)") from None
    return told


def unprotected(told: object, place: str) -> str:
    """A column's name, or a pattern of names, that speaks of no protected characteristic."""
    name = text(told, place)
    if what := protected(name):
        raise InvalidPolicy(f"{place}: {name} is protected ({what}) and decides nothing")
    return name


def finite(told: object, place: str) -> float:
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise InvalidPolicy(f"{place}: expected a number, got {type(told).__name__}")
    try:
        found = float(told)
    except OverflowError:
        found = math.inf  # a whole number of hundreds of digits
    if not math.isfinite(found):
        raise InvalidPolicy(f"{place}: expected a number, got one that is not finite or too large")
    return found


def positive(told: object, place: str) -> float:
    if (found := finite(told, place)) <= 0:
        raise InvalidPolicy(f"{place}: expected a number above 0, got {told!r}")
    return found


def ratio(told: object, place: str) -> float:
    if not 0 <= (found := finite(told, place)) <= 1:
        raise InvalidPolicy(f"{place}: expected a number from 0 to 1, got {told!r}")
    return found
