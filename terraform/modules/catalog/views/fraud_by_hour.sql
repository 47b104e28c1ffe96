-- Fraud by hour of the day, UTC, as far as it was reported
-- hour bigint: hour of the payment, 0 to 23
-- payments bigint: payments
-- amount double: amount paid
-- frauds bigint: payments whose latest report says fraud
-- fraud_amount double: amount of the frauds
-- fraud_rate double: frauds per payment
WITH verdicts AS (
  SELECT transaction_id, max_by(is_fraud, reported_at) AS is_fraud
  FROM ${silver}.fraud_labels
  GROUP BY transaction_id
)
SELECT
  hour(t.event_time) AS hour,
  count(*) AS payments,
  CAST(sum(t.amount_cents) AS double) / 100 AS amount,
  count_if(v.is_fraud = 1) AS frauds,
  CAST(sum(CASE WHEN v.is_fraud = 1 THEN t.amount_cents ELSE 0 END) AS double) / 100 AS fraud_amount,
  CAST(count_if(v.is_fraud = 1) AS double) / count(*) AS fraud_rate
FROM ${silver}.transactions t
LEFT JOIN verdicts v ON v.transaction_id = t.transaction_id
GROUP BY hour(t.event_time)
