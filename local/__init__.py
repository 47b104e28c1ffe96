"""AWS on one machine: MiniStack in one process on loopback, extended by the plug-ins beside this file.

    import local
    with local.running(state_dir) as aws:
        boto3.client("s3", endpoint_url=aws.endpoint_url)          # or
        subprocess.run(command, env=aws.environment())

Nothing outside this folder imports it, except tests and the commands that start a demo.
"""

from local.lifecycle import Aws, CannotStart, running, start, status, stop

__all__ = ["Aws", "CannotStart", "running", "start", "status", "stop"]
