-- Days on which the API door's 99th percentile was above its budget of 60 ms
SELECT decision_date, decisions, p50_ms, p99_ms
FROM ${analytics}.decision_latency
WHERE door = 'api' AND p99_ms > 60
ORDER BY decision_date DESC
