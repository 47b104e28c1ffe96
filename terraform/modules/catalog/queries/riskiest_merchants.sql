-- Merchants with the highest fraud rate among those with at least fifty mature payments
SELECT merchant_id, mature_payments, frauds, mature_fraud_rate, days_to_report
FROM ${analytics}.merchant_risk
WHERE mature_payments >= 50
ORDER BY mature_fraud_rate DESC, merchant_id
LIMIT 100
