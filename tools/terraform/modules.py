"""`python -m tools.terraform.modules --write | --check`: each module's README, made from its variables and outputs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tools.terraform.environments import ROOT

MODULES = ROOT / "terraform" / "modules"
BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def page(folder: Path) -> str:
    """The module's own first words, then a table of what it takes and one of what it gives."""
    main = (folder / "main.tf").read_text()
    said = " ".join(line.removeprefix("#").strip() for line in re.match(r"((?:#.*\n)+)", main)[1].splitlines())  # type: ignore[index]
    lines = [f"# {folder.name}", "", said.replace("<", "\\<"), ""]
    for kind, title, header in (
        ("variable", "Takes", ("variable", "type", "default", "what it is")),
        ("output", "Gives", ("output", "what it is")),
    ):
        rows = [row(kind, name, body) for found, name, body in declared(folder) if found == kind]
        if rows:
            lines += [f"## {title}", table(header), table(tuple("---" for _ in header))]
            lines += [*map(table, sorted(rows)), ""]
    return "\n".join(lines).rstrip() + "\n"


def declared(folder: Path) -> list[tuple[str, str, str]]:
    text = "\n".join(
        (folder / name).read_text() for name in ("variables.tf", "outputs.tf") if (folder / name).is_file()
    )
    return BLOCK.findall(text)


def row(kind: str, name: str, body: str) -> tuple[str, ...]:
    described = attribute(body, "description").strip('"').replace('\\"', '"').replace("|", "\\|").replace("<", "\\<")
    if kind == "output":
        return f"`{name}`", described
    default = attribute(body, "default")
    return f"`{name}`", f"`{attribute(body, 'type')}`", f"`{default}`" if default else "needed", described


def attribute(body: str, name: str) -> str:
    """The text of an attribute on one line, however many it has; nothing where there is none."""
    found = re.search(rf"^  {name}\s*= (.*?)(?=^  \w+\s*=|^  validation|\Z)", body, re.MULTILINE | re.DOTALL)
    return re.sub(r"\s+", " ", found[1]).strip() if found else ""


def table(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def main(option: str = "") -> int:
    old = []
    for folder in sorted(path.parent for path in MODULES.glob("*/main.tf")):
        target, wanted = folder / "README.md", page(folder)
        if option == "--write":
            target.write_text(wanted)
        elif not target.is_file() or target.read_text() != wanted:
            old.append(target.relative_to(ROOT))
    if old:
        print(f"{', '.join(map(str, old))} old: make docs", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
