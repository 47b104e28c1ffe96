-- The rows that were set aside, each with its place in the RAW file
SELECT entity, source_file, row_number, array_join(reasons, ', ') AS reasons, transaction_id, loan_id, customer_id
FROM ${quarantine}.quarantine
ORDER BY source_file, row_number
LIMIT 1000
