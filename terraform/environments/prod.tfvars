environment          = "prod"
keep_data_on_destroy = true
s3_use_path_style    = false
online_ttl_days      = 400
