"""Glue jobs that really run: ``glueetl`` under spark-submit, ``pythonshell`` under Python.

MiniStack answers SUCCEEDED for a Spark job that it never ran. Here a run takes its script and modules from S3, gets
Glue's argv, reads and writes ``s3://`` through S3A against this server, logs to ``/aws-glue/jobs/output`` and
``/aws-glue/jobs/error`` (stream: the run id; with an encrypting security configuration to groups that bear its name and
the role's, as Glue 5 names them), is stopped, timed out and retried, and says what went wrong.

Two Spark runs at a time; others are WAITING. What cannot be had here (see ``glue_arguments``, or a module version
that is not installed) fails the run with a sentence instead of being left out.
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib.metadata
import io
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import glue

from local import checkpoints, spark_classes, undertaker
from local.permissions import recorder, roles
from local.plugins import glue_arguments, glue_imports, glue_wheels
from local.services import log_lines, s3_files
from local.settings import Settings
from local.spark_home import DAEMON
from local.warm_pool import java
from local.warm_pool.drivers import Driver, Drivers

HOOKS = {
    "ministack.services.glue._create_job": "(data)",
    "ministack.services.glue._start_job_run": "(data)",
    "ministack.services.glue._batch_stop_job_run": "(data)",
    "ministack.services.glue._get_job_runs": "(data)",
    "ministack.services.glue.load_persisted_state": "(data)",
    "ministack.services.glue._jobs": None,
    "ministack.services.glue._job_runs": None,
    "ministack.services.glue._security_configs": None,
}

SPARK_COMMANDS = ("glueetl", "gluestreaming")
ACTIVE = ("STARTING", "WAITING", "RUNNING", "STOPPING")
SPARK_AT_ONCE = 2
EXERCISE_SECONDS = 120.0  # of a new Java machine; the first job waits for it
SESSION = "GlueJobRunnerSession"
LOGS = "/aws-glue/jobs"
TAIL_LINES = 20
TRACEBACK = "Traceback (most recent call last)"
DEFAULT_TIMEOUT_MINUTES = 480
KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "JAVA_HOME", "USER")

_settings: Settings
_machines: java.Pool
_drivers: Drivers
_slots = threading.Semaphore(SPARK_AT_ONCE)
_lock = threading.Lock()
_live: dict[str, _Attempt] = {}


class CannotRun(Exception):
    """Why a run fails before its script starts."""


@dataclass
class _Attempt:
    """A run that has not ended: its record in the catalog, and its process once there is one."""

    record: dict[str, Any]
    process: subprocess.Popen | Driver | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    running_since: float | None = None


def install(settings: Settings) -> None:
    global _settings, _machines, _drivers
    _settings = settings
    place = settings.temp_dir / "glue-pool"
    _machines = java.Pool(place, _machine)
    _drivers = Drivers(place, _environment(place, []))
    glue._create_job = _warming(glue._create_job)
    glue._start_job_run = _start_job_run
    glue._batch_stop_job_run = _batch_stop_job_run
    glue._get_job_runs = _get_job_runs
    glue.load_persisted_state = _restoring(glue.load_persisted_state)


def close() -> None:
    """Stop what runs; the records say STOPPED."""
    for attempt in list(_live.values()):
        _stop(attempt)
    deadline = time.monotonic() + 3
    while _live and time.monotonic() < deadline:
        time.sleep(0.02)
    _machines.close()
    _drivers.close()


def _restoring(load: Any) -> Any:
    def load_and_close(data: Any) -> None:
        load(data)
        noted = {record["Id"]: (account, region, record) for account, region, record in _ended_runs()}
        for _, runs in glue._job_runs.all_items():
            for run in runs:
                if run["Id"] in noted:
                    run.update(noted.pop(run["Id"])[2])
        for account, region, record in noted.values():
            runs = glue._job_runs.get_scoped(account, region, record["JobName"])
            if runs is not None:
                runs.insert(0, record)
        read = _journal().stat().st_size if _journal().exists() else 0
        if read:  # a server that is killed before it has saved this reads it once more
            checkpoints.once_saved(lambda: _forget_ended(read))
        for _, runs in glue._job_runs.all_items():
            for run in runs:
                if run["JobRunState"] in ACTIVE:
                    _end(run, "FAILED", "The server ended while this run was active.")

    return load_and_close


def _start_job_run(data: dict) -> Any:
    name = data.get("JobName")
    job = glue._jobs.get(name)
    if job is None:
        return error_response_json(
            "EntityNotFoundException", f"Failed to start job run due to missing metadata: {name}", 400
        )
    limit = (job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns") or 1
    with _lock:
        runs = glue._job_runs.setdefault(name, [])
        if sum(run["JobRunState"] in ACTIVE for run in runs) >= limit:
            message = f"Concurrent runs exceeded for {name}"
            return error_response_json("ConcurrentRunsExceededException", message, 400)
        record = _record(job, data, "jr_" + secrets.token_hex(32), 0)
        runs.insert(0, record)
    _launch(job, data, record)
    return json_response({"JobRunId": record["Id"]})


def _warming(create: Any) -> Any:
    """A job is made to be run: its Java machine starts meanwhile, as those of Glue's own pool have."""

    def create_job(data: dict) -> Any:
        answer = create(data)
        if (data.get("Command") or {}).get("Name") in SPARK_COMMANDS and answer[0] == 200:
            arguments = data.get("DefaultArguments") or {}
            threading.Thread(
                target=contextvars.copy_context().run,
                args=(_machines.warm, lambda machine: _exercised(machine, arguments)),
                daemon=True,
                name="glue-warm",
            ).start()
        return answer

    return create_job


