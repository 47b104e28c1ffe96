"""Athena's API over the engine: submit, run off the event loop, keep the result, write it to S3."""

from __future__ import annotations

import contextvars
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import athena

from local import checkpoints
from local.permissions import recorder
from local.permissions.denied import AccessDenied
from local.plugins.athena import statements
from local.services import s3_files
from local.settings import Settings

HOOKS = {
    "ministack.services.athena._create_table_input": "(ddl)",
    "ministack.services.athena._executions": None,
    "ministack.services.athena._parse_ddl": "(query)",
    "ministack.services.athena._prepared_statements": None,
    "ministack.services.athena._run_ddl": "(ddl, database)",
    "ministack.services.athena._start_query_execution": "(data)",
    "ministack.services.athena._stop_query_execution": "(data)",
    "ministack.services.athena._workgroups": None,
    "ministack.services.athena.load_persisted_state": "(data)",
    "ministack.services.glue._databases": None,
    "ministack.services.glue._partitions": None,
    "ministack.services.glue._tables": None,
}

AT_ONCE = 4
ENGINE_VERSION = "Athena engine version 3"

logger = logging.getLogger("local")
_settings: Settings
_workers: ThreadPoolExecutor
_running: dict[str, Callable[[], None]] = {}
_tokens: dict[str, str] = {}
_lock = threading.Lock()


def install(settings: Settings) -> None:
    global _settings, _workers
    _settings = settings
    _workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="athena")
    athena._start_query_execution = _start_query_execution
    athena._stop_query_execution = _stop_query_execution
    athena.load_persisted_state = _restoring(athena.load_persisted_state)


def close() -> None:
    """End what runs: its state says so, and nobody waits for it after the next start."""
    for execution in list(athena._executions._data.values()):
        _cancel(execution, "Query cancelled: the server is stopping")
    _workers.shutdown(wait=True, cancel_futures=True)


def _restoring(load: Any) -> Any:
    def load_and_end(data: Any) -> None:
        load(data)
        for execution in athena._executions._data.values():
            _end(execution, "FAILED", "GENERIC_INTERNAL_ERROR: the server ended while this query was running")

    return load_and_end


def _end(execution: dict, state: str, reason: str) -> bool:
    """Whether it had not yet ended."""
    if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
        return False
    execution["Status"] |= {"State": state, "StateChangeReason": reason, "CompletionDateTime": time.time()}
    checkpoints.changed()
    return True


def _cancel(execution: dict, reason: str) -> None:
    if not _end(execution, "CANCELLED", reason):
        return
    with _lock:
        interrupt = _running.get(execution["QueryExecutionId"])
    if interrupt:
        interrupt()


def _refused(message: str) -> Any:
    return error_response_json("InvalidRequestException", message, 400)


def _start_query_execution(data: dict) -> Any:
    token = data.get("ClientRequestToken")
    if token and token in _tokens:
        return json_response({"QueryExecutionId": _tokens[token]})
    athena._ensure_default_workgroup()
    name = data.get("WorkGroup") or "primary"
    workgroup = athena._workgroups.get(name)
    if workgroup is None:
        return _refused(f"WorkGroup {name} is not found.")
    if workgroup.get("State") == "DISABLED":
        return _refused(f"WorkGroup {name} is disabled.")
    output = _output_location(data, workgroup)
    if not output:
        return _refused(
            "No output location provided. An output location is required either through the Workgroup result "
            "configuration setting or as an API input."
        )
    query = data.get("QueryString", "").strip()
    if not query:
        return _refused("QueryString must not be empty.")
    query_id = str(uuid.uuid4())
    context = data.get("QueryExecutionContext") or {}
    kind = _statement_type(query)
    execution = {
        "QueryExecutionId": query_id,
        "Query": query,
        "StatementType": kind,
        "ResultConfiguration": {"OutputLocation": f"{output}{query_id}.{'csv' if kind == 'DML' else 'txt'}"},
        "QueryExecutionContext": {
            "Database": context.get("Database", "default"),
            "Catalog": context.get("Catalog", "AwsDataCatalog"),
        },
        "Status": {"State": "QUEUED", "SubmissionDateTime": time.time()},
        "Statistics": {"DataScannedInBytes": 0},
        "WorkGroup": name,
        "EngineVersion": {"SelectedEngineVersion": ENGINE_VERSION, "EffectiveEngineVersion": ENGINE_VERSION},
        "_results": None,
        "_column_types": None,
        "_error": None,
    }
    athena._executions[query_id] = execution
    if token:
        _tokens[token] = query_id
    run = contextvars.copy_context().run
    _workers.submit(run, _execute, execution, output, list(data.get("ExecutionParameters") or []))
    return json_response({"QueryExecutionId": query_id})


