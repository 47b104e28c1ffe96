-- Vectors that were served beside those that the lake computes, by day, bit for bit
-- decision_date varchar: day of the payment, YYYY-MM-DD
-- served bigint: payments decided on fresh features, in the order in which they happened
-- compared bigint: vectors among them that the lake has computed, too, in the same feature version
-- mismatches bigint: vectors that differ
-- not_in_lake bigint: vectors that the lake has not computed
-- other_version bigint: vectors that the lake has in another feature version: they mean something else
WITH served AS (
  SELECT decision_date, transaction_id, feature_version, vector
  FROM ${last_decisions}
  WHERE vector IS NOT NULL AND degrade_step = 'none' AND NOT coalesce(overtaken, false)
),
lake AS (
  SELECT transaction_id, feature_version, ${vector} AS vector
  FROM ${gold}.transaction_features
)
SELECT
  s.decision_date,
  count(*) AS served,
  count_if(s.feature_version = l.feature_version) AS compared,
  count_if(s.feature_version = l.feature_version AND s.vector IS DISTINCT FROM l.vector) AS mismatches,
  count_if(l.transaction_id IS NULL) AS not_in_lake,
  count_if(s.feature_version <> l.feature_version) AS other_version
FROM served s
LEFT JOIN lake l ON l.transaction_id = s.transaction_id
GROUP BY s.decision_date
