-- Every customer: payments, frauds, decisions on them, loans and what became of these
-- customer_id varchar: who pays or borrows
-- payments bigint: payments in the lake
-- amount double: amount paid
-- frauds bigint: payments whose latest report says fraud
-- fraud_rate double: frauds per payment
-- highest_fraud_score double: highest probability of fraud that a payment got
-- reviewed bigint: payments that were decided REVIEW
-- blocked bigint: payments that were decided BLOCK
-- loans bigint: loan applications
-- borrowed double: amount asked for
-- highest_pd double: highest predicted probability of default
-- defaults bigint: loans that defaulted
WITH verdicts AS (
  SELECT transaction_id, max_by(is_fraud, reported_at) AS is_fraud
  FROM ${silver}.fraud_labels
  GROUP BY transaction_id
),
paid AS (
  SELECT t.customer_id, count(*) AS payments, sum(t.amount_cents) AS cents, count_if(v.is_fraud = 1) AS frauds
  FROM ${silver}.transactions t
  LEFT JOIN verdicts v ON v.transaction_id = t.transaction_id
  GROUP BY t.customer_id
),
decided AS (
  SELECT
    customer_id,
    max(fraud_score) AS highest_fraud_score,
    count_if(action = 'REVIEW') AS reviewed,
    count_if(action = 'BLOCK') AS blocked
  FROM ${last_decisions}
  GROUP BY customer_id
),
lent AS (
  SELECT
    a.customer_id,
    count(*) AS loans,
    sum(a.amount_cents) AS cents,
    max(p.default_prob) AS highest_pd,
    count_if(o.defaulted = 1) AS defaults
  FROM ${silver}.loan_applications a
  LEFT JOIN ${predictions}.predictions p ON p.loan_id = a.loan_id
  LEFT JOIN (
    SELECT loan_id, max_by(defaulted, observed_at) AS defaulted FROM ${silver}.loan_outcomes GROUP BY loan_id
  ) o ON o.loan_id = a.loan_id
  GROUP BY a.customer_id
),
everyone AS (
  SELECT customer_id FROM paid
  UNION
  SELECT customer_id FROM decided
  UNION
  SELECT customer_id FROM lent
)
SELECT
  e.customer_id,
  coalesce(p.payments, 0) AS payments,
  CAST(coalesce(p.cents, 0) AS double) / 100 AS amount,
  coalesce(p.frauds, 0) AS frauds,
  CAST(p.frauds AS double) / p.payments AS fraud_rate,
  d.highest_fraud_score,
  coalesce(d.reviewed, 0) AS reviewed,
  coalesce(d.blocked, 0) AS blocked,
  coalesce(l.loans, 0) AS loans,
  CAST(coalesce(l.cents, 0) AS double) / 100 AS borrowed,
  l.highest_pd,
  coalesce(l.defaults, 0) AS defaults
FROM everyone e
LEFT JOIN paid p ON p.customer_id = e.customer_id
LEFT JOIN decided d ON d.customer_id = e.customer_id
LEFT JOIN lent l ON l.customer_id = e.customer_id
