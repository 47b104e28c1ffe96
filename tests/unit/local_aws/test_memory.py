"""Memory that processes share counts once."""

from __future__ import annotations

import os

import psutil

from local.memory import Watch, share
from tests.waiting import eventually

SIZE = 64_000_000


def test_what_a_forked_process_shares_with_its_parent_counts_once():
    held = bytearray(os.urandom(1024)) * (SIZE // 1024)
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writes)
        os.read(reads, 1)  # until the parent closes its end
        os._exit(0)
    try:
        both = [psutil.Process(), psutil.Process(child)]
        counted_twice = sum(process.memory_info().rss for process in both)
        assert sum(map(share, both)) < counted_twice - 0.9 * len(held)
    finally:
        os.close(writes)
        os.close(reads)
        os.waitpid(child, 0)


def test_a_process_that_is_watched_with_its_parent_counts_once():
    held = bytearray(os.urandom(1024)) * (SIZE // 1024)
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        held[::4096] = bytes(len(held[::4096]))  # its own now, no longer its parent's
        os.close(writes)
        os.read(reads, 1)
        os._exit(0)
    try:
        eventually(lambda: share(psutil.Process(child)) > 0.9 * SIZE)
        with Watch(os.getpid()) as whole, Watch(os.getpid(), child) as named:
            eventually(lambda: whole.peak and named.peak)
        assert named.peak < whole.peak + 0.5 * SIZE
    finally:
        os.close(writes)
        os.close(reads)
        os.waitpid(child, 0)
