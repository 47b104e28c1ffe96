# Questions that analysts ask first.

locals {
  queries = {
    riskiest_loans = {
      description = "The loans with the highest probability of default"
      zone        = "predictions"
      sql         = "SELECT month, customer_id, loan_id, default_prob FROM predictions ORDER BY default_prob DESC LIMIT 100"
    }
    decisions_by_day = {
      description = "Decisions by day and action"
      zone        = "decisions"
      sql         = "SELECT decision_date, action, count(DISTINCT transaction_id) AS decisions, avg(fraud_score) AS mean_score FROM decisions GROUP BY decision_date, action ORDER BY decision_date, action"
    }
  }
}
