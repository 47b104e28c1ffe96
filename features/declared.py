"""What a user declares about columns, beside the data in `columns.yaml`. docs/columns.md has the keys with examples.

Everything is a text: `no`, `007` and `1e5` are what was written. What is declared comes before what is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal, cast

from features.contract import CONTRACTS, TRANSACTIONS, Contract

FILE = "columns.yaml"  # beside the data, and in RAW for all batches
# In the lake: what is declared, for whoever trains; and what of it doors must know too, beside the exchange rates.
KEPT, TERMS = "quality/declared/columns.json", "quality/terms/current.json"

Type = Literal["number", "flag", "category", "text"]
Risk = Literal["rising", "falling"]

TYPES = ("number", "flag", "category", "text")
RISKS = ("rising", "falling")
TRUE, FALSE = frozenset({"true", "yes"}), frozenset({"false", "no"})
# By the type of a column of the contract; `plain` is the contract's own spelling. raw.meanings reads the others.
FORMATS = {
    "instant": ("plain", "epoch_s", "epoch_ms", "epoch_us", "yyyymmdd", "dmy", "mdy"),
    "money": ("plain", "decimal_comma", "thousands"),
    "rate": ("plain", "decimal_comma", "thousands"),
}
SEPARATORS = {",": ",", ";": ";", "|": "|", "tab": "\t"}
QUOTES = {'"': '"', "'": "'"}
ENCODINGS = ("utf-8", "utf-16", "windows-1252")
LEARNT_FROM = "loan_applications"  # whose further columns a model may learn from


class WrongDeclaration(ValueError):
    """What was declared cannot be used; the text says where, what was expected and what came."""


@dataclass(frozen=True)
class File:
    """How an entity's CSV files are written; what is none is found."""

    separator: str | None = None
    quote: str | None = None
    encoding: str | None = None


@dataclass(frozen=True)
class Column:
    """What is declared about one column; what is none or empty is found."""

    format: str | None = None  # how its cells are spelt, one of FORMATS
    card_numbers: str | None = None  # why its cells are none although they look like some
    coarse: str | None = None  # why doors may take a time that is a day or a minute
    type: Type | None = None
    unit: str | None = None
    risk: Risk | None = None  # `rising`: the larger the number, the larger the probability of default; none but numbers
    missing: tuple[str, ...] = ()  # cells that say that nothing is known
    protected: bool = False  # whatever its name says
    not_protected: str | None = None  # why it is not, although its name says so
    train_on: str | None = None  # why it may be trained on although it is protected
    ignore: str | None = None  # why it is not trained on
    entity: str | None = None  # of what its cells are identifiers

    @property
    def set_aside(self) -> str:
        """Why nothing is learnt from the column; empty where nothing is said against it."""
        if self.ignore:
            return f"ignored, as declared: {self.ignore}"
        return f"identifiers of a {self.entity}, as declared" if self.entity else ""


OF_LOANS = ("type", "unit", "risk", "missing", "protected", "not_protected", "train_on", "ignore", "entity")
NOTHING = Column()


@dataclass(frozen=True)
class Declared:
    """What is declared about one entity's files."""

    file: File
    columns: Mapping[str, Column]
    home: str | None = None  # currency to which exchange rates are told

    def of(self, name: str) -> Column:
        return self.columns.get(name, NOTHING)

    @property
    def no_cards(self) -> frozenset[str]:
        """Names of columns whose cells are no card numbers, whatever they look like."""
        return frozenset(name for name, column in self.columns.items() if column.card_numbers)

    @property
    def coarse_times(self) -> bool:
        """Whether doors may take a time that is a day or a minute."""
        return any(column.coarse for column in self.columns.values())

    @property
    def formats(self) -> dict[str, str]:
        return {name: column.format for name, column in self.columns.items() if column.format}

    def without_spellings(self) -> Declared:
        """The same about files whose cells have been read and written again as the contract spells them."""
        return replace(
            self, file=File(), columns={name: replace(column, format=None) for name, column in self.columns.items()}
        )

    def document(self) -> dict:
        """What `declared` reads: of JSON's types only."""
        found: dict = {}
        if file := spelt_file(self.file):
            found["file"] = file
        if columns := {name: spelt for name, column in self.columns.items() if (spelt := spelt_column(column))}:
            found["columns"] = columns
        if self.home:
            found["home"] = self.home
        return found


UNDECLARED = Declared(File(), {})


def entities(document: object) -> Mapping[str, object]:
    """What is declared about each entity, not yet looked at. Raises WrongDeclaration."""
    found = mapping(document, FILE, "entities")
    known(found, FILE, CONTRACTS)
    return found


def declared_of(entity: str, document: object) -> Declared:
    """Raises WrongDeclaration."""
    contract, place = CONTRACTS[entity], f"{FILE}, {entity}"
    told = mapping(document, place, "`file` and `columns`")
    known(told, place, ("file", "columns", *(["home"] if entity == "exchange_rates" else [])))
    columns = mapping(told.get("columns"), f"{place}, columns", "columns")
    spelt = {own_name(contract, name): name for name in columns}
    if len(spelt) < len(columns):
        twice = sorted(set(columns) - set(spelt.values()))
        raise WrongDeclaration(f"{place}, columns: expected every column once, whatever its case, got {twice[0]} again")
    return Declared(
        file_of(told.get("file"), f"{place}, file"),
        {name: column_of(contract, name, columns[own], f"{place}, {own}") for name, own in spelt.items()},
        currency_of(told, place),
    )


def currency_of(told: Mapping[str, object], place: str) -> str | None:
    if "home" not in told:
        return None
    found = told["home"]
    if not isinstance(found, str) or not re.fullmatch("[A-Z]{3}", found.strip()):
        raise WrongDeclaration(f"{place}, home: expected an ISO 4217 code such as EUR, got {shown(found)}")
    return found.strip()


