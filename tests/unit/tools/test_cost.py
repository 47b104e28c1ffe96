from __future__ import annotations

import pytest

from tools.cost.__main__ import estimated, told, total, totals
from tools.cost.estimate import HOURS, NoPrice, Prices, idle, million_loans, thousand_decisions
from tools.cost.planned import held, resources, there
from tools.cost.prices import tabled

TABLED = Prices("somewhere", "2026-11", tabled().dollars, "a list")


def endpoint(**variant) -> dict:
    return {"aws_sagemaker_endpoint_configuration": [{"production_variants": [variant]}]}


def test_an_endpoint_costs_its_instances_for_every_hour_and_a_serverless_one_nothing_while_idle():
    running = endpoint(instance_type="ml.c5.large", initial_instance_count=2)
    assert total(idle(running, TABLED)) == pytest.approx(2 * HOURS * TABLED.of("ml.c5.large"))
    assert total(idle(endpoint(instance_type=None, initial_instance_count=None), TABLED)) == 0


def test_a_stream_costs_more_by_the_hour_where_it_keeps_records_for_longer_than_a_day():
    def stream(hours: int) -> dict:
        return {"aws_kinesis_stream": [{"name": "risk-dev-transactions", "shard_count": 4, "retention_period": hours}]}

    day, week = total(idle(stream(24), TABLED)), total(idle(stream(168), TABLED))
    assert week - day == pytest.approx(4 * HOURS * TABLED.of("kinesis_retention_shard_hour"))


def test_a_stream_on_demand_costs_by_the_hour_whatever_it_has_of_shards_and_by_what_comes():
    stream = {"name": "risk-dev-transactions", "shard_count": 4, "retention_period": 168}
    demanded = {"aws_kinesis_stream": [stream | {"stream_mode_details": [{"stream_mode": "ON_DEMAND"}]}]}
    provisioned = {"aws_kinesis_stream": [stream | {"stream_mode_details": [{"stream_mode": "PROVISIONED"}]}]}
    assert total(idle(demanded, TABLED)) == pytest.approx(HOURS * TABLED.of("kinesis_on_demand_hour"))
    assert total(idle(provisioned, TABLED)) > total(idle(demanded, TABLED))
    assert total(thousand_decisions(demanded, TABLED)) > total(thousand_decisions(provisioned, TABLED))


def test_instances_that_wait_for_calls_cost_their_memory_for_every_hour():
    function = {"function_name": "risk-dev-decide", "memory_size": 2048}
    waiting = {"function_name": "risk-dev-decide", "provisioned_concurrent_executions": 3}
    planned = {"aws_lambda_function": [function], "aws_lambda_provisioned_concurrency_config": [waiting]}
    dollars = 3 * 2 * HOURS * 3600 * TABLED.of("lambda_waiting_gb_second")
    assert total(idle(planned, TABLED)) == pytest.approx(dollars)


def test_interface_endpoints_cost_by_zone_and_gateways_nothing():
    network = {
        "aws_vpc_endpoint": [{"vpc_endpoint_type": "Interface"}, {"vpc_endpoint_type": "Gateway"}],
        "aws_subnet": [{}, {}],
    }
    assert total(idle(network, TABLED)) == pytest.approx(2 * HOURS * TABLED.of("interface_endpoint_hour"))


def test_a_container_costs_its_task_and_its_load_balancer_for_every_hour_and_no_task_before_there_is_an_image():
    def console(count: int) -> dict:
        return {
            "aws_lb": [{}],
            "aws_ecs_task_definition": [{"family": "risk-dev-console", "cpu": "1024", "memory": "4096"}],
            "aws_ecs_service": [{"name": "risk-dev-console", "desired_count": count}],
        }

    balancer = HOURS * TABLED.of("load_balancer_hour")
    task = HOURS * (TABLED.of("fargate_cpu_hour") + 4 * TABLED.of("fargate_gb_hour"))
    assert total(idle(console(0), TABLED)) == pytest.approx(balancer)
    assert total(idle(console(1), TABLED)) == pytest.approx(balancer + task)


