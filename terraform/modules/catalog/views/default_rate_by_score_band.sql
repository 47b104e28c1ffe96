-- Calibration of the credit model: predicted and observed default rate in bands of five points
-- band_from double: lowest probability of the band, included
-- band_to double: highest probability of the band, excluded except in the last band
-- loans bigint: loans that were scored in the band
-- observed bigint: loans among them whose outcome is known
-- predicted_rate double: mean predicted probability of the observed loans
-- default_rate double: defaults among the observed loans
-- gap double: default rate minus predicted rate
WITH scored AS (
  SELECT
    least(floor(p.default_prob * 20), 19) AS band,
    p.default_prob,
    CAST(o.defaulted AS double) AS defaulted
  FROM ${predictions}.predictions p
  LEFT JOIN (
    SELECT loan_id, max_by(defaulted, observed_at) AS defaulted FROM ${silver}.loan_outcomes GROUP BY loan_id
  ) o ON o.loan_id = p.loan_id
)
SELECT
  band / 20 AS band_from,
  (band + 1) / 20 AS band_to,
  count(*) AS loans,
  count(defaulted) AS observed,
  avg(CASE WHEN defaulted IS NOT NULL THEN default_prob END) AS predicted_rate,
  avg(defaulted) AS default_rate,
  avg(defaulted - default_prob) AS gap
FROM scored
GROUP BY band
