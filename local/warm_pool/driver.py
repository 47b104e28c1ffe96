"""The process that Glue jobs' Python is forked from. Run as a program of its own; it imports nothing of ours.

`python driver.py LISTENER_FD MODULE...` imports the modules and then answers connections: each brings the path of a
request, `{"script", "argv", "environment", "folder"}`, and two descriptors for the output; it is told the job's process
id and, at its end, its exit code, a line each.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import tempfile
import threading
import traceback
import types


def main() -> None:
    listener = socket.socket(fileno=int(sys.argv[1]))
    for name in sys.argv[2:]:
        with contextlib.suppress(ImportError):  # the job that needs it will say so
            importlib.import_module(name)
    gc.freeze()
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            attend(connection)
        connection.close()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


def attend(connection: socket.socket) -> None:
    """One job, from its request to its exit code."""
    path, descriptors, *_ = socket.recv_fds(connection, 4096, 2)
    with open(path) as file:
        request = json.load(file)
    job = os.fork()
    if job == 0:
        connection.close()
        run(request, *descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    with contextlib.suppress(OSError):  # the job does it too: whichever is first, the group is there before it is named
        os.setpgid(job, job)
    connection.sendall(f"{job}\n".encode())
    _, status = os.waitpid(job, 0)
    with contextlib.suppress(OSError):
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def run(request: dict, output: int, errors: int) -> None:
    """The script, as `python script` would run it in a new process."""
    os.setpgid(0, 0)  # a group of its own, so that its children can be ended with it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    tempfile.tempdir = None
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # else every job would draw the same numbers
    script = request["script"]
    sys.argv = [script, *request["argv"]]
    entries = [os.path.dirname(script), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.path[:0] = entries
    importlib.invalidate_caches()
    for entry in entries:  # as a new Python does when it starts
        if os.path.isfile(customised := os.path.join(entry, "sitecustomize.py")):
            runpy.run_path(customised)
    bring_keys()
    code = executed(script)
    if code == 0:
        end_spark()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def executed(script: str) -> int:
    """The exit code of the script; what it raises is printed as Python prints it."""
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=script, __builtins__=builtins)
    sys.modules["__main__"] = module
    try:
        with open(script, "rb") as file:
            code = compile(file.read(), script, "exec")
        exec(code, module.__dict__)
    except SystemExit as asked:
        if asked.code is None or isinstance(asked.code, int):
            return asked.code or 0
        print(asked.code, file=sys.stderr)
        return 1
    except BaseException as failure:
        trace = failure.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != script:
            trace = trace.tb_next
        traceback.print_exception(type(failure), failure, trace)
        return 1
    return 0


# Where the keys are looked for that boto3 finds in the environment: by S3A for objects, by Python workers for all else.
KEYS = {
    "AWS_ACCESS_KEY_ID": ("aws.accessKeyId", "spark.executorEnv.AWS_ACCESS_KEY_ID"),
    "AWS_SECRET_ACCESS_KEY": ("aws.secretKey", "spark.executorEnv.AWS_SECRET_ACCESS_KEY"),
    "AWS_SESSION_TOKEN": ("aws.sessionToken", "spark.executorEnv.AWS_SESSION_TOKEN"),
}


def bring_keys() -> None:
    """The Java machine is older than the job: a session that it makes finds the job's keys among its properties."""
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return
    from pyspark import SparkContext

    SparkContext._ensure_initialized()
    assert SparkContext._jvm is not None
    for variable, names in KEYS.items():
        for name in names if variable in os.environ else ():
            SparkContext._jvm.java.lang.System.setProperty(name, os.environ[variable])


def end_spark() -> None:
    """The Java machine goes to another job: nothing of this one's session stays in it."""
    if "pyspark.sql" not in sys.modules:
        return
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    session, context = SparkSession._instantiatedSession, SparkContext._active_spark_context
    if session is not None and session._sc._jsc is not None:
        session.stop()
    elif context is not None:
        context.stop()
    if SparkContext._jvm is not None:
        SparkContext._jvm.java.lang.System.gc()


if __name__ == "__main__":
    main()
