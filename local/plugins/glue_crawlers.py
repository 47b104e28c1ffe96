"""Crawlers that crawl: tables and partitions from what is in S3.

MiniStack's crawler waits five seconds and finds nothing. Here a crawl lists its S3 and catalog targets, reads the
schema of Parquet, CSV and JSON lines, and writes tables and partitions with the parameters and serdes that Glue writes.

A target whose sub-folders are ``key=value`` (or that holds files itself) is one table, named after its folder;
otherwise each sub-folder is a table. What the schema of a known table does follows ``SchemaChangePolicy``;
new partitions are added under every policy. Logs go to ``/aws-glue/crawlers``, stream: the crawler's name.
"""

from __future__ import annotations

import contextvars
import fnmatch
import json
import re
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ministack.core.responses import error_response_json, get_account_id, json_response
from ministack.services import glue

from local import checkpoints, hive_types
from local.permissions import recorder, roles
from local.services import glue_catalog, log_lines, s3_files
from local.settings import Settings

HOOKS = {
    "ministack.services.glue._crawlers": None,
    "ministack.services.glue._start_crawler": "(data)",
    "ministack.services.glue._stop_crawler": "(data)",
    "ministack.services.glue._partitions": None,
    "ministack.services.glue._tables": None,
}

LOG_GROUP = "/aws-glue/crawlers"
SAMPLE_FILES = 20
COUNTED_AT_ONCE = 500
INPUT = "org.apache.hadoop.mapred.TextInputFormat"
OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"


class CrawlFailed(Exception):
    """Why a crawl ends FAILED."""


@dataclass(frozen=True)
class Format:
    """How files are read: the classification, the serde with its parameters, and further table parameters."""

    classification: str
    library: str
    input_format: str
    output_format: str
    serde: dict[str, str]
    parameters: dict[str, str]


@dataclass
class Found:
    """A table in S3."""

    name: str
    location: str
    files: list[s3_files.Object]
    keys: list[str]
    partitions: dict[tuple[str, ...], str]


def install(settings: Settings) -> None:
    glue._start_crawler = _start_crawler
    glue._stop_crawler = _stop_crawler
    glue.load_persisted_state = _restoring(glue.load_persisted_state)


def _restoring(load: Any) -> Any:
    def load_and_reset(data: Any) -> None:
        load(data)
        for _, crawler in glue._crawlers.all_items():
            crawler["State"] = "READY"

    return load_and_reset


def _start_crawler(data: dict) -> Any:
    name = data.get("Name")
    crawler = glue._crawlers.get(name)
    if crawler is None:
        return error_response_json("EntityNotFoundException", f"Crawler entry with name {name} does not exist", 400)
    if crawler["State"] != "READY":
        return error_response_json("CrawlerRunningException", f"Crawler with name {name} has already started", 400)
    crawler["State"] = "RUNNING"
    run = contextvars.copy_context().run
    threading.Thread(target=run, args=(_crawl, crawler), daemon=True, name=f"crawler-{name}").start()
    return json_response({})


def _stop_crawler(data: dict) -> Any:
    crawler = glue._crawlers.get(data.get("Name"))
    if crawler is None:
        return error_response_json(
            "EntityNotFoundException", f"Crawler entry with name {data.get('Name')} does not exist", 400
        )
    if crawler["State"] != "RUNNING":
        return error_response_json(
            "CrawlerNotRunningException", f"Crawler with name {data.get('Name')} isn't running", 400
        )
    crawler["State"] = "STOPPING"
    return json_response({})


