"""Comments and issues through GitHub's own `gh`, which a runner has and which takes its token from GH_TOKEN."""

from __future__ import annotations

import json
import subprocess

HERE = "repos/{owner}/{repo}"  # `gh` fills in the repository of the folder or of GH_REPO


def put_comment(number: int, marker: str, text: str) -> None:
    """The one comment that begins with the marker: made the first time, changed from then on."""
    comments = _get(f"{HERE}/issues/{number}/comments?per_page=100")
    known = [comment for comment in comments if comment["body"].startswith(marker)]
    if known:
        _send("PATCH", f"{HERE}/issues/comments/{known[0]['id']}", {"body": text})
    else:
        _send("POST", f"{HERE}/issues/{number}/comments", {"body": text})


def put_issue(title: str, marker: str, text: str | None) -> str:
    """The one open issue that begins with the marker: opened, changed, or with no text closed. Says what was done."""
    issues = _get(f"{HERE}/issues?state=open&per_page=100")
    known = [issue for issue in issues if (issue["body"] or "").startswith(marker) and "pull_request" not in issue]
    if text is None:
        for issue in known:
            _send("PATCH", f"{HERE}/issues/{issue['number']}", {"state": "closed", "state_reason": "completed"})
        return "closed" if known else "nothing to tell"
    if known:
        _send("PATCH", f"{HERE}/issues/{known[0]['number']}", {"body": text})
        return "updated"
    _send("POST", f"{HERE}/issues", {"title": title, "body": text})
    return "opened"


def _get(path: str) -> list[dict]:
    pages = _gh("api", "--paginate", "--slurp", path)
    return [item for page in json.loads(pages) for item in page]


def _send(method: str, path: str, fields: dict[str, str]) -> None:
    _gh("api", "--method", method, path, "--input", "-", given=json.dumps(fields))


def _gh(*arguments: str, given: str | None = None) -> str:
    return subprocess.run(["gh", *arguments], input=given, stdout=subprocess.PIPE, text=True, check=True).stdout