def own_name(contract: Contract, name: str) -> str:
    """Columns of the contract are known in any case, as in files."""
    return next((c.name for c in contract.columns if c.name == name.strip().lower()), name.strip())


def file_of(document: object, place: str) -> File:
    told = mapping(document, place, "separator, quote and encoding")
    known(told, place, [f.name for f in fields(File)])
    return File(
        separator=choice(told, "separator", place, SEPARATORS),
        quote=choice(told, "quote", place, QUOTES),
        encoding=choice(told, "encoding", place, {name: name for name in ENCODINGS}),
    )


def column_of(contract: Contract, name: str, document: object, place: str) -> Column:
    told = mapping(document, place, "what is declared about the column")
    own = next((c for c in contract.columns if c.name == name), None)
    formats = FORMATS.get(own.type, ()) if own else FORMATS["money"]
    further = own is None and contract.entity == LEARNT_FROM
    stamp = contract is TRANSACTIONS and name == contract.dated_by
    allowed = [*(["format"] if formats else []), *(["coarse"] if stamp else []), "card_numbers"]
    allowed += OF_LOANS if further else ()
    known(told, place, allowed)
    column = Column(
        format=choice(told, "format", place, {name: name for name in formats}),
        card_numbers=reason(told, "card_numbers", place),
        coarse=reason(told, "coarse", place),
        type=cast("Type | None", choice(told, "type", place, {name: name for name in TYPES})),
        unit=reason(told, "unit", place),
        risk=cast("Risk | None", choice(told, "risk", place, {name: name for name in RISKS})),
        missing=texts(told, "missing", place),
        protected=truth(told, "protected", place),
        not_protected=reason(told, "not_protected", place),
        train_on=reason(told, "train_on", place),
        ignore=reason(told, "ignore", place),
        entity=reason(told, "entity", place),
    )
    refuse_both(column, place)
    return replace(column, type="number") if column.risk and column.type is None else column


def refuse_both(column: Column, place: str) -> None:
    """Raises WrongDeclaration for keys that contradict each other."""
    pairs = [
        ("train_on", column.train_on, "ignore", column.ignore),
        ("risk", column.risk, "ignore", column.ignore),
        ("train_on", column.train_on, "entity", column.entity),
        ("risk", column.risk, "entity", column.entity),
        ("train_on", column.train_on, "not_protected", column.not_protected),
        ("protected", column.protected, "not_protected", column.not_protected),
        ("risk", column.risk, f"type: {column.type}", column.type in ("category", "text")),
        ("train_on", column.train_on, "type: text", column.type == "text"),
    ]
    for one, first, other, second in pairs:
        if first and second:
            raise WrongDeclaration(f"{place}: expected {one} or {other}, got both")


def mapping(document: object, place: str, of: str) -> Mapping[str, object]:
    """A name with nothing behind it says nothing."""
    if document in (None, ""):
        return {}
    if not isinstance(document, Mapping) or not all(isinstance(name, str) for name in document):
        raise WrongDeclaration(f"{place}: expected {of} by name, got {shown(document)}")
    return document


def known(told: Iterable[str], place: str, allowed: Iterable[str]) -> None:
    allowed = list(allowed)
    for name in told:
        if name not in allowed:
            raise WrongDeclaration(f"{place}: expected {', '.join(allowed)}, got {shown(name)}")


def choice(told: Mapping[str, object], key: str, place: str, among: Mapping[str, str]) -> str | None:
    if key not in told:
        return None
    found = told[key]
    if not isinstance(found, str) or found not in among:
        raise WrongDeclaration(f"{place}, {key}: expected {' or '.join(among)}, got {shown(found)}")
    return among[found]


def reason(told: Mapping[str, object], key: str, place: str) -> str | None:
    """Words: a column is never left out, or let in, without somebody saying why."""
    if key not in told:
        return None
    found = told[key]
    if not isinstance(found, str) or not found.strip() or found.strip().lower() in TRUE | FALSE:
        what = {"unit": "a unit", "entity": "of what its cells are identifiers"}.get(key, "a reason")
        raise WrongDeclaration(f"{place}, {key}: expected {what} in words, got {shown(found)}")
    return found.strip()


def texts(told: Mapping[str, object], key: str, place: str) -> tuple[str, ...]:
    found = told.get(key, [])
    cells = found if isinstance(found, list) else [found]
    written = tuple(cell.strip() for cell in cells if isinstance(cell, str) and cell.strip())
    if len(written) < len(cells):
        raise WrongDeclaration(f"{place}, {key}: expected a list of cells, got {shown(found)}")
    return written


def truth(told: Mapping[str, object], key: str, place: str) -> bool:
    """What takes a protection away has to say why, under another key."""
    if key not in told:
        return False
    found = told[key]
    if not isinstance(found, str) or found.strip().lower() not in TRUE:
        raise WrongDeclaration(f"{place}, {key}: expected true, or not_protected: <why>, got {shown(found)}")
    return True


def shown(found: object) -> str:
    text = repr(found) if found not in (None, "") else "nothing"
    return text if len(text) <= 60 else text[:60] + "..."


def spelt_file(file: File) -> dict[str, str]:
    names = {letter: word for word, letter in SEPARATORS.items()}
    told = {"separator": names.get(file.separator or ""), "quote": file.quote, "encoding": file.encoding}
    return {key: found for key, found in told.items() if found}


def spelt_column(column: Column) -> dict:
    told = {key: found for key, found in asdict(column).items() if found not in (None, (), False)}
    if "missing" in told:
        told["missing"] = list(told["missing"])
    if "protected" in told:
        told["protected"] = "true"
    return told
