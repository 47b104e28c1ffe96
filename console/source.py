"""The platform that is looked at, and what it answers: each question is asked once in a while, not at every click."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import streamlit as st
from botocore.exceptions import BotoCoreError, ClientError
from scoring.policy import InvalidPolicy

from console.remembered import begin_page, oldest_shown, remembered
from inference.model import Model
from lending.deciding import Loan
from lending.opened import Opened as OpenedLoans
from lending.policy import Policy, policy_of
from tools.athena import Analysts, QueryFailed
from tools.lending.kept import Kept, fetch
from tools.operate.platform import Platform, StepFailed
from tools.why.__main__ import named

OUTPUTS = "CONSOLE_OUTPUTS"  # the platform's outputs as JSON
RUN_SECONDS = 600  # that loans of a run are held in memory: somebody may be forgotten
POLL_SECONDS = 0.1  # somebody waits for the page

Rows = list[dict[str, str]]  # by column; what is null is an empty text


@dataclass(frozen=True)
class Opened:
    """A model, and the folder that its library reads when it is first asked to explain."""

    model: Model
    folder: TemporaryDirectory


@st.cache_resource
def platform() -> Platform:
    return Platform(json.loads(os.environ[OUTPUTS]))


def analysts() -> Analysts:
    here = platform()
    return Analysts(here.client("athena"), here.prefix, here.outputs["athena_workgroup"], POLL_SECONDS)


@remembered("Athena is asked", most=200)
def ask(zone: str, sql: str) -> Rows:
    """Rows of a zone's database. Raises QueryFailed."""
    return analysts().ask(zone, sql)


@remembered("Athena is asked", most=50)
def ask_together(asked: tuple[tuple[str, str], ...]) -> list[Rows | str]:
    """What several questions, zone and SQL each, are answered, in their order; of one that failed, why."""

    def answered(one: tuple[str, str]) -> Rows | str:
        try:
            return analysts().ask(*one)
        except QueryFailed as failed:
            return str(failed)

    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(answered, asked))


@st.cache_resource(max_entries=4, show_spinner="The model is opened")
def fraud_model(name: str) -> Opened | None:
    """A registered or bootstrap model by the name that decisions bear; none where it is not there any more."""
    here = platform()
    folder = TemporaryDirectory(prefix="console-")
    clients = {service: here.client(service) for service in ("s3", "sagemaker")}
    found = named(clients, f"{here.prefix}-fraud", here.outputs["artifacts_bucket"], name, Path(folder.name))
    model = next(found, None)
    if model is None:
        folder.cleanup()
        return None
    return Opened(model, folder)


@dataclass(frozen=True)
class Run:
    """The last run over a month's loans: what was scored, and the model."""

    name: str
    model: OpenedLoans
    loans: dict[str, Loan]


@st.cache_resource(ttl=RUN_SECONDS, max_entries=2, show_spinner="The run and its model are fetched")
def loan_run(month: str, wanted: str) -> Run:
    """The newest run of a month, which may be another than the `wanted` one: of that it is asked anew. Raises WrongRun
    where none was kept, or what was kept does not fit together."""
    here = platform()
    clients = {service: here.client(service) for service in ("glue", "sagemaker", "s3")}
    with TemporaryDirectory(prefix="console-") as folder:
        kept = Kept(Path(folder))
        name = fetch(clients, here.prefix, here.lake, month, kept.folder)
        with kept.model() as model:
            model.get_ready_to_explain()  # all that is read of its files is read then: they are gone afterwards
            loans = {loan.loan_id: loan for loan in kept.loans(len(model.encoding.columns))}
            return Run(name, OpenedLoans(model), loans)


@st.cache_data(max_entries=10, show_spinner=False)
def credit_policy(sha256: str) -> Policy:
    """The policy that decided, from its archive. Raises InvalidPolicy of lending, and ClientError where it is gone."""
    here = platform()
    key = f"policies/credit/rules/{sha256}.json"
    return policy_of(here.client("s3").get_object(Bucket=here.lake, Key=key)["Body"].read(), key)


def zone(name: str) -> str:
    """How a query names another zone's database."""
    return f"{analysts().databases}_{name}"


@remembered("The catalog is asked", most=1)
def days() -> list[str]:
    """Days of payments that queries over the decision log see, the newest first: those that a night has crawled."""
    pages = platform().client("glue").get_paginator("get_partitions")
    try:
        found = pages.paginate(DatabaseName=zone("decisions"), TableName="decisions", ExcludeColumnSchema=True)
        return sorted((one["Values"][0] for page in found for one in page["Partitions"]), reverse=True)
    except ClientError as missing:
        if missing.response["Error"]["Code"] != "EntityNotFoundException":
            raise
        return []


def tells_what_failed(page: Callable[[], None]) -> Callable[[], None]:
    """A page that says in words what the platform refused, and what to do."""

    @wraps(page)
    def told() -> None:
        begin_page()
        above = st.container()
        try:
            page()
            if since := oldest_shown():
                above.caption(
                    f"Some of this was asked at {since:%H:%M:%S} UTC. It is being asked anew: whoever opens the page "
                    "next sees what has changed."
                )
        except ClientError as refused:
            said = refused.response["Error"]
            st.error(
                f"{refused.operation_name} was refused: {said['Code']}: {said['Message']}. The console asks with the "
                "credentials of who started it, or as a container with its own role: a role of docs/roles.md has the "
                "right for this, or the platform is not there."
            )
        except (BotoCoreError, httpx.HTTPError) as unreachable:
            st.error(
                f"AWS cannot be reached: {unreachable}. Check credentials, region and network, then load the page anew."
            )
        except InvalidPolicy as wrong:
            st.error(
                f"The live policy cannot be judged by this version of the code: {wrong}. Start the console of the "
                "version that is deployed, or make a policy live that this one knows."
            )
        except (QueryFailed, StepFailed) as failed:
            st.error(f"{failed}. Where a table is missing, the first night has not run yet: `make night`.")

    return told
