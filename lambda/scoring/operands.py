"""What a rule compares beside names and constants: an operand, as it stands in a policy's document."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import reduce

from features.payment import FLAGS
from features.values import InvalidValue, instant
from scoring.cells import NUMBERS, PERSONAL, SCORE, InvalidPolicy, field_of, is_number, names_in, number_of, shown
from scoring.computed import FUNCTIONS, Kind
from scoring.conditions import Computed, Feature, Moment, Number, Operand, Score, Subject, Text, within

DEEPEST = 10  # functions within functions
JOINED, MANY = ("+", "*"), 10  # of these as many operands, from left to right
MOMENTS = ("event_time", "decided")
OPERANDS = f"feature, field, number or one of {', '.join(FUNCTIONS)}"


@dataclass(frozen=True)
class Operands:
    """Reads operands of one rule. `count` is called with the place of each that is computed."""

    features: Collection[str]
    count: Callable[[str], None]

    def subject(self, document: object, place: str, wanted: Kind | None = None) -> Subject:
        """What a comparison is of: no constant. Raises InvalidPolicy, with the place in the rule."""
        found = self.operand(document, place, wanted)
        if isinstance(found, float | str):
            raise InvalidPolicy(f"{place}: expected what a payment says, or what is computed of it, got a constant")
        return found

    def operand(self, document: object, place: str, wanted: Kind | None = None) -> Operand:
        """What something is compared with: an instant is a constant. Raises InvalidPolicy."""
        return self._read(document, place, wanted, 1)

    def _read(self, document: object, place: str, wanted: Kind | None, depth: int) -> Operand:
        if depth > DEEPEST:
            raise InvalidPolicy(f"{place}: expected at most {DEEPEST} functions within one another")
        if is_number(document) and wanted == "number" and depth > 1:
            return number_of(document, place)
        if not isinstance(document, Mapping) or len(document) != 1:
            got = names_in(document) if isinstance(document, Mapping) and document else shown(document)
            raise InvalidPolicy(f"{place}: expected an object with {OPERANDS}, got {got}")
        ((word, given),) = document.items()
        if word == "number":
            return self._read(given, f"{place}.number", "number", depth)
        if word == "feature":
            found: Operand = feature_of(given, self.features, f"{place}.feature")
        elif word == "field":
            found = self._field(given, f"{place}.field", wanted)
        elif word == "time":
            self.count(place)
            found = self._time(given, f"{place}.time", depth)
        elif isinstance(word, str) and word in FUNCTIONS:
            self.count(place)
            found = self._computed(word, given, f"{place}.{word}", depth)
        else:
            raise InvalidPolicy(f"{place}: expected an object with {OPERANDS}, got {shown(word)}")
        if wanted is not None and kind_of(found) != wanted:
            raise InvalidPolicy(f"{place}: expected a {wanted}, got {word}, which is a {kind_of(found)}")
        return found

    def _field(self, name: object, place: str, wanted: Kind | None) -> Operand:
        field_ = field_of(name, place)
        if field_ in NUMBERS or (wanted == "number" and field_ not in FLAGS):
            if field_ in PERSONAL:
                raise InvalidPolicy(f"{place}: expected a number, got {field_}, which names somebody")
            return Number(field_)
        return Text(field_)

    def _time(self, given: object, place: str, depth: int) -> Operand:
        if isinstance(given, str):
            if given in MOMENTS:
                return Moment(given)  # type: ignore[arg-type]
            try:
                return float(instant(given))
            except InvalidValue:
                wanted = f"{', '.join(MOMENTS)}, an instant such as 2026-12-01T00:00:00Z, or an object with a text"
                raise InvalidPolicy(f"{place}: expected {wanted}, got {shown(given)}") from None
        of = self._read(given, place, "text", depth + 1)
        if (named := personal_in(of)) is not None:
            raise InvalidPolicy(f"{place}: expected a time, got {named}, which names somebody")
        return Computed("time", (of,))

    def _computed(self, word: str, given: object, place: str, depth: int) -> Operand:
        function = FUNCTIONS[word]
        if function.arguments == 1:
            return Computed(word, (self._read(given, place, function.takes, depth + 1),))
        most = MANY if word in JOINED else 2
        if not isinstance(given, list) or not 2 <= len(given) <= most:
            many = f"2 to {most}" if most > 2 else "2"
            raise InvalidPolicy(f"{place}: expected a list of {many} operands, got {shown(given)}")
        parts = [self._read(each, f"{place}[{n}]", function.takes, depth + 1) for n, each in enumerate(given)]
        if all(isinstance(part, float) for part in parts):
            raise InvalidPolicy(f"{place}: expected something that a payment says among them, got constants alone")
        return reduce(lambda one, other: Computed(word, (one, other)), parts)


def feature_of(name: object, features: Collection[str], place: str) -> Subject:
    if name != SCORE and (not isinstance(name, str) or name not in features):
        raise InvalidPolicy(f"{place}: expected a known feature or {SCORE}, got {shown(name)}")
    return Score() if name == SCORE else Feature(str(name))


def kind_of(of: Operand) -> Kind:
    if isinstance(of, Computed):
        return FUNCTIONS[of.function].makes
    return "text" if isinstance(of, Text | str) else "number"


def personal_in(of: Operand) -> str | None:
    """The field by which somebody is named in it."""
    return next((each.field for each in within(of) if isinstance(each, Text) and each.field in PERSONAL), None)
