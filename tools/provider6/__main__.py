"""`python -m tools.provider6`: 1, and what, when terraform/ writes what version 6 lacks; `--write WHEEL` looks anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tools.provider6 import bindings, written

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"
NAMES = Path(__file__).with_name("names.json")
AGAIN = "pip download --no-deps cdktn-provider-aws, then python -m tools.provider6 --write cdktn_provider_aws-*.whl"

Written = dict[str, dict[str, list[str]]]


def used() -> Written:
    """What terraform/ writes and reads, by type."""
    arguments, attributes = written.arguments(TERRAFORM), written.attributes(TERRAFORM)
    return {
        kind: {"writes": sorted(arguments.get(kind, ())), "reads": sorted(attributes.get(kind, ()))}
        for kind in sorted({*arguments, *attributes})
    }


def missing(wanted: Written, known: Written) -> list[str]:
    """What is used and not known; keys of a map are no arguments."""
    absent = []
    for kind, names in wanted.items():
        has = known.get(kind, {"writes": [], "reads": [], "maps": []})
        absent += [f"{kind}.{name}" for name in names["reads"] if name not in has["reads"]]
        absent += [
            f"{kind}.{name}"
            for name in names["writes"]
            if name not in has["writes"] and not name.startswith(tuple(f"{map_}." for map_ in has["maps"]))
        ]
    return absent


def write(path: Path) -> int:
    """Writes the names that terraform/ uses and the provider has; says those that it has not."""
    wheel, wanted, found = bindings.opened(path), used(), {}
    for kind, names in wanted.items():
        known = bindings.known(wheel, kind)
        if known:
            real = {name: known.real(name) for name in names["writes"]}
            found[kind] = {
                "writes": [name for name, is_ in real.items() if name == is_],
                "reads": [name for name in names["reads"] if name in known.attributes or known.real(name)],
                "maps": sorted({is_ for name, is_ in real.items() if is_ and name != is_}),
            }
    source = f"{path.name}, made from version {bindings.version(wheel)} of the provider; only what terraform/ uses"
    NAMES.write_text(json.dumps({"source": source, "names": found}, indent=1, sort_keys=True) + "\n")
    return tell(missing(wanted, found), source, wanted)


def check() -> int:
    document = json.loads(NAMES.read_text())
    wanted = used()
    return tell(missing(wanted, document["names"]), document["source"], wanted)


def tell(absent: list[str], source: str, wanted: Written) -> int:
    for name in absent:
        print(f"{name} is not in {source}", file=sys.stderr)
    if absent:
        print(f"If it is new here and exists there: {AGAIN}", file=sys.stderr)
        return 1
    writes, reads = (sum(len(names[how]) for names in wanted.values()) for how in ("writes", "reads"))
    print(f"provider 6 knows all {len(wanted)} types, {writes} arguments and {reads} attributes that terraform/ uses")
    return 0


if __name__ == "__main__":
    raise SystemExit(write(Path(sys.argv[2])) if sys.argv[1:2] == ["--write"] else check())
