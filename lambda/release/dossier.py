"""What an approval is held to: the dossier that the evaluation of the version left."""

from __future__ import annotations

from collections.abc import Mapping

OVERRIDES = "say REASON='why it may serve all the same', which is kept with the approval"


def lacking(evaluation: Mapping, reason: str | None) -> str | None:
    """Why this version may not serve; none if its dossier passes, warnings included, or somebody has given a reason."""
    if reason and reason.strip():
        return None
    dossier = evaluation.get("dossier")
    if dossier is None:
        return f"expected a dossier that passes, but there is none; train anew, or {OVERRIDES}"
    if dossier["verdict"] == "fail":
        failed = ", ".join(dossier["failed"])
        return f"expected a dossier that passes, but these tests fail: {failed}; train anew, or {OVERRIDES}"
    return None
