"""Queries see what the catalog has registered, and crawlers register what is there."""

from __future__ import annotations

import base64
import io
import json

import pyarrow
import pyarrow.parquet
import pytest


@pytest.fixture
def lake(aws):
    """A database with a partitioned table of three days, of which none is registered."""
    bucket, database = aws.bucket(), aws.name("db").replace("-", "_")
    aws.client("glue").create_database(DatabaseInput={"Name": database})
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        body = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.table({"id": [1, 2], "amount": [0.5, None]}), body)
        aws.client("s3").put_object(Bucket=bucket, Key=f"t/day={day}/part.parquet", Body=body.getvalue())
    found = Lake(aws, bucket, database)
    found.query(
        f"CREATE EXTERNAL TABLE t (id bigint, amount double) PARTITIONED BY (day string) "
        f"STORED AS PARQUET LOCATION 's3://{bucket}/t/'"
    )
    return found


class Lake:
    def __init__(self, aws, bucket: str, database: str) -> None:
        self.aws, self.bucket, self.database = aws, bucket, database

    def execute(self, sql: str, **more) -> dict:
        athena = self.aws.client("athena")
        started = athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database},
            **{"ResultConfiguration": {"OutputLocation": f"s3://{self.bucket}/results"}, **more},
        )["QueryExecutionId"]

        def ended():
            found = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]
            return found if found["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

        return self.aws.wait(ended)

    def query(self, sql: str, **more) -> list[list[str | None]]:
        execution = self.execute(sql, **more)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        answer = self.aws.client("athena").get_query_results(QueryExecutionId=execution["QueryExecutionId"])
        rows = [[cell.get("VarCharValue") for cell in row["Data"]] for row in answer["ResultSet"]["Rows"]]
        return rows[1:] if execution["StatementType"] == "DML" else rows


def test_only_registered_partitions_are_read(lake):
    assert lake.query("SELECT count(*) FROM t") == [["0"]]
    lake.query("ALTER TABLE t ADD PARTITION (day = '2026-01-02')")
    assert lake.query("SELECT day, count(*), sum(amount) FROM t GROUP BY day") == [["2026-01-02", "2", "0.5"]]
    lake.query("MSCK REPAIR TABLE t")
    assert lake.query("SHOW PARTITIONS t") == [["day=2026-01-01"], ["day=2026-01-02"], ["day=2026-01-03"]]
    lake.query("ALTER TABLE t DROP PARTITION (day = '2026-01-01')")
    assert lake.query("SELECT min(day) FROM t") == [["2026-01-02"]]


def test_a_partition_is_read_where_it_was_last_said_to_lie(lake):
    lake.query("ALTER TABLE t ADD PARTITION (day = '2026-01-02')")
    other = f"s3://{lake.bucket}/t/day=2026-01-01/"
    lake.query(f"ALTER TABLE t PARTITION (day = '2026-01-02') SET LOCATION '{other}'")

    assert lake.query("SELECT DISTINCT day FROM t") == [["2026-01-02"]]
    (read,) = lake.query("""SELECT DISTINCT "$path" FROM t""")
    assert read[0].startswith(other)
    missing = lake.execute(f"ALTER TABLE t PARTITION (day = '2026-01-09') SET LOCATION '{other}'")
    assert missing["Status"]["State"] == "FAILED"
    assert "Partition not found" in missing["Status"]["StateChangeReason"]


def test_a_projected_table_needs_no_registration(lake):
    lake.query(
        f"CREATE EXTERNAL TABLE p (id bigint) PARTITIONED BY (day string) STORED AS PARQUET "
        f"LOCATION 's3://{lake.bucket}/t/' "
        "TBLPROPERTIES ('projection.enabled' = 'true', 'projection.day.type' = 'date', "
        "'projection.day.range' = '2026-01-02,NOW', 'projection.day.format' = 'yyyy-MM-dd')"
    )
    assert lake.query("SELECT DISTINCT day FROM p ORDER BY 1") == [["2026-01-02"], ["2026-01-03"]]


def test_columns_have_names_and_types_and_the_result_is_a_file(lake, aws):
    lake.query("MSCK REPAIR TABLE t")
    execution = lake.execute(
        "SELECT id, amount, \"$path\", count(*) OVER () FROM t WHERE day = '2026-01-01' ORDER BY id"
    )
    answer = aws.client("athena").get_query_results(QueryExecutionId=execution["QueryExecutionId"])
    columns = [(column["Name"], column["Type"]) for column in answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
    assert columns == [("id", "bigint"), ("amount", "double"), ("$path", "varchar"), ("_col3", "bigint")]
    key = execution["ResultConfiguration"]["OutputLocation"].removeprefix(f"s3://{lake.bucket}/")
    path = f"s3://{lake.bucket}/t/day=2026-01-01/part.parquet"
    body = aws.client("s3").get_object(Bucket=lake.bucket, Key=key)["Body"].read().decode()
    assert body == f'"id","amount","$path","_col3"\n"1","0.5","{path}","2"\n"2",,"{path}","2"\n'


def test_results_come_in_pages(lake, aws):
    execution = lake.execute("SELECT * FROM UNNEST(sequence(1, 25)) AS t(n)")
    pages = (
        aws.client("athena")
        .get_paginator("get_query_results")
        .paginate(QueryExecutionId=execution["QueryExecutionId"], PaginationConfig={"PageSize": 10})
    )
    values = [row["Data"][0]["VarCharValue"] for page in pages for row in page["ResultSet"]["Rows"]]
    assert values == ["n", *map(str, range(1, 26))]


def test_tables_and_views_are_made_filled_and_dropped(lake, aws):
    lake.query("MSCK REPAIR TABLE t")
    lake.query(
        f"CREATE TABLE made WITH (format = 'PARQUET', external_location = 's3://{lake.bucket}/made/', "
        "partitioned_by = ARRAY['day']) AS SELECT id, day FROM t"
    )
    lake.query("INSERT INTO made SELECT 9, '2026-02-01'")
    assert lake.query("SELECT count(*), max(day), max(id) FROM made") == [["7", "2026-02-01", "9"]]
    lake.query("CREATE VIEW v AS SELECT day, count(*) AS n FROM made GROUP BY day")
    assert lake.query("SELECT sum(n) FROM v") == [["7"]]
    lake.query("DROP VIEW v")
    lake.query(f"UNLOAD (SELECT * FROM made) TO 's3://{lake.bucket}/unloaded/' WITH (format = 'PARQUET')")
    unloaded = aws.client("s3").list_objects_v2(Bucket=lake.bucket, Prefix="unloaded/")["Contents"][0]["Key"]
    body = aws.client("s3").get_object(Bucket=lake.bucket, Key=unloaded)["Body"].read()
    assert pyarrow.parquet.read_table(io.BytesIO(body)).num_rows == 7
    lake.query("DROP TABLE made")
    assert lake.query("SHOW TABLES") == [["t"]]


def test_prepared_statements_and_parameters_are_filled_in(lake, aws):
    lake.query("MSCK REPAIR TABLE t")
    name = aws.name("p").replace("-", "_")
    aws.client("athena").create_prepared_statement(
        StatementName=name, WorkGroup="primary", QueryStatement="SELECT id FROM t WHERE day = ? AND id > ?"
    )
    assert lake.query(f"EXECUTE {name} USING '2026-01-01', 1") == [["2"]]
    assert lake.query("SELECT ? + 1", ExecutionParameters=["41"]) == [["42"]]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELEC 1", "SYNTAX_ERROR"),
        ("SELECT * FROM missing", "TABLE_NOT_FOUND"),
        ("SELECT 1 FROM missing.t", "SCHEMA_NOT_FOUND"),
        ("SELECT missing FROM t", "COLUMN_NOT_FOUND"),
        ("SELECT missing(1)", "FUNCTION_NOT_FOUND"),
        ("SELECT ARRAY[1][2]", "INVALID_FUNCTION_ARGUMENT"),
        ("SELECT soundex('a')", "NOT_SUPPORTED"),
        ("SELECT CAST('x' AS integer)", "INVALID_CAST_ARGUMENT"),
    ],
)
def test_a_failure_has_the_code_of_athena(lake, sql: str, code: str):
    status = lake.execute(sql)["Status"]
    assert status["State"] == "FAILED"
    assert status["StateChangeReason"].startswith(f"{code}: ")


