"""The first day: data in, a night, training, approval."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from release.dossier import OVERRIDE, lacking

from features.contract import CONTRACTS
from features.declared import FILE as DECLARED
from features.declared import WrongDeclaration
from raw.declaration import Declaration
from raw.names import ENDINGS
from tools.operate.platform import Platform, Refused
from tools.raw_data.files import Unusable, names, raw_files
from tools.releases import PROBLEMS
from tools.telling import Teller
from training.reject_method import Rejects, WrongRejects


def ingest(platform: Platform, teller: Teller, folder: str, batch: str = "") -> None:
    """Puts the folder's files of the RAW contract into a batch, yesterday's unless another is named."""
    if not folder:
        raise Refused("expected DATA=<folder with files of the RAW contract>")
    try:
        files = raw_files(Path(folder))
    except Unusable as refused:
        raise Refused(str(refused)) from None
    if not files:
        found = names(Path(folder))
        raise Refused(f"{folder}: expected {', '.join(CONTRACTS)} as {ENDINGS}, found {found}")
    if (declared := Path(folder) / DECLARED).is_file():
        declare(platform, teller, declared)
    batch = batch or str((datetime.now(UTC) - timedelta(days=1)).date())
    for entity, path in [(entity, path) for entity, paths in files.items() for path in paths]:
        key = f"raw/{entity}/batch={batch}/{path.name}"
        with teller.watched(f"{path.name} goes up"):
            platform.upload(path, key)
        teller.say(f"s3://{platform.lake}/{key}")
    teller.say(f"{sum(map(len, files.values()))} files in batch {batch}; next: make night BATCH={batch}")


def declare(platform: Platform, teller: Teller, file: Path) -> None:
    """Puts a declaration in the place of the lake's. Raises Refused for one that cannot be used, and for one that says
    nothing of an entity of which the lake's says something: it holds for all files, not for those beside it."""
    key = f"raw/{DECLARED}"
    try:
        told = set(Declaration(file.read_bytes()).all())
        before = set(Declaration(platform.read(key)).all()) if key in platform.keys(key) else set()
    except WrongDeclaration as wrong:
        raise Refused(str(wrong)) from None
    if gone := sorted(before - told):
        raise Refused(
            f"{file}: expected what the lake's {DECLARED} says of {', '.join(gone)} too: it holds for all files; name "
            "them with nothing behind where nothing is to be said any more"
        )
    platform.upload(file, key)
    teller.say(f"s3://{platform.lake}/{key}, which holds for all batches from now on")


def night(platform: Platform, teller: Teller, batch: str = "", as_of: str = "") -> None:
    """Runs the night for a batch, yesterday's unless another is named, and waits for it."""
    given = {"as_of": as_of or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    if batch:
        given["batch"] = batch
    with teller.watched("the night"):
        platform.run_machine("nightly", given, lambda state: teller.say(f"  {state}"))
    teller.say("the night is done: BRONZE, SILVER and GOLD hold the batch, records are published")


def train(
    platform: Platform,
    teller: Teller,
    problem: str,
    as_of: str = "",
    costs: str = "",
    default: str = "",
    rejects: str = "",
) -> None:
    """Runs a problem's training pipeline and says what it registered. Thresholds are solved for the costs, loans are
    good or bad by the definition of default, and declined ones teach as `rejects` says."""
    if problem not in PROBLEMS:
        raise Refused(f"expected PROBLEM={' or '.join(PROBLEMS)}, got {problem!r}")
    if costs and problem != "fraud":
        raise Refused(f"expected COSTS with PROBLEM=fraud only, which decides by thresholds, got {problem}")
    if default and problem != "credit":
        raise Refused(f"expected DEFAULT with PROBLEM=credit only, which knows of defaults, got {problem}")
    if rejects and problem != "credit":
        raise Refused(f"expected REJECTS with PROBLEM=credit only, which knows of declined loans, got {problem}")
    try:
        Rejects.parse(rejects)
    except WrongRejects as wrong:
        raise Refused(str(wrong)) from None
    words = {"Costs": costs, "Default": default, "Rejects": rejects}
    given = {name: text for name, text in words.items() if text}
    with teller.watched(f"the {problem} pipeline"):
        made = platform.train(problem, as_of or datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z"), **given)
    test = made["evaluation"]["test"]
    teller.say(
        f"{made['evaluation']['learner']}: AUC {test['auc']:.3f}, average precision {test['ap']:.3f} on the test rows"
    )
    if inferred := made["evaluation"].get("rejects"):
        teller.say(inferred["told"])
    teller.say(f"registered, waits for approval; next: make approve PACKAGE={made['package']}")


def approve(platform: Platform, teller: Teller, package: str, reason: str = "") -> None:
    """Approves a package and waits until it is released. One whose dossier does not pass needs a reason, which is kept
    with the approval."""
    problem = next((p for p in PROBLEMS if f"model-package/{platform.prefix}-{p}/" in package), None)
    if problem is None:
        raise Refused(
            f"expected PACKAGE=<ARN of a package of {platform.prefix}-credit or -fraud>, got {package!r}; make status "
            "lists them"
        )
    wanting = lacking(platform.evaluation(package), f"{OVERRIDE}{reason}")
    if wanting is not None:
        raise Refused(wanting)
    with teller.watched(f"the release of {problem}"):
        before = platform.standing(problem)
        platform.approve(package, reason)
        released = platform.await_release(problem, package, before=before)
    teller.say(f"{released['model_name']} is released" + (" and serves" if released["endpoint_config"] else ""))