def _exercised(machine: java.Machine, arguments: dict) -> bool:
    """Whether the machine has done what nearly every job does, with the modules of a job that is to come."""
    folder = machine.folder / "exercise"
    (folder / "tmp").mkdir(parents=True)
    script = folder / "job.py"
    script.write_text(spark_classes.JOB)
    try:
        environment = _environment(folder, []) | machine.lend(folder, lambda _: None)
        modules = _imported(arguments)
    except (java.CannotStart, glue_wheels.Refused, importlib.metadata.PackageNotFoundError):
        return False  # the job itself will say so
    driver = _drivers.start(modules, script, [str(folder / "rows")], environment, folder)
    undertaker.watch(driver.pid)
    try:
        return driver.wait(EXERCISE_SECONDS) == 0
    except subprocess.TimeoutExpired:
        _kill(driver)
        return False
    finally:
        undertaker.forget(driver.pid)
        shutil.rmtree(folder, ignore_errors=True)


def _record(job: dict, data: dict, run_id: str, attempt: int) -> dict[str, Any]:
    now = time.time()
    record = {
        "Id": run_id,
        "Attempt": attempt,
        "JobName": job["Name"],
        "JobRunState": "STARTING",
        "StartedOn": now,
        "LastModifiedOn": now,
        "Arguments": data.get("Arguments", {}),
        "PredecessorRuns": [],
        "AllocatedCapacity": data.get("NumberOfWorkers") or job.get("NumberOfWorkers") or 2,
        "ExecutionTime": 0,
        "Timeout": data.get("Timeout") or job.get("Timeout") or DEFAULT_TIMEOUT_MINUTES,
        "GlueVersion": job.get("GlueVersion") or "5.1",
        "LogGroupName": _log_groups(job, data),
        "WorkerType": data.get("WorkerType") or job.get("WorkerType"),
        "NumberOfWorkers": data.get("NumberOfWorkers") or job.get("NumberOfWorkers"),
        "MaxCapacity": data.get("MaxCapacity") or job.get("MaxCapacity"),
        "SecurityConfiguration": data.get("SecurityConfiguration") or job.get("SecurityConfiguration") or None,
    }
    return {key: value for key, value in record.items() if value is not None}


