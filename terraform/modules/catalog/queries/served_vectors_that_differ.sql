-- Payments whose served vector is not the one that the lake computes in the same feature version
WITH served AS (
  SELECT decision_date, transaction_id, feature_version, vector
  FROM ${last_decisions}
  WHERE vector IS NOT NULL AND degrade_step = 'none' AND NOT coalesce(overtaken, false)
),
lake AS (
  SELECT transaction_id, feature_version, ${vector} AS vector FROM ${gold}.transaction_features
)
SELECT s.decision_date, s.transaction_id, s.vector AS served, l.vector AS computed
FROM served s
JOIN lake l ON l.transaction_id = s.transaction_id AND l.feature_version = s.feature_version
WHERE s.vector IS DISTINCT FROM l.vector
ORDER BY s.decision_date, s.transaction_id
LIMIT 100
