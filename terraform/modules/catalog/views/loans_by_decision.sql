-- What the credit policy decided of each month's or day's loans, by band, in the run of that month or day that began last of those that decided
-- period varchar: month (YYYY-MM) or day (YYYY-MM-DD) of application
-- decision varchar: APPROVE, REFER or DECLINE
-- band varchar: risk band, none where the model gave no usable probability
-- loans bigint: loans that were so decided
-- mean_default_prob double: their mean probability of default
-- exposure double: sum of their exposures
-- expected_loss double: sum of their expected losses
-- policy_version varchar: policy that decided
-- model varchar: model that scored
SELECT
  d.period,
  d.decision,
  d.band,
  count(*) AS loans,
  avg(d.default_prob) AS mean_default_prob,
  sum(d.exposure) AS exposure,
  sum(d.expected_loss) AS expected_loss,
  max(d.policy_version) AS policy_version,
  max(d.model) AS model
FROM ${predictions}.credit_decisions d
JOIN (
  SELECT period, max(started_at) AS started_at, max_by(run, started_at || run) AS run
  FROM ${predictions}.credit_decisions
  GROUP BY period
) newest ON newest.period = d.period AND newest.started_at = d.started_at AND newest.run = d.run
GROUP BY d.period, d.decision, d.band