def test_a_query_reads_tables_only(lake):
    reason = lake.execute('SELECT * FROM "/etc/passwd"')["Status"]["StateChangeReason"]
    assert reason.startswith("TABLE_NOT_FOUND: ")


def test_bytes_are_scanned_of_the_partitions_that_are_asked_for(lake):
    lake.query("MSCK REPAIR TABLE t")
    every = lake.execute("-- all of it\nSELECT count(*) FROM t")
    one = lake.execute("SELECT count(*) FROM t WHERE day = '2026-01-01'")
    scanned = [execution["Statistics"]["DataScannedInBytes"] for execution in (every, one)]
    assert scanned[0] == 3 * scanned[1] > 0
    assert every["StatementType"] == "DML"


def test_a_view_whose_query_gives_other_columns_is_stale(lake, aws):
    lake.query("CREATE VIEW v AS SELECT id FROM t")
    table = aws.client("glue").get_table(DatabaseName=lake.database, Name="v")["Table"]
    body = json.loads(base64.b64decode(table["ViewOriginalText"].split()[3]))
    body["columns"][0]["type"] = "varchar"
    encoded = base64.b64encode(json.dumps(body).encode()).decode()
    wanted = {key: table[key] for key in ("Name", "TableType", "Parameters", "StorageDescriptor", "PartitionKeys")}
    wanted["ViewOriginalText"] = f"/* Presto View: {encoded} */"
    aws.client("glue").update_table(DatabaseName=lake.database, TableInput=wanted)
    assert lake.execute("SELECT id FROM v")["Status"]["StateChangeReason"].startswith("VIEW_IS_STALE: ")


