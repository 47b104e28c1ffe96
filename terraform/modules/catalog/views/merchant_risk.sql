-- Every merchant: payments, and fraud with the delay of its reports taken into account
-- merchant_id varchar: who is paid
-- payments bigint: payments
-- customers bigint: different payers
-- amount double: amount paid
-- frauds bigint: payments whose latest report says fraud
-- fraud_rate double: frauds per payment; young payments pull it down, their fraud is not yet reported
-- mature_payments bigint: payments at least seven days older than the newest report of the bank
-- mature_fraud_rate double: frauds per mature payment
-- days_to_report double: mean days from a fraud to its first report
-- last_day varchar: day of the latest payment, YYYY-MM-DD
WITH verdicts AS (
  SELECT transaction_id, max_by(is_fraud, reported_at) AS is_fraud, min(reported_at) AS reported_at
  FROM ${silver}.fraud_labels
  GROUP BY transaction_id
),
known AS (
  SELECT max(reported_at) AS until FROM ${silver}.fraud_labels
),
payments AS (
  SELECT
    t.merchant_id,
    t.customer_id,
    t.amount_cents,
    t.event_date,
    coalesce(v.is_fraud = 1, false) AS fraud,
    coalesce(t.event_time <= k.until - INTERVAL '7' DAY, false) AS mature,
    CAST(date_diff('second', t.event_time, v.reported_at) AS double) / 86400 AS days
  FROM ${silver}.transactions t
  CROSS JOIN known k
  LEFT JOIN verdicts v ON v.transaction_id = t.transaction_id
)
SELECT
  merchant_id,
  count(*) AS payments,
  count(DISTINCT customer_id) AS customers,
  CAST(sum(amount_cents) AS double) / 100 AS amount,
  count_if(fraud) AS frauds,
  CAST(count_if(fraud) AS double) / count(*) AS fraud_rate,
  count_if(mature) AS mature_payments,
  CAST(count_if(fraud AND mature) AS double) / nullif(count_if(mature), 0) AS mature_fraud_rate,
  avg(CASE WHEN fraud THEN days END) AS days_to_report,
  max(event_date) AS last_day
FROM payments
GROUP BY merchant_id
