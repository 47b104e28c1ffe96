"""What an approval is held to: the dossier that the evaluation of the version left."""

from __future__ import annotations

from collections.abc import Mapping

OVERRIDE = "override: "  # begins the description of an approval that was given in spite of the dossier
PASSES = ("pass", "warn")


def overridden(description: str | None) -> bool:
    """Whether the approval's description gives a reason to let a version serve in spite of what speaks against it."""
    begins, _, why = (description or "").partition(OVERRIDE)
    return not begins and bool(why.strip())


def lacking(evaluation: Mapping, description: str | None) -> str | None:
    """Why this version may not serve; none if its dossier passes, warnings included, or if the approval's description
    gives a reason to let it serve all the same. Other descriptions, of a rejection before, are no such reason."""
    if overridden(description):
        return None
    dossier = evaluation.get("dossier") or {}
    verdict = dossier.get("verdict")
    if verdict in PASSES:
        return None
    failed = ", ".join(dossier.get("failed") or ())
    came = f"these tests fail: {failed}" if failed else f"its verdict is {verdict}" if verdict else "there is none"
    return (
        f"expected a dossier that passes, but {came}; train anew, or say REASON='why it may serve all the same' with "
        f"make approve, which keeps it as the approval's description, '{OVERRIDE}why ...'"
    )