def _log_groups(job: dict, data: dict) -> str:
    """How the names of a run's log groups begin."""
    name = data.get("SecurityConfiguration") or job.get("SecurityConfiguration")
    known = glue._security_configs.get(name) or {}
    encryption = (known.get("EncryptionConfiguration") or {}).get("CloudWatchEncryption") or {}
    if encryption.get("CloudWatchEncryptionMode") != "SSE-KMS":
        return LOGS
    return f"{LOGS}/{name}-role/{job.get('Role', '').rpartition('/')[2]}"


def _launch(job: dict, data: dict, record: dict) -> None:
    attempt = _Attempt(record)
    _live[record["Id"]] = attempt
    # A thread does not inherit the request's account and region by itself.
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(_run, job, data, attempt), daemon=True, name=f"glue-{job['Name']}"
    )
    thread.start()


def _run(job: dict, data: dict, attempt: _Attempt) -> None:
    record = attempt.record
    roles.act_as(roles.arn_of(job.get("Role", ""), get_account_id()))  # until its thread ends
    for group in ("output", "error"):
        log_lines.asks_as_writer(
            f"{record['LogGroupName']}/{group}", record["Id"], encrypted="SecurityConfiguration" in record
        )
    spark = job.get("Command", {}).get("Name") in SPARK_COMMANDS
    folder = _settings.temp_dir / "glue" / record["Id"]
    try:
        if spark and not _slots.acquire(blocking=False):
            record["JobRunState"] = "WAITING"
            while not _slots.acquire(timeout=0.1):
                if attempt.stop.is_set():
                    return _end(record, "STOPPED", None)
        try:
            state, message = _attempt(job, data, attempt, folder, spark)
        finally:
            if spark:
                _slots.release()
        _end(record, state, message, attempt.running_since)
    except CannotRun as reason:
        _end(record, "FAILED", str(reason))
    except Exception as failure:
        _end(record, "FAILED", f"{type(failure).__name__}: {failure}")
    finally:
        _live.pop(record["Id"], None)
        shutil.rmtree(folder, ignore_errors=True)
        if record["JobRunState"] == "FAILED" and record["Attempt"] < (job.get("MaxRetries") or 0):
            _retry(job, data, record)


def _retry(job: dict, data: dict, failed: dict) -> None:
    number = failed["Attempt"] + 1
    record = _record(job, data, f"{failed['Id'].split('_attempt_')[0]}_attempt_{number}", number)
    record["PreviousRunId"] = failed["Id"]
    glue._job_runs.setdefault(job["Name"], []).insert(0, record)
    _launch(job, data, record)


def _end(record: dict, state: str, message: str | None, running_since: float | None = None) -> None:
    """Note how a run ended, in memory and at once on disk: a server that is killed then still knows."""
    now = time.time()
    if message:
        record["ErrorMessage"] = message
    record["ExecutionTime"] = round(now - (running_since or now))
    record["CompletedOn"] = record["LastModifiedOn"] = now
    record["JobRunState"] = state
    with _lock, _journal().open("a") as journal:
        journal.write(json.dumps([get_account_id(), get_region(), record]) + "\n")
    checkpoints.changed()


def _journal() -> Path:
    return _settings.services_dir / "glue-runs-ended.jsonl"


def _forget_ended(read: int) -> None:
    """Take the first bytes out of the journal; what was noted since stays."""
    with _lock:
        rest = _journal().read_bytes()[read:]
        replaced = _journal().with_suffix(".new")
        replaced.write_bytes(rest)
        replaced.replace(_journal())


