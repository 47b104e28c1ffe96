-- What was decided, by day
-- decision_date varchar: day of the payment, YYYY-MM-DD
-- action varchar: APPROVE, REVIEW or BLOCK
-- decisions bigint: decisions
-- share double: share of the day's decisions
-- amount double: amount of the payments
-- mean_score double: mean probability of fraud
-- degraded bigint: decisions made without fresh features or without the model
SELECT
  decision_date,
  action,
  count(*) AS decisions,
  CAST(count(*) AS double) / sum(count(*)) OVER (PARTITION BY decision_date) AS share,
  CAST(sum(amount_cents) AS double) / 100 AS amount,
  avg(fraud_score) AS mean_score,
  count_if(degrade_step <> 'none') AS degraded
FROM ${last_decisions}
GROUP BY decision_date, action
