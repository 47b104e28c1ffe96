"""The Python process behind one Lambda execution environment. Standard library only; it runs outside this package.

It speaks MiniStack's worker protocol: one JSON line of settings on stdin, answered by ``{"status": "ready"}``; then one
line ``{"event", "ctx"}`` per invocation, answered by ``{"status": "ok", "result"}`` or ``{"status": "error", "error",
"type", "stack", "trace"}``. What the handler prints goes to stderr, closed by a line that starts with the record
separator, so that nobody has to wait in order to know that no more is coming.
"""

import importlib
import json
import logging
import os
import sys
import time
import traceback

ANSWERS = sys.stdout
# What stays of the environment that the process is started with. TMPDIR: the server's own folder, emptied at its start.
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LOCAL_LAMBDA_RUNTIME", "LOCAL_LAMBDA_PYTHON")
KEPT_PREFIXES = ("AWS_", "LAMBDA_", "_LAMBDA_", "_HANDLER", "_X_AMZN_")
REMOVED = {
    (3, 12): ("asynchat", "asyncore", "distutils", "imp", "smtpd"),
    (3, 13): (
        *("aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib", "nis"),
        *("nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
    ),
}


class Context:
    """What AWS passes as the second argument."""

    identity = None
    client_context = None

    def __init__(self, settings, call):
        self.function_name = settings.get("function_name", "")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.memory_limit_in_mb = settings.get("memory", 128)
        self.invoked_function_arn = call.get("invoked_function_arn") or settings.get("arn", "")
        self.aws_request_id = call.get("request_id", "")
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self._deadline = time.time() + call.get("timeout_ms", 3000) / 1000

    def get_remaining_time_in_millis(self):
        return max(0, int((self._deadline - time.time()) * 1000))


class LogFilter(logging.Filter):
    """AWS's root handler prints the request id with each line."""

    request_id = ""

    def filter(self, record):
        record.aws_request_id = self.request_id
        return True


def forget_the_machine():
    """The environment as on AWS: what the runtime sets, nothing of the user's or the server's."""
    for name in [name for name in os.environ if name not in KEPT and not name.startswith(KEPT_PREFIXES)]:
        del os.environ[name]
    os.environ["TZ"] = ":UTC"
    time.tzset()


class Removed:
    """Hides standard modules that the function's own Python no longer has, where another Python runs it."""

    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return None


def hide_removed_modules():
    wanted = tuple(map(int, os.environ.get("LOCAL_LAMBDA_PYTHON", "0.0").split(".")))
    names = {name for version, gone in REMOVED.items() if sys.version_info[:2] < version <= wanted for name in gone}
    if names:
        sys.meta_path.insert(0, Removed(names))
        for name in [name for name in sys.modules if name.partition(".")[0] in names]:
            del sys.modules[name]


def isolate(code_dir):
    """sys.path as on AWS: the code, the layers, then the standard library and boto3. Nothing of this machine's.

    Site-packages hold numpy, and perhaps an editable install of the repository: with them a zip that forgets a file
    would run here and fail on AWS.
    """
    sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "__module__", "").startswith("_frozen")]
    standard = [entry for entry in sys.path[1:] if "site-packages" not in entry and "dist-packages" not in entry]
    layers = []
    for layer in filter(None, os.environ.get("_LAMBDA_LAYERS_DIRS", "").split(os.pathsep)):
        python = os.path.join(layer, "python")
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        layers += [os.path.join(python, "lib", version, "site-packages"), python]
    runtime = os.environ.get("LOCAL_LAMBDA_RUNTIME")
    sys.path[:] = [code_dir, *filter(os.path.isdir, layers), *standard, *([runtime] if runtime else [])]
    for name in [name for name in sys.modules if name.startswith("__editable__")]:
        del sys.modules[name]


def describe(failure):
    kind = type(failure).__name__
    frames = traceback.extract_tb(failure.__traceback__)[1:]
    trace = "".join(traceback.format_list(frames))
    return {
        "status": "error",
        "error": str(failure),
        "type": kind,
        "stack": traceback.format_list(frames),
        "trace": f"[ERROR] {kind}: {failure}\nTraceback (most recent call last):\n{trace}",
    }


def load(settings):
    """The handler, or the answer that every call gets because there is none."""
    name = settings["module"]
    try:
        module = importlib.import_module(name)
    except ImportError as failure:
        message = f"Unable to import module '{name}': {failure}"
        return None, {**describe(failure), "error": message, "type": "Runtime.ImportModuleError"}
    except SyntaxError as failure:
        message = f"Syntax error in module '{name}': {failure}"
        return None, {**describe(failure), "error": message, "type": "Runtime.UserCodeSyntaxError"}
    except Exception as failure:
        return None, describe(failure)
    handler = getattr(module, settings["handler"], None)
    if handler is None:
        message = f"Handler '{settings['handler']}' missing on module '{name}'"
        return None, {
            "status": "error",
            "error": message,
            "type": "Runtime.HandlerNotFound",
            "stack": [],
            "trace": message,
        }
    return handler, None


def answer(message):
    ANSWERS.write(json.dumps(message) + "\n")
    ANSWERS.flush()


def call(handler, event, context):
    try:
        result = handler(event, context)
    except Exception as failure:
        return describe(failure)
    try:
        json.dumps(result)
    except TypeError as failure:
        message = f"Unable to marshal response: {failure}"
        return {"status": "error", "error": message, "type": "Runtime.MarshalError", "stack": [], "trace": message}
    return {"status": "ok", "result": result}


def main():
    os.setsid()  # a group of its own, so that its children can be ended with it
    sys.stdout = sys.stderr
    settings = json.loads(sys.stdin.readline())
    forget_the_machine()
    os.environ.update(settings.get("env", {}))
    os.environ.setdefault("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/" + settings.get("function_name", ""))
    isolate(settings["code_dir"])
    hide_removed_modules()
    request = LogFilter()
    lines = logging.StreamHandler(sys.stderr)
    lines.addFilter(request)
    form = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    form.converter = time.gmtime
    lines.setFormatter(form)
    logging.getLogger().addHandler(lines)
    handler, broken = load(settings)
    answer({"status": "ready", "cold": True})
    for line in sys.stdin:
        message = json.loads(line)
        about = message.get("ctx") or {}
        request.request_id = about.get("request_id", "")
        if about.get("trace_id"):
            os.environ["_X_AMZN_TRACE_ID"] = about["trace_id"]
        result = broken or call(handler, message["event"], Context(settings, about))
        sys.stderr.write("\x1e\n")
        sys.stderr.flush()
        answer(result)


if __name__ == "__main__":
    main()
