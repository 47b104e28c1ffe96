"""The AWS Query protocol, read and written by botocore's service model.

The Terraform provider speaks it to CloudWatch. MiniStack answers it from hand-written templates that leave out most
members, while its JSON answers are complete: so a Query request is turned into the JSON one, and the answer back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import ServiceModel


@cache
def model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def read(shape: Any, parameters: Mapping[str, Any], prefix: str = "") -> Any:
    """``Dimensions.member.1.Name=a`` -> ``{"Dimensions": [{"Name": "a"}]}``. None when nothing is there."""
    if shape is None:
        return {}
    if shape.type_name == "structure":
        found = {}
        for name, member in shape.members.items():
            value = read(member, parameters, f"{prefix}.{name}" if prefix else name)
            if value is not None:
                found[name] = value
        return found if found or not prefix else None
    if shape.type_name == "list":
        items: list[Any] = []
        while (item := read(shape.member, parameters, f"{prefix}.member.{len(items) + 1}")) is not None:
            items.append(item)
        # An empty list is sent as "Name=": without this, clearing a list would look like leaving it alone.
        return items if items or prefix in parameters else None
    raw = parameters.get(prefix)
    text = raw[0] if isinstance(raw, list) else raw
    if text is None:
        return None
    if shape.type_name == "boolean":
        return text.lower() == "true"
    if shape.type_name in ("integer", "long"):
        return int(text)
    if shape.type_name in ("double", "float"):
        return float(text)
    return text


def write(shape: Any, value: Any) -> str:
    """The inner XML of a value, members in the order of the model."""
    if shape.type_name == "structure":
        parts = []
        for name, member in shape.members.items():
            if value.get(name) is not None:
                parts.append(f"<{name}>{write(member, value[name])}</{name}>")
        return "".join(parts)
    if shape.type_name == "list":
        return "".join(f"<member>{write(shape.member, item)}</member>" for item in value)
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "timestamp" and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return escape(str(value))