def test_a_database_that_holds_tables_is_dropped_with_cascade_only(lake):
    assert "is not empty" in lake.execute(f"DROP DATABASE {lake.database}")["Status"]["StateChangeReason"]
    assert lake.execute(f"DROP DATABASE {lake.database} CASCADE")["Status"]["State"] == "SUCCEEDED"


def test_one_statement_writes_a_hundred_partitions_at_most(lake):
    def made(name: str, days: int) -> dict:
        return lake.execute(
            f"CREATE TABLE {name} WITH (external_location = 's3://{lake.bucket}/{name}/', partitioned_by = ARRAY['n']) "
            f"AS SELECT 1 AS x, n FROM UNNEST(sequence(1, {days})) AS r(n)"
        )["Status"]

    assert made("enough", 100)["State"] == "SUCCEEDED"
    assert made("too_many", 101)["StateChangeReason"].startswith("HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100")


def test_an_enforced_workgroup_decides_where_results_go(lake, aws):
    name = aws.name("group")
    aws.client("athena").create_work_group(
        Name=name,
        Configuration={
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {"OutputLocation": f"s3://{lake.bucket}/enforced/"},
        },
    )
    location = lake.execute("SELECT 1", WorkGroup=name)["ResultConfiguration"]["OutputLocation"]
    assert location.startswith(f"s3://{lake.bucket}/enforced/")


def test_a_type_that_the_files_do_not_have_is_bad_data(lake):
    lake.query(f"CREATE EXTERNAL TABLE wrong (id string) STORED AS PARQUET LOCATION 's3://{lake.bucket}/t/'")
    assert lake.execute("SELECT id FROM wrong")["Status"]["StateChangeReason"].startswith(
        "HIVE_BAD_DATA: Field id's type"
    )


