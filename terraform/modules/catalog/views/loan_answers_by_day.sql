-- What the API answered on single applications, by day, decision, band, policy and model
-- day varchar: UTC day on which the door decided
-- decision varchar: APPROVE, REFER or DECLINE
-- band varchar: risk band, none where the model gave no usable probability
-- policy_version varchar: policy that decided
-- model varchar: model that scored
-- loans bigint: loans that were so decided
-- unread bigint: those of which a cell, or the record of payments, could not be read
-- mean_default_prob double: their mean probability of default
-- exposure double: sum of their exposures
-- expected_loss double: sum of their expected losses
SELECT
  day,
  decision,
  band,
  policy_version,
  model,
  count(*) AS loans,
  count_if(contains(reasons, 'unread')) AS unread,
  avg(default_prob) AS mean_default_prob,
  sum(exposure) AS exposure,
  sum(expected_loss) AS expected_loss
FROM ${predictions}.loan_answers
GROUP BY day, decision, band, policy_version, model
