"""The definition JSON: its steps in one flat list, what each waits for, and its expressions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import validation
from ..jobs.association import select
from ..protocol import CONTROL_PLANE, service_model

STEP_TYPES = ("Processing", "Training", "Transform", "Model", "RegisterModel", "Condition", "Fail", "Lambda")
# What a step of each type makes, and so which arguments it takes.
_OPERATIONS = {
    "Processing": "CreateProcessingJob",
    "Training": "CreateTrainingJob",
    "Transform": "CreateTransformJob",
    "Model": "CreateModel",
    "RegisterModel": "CreateModelPackage",
}
_STEP_MEMBERS = {"Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description", "CacheConfig", "RetryPolicies"}
_FURTHER_MEMBERS = {"Processing": {"PropertyFiles"}, "Lambda": {"FunctionArn", "OutputParameters"}}
_EXPRESSIONS = ({"Get"}, {"Std:Join"}, {"Std:JsonGet"})
_MEMBERS = {"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "Steps"}
_CASTS: dict[str, Callable[[str], Any]] = {
    "String": str,
    "Integer": int,
    "Float": float,
    "Boolean": lambda text: text.lower() == "true",
}
_PATH = re.compile(r"\.?(\w+)|\[(\d+)\]|\[['\"]([^'\"]+)['\"]\]")


class ExpressionError(Exception):
    """A reference that leads nowhere, or operands that cannot be compared."""


@dataclass(frozen=True)
class Guard:
    """The branch of a condition step that a step stands in."""

    condition: str
    branch: bool


@dataclass(frozen=True)
class Step:
    name: str
    type: str
    body: dict[str, Any]
    guard: Guard | None
    needs: frozenset[str]


@dataclass(frozen=True)
class Definition:
    parameters: dict[str, dict[str, Any]]
    steps: dict[str, Step]

    @classmethod
    def parse(cls, text: str) -> Definition:
        """Read a definition; raises `ValidationException` for what is wrong with it or not offered here."""
        try:
            content = json.loads(text)
            declared = list(_flatten(content["Steps"], None))
            parameters = {p["Name"]: p for p in content.get("Parameters", [])}
            for parameter in parameters.values():
                _CASTS[parameter["Type"]]
        except (ValueError, KeyError, TypeError) as error:
            raise validation(f"Unable to parse pipeline definition: {error!r}") from error
        steps: dict[str, Step] = {}
        for step in declared:
            if step.name in steps:
                raise validation(f"Unable to parse pipeline definition: two steps have the name {step.name}.")
            if step.type not in STEP_TYPES:
                raise validation(f"Step {step.name}: type {step.type} is not offered by the local SageMaker server.")
            steps[step.name] = step
        if unknown := sorted(_set(content) - _MEMBERS):
            raise validation(
                f"A pipeline definition: expected {', '.join(sorted(_MEMBERS))}, got {', '.join(unknown)}."
            )
        for step in steps.values():
            _check_members(step)
        made = cls(parameters, steps)
        made._check_references()
        return made

    def values(self, given: dict[str, str]) -> dict[str, Any]:
        """Return every parameter's value, typed; raises `ValidationException` for unknown, missing or wrong ones."""
        for name in given:
            if name not in self.parameters:
                raise validation(f"Unknown pipeline parameter: {name}.")
        values = {}
        for name, parameter in self.parameters.items():
            if name not in given and "DefaultValue" not in parameter:
                raise validation(f"Pipeline parameter {name} has no default value and none was given.")
            value = given.get(name, parameter.get("DefaultValue"))
            try:
                values[name] = _CASTS[parameter["Type"]](str(value))
            except ValueError as error:
                raise validation(f"Pipeline parameter {name} must be of type {parameter['Type']}: {error}") from error
            if "EnumValues" in parameter and values[name] not in parameter["EnumValues"]:
                raise validation(f"Pipeline parameter {name} must be one of {parameter['EnumValues']}.")
        return values

    def _check_references(self) -> None:
        for step in self.steps.values():
            for needed in step.needs:
                if needed not in self.steps:
                    raise validation(f"Step {step.name} refers to step {needed}, which the pipeline does not have.")
            for reference in references(step.body):
                kind, _, rest = reference.partition(".")
                if kind == "Parameters" and rest not in self.parameters:
                    raise validation(f"Step {step.name} refers to parameter {rest}, which the pipeline does not have.")
        self._check_cycles()

    def _check_cycles(self) -> None:
        done: set[str] = set()
        while len(done) < len(self.steps):
            free = [s.name for s in self.steps.values() if s.name not in done and self._waits_for(s) <= done]
            if not free:
                raise validation(f"The steps {sorted(set(self.steps) - done)} wait for each other.")
            done.update(free)

    @staticmethod
    def _waits_for(step: Step) -> set[str]:
        return set(step.needs) | ({step.guard.condition} if step.guard else set())


def _set(members: dict[str, Any]) -> set[str]:
    """Return the names of members that are not null, which the SDK writes for what it does not use."""
    return {name for name, value in members.items() if value is not None}


