"""The parent of one container's processes. Runs as its own program: `python -I -S supervisor.py SPEC.json`.

It gives the command a private mount namespace in which the job's folder is /opt/ml (the host needs no such folder),
a private PID namespace, so that one SIGKILL ends everything the command has started, daemons included, and a private
network in which it listens on whatever port it likes and nobody outside can reach it (network.py says who can).

stdin is the leash: the byte `T` asks the command to end (SIGTERM), end-of-file kills it. The server holds the other
end, so its own death, however sudden, ends the container too. The exit code is the command's (128 + signal).

SPEC: `argv`, `env`, `cwd`, `opt_ml` (folder), `hosts` (file, becomes /etc/hosts), `error` (file: why nothing ran),
`control` (number of the socket by which the server asks for connections), `endpoints` ([host, port] outside, which the
command reaches as 127.0.0.1:port).
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys

sys.path.append(os.path.dirname(__file__))  # -I leaves it out
import network

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG = 1
CANNOT_START = 125

libc = ctypes.CDLL(None, use_errno=True)


def check(result, action):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{action}: {os.strerror(number)}")


def mount(source, target, kind, flags=0):
    check(libc.mount(source.encode(), target.encode(), kind and kind.encode(), flags, None), f"mount {target}")


def enter_namespaces():
    """Leave the host's mounts, process ids and network; without root rights, as root of a user namespace."""
    uid, gid = os.getuid(), os.getgid()
    apart = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET
    if libc.unshare(apart) == 0:
        return
    check(libc.unshare(CLONE_NEWUSER | apart), "unshare (user namespaces are switched off?)")
    for path, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{path}", "w") as file:
            file.write(text)


def show_as_opt_ml(folder, staging):
    """Make `folder` appear as /opt/ml. Without that folder on the host, /opt is rebuilt from binds on a tmpfs."""
    if not os.path.isdir("/opt/ml"):
        mount("tmpfs", staging, "tmpfs")
        for entry in os.listdir("/opt"):
            source, target = f"/opt/{entry}", f"{staging}/{entry}"
            if os.path.islink(source):
                os.symlink(os.readlink(source), target)
                continue
            if os.path.isdir(source):
                os.mkdir(target)
            else:
                open(target, "w").close()
            mount(source, target, None, MS_BIND | MS_REC)
        os.mkdir(f"{staging}/ml")
        mount(folder, f"{staging}/ml", None, MS_BIND | MS_REC)
        mount(staging, "/opt", None, MS_BIND | MS_REC)
        return
    mount(folder, "/opt/ml", None, MS_BIND | MS_REC)


def prepare_mounts(spec):
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    show_as_opt_ml(spec["opt_ml"], spec["staging"])
    mount(spec["hosts"], "/etc/hosts", None, MS_BIND)
    # Refused inside a user namespace when the host hides parts of /proc: /proc/self still works there.
    with contextlib.suppress(OSError):
        mount("proc", "/proc", "proc")


def exit_code(status):
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def pass_on(command):
    """Send SIGTERM to the command's group, or to itself as long as it has none."""
    try:
        os.killpg(command, signal.SIGTERM)
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(command, signal.SIGTERM)


def first_process(spec):
    """Be process 1 of the namespace: run the command, pass SIGTERM on, reap orphans, end with the command's code."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    prepare_mounts(spec)
    command = os.fork()
    if command == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        try:
            os.chdir(spec["cwd"])
            os.execvpe(spec["argv"][0], spec["argv"], spec["env"])
        except OSError as error:
            print(f"{spec['argv'][0]}: {error.strerror}", file=sys.stderr, flush=True)
            os._exit(127)
    signal.signal(signal.SIGTERM, lambda *_: pass_on(command))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    while True:
        pid, status = os.wait()
        if pid == command:
            return exit_code(status)


def watch(child, control):
    """Wait for the child while holding the leash and making connections; returns the exit code."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    held = [0, woken, control]
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return exit_code(status)
        ready, _, _ = select.select(held, [], [])
        if woken in ready:
            os.read(woken, 512)
        if 0 in ready:
            request = os.read(0, 1)
            os.kill(child, signal.SIGTERM if request == b"T" else signal.SIGKILL)
            if not request:
                held.remove(0)
        if control in ready and not network.answer(control):
            held.remove(control)


def main():
    with open(sys.argv[1]) as file:
        spec = json.load(file)
    # The terminal's Ctrl-C goes to the whole foreground group; the container must outlive it until the server says so.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=spec["control"])
    control.set_inheritable(False)
    try:
        relays = [(port, network.begin_relay((host, port))) for host, port in spec["endpoints"]]
        enter_namespaces()
        network.lift_loopback()
        for port, relay in relays:
            network.listen_inside(port, relay)
            relay.close()
        # The first process of a namespace ignores what it has no handler for: a SIGTERM that comes early must wait.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        child = os.fork()
        if child == 0:
            try:
                code = first_process(spec)
            except OSError as error:
                with open(spec["error"], "w") as file:
                    file.write(f"{error.strerror}")
                code = CANNOT_START
            os._exit(code)
    except OSError as error:
        with open(spec["error"], "w") as file:
            file.write(f"{error.strerror}")
        return CANNOT_START
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    return watch(child, control)


if __name__ == "__main__":
    sys.exit(main())
