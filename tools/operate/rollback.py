"""`make rollback`: a registered version serves again, the one before the live one or the one that is named.

EventBridge tells of a package whose status changes, and the approval of what is approved already may be no change. So
the package waits for approval for a moment, and is approved anew.
"""

from __future__ import annotations

from typing import Any

from release.dossier import OVERRIDE, lacking

from tools.operate.platform import Platform, Refused
from tools.releases import PROBLEMS
from tools.telling import Teller


def rollback(platform: Platform, teller: Teller, problem: str, version: str = "") -> None:
    """What served until now is rejected, so that nobody takes it for good; unless it is the very one that is named."""
    if problem not in PROBLEMS:
        raise Refused(f"expected PROBLEM={' or '.join(PROBLEMS)}, got {problem!r}")
    sagemaker: Any = platform.client("sagemaker")
    registered = versions(sagemaker, f"{platform.prefix}-{problem}")
    standing = platform.standing(problem)
    before = standing[0]
    live = number(before["model_package_arn"]) if before["model_package_arn"] else None
    served = have_served(platform, problem, before)
    wanted = named(registered, version) if version else earlier(registered, live, served)
    package = registered[wanted]["ModelPackageArn"]
    said = sagemaker.describe_model_package(ModelPackageName=package).get("ApprovalDescription")
    wanting = lacking(platform.evaluation(package), said)
    if wanting is not None:
        if wanted not in served:
            raise Refused(f"version {wanted} never served: {wanting}")
        # It was let to serve before dossiers were asked for, and a rollback is no time to train anew.
        said = f"{OVERRIDE}rolled back to, from version {live}: it has served before"
    if live is not None and live != wanted and live in registered:
        set_status(sagemaker, registered[live]["ModelPackageArn"], "Rejected", f"rolled back to version {wanted}")
        teller.say(f"version {live} is rejected")
    set_status(sagemaker, package, "PendingManualApproval")
    set_status(sagemaker, package, "Approved", said)
    with teller.watched(f"the release of {problem} version {wanted}"):
        now = platform.await_release(problem, package, before.get("approved_at"), standing)
    teller.say(f"version {wanted} of {problem} is released" + (" and serves" if now["endpoint_config"] else ""))


def have_served(platform: Platform, problem: str, before: dict) -> set[int]:
    """Versions that have had all of the traffic; of releases that did not record it, all whose archive was kept."""
    if "served" in before:
        return {int(name.rpartition("-v")[2]) for name in before["served"]}
    return {int(key.split("/")[2]) for key in platform.keys(f"released/{problem}/")}


def versions(sagemaker: Any, group: str) -> dict[int, dict]:
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    found = [package for page in pages for package in page["ModelPackageSummaryList"]]
    return {number(package["ModelPackageArn"]): package for package in found}


def named(registered: dict[int, dict], version: str) -> int:
    if not version.isdigit() or int(version) not in registered:
        raise Refused(f"expected VERSION={' or '.join(map(str, sorted(registered))) or 'of one'}, got {version!r}")
    return int(version)


def earlier(registered: dict[int, dict], live: int | None, served: set[int]) -> int:
    """The newest approved version before the live one that has served."""
    approved = {n for n, p in registered.items() if p["ModelApprovalStatus"] == "Approved"}
    found = [n for n in approved & served if live and n < live]
    if not found:
        raise Refused(
            "no approved version that has served comes before the live one; name another as VERSION, see make status"
        )
    return max(found)


def set_status(sagemaker: Any, package: str, status: str, reason: str | None = None) -> None:
    told = {"ApprovalDescription": reason} if reason else {}
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus=status, **told)


def number(package: str) -> int:
    """`...:model-package/risk-dev-fraud/3` -> 3."""
    return int(package.rpartition("/")[2])
