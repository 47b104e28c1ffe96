"""Cost in US dollars: a month in which nobody asks anything, a thousand decisions, a million loans.

What is left out is small beside it or depends on the data: storage, logs, requests to S3 and to keys, transfer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HOURS = 730  # of a month
DECISION_MS = {"api": 20, "stream": 4}  # of a function for one payment: docs/benchmarks.md has them measured
ANSWER_KB = 4  # of a decision with its vector
REVIEWED = 20  # of a thousand payments come into a review case
CASE_UNITS = {"reads": 14, "writes": 40}  # of a case from its opening to its labels, index and transactions included
TRAIL_EVENTS = 7  # of a decision, where there is a trail: six calls to tables, at most one object of the log
TRAIL_EVENT_KB = 1.5
LOAN_ROWS_A_SECOND = 50_000  # of a transform instance
NIGHT_MINUTES_A_MILLION = 30  # of all Glue jobs of a night for a million rows, on the workers that the plan has


class NoPrice(KeyError):
    """The table has no price of that name; the text says how to get one."""


@dataclass(frozen=True)
class Line:
    """One part of a cost: what, how it comes about, dollars."""

    what: str
    how: str
    dollars: float


@dataclass(frozen=True)
class Prices:
    """A table: where, when, dollars by name, and who says so."""

    region: str
    as_of: str
    dollars: Mapping[str, float]
    source: str = ""

    def of(self, name: str) -> float:
        """Raises NoPrice."""
        try:
            return self.dollars[name]
        except KeyError:
            raise NoPrice(f"no price of {name} in {self.region}: add it to tools/cost/prices.json") from None


def idle(planned: Mapping[str, list[dict]], prices: Prices) -> list[Line]:
    """A month without a payment, a loan or a night."""
    lines = [*_endpoint(planned, prices), *_streams(planned, prices), *_waiting(planned, prices)]
    for kind, name, price in (
        ("aws_kms_key", "keys", "key_month"),
        ("aws_cloudwatch_metric_alarm", "alarms", "alarm_month"),
        ("aws_cloudwatch_dashboard", "dashboards", "dashboard_month"),
    ):
        if count := len(planned.get(kind, ())):
            lines.append(Line(name, f"{count} x {prices.of(price):.2f}", count * prices.of(price)))
    interfaces = [e for e in planned.get("aws_vpc_endpoint", ()) if e.get("vpc_endpoint_type") == "Interface"]
    if interfaces:
        zones = len(planned.get("aws_subnet", ())) or 1
        hourly = prices.of("interface_endpoint_hour")
        how = f"{len(interfaces)} endpoints x {zones} zones x {HOURS} h x {hourly}"
        lines.append(Line("network", how, len(interfaces) * zones * HOURS * hourly))
    return [*lines, *_containers(planned, prices)]


def _containers(planned: Mapping[str, list[dict]], prices: Prices) -> list[Line]:
    """Load balancers with the little traffic of people, and tasks of Fargate that run all the time."""
    lines = []
    if balancers := len(planned.get("aws_lb", ())):
        hourly = prices.of("load_balancer_hour")
        lines.append(Line("load balancer", f"{balancers} x {HOURS} h x {hourly}", balancers * HOURS * hourly))
    sizes = {task["family"]: task for task in planned.get("aws_ecs_task_definition", ())}
    for service in planned.get("aws_ecs_service", ()):
        count, task = service.get("desired_count") or 0, sizes.get(service["name"])
        if task is None or not count:
            continue
        cpus, memory = int(task["cpu"]) / 1024, int(task["memory"]) / 1024
        hourly = cpus * prices.of("fargate_cpu_hour") + memory * prices.of("fargate_gb_hour")
        how = f"{count} x ({cpus:g} vCPU, {memory:g} GB) x {HOURS} h x {hourly:.4f}"
        lines.append(Line(f"container {service['name']}", how, count * HOURS * hourly))
    return lines


def _endpoint(planned: Mapping[str, list[dict]], prices: Prices) -> list[Line]:
    lines = []
    for configuration in planned.get("aws_sagemaker_endpoint_configuration", ()):
        for variant in configuration["production_variants"]:
            kind, count = variant.get("instance_type"), variant.get("initial_instance_count") or 0
            if not kind:
                lines.append(Line("endpoint", "serverless: nothing while nobody asks", 0.0))
                continue
            hourly = prices.of(kind)
            lines.append(Line("endpoint", f"{count} x {kind} x {HOURS} h x {hourly}", count * HOURS * hourly))
    return lines


def _waiting(planned: Mapping[str, list[dict]], prices: Prices) -> list[Line]:
    """Instances of functions that wait for calls."""
    memory = {f["function_name"]: f["memory_size"] / 1024 for f in planned.get("aws_lambda_function", ())}
    lines = []
    for each in planned.get("aws_lambda_provisioned_concurrency_config", ()):
        name, count = each["function_name"], each["provisioned_concurrent_executions"]
        second = prices.of("lambda_waiting_gb_second")
        how = f"{count} x {memory[name]:.2f} GB x {HOURS} h x {second * 3600:.4f}"
        lines.append(Line(f"waiting {name}", how, count * memory[name] * HOURS * 3600 * second))
    return lines


def _streams(planned: Mapping[str, list[dict]], prices: Prices) -> list[Line]:
    lines = []
    fan_out = len(planned.get("aws_kinesis_stream_consumer", ()))
    for stream in planned.get("aws_kinesis_stream", ()):
        if _on_demand(stream):
            hourly = prices.of("kinesis_on_demand_hour")
            lines.append(Line(f"stream {stream['name']}", f"on demand, {HOURS} h x {hourly:.3f}", HOURS * hourly))
            continue
        shards, hourly = stream["shard_count"], prices.of("kinesis_shard_hour")
        if stream["retention_period"] > 24:
            hourly += prices.of("kinesis_retention_shard_hour")
        if fan_out and stream["name"].endswith("-transactions"):
            hourly += prices.of("kinesis_fan_out_shard_hour")
        how = f"{shards} shards x {HOURS} h x {hourly:.3f}"
        lines.append(Line(f"stream {stream['name']}", how, shards * HOURS * hourly))
    return lines


def thousand_decisions(planned: Mapping[str, list[dict]], prices: Prices) -> list[Line]:
    """A thousand payments through the API, counted by the consumer: requests and processor time, beside what idles."""
    memory = max((f["memory_size"] for f in planned.get("aws_lambda_function", ())), default=1769) / 1024
    seconds = 1000 * (DECISION_MS["api"] + DECISION_MS["stream"]) / 1000
    million = 1000 / 1e6
    return [
        Line("API", "1,000 requests", million * prices.of("api_million_requests")),
        Line("functions", "1,000 requests of the door", million * prices.of("lambda_million_requests")),
        Line("functions", f"{seconds:.0f} s x {memory:.2f} GB", seconds * memory * prices.of("lambda_gb_second")),
        Line("records", "4 reads, 1 write of 8 KB", million * _records(prices)),
        Line("answers", "3 reads, 3 writes, 2 of them in one transaction", million * _tables(prices)),
        Line("streams", "2 puts", 2 * million * _put(planned, prices)),
        Line("review cases", f"{REVIEWED} opened, claimed and decided", REVIEWED / 1e6 * _case(prices)),
        *_trail(planned, million, prices),
    ]


def _on_demand(stream: dict) -> bool:
    return any(mode["stream_mode"] == "ON_DEMAND" for mode in stream.get("stream_mode_details") or ())


def _put(planned: Mapping[str, list[dict]], prices: Prices) -> float:
    """Of a million payments into a stream, each of at most a KB: on demand a GB in and out, else units of 25 KB."""
    if any(map(_on_demand, planned.get("aws_kinesis_stream", ()))):
        return prices.of("kinesis_on_demand_gb_in") + prices.of("kinesis_on_demand_gb_out")
    return prices.of("kinesis_million_puts")


def _trail(planned: Mapping[str, list[dict]], million: float, prices: Prices) -> list[Line]:
    """Events of objects and items, which go to a bucket and to a log group."""
    if not planned.get("aws_cloudtrail"):
        return []
    event = prices.of("trail_million_events") + TRAIL_EVENT_KB * prices.of("logs_gb")  # a million KB are a GB
    return [Line("trail", f"{TRAIL_EVENTS} events of {TRAIL_EVENT_KB} KB", TRAIL_EVENTS * million * event)]


def _records(prices: Prices) -> float:
    """Of a million payments: units of reading have 4 KB, those of writing 1 KB."""
    return 4 * 2 * prices.of("feature_store_million_reads") + 8 * prices.of("feature_store_million_writes")


def _tables(prices: Prices) -> float:
    """Of a million payments: answer and tail are written in one transaction, which costs double, and the answer is
    noted as applied. Units of reading have 4 KB, those of writing 1 KB."""
    written = 2 * (ANSWER_KB + 1) + ANSWER_KB
    return 3 * prices.of("dynamodb_million_reads") + written * prices.of("dynamodb_million_writes")


def _case(prices: Prices) -> float:
    """Of a million cases of one payment."""
    reads, writes = prices.of("dynamodb_million_reads"), prices.of("dynamodb_million_writes")
    return CASE_UNITS["reads"] * reads + CASE_UNITS["writes"] * writes


def million_loans(planned: Mapping[str, list[dict]], prices: Prices) -> list[Line]:
    """A million loans through a night and a transform job."""
    jobs = planned.get("aws_glue_job", ())
    workers = max((job["number_of_workers"] for job in jobs), default=2)
    hours = NIGHT_MINUTES_A_MILLION / 60
    kind = "ml.m5.xlarge"
    scoring = 1e6 / LOAN_ROWS_A_SECOND / 3600 + 0.1  # an instance takes minutes to come and to go
    dpu = prices.of("glue_dpu_hour")
    return [
        Line("Glue", f"{workers} DPU x {hours} h x {dpu}", workers * hours * dpu),
        Line("scoring", f"2 jobs x {scoring:.2f} h x {kind}", 2 * scoring * prices.of(kind)),
    ]
