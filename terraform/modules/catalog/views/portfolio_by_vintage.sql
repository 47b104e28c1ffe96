-- Loans by month of application: how many, how much, what was predicted and what came true
-- vintage varchar: month of application, YYYY-MM
-- loans bigint: applications
-- amount double: amount asked for
-- scored bigint: loans that have a prediction
-- mean_pd double: mean predicted probability of default
-- observed bigint: loans whose outcome is known
-- defaults bigint: loans that defaulted
-- default_rate double: defaults among the observed loans
SELECT
  a.event_month AS vintage,
  count(*) AS loans,
  CAST(sum(a.amount_cents) AS double) / 100 AS amount,
  count(p.default_prob) AS scored,
  avg(p.default_prob) AS mean_pd,
  count(o.defaulted) AS observed,
  count_if(o.defaulted = 1) AS defaults,
  avg(CAST(o.defaulted AS double)) AS default_rate
FROM ${silver}.loan_applications a
LEFT JOIN ${predictions}.predictions p ON p.loan_id = a.loan_id
LEFT JOIN (
  SELECT loan_id, max_by(defaulted, observed_at) AS defaulted FROM ${silver}.loan_outcomes GROUP BY loan_id
) o ON o.loan_id = a.loan_id
GROUP BY a.event_month
