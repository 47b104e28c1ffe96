"""`python -m tools.delivery VERB ...`: one verb for each step of a workflow that is more than a make target.

section ENV [--summary]   one environment's plan, cost and refusals, for the comment; or shown as Markdown
comment NUMBER            all sections as the pull request's one comment
look ENV -- COMMAND ...   runs what looks for drift, keeps what it says, and ends as it ended
issue ENV ...             the looks as the one issue, or its end
image ENV                 what `make image` pushed, as outputs of a step
release                   the release's files below build/release
valid PROGRAM             every stack is valid in this Terraform or OpenTofu
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tools.delivery import comment, drift, github, image, release, valid

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "build" / "package"
BUILD = Path(os.environ.get("BUILD_DIR", ROOT / "build")).resolve()  # a test keeps apart from what is deployed
SECTIONS, LOOKS = BUILD / "delivery" / "sections", BUILD / "delivery" / "drift"
TITLES = ("guard", "cost", "bootstrap", "data", "platform")  # the order in which they are read


def section(environment: str, *options: str) -> None:
    folder = BUILD / "terraform" / environment / "plans"
    texts = {title: folder / f"{title}.txt" for title in TITLES}
    parts = [comment.Part(environment, title, path.read_text()) for title, path in texts.items() if path.is_file()]
    if not any(part.title in ("data", "platform") for part in parts):
        parts.append(comment.Part(environment, "plan", ""))
    if "--summary" in options:
        print(comment.composed(parts))
        return
    SECTIONS.mkdir(parents=True, exist_ok=True)
    (SECTIONS / f"{environment}.json").write_text(json.dumps([part.document() for part in parts]))


def put_comment(number: str) -> None:
    parts = [
        comment.Part(**document)
        for path in sorted(SECTIONS.glob("*.json"))
        for document in json.loads(path.read_text())
    ]
    github.put_comment(int(number), comment.MARKER, comment.composed(parts))


def look(environment: str, _: str, *command: str) -> int:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout, end="")
    LOOKS.mkdir(parents=True, exist_ok=True)
    document = {"environment": environment, "code": done.returncode, "text": done.stdout}
    (LOOKS / f"{environment}.json").write_text(json.dumps(document))
    return done.returncode


def put_issue(*environments: str) -> None:
    looks = []
    for environment in environments:
        path = LOOKS / f"{environment}.json"
        known = json.loads(path.read_text()) if path.is_file() else None
        looks.append(drift.Look(**known) if known else drift.Look(environment, drift.FAILED, "Nobody looked."))
    text = drift.issue(looks, os.environ["RUN"]) if drift.wanted(looks) else None
    print(github.put_issue(drift.TITLE, drift.MARKER, text))


def show_image(environment: str) -> None:
    print(image.outputs((BUILD / "image" / f"{environment}.txt").read_text()))


def put_release() -> None:
    for path in release.collect(PACKAGE, PACKAGE / "platform.tfvars.json", BUILD / "release"):
        print(path.name)


def say_valid(program: str) -> int:
    wrong = valid.invalid(program)
    print(f"not valid: {', '.join(wrong)}" if wrong else f"every stack is valid in this {program}")
    return 1 if wrong else 0


VERBS = {
    "section": section,
    "comment": put_comment,
    "look": look,
    "issue": put_issue,
    "image": show_image,
    "release": put_release,
    "valid": say_valid,
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in VERBS:
        raise SystemExit(__doc__)
    return VERBS[arguments[0]](*arguments[1:]) or 0  # type: ignore[operator]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
