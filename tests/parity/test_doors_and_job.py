"""What the stream door logs is what the feature job computes from the same payments: both run as they ship."""

from __future__ import annotations

from bench import formulations, population, replay

PAYMENTS = 4_000


def test_the_stream_door_logs_the_bits_that_the_feature_job_computes(spark, tmp_path):
    population.make(spark, PAYMENTS, tmp_path)

    served = replay.through_doors(tmp_path, replay.delivered(tmp_path), doors=1)
    formulations.platform(spark, tmp_path, tmp_path / "lake")

    assert replay.told_late(tmp_path) > 0, "a payment that came after another one of its customer which happened later"
    assert replay.compare(tmp_path / "lake", served) == (PAYMENTS, 0)
