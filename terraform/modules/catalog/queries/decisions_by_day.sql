-- Decisions by day, one column per action
SELECT
  decision_date,
  sum(CASE WHEN action = 'APPROVE' THEN decisions ELSE 0 END) AS approved,
  sum(CASE WHEN action = 'REVIEW' THEN decisions ELSE 0 END) AS reviewed,
  sum(CASE WHEN action = 'BLOCK' THEN decisions ELSE 0 END) AS blocked
FROM ${analytics}.decisions_by_action
GROUP BY decision_date
ORDER BY decision_date
