-- One customer's payments with decision and latest report; the customer's identifier is the parameter
WITH verdicts AS (
  SELECT transaction_id, max_by(is_fraud, reported_at) AS is_fraud
  FROM ${silver}.fraud_labels
  GROUP BY transaction_id
)
SELECT t.event_time, t.transaction_id, t.merchant_id, t.amount_cents, m.action, m.fraud_score, v.is_fraud
FROM ${silver}.transactions t
LEFT JOIN ${last_decisions} m ON m.transaction_id = t.transaction_id
LEFT JOIN verdicts v ON v.transaction_id = t.transaction_id
WHERE t.customer_id = ?
ORDER BY t.event_time, t.transaction_id
