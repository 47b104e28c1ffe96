"""Glue's warm pool: Java machines and Python drivers that were started before the job that they run.

On AWS a job is handed machines that wait for one. Here starting a Java machine, compiling what it runs and importing
pyspark and Great Expectations would be most of a small job. So a Java machine is kept for the next job once its Spark
context has ended, and a job's Python is forked from a process that has imported what such jobs ask for.

A job still has a Python process, a Spark context and folders of its own. A Java machine whose job failed, was stopped
or asked for other settings is not used again.
"""