def _crawl(crawler: dict) -> None:
    roles.act_as(roles.arn_of(crawler.get("Role", ""), get_account_id()))  # until its thread ends
    started = time.time()
    crawl_id = str(uuid.uuid4())
    last: dict[str, Any] = {
        "LogGroup": LOG_GROUP,
        "LogStream": crawler["Name"],
        "MessagePrefix": crawl_id,
        "StartTime": started,
    }

    def say(text: str, level: str = "INFO") -> None:
        encrypted = bool(crawler.get("CrawlerSecurityConfiguration"))
        log_lines.asks_as_writer(LOG_GROUP, crawler["Name"], encrypted)
        log_lines.append(LOG_GROUP, crawler["Name"], [f"[{crawl_id}] {level} : {text}"])

    say("BENCHMARK : Running Start Crawl for Crawler " + crawler["Name"])
    try:
        database = crawler.get("DatabaseName", "")
        targets = crawler.get("Targets") or {}
        for target in targets.get("CatalogTargets") or []:
            for name in target.get("Tables") or []:
                _refresh(target["DatabaseName"], name, crawler, say)
        if targets.get("S3Targets") and database not in glue._databases:
            raise CrawlFailed(f"Database {database} not found")
        seen = set()
        for target in targets.get("S3Targets") or []:
            if crawler["State"] == "STOPPING":
                break
            for found in _tables_below(target, crawler.get("TablePrefix") or ""):
                seen.add(found.name)
                _write(database, found, crawler, say)
        if targets.get("S3Targets") and crawler["State"] != "STOPPING":
            _forget(database, seen, crawler, say)
        last["Status"] = "CANCELLED" if crawler["State"] == "STOPPING" else "SUCCEEDED"
    except Exception as failure:
        last |= {"Status": "FAILED", "ErrorMessage": str(failure)}
        say(f"{type(failure).__name__}: {failure}", "ERROR")
    say(f"BENCHMARK : Crawler has finished running and is in state READY, took {time.time() - started:.1f} seconds")
    crawler["CrawlElapsedTime"] = int((time.time() - started) * 1000)
    crawler["LastCrawl"] = last
    crawler["State"] = "READY"
    checkpoints.changed()


def _tables_below(target: dict, prefix: str) -> list[Found]:
    base = target["Path"].rstrip("/") + "/"
    if not s3_files.bucket_exists(base):
        raise CrawlFailed(f"The S3 location {base} does not exist: there is no such bucket")
    excluded = target.get("Exclusions") or []
    files = [item for item in s3_files.below(base) if not _excluded(item.uri[len(base) :], excluded)]
    first = {item.uri[len(base) :].split("/")[0] for item in files if "/" in item.uri[len(base) :]}
    loose = [item for item in files if "/" not in item.uri[len(base) :]]
    if not files:
        return []
    if loose or all("=" in folder for folder in first):
        return [_found(base, files, prefix)]
    return [
        _found(f"{base}{folder}/", [item for item in files if item.uri.startswith(f"{base}{folder}/")], prefix)
        for folder in sorted(first)
    ]


def _excluded(relative: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatch(relative, pattern.replace("**", "*")) for pattern in patterns)


def _found(location: str, files: list[s3_files.Object], prefix: str) -> Found:
    name = re.sub(r"[^a-z0-9_]", "_", prefix.lower() + location.rstrip("/").rsplit("/", 1)[-1].lower())
    keys, partitions = _partitions(location, files)
    return Found(name, location, files, keys, partitions)


def _partitions(location: str, files: list[s3_files.Object]) -> tuple[list[str], dict[tuple[str, ...], str]]:
    folders = {item.uri[len(location) :].rpartition("/")[0] for item in files}
    depth = max(len(folder.split("/")) if folder else 0 for folder in folders)
    if depth == 0:
        return [], {}
    keys: list[str] = []
    partitions = {}
    for folder in sorted(folders):
        parts = folder.split("/") if folder else []
        if len(parts) != depth:
            raise CrawlFailed(f"The folders below {location} are not equally deep: {folder!r}")
        pairs = [part.partition("=") for part in parts]
        keys = [pair[0].lower() if pair[1] else f"partition_{number}" for number, pair in enumerate(pairs)]
        values = tuple(unquote(pair[2]) if pair[1] else pair[0] for pair in pairs)
        partitions[values] = location + folder
    return keys, partitions


