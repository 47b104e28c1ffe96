environment          = "local"
keep_data_on_destroy = false
s3_use_path_style    = true