def test_more_memory_and_more_workers_cost_more():
    small, large = ({"aws_lambda_function": [{"memory_size": size}]} for size in (512, 4096))
    assert total(thousand_decisions(small, TABLED)) < total(thousand_decisions(large, TABLED))
    few, many = ({"aws_glue_job": [{"number_of_workers": count}]} for count in (2, 10))
    assert total(million_loans(few, TABLED)) < total(million_loans(many, TABLED))


def test_review_cases_cost_what_is_read_and_written_of_the_few_payments_that_a_person_sees():
    (cases,) = [line for line in thousand_decisions({}, TABLED) if line.what == "review cases"]
    reads, writes = TABLED.of("dynamodb_million_reads"), TABLED.of("dynamodb_million_writes")
    assert cases.dollars == pytest.approx(20 * (14 * reads + 40 * writes) / 1e6)


def test_a_trail_costs_by_what_payments_make_it_write_and_nothing_where_there_is_none():
    more = total(thousand_decisions({"aws_cloudtrail": [{}]}, TABLED)) - total(thousand_decisions({}, TABLED))
    assert more == pytest.approx(7000 / 1e6 * (TABLED.of("trail_million_events") + 1.5 * TABLED.of("logs_gb")))
    assert idle({"aws_cloudtrail": [{}]}, TABLED) == []


def test_a_price_that_is_not_tabled_is_named():
    with pytest.raises(NoPrice, match=r"no price of ml\.p5\.48xlarge in somewhere"):
        idle(endpoint(instance_type="ml.p5.48xlarge", initial_instance_count=1), TABLED)


def resource(kind: str, mode: str = "managed") -> dict:
    return {"type": kind, "mode": mode, "values": {}}


def test_resources_of_every_module_are_counted_and_data_sources_are_not():
    module = {
        "resources": [resource("aws_kms_key")],
        "child_modules": [{"resources": [resource("aws_kms_key", "data")]}],
    }
    values = {"root_module": {"resources": [resource("aws_kms_key")], "child_modules": [module]}}
    assert len(resources([{"planned_values": values}])["aws_kms_key"]) == 2
    assert len(there([{"planned_values": {}, "prior_state": {"values": values}}])["aws_kms_key"]) == 2
    assert there([{"planned_values": values}]) == {}  # of a stack that was never applied


def test_what_a_state_holds_is_counted_by_instance_and_data_sources_are_not():
    def kept(kind: str, count: int, mode: str = "managed") -> dict:
        return {"type": kind, "mode": mode, "instances": [{"attributes": {"number": n}} for n in range(count)]}

    states = [
        {"resources": [kept("aws_kms_key", 2)]},
        {"resources": [kept("aws_kms_key", 1), kept("aws_region", 1, "data")]},
    ]
    assert {kind: len(found) for kind, found in held(states).items()} == {"aws_kms_key": 3}


def test_the_first_line_has_the_totals_and_the_last_one_says_of_when_prices_are():
    text = told("risk-dev", {"idle, a month": idle({"aws_kms_key": [{}, {}]}, TABLED)}, TABLED, {}).splitlines()
    assert text[0] == "risk-dev: idle, a month: $2.00"
    assert text[-1].startswith("Prices of somewhere, 2026-11: a list.")


def test_the_first_line_says_by_how_much_a_plan_changes_the_cost():
    def first(keys: int, before: int) -> str:
        now = estimated({"aws_kms_key": [{}] * keys}, TABLED)
        return told("risk-dev", now, TABLED, totals({"aws_kms_key": [{}] * before}, TABLED)).splitlines()[0]

    assert "idle, a month: $3.00 (+2.00)," in first(3, 1)
    assert "idle, a month: $1.00 (-1.00)," in first(1, 2)
    assert "idle, a month: $1.00 (as before)," in first(1, 1)
    assert totals({}, TABLED) == {}  # nothing was there