def _write(database: str, found: Found, crawler: dict, say: Any) -> None:
    form, columns, records = _schema(found.files)
    columns = [(name, kind) for name, kind in columns if name not in found.keys]
    size = sum(item.size for item in found.files)
    parameters = {
        "CrawlerSchemaDeserializerVersion": "1.0",
        "CrawlerSchemaSerializerVersion": "1.0",
        "UPDATED_BY_CRAWLER": crawler["Name"],
        "averageRecordSize": str(size // records if records else 0),
        "classification": form.classification,
        "compressionType": "gzip" if found.files[0].key.endswith(".gz") else "none",
        "objectCount": str(len(found.files)),
        "recordCount": str(records),
        "sizeKey": str(size),
        "typeOfData": "file",
        **form.parameters,
    }
    serde = {"paths": ",".join(sorted(name for name, _ in columns))} if form.classification == "json" else form.serde
    storage = {
        "Columns": [{"Name": name, "Type": kind} for name, kind in columns],
        "Location": found.location,
        "InputFormat": form.input_format,
        "OutputFormat": form.output_format,
        "Compressed": found.files[0].key.endswith(".gz"),
        "NumberOfBuckets": -1,
        "SerdeInfo": {"SerializationLibrary": form.library, "Parameters": serde},
        "BucketColumns": [],
        "SortColumns": [],
        "Parameters": parameters,
        "StoredAsSubDirectories": False,
    }
    definition: dict[str, Any] = {
        "Name": found.name,
        "Owner": "owner",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
        "PartitionKeys": [{"Name": key, "Type": "string"} for key in found.keys],
        "StorageDescriptor": storage,
    }
    recorder.asks_by_request("glue", "GetTable", {"DatabaseName": database, "Name": found.name})
    known = glue._tables.get(f"{database}/{found.name}")
    policy = (crawler.get("SchemaChangePolicy") or {}).get("UpdateBehavior", "UPDATE_IN_DATABASE")
    if known is None:
        _done(glue_catalog.change("CreateTable", DatabaseName=database, TableInput=definition))
        say(f"Created table {found.name} in database {database}")
    elif policy == "UPDATE_IN_DATABASE":
        definition["Parameters"] = {**(known.get("Parameters") or {}), **parameters}
        _done(glue_catalog.change("UpdateTable", DatabaseName=database, TableInput=definition))
        say(f"Updated table {found.name} in database {database}")
    _write_partitions(glue._tables[f"{database}/{found.name}"], found.partitions, crawler, say)


def _write_partitions(table: dict, partitions: dict[tuple[str, ...], str], crawler: dict, say: Any) -> None:
    database, name = table["DatabaseName"], table["Name"]
    recorder.asks_by_request("glue", "GetPartitions", {"DatabaseName": database, "TableName": name})
    known = {tuple(item.get("Values", [])) for item in glue._partitions.get(f"{database}/{name}") or []}
    fresh = [
        {
            "Values": list(values),
            "StorageDescriptor": {**table["StorageDescriptor"], "Location": where},
            "Parameters": {},
        }
        for values, where in partitions.items()
        if values not in known
    ]
    if fresh:
        glue_catalog.change("BatchCreatePartition", DatabaseName=database, TableName=name, PartitionInputList=fresh)
        say(f"Created {len(fresh)} partitions of table {name} in database {database}")
    if (crawler.get("SchemaChangePolicy") or {}).get("DeleteBehavior") == "DELETE_FROM_DATABASE":
        for values in known - set(partitions):
            glue_catalog.change("DeletePartition", DatabaseName=database, TableName=name, PartitionValues=list(values))
            say(f"Deleted partition {list(values)} of table {name} in database {database}")


def _refresh(database: str, name: str, crawler: dict, say: Any) -> None:
    """A catalog target: the table is there, its partitions are looked for."""
    recorder.asks_by_request("glue", "GetTable", {"DatabaseName": database, "Name": name})
    table = glue._tables.get(f"{database}/{name}")
    if table is None:
        raise CrawlFailed(f"Table {database}.{name} not found")
    location = table["StorageDescriptor"].get("Location", "").rstrip("/") + "/"
    files = s3_files.below(location)
    if files and table.get("PartitionKeys"):
        _write_partitions(table, _partitions(location, files)[1], crawler, say)


def _forget(database: str, seen: set[str], crawler: dict, say: Any) -> None:
    """Tables of this crawler whose files have gone."""
    behaviour = (crawler.get("SchemaChangePolicy") or {}).get("DeleteBehavior", "DEPRECATE_IN_DATABASE")
    for key, table in list(glue._tables.items()):
        mine = (table.get("Parameters") or {}).get("UPDATED_BY_CRAWLER") == crawler["Name"]
        if not mine or not key.startswith(f"{database}/") or table["Name"] in seen:
            continue
        if behaviour == "DELETE_FROM_DATABASE":
            glue_catalog.change("DeleteTable", DatabaseName=database, Name=table["Name"])
            say(f"Deleted table {table['Name']} in database {database}")
        elif behaviour == "DEPRECATE_IN_DATABASE":
            table["Parameters"]["DEPRECATED_BY_CRAWLER"] = str(int(time.time() * 1000))


def _schema(files: list[s3_files.Object]) -> tuple[Format, list[tuple[str, str]], int]:
    """The format, the columns with their types, and the number of records."""
    import duckdb

    sample = files[:SAMPLE_FILES]
    s3_files.taken(sample)
    connection = duckdb.connect(":memory:")
    try:
        kind = _kind(sample[0])
        source = _reader(kind, sample)
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        records = sum(
            connection.execute(f"SELECT count(*) FROM {_reader(kind, files[at : at + COUNTED_AT_ONCE])}").fetchall()[0][
                0
            ]
            for at in range(0, len(files), COUNTED_AT_ONCE)
        )
        form = FORMATS[kind]
        if kind == "csv":
            first = str(sample[0].path).replace("'", "''")
            sniffed = connection.execute(f"SELECT Delimiter, HasHeader FROM sniff_csv('{first}')").fetchall()
            form = _csv_format(*sniffed[0])
    except duckdb.Error as failure:
        raise CrawlFailed(f"{sample[0].uri} cannot be read: {str(failure).splitlines()[0]}") from failure
    finally:
        connection.close()
    return form, [(name.lower(), _column_type(kind, duckdb_type)) for name, duckdb_type, *_ in described], records


def _reader(kind: str, files: list[s3_files.Object]) -> str:
    paths = "[" + ", ".join("'" + str(item.path).replace("'", "''") + "'" for item in files) + "]"
    more = {
        "parquet": "",
        "json": ", format = 'newline_delimited'",
        "csv": ", sample_size = 20000",
    }[kind]
    return f"read_{kind}({paths}{more}, union_by_name = true, hive_partitioning = false)"


def _column_type(kind: str, duckdb_type: str) -> str:
    # Glue's text classifiers know no dates: they stay text.
    if kind != "parquet" and hive_types.family(duckdb_type) in ("date", "timestamp", "time", "text"):
        return "string"
    return hive_types.to_hive(duckdb_type)


def _kind(item: s3_files.Object) -> str:
    name = item.key.removesuffix(".gz")
    if name.endswith((".parquet", ".snappy")) or item.path.open("rb").read(4) == b"PAR1":
        return "parquet"
    if name.endswith((".json", ".jsonl", ".ndjson")) or item.path.open("rb").read(1) == b"{":
        return "json"
    return "csv"


def _csv_format(delimiter: str, header: bool) -> Format:
    parameters = {"delimiter": delimiter, "columnsOrdered": "true", "areColumnsQuoted": "false"}
    if header:
        parameters["skip.header.line.count"] = "1"
    return Format(
        "csv",
        "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        INPUT,
        OUTPUT,
        {"field.delim": delimiter},
        parameters,
    )


FORMATS = {
    "parquet": Format(
        "parquet",
        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        {"serialization.format": "1"},
        {},
    ),
    "json": Format("json", "org.openx.data.jsonserde.JsonSerDe", INPUT, OUTPUT, {}, {}),
    "csv": _csv_format(",", True),
}


def _done(answer: Any) -> None:
    status, _, body = answer
    if status >= 300:
        raise CrawlFailed(json.loads(body).get("message", str(body)))
