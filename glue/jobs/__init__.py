"""One entry point per Glue job: read the arguments, read the lake, transform, check, write."""
