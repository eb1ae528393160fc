"""Stands for a worker of pytest-xdist that another process forks.

Started by `forked_workers.Collector` in the place of Python: before what Python is called with stands the
address of that process. It lives as long as the worker; where none can be forked, it becomes an executed one.
"""

from __future__ import annotations

import os
import socket
import sys


def main() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        try:
            line.connect(bytes.fromhex(sys.argv[1]))
            socket.send_fds(line, [b"w"], [0, 1])
            if line.recv(1) == b"w":
                # Only the worker holds its streams: what reads from it sees its end.
                os.dup2(os.open(os.devnull, os.O_RDWR), 0)
                os.dup2(0, 1)
                line.recv(1)
                return
        except OSError:
            pass
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])


if __name__ == "__main__":
    main()
