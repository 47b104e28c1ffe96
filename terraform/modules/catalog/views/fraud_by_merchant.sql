-- Fraud by merchant and month of payment, as far as it was reported
-- merchant_id varchar: who was paid
-- month varchar: month of payment, YYYY-MM
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
  t.merchant_id,
  substr(t.event_date, 1, 7) AS month,
  count(*) AS payments,
  CAST(sum(t.amount_cents) AS double) / 100 AS amount,
  count_if(v.is_fraud = 1) AS frauds,
  CAST(sum(CASE WHEN v.is_fraud = 1 THEN t.amount_cents ELSE 0 END) AS double) / 100 AS fraud_amount,
  CAST(count_if(v.is_fraud = 1) AS double) / count(*) AS fraud_rate
FROM ${silver}.transactions t
LEFT JOIN verdicts v ON v.transaction_id = t.transaction_id
GROUP BY t.merchant_id, substr(t.event_date, 1, 7)
