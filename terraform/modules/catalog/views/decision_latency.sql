-- Milliseconds from a payment's arrival at its door to its decision, by day
-- decision_date varchar: day of the payment, YYYY-MM-DD
-- door varchar: api or stream
-- decisions bigint: decisions
-- p50_ms bigint: half of the decisions took no longer
-- p95_ms bigint: 95 of 100 took no longer
-- p99_ms bigint: 99 of 100 took no longer
-- slowest_ms bigint: the slowest one
WITH made AS (
  SELECT decision_date, door, decided_at - arrived_at AS took
  FROM ${last_decisions}
)
SELECT
  decision_date,
  door,
  count(*) AS decisions,
  approx_percentile(took, 0.5) AS p50_ms,
  approx_percentile(took, 0.95) AS p95_ms,
  approx_percentile(took, 0.99) AS p99_ms,
  max(took) AS slowest_ms
FROM made
GROUP BY decision_date, door