def _ended_runs() -> list[tuple[str, str, dict]]:
    """What the last server had noted; a line that it could not finish counts for nothing."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for line in _journal().read_text().splitlines():
            with contextlib.suppress(ValueError):
                found.append(tuple(json.loads(line)))
    return found


def _attempt(job: dict, data: dict, attempt: _Attempt, folder: Path, spark: bool) -> tuple[str, str | None]:
    record = attempt.record
    arguments = {
        **(job.get("DefaultArguments") or {}),
        **(data.get("Arguments") or {}),
        **(job.get("NonOverridableArguments") or {}),
    }
    if said := glue_arguments.problem(arguments, record.get("GlueVersion"), job.get("Command", {}).get("Name", "")):
        raise CannotRun(said)
    script = _script(job, folder)
    arguments.setdefault("--TempDir", arguments.get("--tempDir", ""))
    argv = [word for name, value in arguments.items() if value != "" for word in (name, str(value))]
    if arguments.get("--enable-metrics") not in (None, "false"):
        recorder.lets("cloudwatch:PutMetricData", "*", ("cloudwatch:namespace", "Glue"))  # Glue's own, of every run
    argv = ["--JOB_NAME", job["Name"], "--JOB_RUN_ID", record["Id"], *argv]
    _modules(arguments, folder)
    _python_files(arguments, folder)
    _files(arguments, folder)
    asked = _packages(arguments)
    gate = glue_imports.write_gate(folder / "gate", asked, folder / "modules")
    role = roles.acting()
    environment = _environment(folder, [gate, folder / "modules"]) | (roles.credentials(role, SESSION) if role else {})
    if attempt.stop.is_set():
        return "STOPPED", None
    if not spark:
        return _watched(attempt, lambda: _python(script, argv, environment, folder))
    given = arguments.get("--conf", "")
    machine = _machines.take(role) if not given else _machine(folder / "java", given)
    sound = False
    try:
        log_lines_of = _Lines(f"{record['LogGroupName']}/error", record["Id"])
        environment |= machine.lend(folder, log_lines_of.add)
        modules = _imported(arguments)
        ended = _watched(attempt, lambda: _drivers.start(modules, script, argv, environment, folder))
        log_lines_of.send()
        sound = ended[0] == "SUCCEEDED" and not given
        return ended
    except java.CannotStart as failure:
        raise CannotRun(str(failure)) from failure
    finally:
        _machines.give_back(machine) if sound else machine.end()


def _python(script: Path, argv: list[str], environment: dict[str, str], folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(script), *argv],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def _watched(attempt: _Attempt, start: Callable[[], subprocess.Popen | Driver]) -> tuple[str, str | None]:
    """Runs the job's process to its end, its timeout or its stop."""
    record = attempt.record
    record["JobRunState"] = "RUNNING"
    attempt.running_since = time.time()
    attempt.process = start()
    undertaker.watch(attempt.process.pid)
    if attempt.stop.is_set():  # asked while the process was being made: the one who asked saw none to kill
        _kill(attempt.process)
    try:
        return _watch(attempt, float(record["Timeout"]) * 60)
    finally:
        _kill(attempt.process)
        undertaker.forget(attempt.process.pid)


class _Lines:
    """What a Java machine says while it has a job, for the job's log."""

    def __init__(self, group: str, run_id: str) -> None:
        self.group, self.run_id = group, run_id
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        self.lines.append(line)

    def send(self) -> None:
        if self.lines:
            log_lines.append(self.group, self.run_id, self.lines)


def _machine(folder: Path, given: str = "") -> java.Machine:
    return java.Machine(folder, _environment(folder, []), lambda place: _spark_settings(place, given))


def _imported(arguments: dict) -> list[str]:
    """What the driver has imported before it is the job's: Spark, and the packages that the job asks for."""
    names = {"pyspark.sql", "boto3"}
    for item in _packages(arguments, brought=False):
        name = item.partition("==")[0].split("[")[0].strip()
        told = importlib.metadata.distribution(name).read_text("top_level.txt") or name.replace("-", "_")
        names.update(told.split())
    return sorted(names)


