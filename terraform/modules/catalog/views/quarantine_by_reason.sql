-- Rows that were set aside, by batch and reason; a row with two reasons counts under both
-- entity varchar: kind of row, such as transactions
-- batch varchar: batch that brought the row
-- stage varchar: bronze for cells that cannot be read, silver for rows that break a rule
-- reason varchar: why
-- quarantined bigint: rows
-- files bigint: RAW files that held them
WITH set_aside AS (
  SELECT
    entity,
    regexp_extract("$path", '/batch=([^/]+)/', 1) AS batch,
    regexp_extract("$path", '/stage=([^/]+)/', 1) AS stage,
    source_file,
    reasons
  FROM ${quarantine}.quarantine
)
SELECT entity, batch, stage, reason, count(*) AS quarantined, count(DISTINCT source_file) AS files
FROM set_aside
CROSS JOIN UNNEST(reasons) AS r(reason)
GROUP BY entity, batch, stage, reason
