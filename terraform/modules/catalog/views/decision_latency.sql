-- Milliseconds from a payment's arrival at its door to its decision, by day
-- decision_date varchar: day of the payment, YYYY-MM-DD
-- door varchar: api or stream
-- decisions bigint: decisions
-- p50_ms bigint: half of the decisions took no longer
-- p95_ms bigint: 95 of 100 took no longer
-- p99_ms bigint: 99 of 100 took no longer
-- slowest_ms bigint: the slowest one
WITH numbered AS (
  -- The log may hold a payment's decision more than once: the last one was applied.
  SELECT
    decision_date,
    door,
    decided_at - arrived_at AS took,
    row_number() OVER (PARTITION BY transaction_id ORDER BY decided_at DESC, counted_at DESC) AS turn
  FROM ${decisions}.decisions
),
made AS (
  SELECT * FROM numbered WHERE turn = 1
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