def _packages(arguments: dict, brought: bool = True) -> list[str]:
    """The packages of an index or an archive that a job asks for; those too that come with others of an archive."""
    found = []
    for item in _listed(arguments.get("--additional-python-modules", "")):
        if not item.startswith("s3"):
            found.append(item)
        elif item.endswith(glue_wheels.SUFFIX) and (archive := s3_files.held(item)):
            wheels = glue_wheels.read(archive.path)
            found += list(wheels.versions) if brought else wheels.asked
    return found


def _watch(attempt: _Attempt, seconds: float) -> tuple[str, str | None]:
    process, run_id = attempt.process, attempt.record["Id"]
    assert process is not None
    assert process.stdout is not None
    assert process.stderr is not None
    groups = attempt.record["LogGroupName"]
    output, errors = (
        _Pump(process.stdout, f"{groups}/output", run_id),
        _Pump(process.stderr, f"{groups}/error", run_id),
    )
    timed_out = False
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        timed_out = True
        _kill(process)
    for pump in (output, errors):
        pump.finish()
    if attempt.stop.is_set():
        return "STOPPED", None
    if timed_out:
        return "TIMEOUT", f"Job run exceeded its timeout of {attempt.record['Timeout']} minutes."
    if process.returncode == 0:
        return "SUCCEEDED", None
    return "FAILED", _reason(output.lines, errors.lines, process.wait())


class _Pump:
    """Copies one output to its log stream as it comes, and keeps it for the error message."""

    def __init__(self, stream: IO[str], group: str, run_id: str) -> None:
        self.stream, self.group, self.run_id = stream, group, run_id
        self.lines: list[str] = []
        self._sent = 0
        context = contextvars.copy_context()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._sender = threading.Thread(target=context.run, args=(self._send_on,), daemon=True)
        self._ended = threading.Event()
        self._reader.start()
        self._sender.start()

    def finish(self) -> None:
        # A grandchild may hold the pipe open: what it still has to say is not waited for.
        self._reader.join(timeout=2)
        self._ended.set()
        self._sender.join(timeout=2)

    def _read(self) -> None:
        with contextlib.suppress(ValueError, OSError):
            for line in self.stream:
                self.lines.append(line.rstrip("\n"))

    def _send_on(self) -> None:
        while True:
            ended = self._ended.wait(0.5)
            fresh = self.lines[self._sent :]
            self._sent += len(fresh)
            if fresh or ended:
                log_lines.append(self.group, self.run_id, fresh)
            if ended:
                return


def _reason(output: list[str], errors: list[str], code: int) -> str:
    """``ValueError: what it said``, then the end of the log that says it.

    Both outputs are looked at: spark-submit sends its driver's stderr to stdout.
    """
    lines = next((lines for lines in (output, errors) if any(TRACEBACK in line for line in lines)), errors or output)
    tail = "\n".join(lines[-TAIL_LINES:])
    starts = [number for number, line in enumerate(lines) if line.startswith(TRACEBACK)]
    # Glue reports the exception as Python prints it: the first line after the last traceback that is not indented.
    said = next((line for line in lines[starts[-1] + 1 :] if line and not line[0].isspace()), "") if starts else ""
    return f"{said or f'The job exited with code {code}'}\n\n{tail}"