def _check_members(step: Step) -> None:
    """Raise `ValidationException` for what a step carries and nothing here would look at."""
    known = _STEP_MEMBERS | _FURTHER_MEMBERS.get(step.type, set())
    if unknown := sorted(_set(step.body) - known):
        raise validation(f"Step {step.name}: expected {', '.join(sorted(known))}, got {', '.join(unknown)}.")
    if (step.body.get("CacheConfig") or {}).get("Enabled"):
        raise validation(
            f"Step {step.name}: CacheConfig is not offered by the local SageMaker server: every step runs."
        )
    if step.body.get("RetryPolicies"):
        raise validation(
            f"Step {step.name}: RetryPolicies are not offered by the local SageMaker server: a step runs once."
        )
    if step.type in _OPERATIONS:
        shape = service_model(CONTROL_PLANE).operation_model(_OPERATIONS[step.type]).input_shape
        for path in _unknown(shape, step.body.get("Arguments", {}), ""):
            raise validation(f"Step {step.name}: {_OPERATIONS[step.type]} has no argument {path}.")


def _unknown(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Yield the path of each member that a shape does not have; what an expression gives is seen when it runs."""
    if isinstance(value, dict) and set(value) in _EXPRESSIONS:
        return
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, item in value.items():
            inner = f"{path}.{name}" if path else name
            if name not in shape.members:
                yield inner
            else:
                yield from _unknown(shape.members[name], item, inner)
    elif shape.type_name == "list" and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unknown(shape.member, item, f"{path}[{number}]")


def references(value: Any) -> Iterator[str]:
    """Yield the text of every Get below a value."""
    if isinstance(value, dict):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield value["Get"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def follow(value: Any, path: str) -> Any:
    """Walk `.a.b[0]['name']` through a described resource; a name picks from a list by the members ending in Name."""
    for match in _PATH.finditer(path):
        name, index, key = match.groups()
        try:
            if index is not None:
                value = value[int(index)]
            elif isinstance(value, list):
                value = _named(value, key or name)
            else:
                value = value[key or name]
        except (LookupError, TypeError) as error:
            raise ExpressionError(f"{path.lstrip('.')} has no {name or key or index}") from error
    return value


def resolve(value: Any, get: Callable[[str], Any], read_json: Callable[[Any], Any]) -> Any:
    """Return `value` with its expressions replaced.

    `get` answers the text of a Get; `read_json` returns the content of what Std:JsonGet names (its `PropertyFile`
    reference as a string, or a resolved S3 URI).
    """

    def inner(item: Any) -> Any:
        return resolve(item, get, read_json)

    if isinstance(value, list):
        return [inner(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Get"}:
        return get(value["Get"])
    if set(value) == {"Std:Join"}:
        join = value["Std:Join"]
        return str(join["On"]).join(_text(inner(item)) for item in join["Values"])
    if set(value) == {"Std:JsonGet"}:
        source = value["Std:JsonGet"]
        content = read_json(source["PropertyFile"]["Get"] if "PropertyFile" in source else inner(source["S3Uri"]))
        path = inner(source["Path"])
        try:
            return select(content, path if path.startswith("$") else f"$.{path}" if path[0] != "[" else f"${path}")
        except (LookupError, TypeError) as error:
            raise ExpressionError(f"JsonGet found nothing at {path}") from error
    return {key: inner(item) for key, item in value.items()}


def holds(condition: dict[str, Any], inner: Callable[[Any], Any]) -> bool:
    """Evaluate one condition; `inner` resolves its operands. Raises `ExpressionError`."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Expression"], inner)
    if kind in ("Or", "And"):
        results = [holds(part, inner) for part in condition["Conditions"]]
        return any(results) if kind == "Or" else all(results)
    if kind == "In":
        return inner(condition["QueryValue"]) in inner(condition["Values"])
    if kind not in _COMPARISONS:
        raise ExpressionError(f"The condition type {kind} does not exist")
    left, right = inner(condition["LeftValue"]), inner(condition["RightValue"])
    try:
        return _COMPARISONS[kind](left, right)
    except TypeError as error:
        raise ExpressionError(f"{left!r} and {right!r} cannot be compared") from error


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda left, right: left == right,
    "GreaterThan": lambda left, right: left > right,
    "GreaterThanOrEqualTo": lambda left, right: left >= right,
    "LessThan": lambda left, right: left < right,
    "LessThanOrEqualTo": lambda left, right: left <= right,
}


def _flatten(steps: list[dict[str, Any]], guard: Guard | None) -> Iterator[Step]:
    for body in steps:
        own = body
        if body["Type"] == "Condition":
            arguments = body["Arguments"]
            own = {**body, "Arguments": {"Conditions": arguments["Conditions"]}}
            for key, branch in (("IfSteps", True), ("ElseSteps", False)):
                yield from _flatten(arguments.get(key, []), Guard(body["Name"], branch))
        referred = {r.split(".")[1].split("[")[0] for r in references(own) if r.startswith("Steps.")}
        yield Step(body["Name"], body["Type"], own, guard, frozenset({*body.get("DependsOn", []), *referred}))


def _named(items: list[Any], wanted: str) -> Any:
    for item in items:
        if any(key.endswith("Name") and text == wanted for key, text in item.items()):
            return item
    raise KeyError(wanted)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
