-- The loans with the highest probability of default
SELECT month, customer_id, loan_id, default_prob
FROM ${predictions}.predictions
ORDER BY default_prob DESC, loan_id
LIMIT 100