def _script(job: dict, folder: Path) -> Path:
    location = (job.get("Command") or {}).get("ScriptLocation", "")
    try:
        body = s3_files.read(location)
    except (s3_files.NoSuchObject, ValueError) as failure:
        raise CannotRun(f"The script {location} cannot be read: {failure}") from failure
    for name in ("", "modules", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    script = folder / s3_files.file_name(location, "script.py")
    script.write_bytes(body)
    return script


def _listed(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _modules(arguments: dict, folder: Path) -> None:
    """``--additional-python-modules``: wheels are unpacked for this run; a version must be the installed one, as those
    of an archive of wheels must."""
    modules = folder / "modules"
    alone = arguments.get("--python-modules-installer-option") == "--no-index"
    for item in _listed(arguments.get("--additional-python-modules", "")):
        if item.startswith("s3") and item.endswith(glue_wheels.SUFFIX):
            _archive_of_wheels(item, alone)
            continue
        if alone and not item.startswith("s3"):
            raise CannotRun(f"--additional-python-modules asks for {item}, and --no-index lets pip fetch none")
        if item.startswith("s3"):
            if not item.endswith(".whl"):
                raise CannotRun(f"--additional-python-modules takes wheels or name==version, got {item}")
            try:
                wheel = s3_files.read(item)
            except s3_files.NoSuchObject as failure:
                raise CannotRun(f"--additional-python-modules: {failure}") from failure
            with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
                archive.extractall(modules)
            continue
        name, _, wanted = item.partition("==")
        name = name.split("[")[0].strip()
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError as failure:
            raise CannotRun(f"--additional-python-modules asks for {item}, which is not installed here.") from failure
        if wanted and wanted.strip() != installed:
            raise CannotRun(f"--additional-python-modules asks for {item}, but {name} {installed} is installed here.")


def _archive_of_wheels(item: str, alone: bool) -> None:
    """Checks what pip would, and that what would be installed is what is installed here."""
    archive = s3_files.held(item)
    if archive is None:
        raise CannotRun(f"--additional-python-modules: there is no object {item}")
    s3_files.taken([archive])
    try:
        wheels = glue_wheels.read(archive.path)
        if alone:
            glue_wheels.require_whole(wheels, frozenset(glue_imports.GLUE_5_1))
        glue_wheels.require_installed(wheels)
    except glue_wheels.Refused as refused:
        raise CannotRun(f"--additional-python-modules {item}: {refused}") from refused


def _python_files(arguments: dict, folder: Path) -> None:
    """``--extra-py-files``: modules, and archives of some, which are unpacked: Spark's workers know this one folder."""
    for item in _listed(arguments.get("--extra-py-files", "")):
        target = _fetch("--extra-py-files", item, folder / "modules")
        if zipfile.is_zipfile(target):
            with zipfile.ZipFile(target) as archive:
                archive.extractall(folder / "modules")


def _files(arguments: dict, folder: Path) -> None:
    """``--extra-files``: beside the script, where it is started."""
    for item in _listed(arguments.get("--extra-files", "")):
        _fetch("--extra-files", item, folder)


def _fetch(argument: str, uri: str, folder: Path) -> Path:
    try:
        body = s3_files.read(uri)
    except (s3_files.NoSuchObject, ValueError) as failure:
        raise CannotRun(f"{argument}: {failure}") from failure
    target = folder / s3_files.file_name(uri, "file")
    target.write_bytes(body)
    return target


def _environment(folder: Path, entries: list[Path]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in KEPT_ENVIRONMENT or name.startswith("AWS_")}
    return kept | {
        "PYTHONPATH": os.pathsep.join(str(entry) for entry in entries),
        "PYTHONUNBUFFERED": "1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TMPDIR": str(folder / "tmp"),
    }


def _spark_settings(folder: Path, given: str) -> Path:
    """A file of its own, not a folder of settings: that would lie on the class path, which must be every run's."""
    options = {
        "spark.master": "local[2]",
        "spark.app.name": "glue",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraClassPath": str(Path(sys.prefix) / "share" / "s3a-jars" / "*"),
        "spark.driver.extraJavaOptions": (
            # In quotes, which Spark takes away: a folder's name may hold a space.
            f'"-Djava.io.tmpdir={folder / "tmp"}" "-Dderby.system.home={folder / "tmp"}" -XX:+UseSerialGC '
            # What an ended job has used goes back to the machine: the next may be long in coming.
            "-XX:MinHeapFreeRatio=10 -XX:MaxHeapFreeRatio=30 "
            "-XX:MetaspaceSize=256m "  # else collections of everything, only because classes were loaded
            "-XX:TieredStopAtLevel=1 "  # jobs of seconds: the optimising compiler would take half of their CPU
            f'"-Dlog4j2.configurationFile={folder / "conf" / "log4j2.properties"}" {spark_classes.options()}'
        ),
        "spark.local.dir": str(folder / "tmp"),
        "spark.sql.warehouse.dir": str(folder / "tmp" / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        "spark.ui.enabled": "false",
        **DAEMON,
        "spark.sql.ui.explainMode": "simple",  # each query's plan is described, though no UI shows it
        "spark.ui.showConsoleProgress": "false",
        "spark.hadoop.hadoop.tmp.dir": str(folder / "tmp"),
        # Renames are copies on S3; version 2 needs one where version 1 needs two.
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": _settings.endpoint_url,
        "spark.hadoop.fs.s3a.endpoint.region": _settings.region,
        # The job's Python brings the keys of its role (local/warm_pool/driver.py). Hadoop's own provider of temporary
        # keys has none for a second thread that asks while the first one is the first to ask.
        "spark.hadoop.fs.s3a.aws.credentials.provider": "com.amazonaws.auth.SystemPropertiesCredentialsProvider",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        "spark.hadoop.fs.s3a.change.detection.mode": "none",
        "spark.hadoop.fs.s3a.bucket.probe": "0",
        "spark.hadoop.fs.s3a.directory.marker.retention": "keep",
        "spark.hadoop.fs.s3a.attempts.maximum": "3",
        "spark.hadoop.fs.s3a.fast.upload": "true",
        "spark.hadoop.fs.s3a.fast.upload.buffer": "bytebuffer",
        "spark.hadoop.fs.s3a.connection.maximum": "64",
        "spark.hadoop.fs.s3a.experimental.input.fadvise": "random",
        # A Parquet file is read from its end and then in pieces; most are small enough to come at once.
        "spark.hadoop.fs.s3a.readahead.range": "4M",
    }
    # Glue takes several settings in one value: "a=1 --conf b=2".
    for setting in re.split(r"\s*--conf\s+", given):
        name, equals, value = setting.strip().partition("=")
        if equals:
            options[name.strip()] = value.strip()
    text = "".join(f"{name} {value}\n" for name, value in options.items())
    (folder / "conf" / "log4j2.properties").write_text(LOG4J)
    settings = folder / "conf" / "spark.properties"
    settings.write_text(text)
    return settings


LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
logger.metrics.name = org.apache.hadoop.metrics2
logger.metrics.level = error
"""


def _get_job_runs(data: dict) -> Any:
    name = data.get("JobName")
    if name not in glue._jobs:
        return error_response_json("EntityNotFoundException", f"Job {name} not found", 400)
    runs = glue._job_runs.get(name, [])
    start = int(data.get("NextToken") or 0)
    size = int(data.get("MaxResults") or 200)
    answer: dict[str, Any] = {"JobRuns": runs[start : start + size]}
    if start + size < len(runs):
        answer["NextToken"] = str(start + size)
    return json_response(answer)


def _batch_stop_job_run(data: dict) -> Any:
    name = data.get("JobName")
    known = {run["Id"]: run for run in glue._job_runs.get(name, [])}
    stopped, errors = [], []
    for run_id in data.get("JobRunIds", []):
        record = known.get(run_id)
        attempt = _live.get(run_id)
        if record is not None and attempt is not None and record["JobRunState"] in ACTIVE:
            _stop(attempt)
            stopped.append({"JobName": name, "JobRunId": run_id})
            continue
        code, text = ("EntityNotFoundException", f"Job run {run_id} not found")
        if record is not None:
            code, text = "JobRunNotInTerminalStateException", f"Job run {run_id} is {record['JobRunState']}"
        detail = {"ErrorCode": code, "ErrorMessage": text}
        errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
    return json_response({"SuccessfulSubmissions": stopped, "Errors": errors})


def _stop(attempt: _Attempt) -> None:
    attempt.stop.set()
    if attempt.record["JobRunState"] == "RUNNING":
        attempt.record["JobRunState"] = "STOPPING"
    if attempt.process is not None:
        _kill(attempt.process)


def _kill(process: subprocess.Popen | Driver) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
