"""A container's network: a loopback of its own, and the two ways through its wall.

Inwards there is no relay: the supervisor makes sockets inside and hands them, connected, to the server outside
(`Ways.answer`), so a request takes exactly as long as over any loopback. Outwards a process that stayed outside
(`begin_relay`) copies bytes between what connects to one port inside and one address outside.

Imported by the supervisor, hence the standard library only.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import signal
import socket
import struct

PR_SET_PDEATHSIG = 1
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
CHUNK = 1 << 18
CONNECT, CONNECTED, REFUSED = b"C", b"+", b"-"


def lift_loopback():
    """Switch on the loopback of a new network namespace; its address is then 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


def listen_inside(port, outside):
    """Listen on 127.0.0.1:`port` of this namespace and give the socket to the process that stayed outside."""
    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        socket.send_fds(outside, [b"L"], [listener.fileno()])


def begin_relay(address):
    """Fork the process that stays outside; returns the socket by which it gets its listener."""
    ours, theirs = socket.socketpair()
    if os.fork():
        theirs.close()
        return ours
    try:
        ours.close()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):  # the container's output ends with the container, not with this process
            os.dup2(null, number)
        _relay(theirs, address)
    finally:
        os._exit(0)


def _relay(inside, address):
    import threading

    _, (number,), *_ = socket.recv_fds(inside, 1, 1)
    with socket.socket(fileno=number) as listener:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, address), daemon=True).start()


def _serve(client, address):
    import threading

    with client, contextlib.suppress(OSError), socket.create_connection(address, timeout=10) as server:
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=_copy, args=(server, client), daemon=True)
        back.start()
        _copy(client, server)
        back.join()


def _copy(source, target):
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def answer(asked):
    """Answer one wish of the server's on the socket `asked`: a connection to the port that it names.

    Returns False when the server has closed its end. The connection may still be on its way: nobody is waited for.
    """
    wish = asked.recv(16)
    if not wish:
        return False
    with socket.socket() as connection:
        connection.setblocking(False)
        result = connection.connect_ex(("127.0.0.1", int(wish.removeprefix(CONNECT))))
        if result in (0, errno.EINPROGRESS):
            socket.send_fds(asked, [CONNECTED], [connection.fileno()])
        else:
            asked.send(REFUSED)
    return True