def _output_location(data: dict, workgroup: dict) -> str:
    """An enforced workgroup wins over what the client asks for."""
    configuration = workgroup.get("Configuration") or {}
    own = (configuration.get("ResultConfiguration") or {}).get("OutputLocation", "")
    asked = (data.get("ResultConfiguration") or {}).get("OutputLocation", "")
    enforced = configuration.get("EnforceWorkGroupConfiguration", bool(own))
    chosen = own if enforced else asked or own
    return chosen.rstrip("/") + "/" if chosen else ""


def _statement_type(query: str) -> str:
    words = statements.without_comments(query).lstrip("( \n\t").split(None, 1)
    first = words[0].lower() if words else ""
    if first in ("select", "with", "values", "insert", "unload", "execute"):
        return "DML"
    return "UTILITY" if first in ("show", "describe", "desc", "explain") else "DDL"


def _execute(execution: dict, output: str, values: list[str]) -> None:
    # DuckDB and sqlglot take a third of a second to import: paid by the first query, not by the start of the server.
    from local.plugins.athena import engine, results
    from local.plugins.athena.errors import QueryFailed

    query_id = execution["QueryExecutionId"]
    status = execution["Status"]
    if status["State"] == "CANCELLED":
        return
    status["State"] = "RUNNING"
    started = time.time()
    temp_dir = Path(_settings.temp_dir) / "athena" / query_id
    connection = engine.connect(temp_dir, _settings.s3_dir)
    with _lock:
        _running[query_id] = connection.interrupt
    try:
        database = execution["QueryExecutionContext"]["Database"]
        prepared = _prepared(execution["WorkGroup"])
        session = engine.Session(connection, query_id, database, output, temp_dir, prepared)
        query = engine.with_values(execution["Query"], values) if values else execution["Query"]
        result = engine.run(session, statements.parse(query, database))
        execution["_results"] = {"columns": result.columns, "rows": result.rows}
        execution["_column_types"] = result.types
        body = results.csv(result) if execution["StatementType"] == "DML" else _text_file(result.rows)
        target = execution["ResultConfiguration"]["OutputLocation"]
        recorder.asks("s3:GetBucketLocation", f"arn:aws:s3:::{s3_files.split(target)[0]}")
        s3_files.write(target, body)
        s3_files.write(f"{target}.metadata", json.dumps([result.columns, result.types]).encode())
        execution["Statistics"]["DataScannedInBytes"] = result.scanned
        state, reason = "SUCCEEDED", None
    except QueryFailed as failure:
        state, reason = "FAILED", str(failure)
    except AccessDenied as refusal:
        state, reason = "FAILED", f"Insufficient permissions to execute the query. {refusal}"
    except (s3_files.NoSuchObject, OSError) as failure:
        state, reason = "FAILED", f"GENERIC_USER_ERROR: the result cannot be written: {failure}"
    except Exception as failure:
        logger.exception("query %s", query_id)
        state, reason = "FAILED", f"GENERIC_INTERNAL_ERROR: {type(failure).__name__}: {failure}"
    finally:
        with _lock:
            _running.pop(query_id, None)
        connection.close()
    taken = int((time.time() - started) * 1000)
    execution["Statistics"] |= {
        "EngineExecutionTimeInMillis": taken,
        "TotalExecutionTimeInMillis": taken,
        "QueryQueueTimeInMillis": int((started - status["SubmissionDateTime"]) * 1000),
    }
    status["CompletionDateTime"] = time.time()
    if status["State"] == "CANCELLED":
        return
    if reason:
        status["StateChangeReason"] = reason
        status["AthenaError"] = {"ErrorCategory": 2, "ErrorType": 1, "Retryable": False, "ErrorMessage": reason}
    status["State"] = state
    checkpoints.changed()


def _text_file(rows: list[list[str | None]]) -> bytes:
    return "".join("\t".join(value or "" for value in row) + "\n" for row in rows).encode()


def _prepared(workgroup: str) -> Callable[[str], str]:
    def find(name: str) -> str:
        from local.plugins.athena.errors import QueryFailed

        statement = athena._prepared_statements.get(f"{workgroup}/{name}")
        if statement is None:
            raise QueryFailed("NOT_FOUND", f"Prepared statement not found: {name}")
        return statement["QueryStatement"]

    return find


def _stop_query_execution(data: dict) -> Any:
    execution = athena._executions.get(data.get("QueryExecutionId"))
    if execution is None:
        return _refused(f"QueryExecution {data.get('QueryExecutionId')} was not found")
    _cancel(execution, "Query cancelled by user")
    return json_response({})
