"""Glue's own job arguments that would change what a job does, and that nothing here does: a run with one is refused.

Others are done (modules, files, Spark's settings, TempDir), or say where metrics and logs go and how fast it is; an
argument that is not Glue's own is the script's, and reaches it.
"""

from __future__ import annotations

from collections.abc import Mapping

VERSION = "5.1"
COMMANDS = ("glueetl", "gluestreaming", "pythonshell")

# Off is the same as not given.
OFF = {
    "--job-bookmark-option": ("job-bookmark-disable",),
    "--enable-glue-datacatalog": ("false",),
    "--python-modules-installer-option": ("--no-index",),  # it fetches nothing, as here
    "--user-jars-first": ("false",),
    "--enable-lakeformation-fine-grained-access": ("false",),
    "--enable-rename-algorithm-v2": ("false",),
    "--use-postgres-driver": ("false",),
}
# What to do instead.
REFUSED = {
    "--extra-jars": "Spark runs with the jars that it came with",
    "--datalake-formats": "no table format but plain files is installed; write Parquet",
    "--enable-glue-datacatalog": "Spark has no metastore here; read s3:// paths, and let a crawler make tables",
    "--job-bookmark-option": "no bookmark is kept; pass what to read as an argument",
    "--job-bookmark-from": "no bookmark is kept",
    "--job-bookmark-to": "no bookmark is kept",
    "--user-jars-first": "Spark runs with the jars that it came with",
    "--python-modules-installer-option": "nothing is installed; --no-index is all that can be had",
    "--customer-driver-env-vars": "jobs get no variables of their own; pass arguments",
    "--customer-executor-env-vars": "jobs get no variables of their own; pass arguments",
    "--enable-lakeformation-fine-grained-access": "there is no Lake Formation",
    "--enable-rename-algorithm-v2": "it is Glue's own committer",
    "--use-postgres-driver": "there is no JDBC driver",
    "--encryption-type": "use the bucket's default encryption",
}


def problem(arguments: Mapping[str, str], version: str | None = VERSION, command: str = "glueetl") -> str:
    """Why a run with these arguments would not do here what it does on AWS, or nothing."""
    if command not in COMMANDS:
        return f"A job of kind {command!r} cannot run on this machine: expected {', '.join(COMMANDS)}."
    if version not in (None, "", VERSION) and command != "pythonshell":
        return f"GlueVersion {version} cannot be had on this machine, which runs the Spark of {VERSION}: use {VERSION}."
    if arguments.get("--job-language", "python") != "python":
        return f"--job-language {arguments['--job-language']} is not available on this machine: expected python."
    for name, value in arguments.items():
        if name in REFUSED and str(value).lower() not in OFF.get(name, ()):
            return f"{name} {value} is not available on this machine: {REFUSED[name]}."
    return ""
