"""Prints client/api.py: types and methods of the API's document. `make docs` writes it, `make check` compares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"
HEAD = '''"""Types and methods of the API, made by `make docs` from docs/openapi.json; do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypeAlias, TypedDict, cast

from client.asking import Asking, in_url
'''
WORDS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def page(document: Json) -> str:
    """The module's text, before a formatter."""
    written: dict[str, str] = {}
    for name, schema in document["components"]["schemas"].items():
        named(name, schema, written)
    methods = [
        method(verb.upper(), path, operation, document)
        for path, verbs in document["paths"].items()
        for verb, operation in verbs.items()
    ]
    doc = f'    """{document["info"]["title"]}, {document["servers"][0]["url"]}."""'
    return "\n\n".join([HEAD, *written.values(), f"class Api(Asking):\n{doc}", *methods]) + "\n"


def named(name: str, schema: Json, written: dict[str, str]) -> None:
    """Writes a schema of the document under its name; what it holds within goes first, by names made of its own."""
    if schema.get("type") == "object" and "properties" in schema:
        needed = set(schema.get("required", ()))
        lines = []
        for key, value in schema["properties"].items():
            kind = type_of(value, name + key.title().replace("_", ""), written)
            lines.append(f"    {key}: {kind}" if key in needed else f"    {key}: NotRequired[{kind}]")
        written[name] = f"class {name}(TypedDict):\n" + "\n".join(lines)
    else:
        written[name] = f"{name}: TypeAlias = {type_of(schema, name, written, quoted=True)}"


def type_of(schema: Json, name: str, written: dict[str, str], quoted: bool = False) -> str:
    """A schema as Python's types say it. Raises ValueError of what the generator does not know."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    for union in ("oneOf", "anyOf"):
        if union in schema and "properties" not in schema:
            kinds = [type_of(each, f"{name}{number}", written) for number, each in enumerate(schema[union])]
            return f'"{" | ".join(kinds)}"' if quoted else " | ".join(kinds)
    if "x-written" in schema:
        return type_of(schema["x-written"], name, written)
    if "enum" in schema:
        return f"Literal[{', '.join(repr(each) for each in schema['enum'])}]"
    kinds = schema.get("type", [])
    return " | ".join(one(kind, schema, name, written) for kind in (kinds if isinstance(kinds, list) else [kinds]))


def one(kind: str, schema: Json, name: str, written: dict[str, str]) -> str:
    if kind in WORDS:
        return WORDS[kind]
    if kind == "array":
        return f"Sequence[{type_of(schema['items'], name, written)}]"
    if kind != "object":
        raise ValueError(f"{name}: expected a type of JSON Schema, got {kind!r}; teach tools/client.py")
    if "properties" in schema:
        named(name, schema, written)
        return name
    values = schema.get("additionalProperties")
    return f"Mapping[str, {type_of(values, name, written) if isinstance(values, dict) else 'object'}]"


def method(verb: str, path: str, operation: Json, document: Json) -> str:
    """One operation: what its path names, its body, and what its query may say, by keyword."""
    first = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"]
    asked = [f"{name}: str" for name in first]
    keywords: list[str] = []
    body = ""
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        if "$ref" in schema:
            kind = type_of(schema, "", {})
            asked.append(f"{kind.lower()}: {kind}")
            body = f", body={kind.lower()}"
            about = document["components"]["schemas"][kind]
            if about.get("type") == "object" and about.get("additionalProperties") is not False:
                asked.append("further: Mapping[str, object] | None = None")
                body = f", body={{**{kind.lower()}, **(further or {{}})}}"
        else:
            keywords += [f"{key}: {type_of(value, key, {})}" for key, value in schema["properties"].items()]
            said = ", ".join(f'"{key}": {key}' for key in schema["properties"])
            body = f", body={{{said}}}"
    query = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    for each in query:
        kind = type_of(each["schema"], each["name"], {})
        keywords.append(f"{each['name']}: {kind}" + ("" if each["required"] else " | None = None"))
    if query:
        body += ", query={" + ", ".join(f'"{each["name"]}": {each["name"]}' for each in query) + "}"
    done = {int(status): said for status, said in operation["responses"].items() if status.startswith("2")}
    schemas = [said["content"]["application/json"]["schema"] for said in done.values()]
    kind = " | ".join(dict.fromkeys(type_of(schema, "", {}) for schema in schemas))
    where = f'f"{path}"' if first else f'"{path}"'
    for name in first:
        where = where.replace("{" + name + "}", "{in_url(" + name + ")}")
    statuses = str(tuple(done))
    if "x-timeout-s" in operation:
        body += f", timeout_s={operation['x-timeout-s']}"
    star = ["*", *keywords] if keywords else []
    once = "" if operation["x-idempotent"] else " Asked twice, it is done twice."
    return f'''    def {operation["operationId"]}({", ".join(["self", *asked, *star])}) -> {kind}:
        """{operation["summary"]}.{once} Raises ApiError."""
        answer = self.ask("{verb}", {where}, done={statuses}, idempotent={operation["x-idempotent"]}{body})
        return cast("{kind}", answer)'''


if __name__ == "__main__":
    print(page(json.loads(DOCUMENT.read_text())), end="")
