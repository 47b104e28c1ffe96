"""The local AWS as its plug-ins use it from inside: S3's objects, log lines, and a client for all other services.

They work in the account and region of the calling request or job.
"""