def test_a_crawler_writes_what_athena_can_read(lake, aws):
    put = aws.client("s3").put_object
    put(Bucket=lake.bucket, Key="z/log/day=2026-01-01/a.json", Body=b'{"id": "x", "score": 0.5, "why": ["a", "b"]}\n')
    put(Bucket=lake.bucket, Key="z/list/it's.csv", Body=b"id,name\n1,one\n2,two\n")
    name, glue = aws.name("crawler"), aws.client("glue")
    target = {"S3Targets": [{"Path": f"s3://{lake.bucket}/z"}]}
    glue.create_crawler(Name=name, Role=aws.role(), DatabaseName=lake.database, TablePrefix="c_", Targets=target)

    def crawl() -> dict:
        glue.start_crawler(Name=name)
        return aws.wait(
            lambda: (found := glue.get_crawler(Name=name)["Crawler"])["State"] == "READY" and found["LastCrawl"]
        )

    assert crawl()["Status"] == "SUCCEEDED"
    assert lake.query("SELECT id, score, why, day FROM c_log") == [["x", "0.5", "[a, b]", "2026-01-01"]]
    assert lake.query("SELECT sum(id), max(name) FROM c_list") == [["3", "two"]]
    put(Bucket=lake.bucket, Key="z/log/day=2026-01-02/a.json", Body=b'{"id": "y"}\n')
    crawl()
    assert lake.query("SELECT count(*) FROM c_log") == [["2"]]
    assert any(
        "Created 1 partitions of table c_log" in line for line in aws.log("/aws-glue/crawlers", logStreamNames=[name])
    )


def test_a_crawl_of_a_table_finds_its_days_and_leaves_the_table_as_it_was_declared(lake, aws):
    """As the night's crawler of decisions: the files have a column that the table has not, and in another order."""
    name, glue = aws.name("crawler"), aws.client("glue")
    for day in ("01", "02"):
        body = b'{"more": 1, "score": 0.5, "id": "x"}\n'
        aws.client("s3").put_object(Bucket=lake.bucket, Key=f"d/day=2026-01-{day}/a.json", Body=body)
    columns = [{"Name": "id", "Type": "string", "Comment": "whose"}, {"Name": "score", "Type": "double"}]
    descriptor = {
        "Columns": columns,
        "Location": f"s3://{lake.bucket}/d/",
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
    }
    keys = [{"Name": "day", "Type": "string"}]
    declared = {
        "Name": "declared",
        "TableType": "EXTERNAL_TABLE",
        "StorageDescriptor": descriptor,
        "PartitionKeys": keys,
    }
    glue.create_table(DatabaseName=lake.database, TableInput=declared)
    before = glue.get_table(DatabaseName=lake.database, Name="declared")["Table"]
    glue.create_crawler(
        Name=name,
        Role=aws.role(),
        DatabaseName=lake.database,
        Targets={"CatalogTargets": [{"DatabaseName": lake.database, "Tables": ["declared"]}]},
        SchemaChangePolicy={"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"},
    )
    glue.start_crawler(Name=name)
    aws.wait(lambda: (c := glue.get_crawler(Name=name)["Crawler"])["State"] == "READY" and c.get("LastCrawl"))

    after = glue.get_table(DatabaseName=lake.database, Name="declared")["Table"]
    assert after["StorageDescriptor"] == before["StorageDescriptor"]
    assert after["PartitionKeys"] == before["PartitionKeys"]
    parts = glue.get_partitions(DatabaseName=lake.database, TableName="declared")["Partitions"]
    assert sorted(part["Values"] for part in parts) == [["2026-01-01"], ["2026-01-02"]]
    assert [part["StorageDescriptor"]["Columns"] for part in parts] == [columns, columns]
    assert lake.query("SELECT count(*), max(score) FROM declared") == [["2", "0.5"]]
