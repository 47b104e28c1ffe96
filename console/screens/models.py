"""Registered models: which serve, what their dossiers say, what their scores rest on."""

from __future__ import annotations

import json

import altair as alt
import streamlit as st
from botocore.exceptions import ClientError

from console import source
from console.remembered import remembered
from tools.releases import PROBLEMS, released

VERDICTS = {"pass": "green", "warn": "orange", "fail": "red"}


@source.tells_what_failed
def show() -> None:
    st.title("Models")
    problem = st.radio("Problem", PROBLEMS, horizontal=True, index=PROBLEMS.index("fraud"))
    now = released(source.platform().client("dynamodb"), source.platform().prefix, problem)
    st.markdown(f"Serves: **{now['model_name'] or 'the model that came with the code'}**")
    found = versions(problem)
    if not found:
        st.info(f"No version is registered: `make train PROBLEM={problem}` makes one.")
        return
    st.dataframe(
        [{k: v for k, v in one.items() if k != "package"} for one in found], hide_index=True, alt="Registered versions"
    )
    names = [one["version"] for one in found]
    serving = str(now["model_package_arn"] or "").rpartition("/")[2]
    chosen = st.selectbox("Version", names, index=names.index(serving) if serving in names else 0)
    package = next(one["package"] for one in found if one["version"] == chosen)
    try:
        told(json.loads(beside(package, "dossier.json")), package)
    except ClientError as missing:
        if missing.response["Error"]["Code"] not in ("NoSuchKey", "404"):
            raise
        st.warning("This version has no dossier: it did not come from a training. Train anew to have one.")


@remembered("The registry is asked", most=5)
def versions(problem: str) -> list[dict]:
    here = source.platform()
    sagemaker = here.client("sagemaker")
    listed = sagemaker.list_model_packages(
        ModelPackageGroupName=f"{here.prefix}-{problem}", SortBy="CreationTime", SortOrder="Descending", MaxResults=50
    )["ModelPackageSummaryList"]
    return [
        {
            "version": one["ModelPackageArn"].rpartition("/")[2],
            "status": one["ModelApprovalStatus"],
            "registered (UTC)": f"{one['CreationTime']:%Y-%m-%d %H:%M}",
            "package": one["ModelPackageArn"],
        }
        for one in listed
    ]


@st.cache_data(ttl=3600, max_entries=50, show_spinner="The dossier is read")
def beside(package: str, name: str) -> bytes:
    """A file of a version's evaluation: it never changes."""
    return source.platform().beside_evaluation(package, name)


def told(dossier: dict, package: str) -> None:
    verdict = dossier["verdict"]
    st.subheader(f":{VERDICTS.get(verdict, 'gray')}-badge[{verdict}] Dossier")
    st.dataframe(
        [
            {
                "test": t["name"],
                "value": t["value"],
                "from": t["low"],
                "to": t["high"],
                "asked for": str(t["threshold"]),
                "verdict": t["verdict"],
                "more": t["detail"],
            }
            for t in dossier["tests"]
        ],
        hide_index=True,
        alt="Tests of the dossier",
    )
    importance(dossier.get("importance") or [])
    st.download_button(
        "The whole dossier as a page", beside(package, "dossier.html"), file_name="dossier.html", mime="text/html"
    )
    st.caption(f"SHA-256 {dossier['sha256']}")


def importance(columns: list[dict]) -> None:
    """Mean absolute contributions, computed when the version was registered."""
    if not columns:
        return
    data = [{"feature": c["column"], "share": c["share"]} for c in columns[:20]]
    words = ", ".join(f"{row['feature']} {row['share']:.1%}" for row in data[:3])
    chart = (
        alt.Chart(alt.Data(values=data), title="What the scores rest on", description=words)
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title="share of all contributions to the log-odds", axis=alt.Axis(format=".0%")),
            y=alt.Y("feature:N", sort="-x", title=None),
            tooltip=["feature:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    st.altair_chart(chart)
    st.caption(f"Most of all: {words}.")
