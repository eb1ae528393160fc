"""Collect the output of attempts from their pipes into their files.

Run by `CollectorProcess`, one process for each engine, which it outlives. Its first command waits for it: it
imports only what is loaded at once, and a library that masks faster from the folder of its argument, if there
is any. Its standard input is a socket. A message brings an attempt: the text `CAP DIRECTORY`, the socket on
which the wrapper asks, then a pipe and a file for each stream, and a file of the forms of its secrets if it
has any. The end of the socket ends the process once no pipe is open.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # `signal` is loaded as long as all else here.
import _socket
import errno
import fcntl
import importlib
import os
import resource
import select
import struct
import sys
import termios
import time

# As `typing` has it, which takes longer to load than an interpreter.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from core.model.masking import Masker

CHUNK = 65_536
KEPT = 1_048_576
"""Bytes of one stream that wait in memory for room on the disk; after that its writer waits."""
RETRY_SECONDS = 0.5
NAMES = ("out", "err")
"""Of the files of an attempt, in the order in which they come."""
MOST = 6
"""Descriptors that one message may bring."""
DESCRIPTOR = struct.Struct("i")
FORM = struct.Struct("<I")
"""Before each form of a secret: how many bytes it has."""
HEADROOM = 16
"""Descriptors that stay free of attempts."""
MESSAGE = 8_192
TIMES_SECONDS = 1.0
"""Between two records of times, at the least."""
TIMES_FINEST = 3_600
"""A record stands for at most so small a part of the time that an attempt runs."""
TIMES = ".times"
"""Behind the name of a file: which of its bytes came when. A record is an offset and ms UTC, 8 bytes each."""
RECORD = struct.Struct("<QQ")
ORDER = "order"
"""Of two streams: where the other one went on. A record is an offset in each, and ms UTC, 8 bytes each.

The last bit of the first offset tells which one goes on, 1 = `err`.
"""
ORDER_RECORD = struct.Struct("<QQQ")
ORDER_MOST = 100_000
"""Records of an attempt at the most."""
ORDER_FIRST, ORDER_A_SECOND = 1_000, 10
"""Records that may be written at any time, and those more in each second."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
IGNORED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGXFSZ")


class Suppressed:
    """No `OSError` leaves the body, as with `contextlib.suppress`."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, OSError)


class Stream:
    """A pipe and the file that its bytes go to."""

    def __init__(self, attempt: Attempt, name: str, source: int, file: int) -> None:
        self.attempt, self.name, self.source, self.file = attempt, name, source, file
        self.timed = attempt.began
        """When the last record of times was written, or the attempt came; monotonic seconds."""
        self.waiting = b""
        """What was read and is not yet written: the disk is full."""
        self.masker: Masker | None = None
        """Takes the secrets of the attempt out; None = it has none."""
        self.heard = False
        """Whether the pipe is waited for."""
        self.ended = False
        """No process holds the other end of the pipe any more."""
        self.owed: int | None = None
        """Bytes still to be read before the wrapper is answered, once it has asked."""
        self.closed: os.stat_result | None = None
        """What the file was when it was closed."""

    @property
    def settled(self) -> bool:
        """Whether all that the command wrote is in the file."""
        return not self.waiting and (self.ended or self.owed == 0)

    @property
    def size(self) -> int:
        """Bytes that came so far."""
        return len(self.waiting) + (
            os.fstat(self.file).st_size if self.closed is None else self.closed.st_size
        )

    def read(self) -> None:
        """Move what is in the pipe, at most one chunk."""
        try:
            data = os.read(self.source, CHUNK)
        except BlockingIOError:
            return
        self.ended = not data
        if self.owed:
            self.owed = max(0, self.owed - len(data))
        if self.masker is not None:
            data = self.masker.feed(data) + self.rest()
        if data and not self._is_over_cap():
            self.note_time()
            if self.attempt.latest is not self:
                self.attempt.note_order(self)
            self.waiting += data
            self.write()

    def rest(self) -> bytes:
        """Return what the masker held back, once all of the command has come."""
        if self.masker is None or not (self.ended or self.owed == 0):
            return b""
        return self.masker.flush()

    def note_time(self) -> None:
        """Keep when what comes now came, at most once a second, later on less often.

        What came within the first second came when the attempt began: most attempts keep no times.
        """
        now = time.monotonic()
        if now - self.timed < max(TIMES_SECONDS, (now - self.attempt.began) / TIMES_FINEST):
            return
        self.timed = now
        self.attempt.note(self.name + TIMES, RECORD.pack(self.size, int(time.time() * 1000)))

    def write(self) -> None:
        """Write what waits; a full disk keeps it, any other error drops it and is marked."""
        while self.waiting:
            try:
                written = os.write(self.file, self.waiting)
            except OSError as error:
                if error.errno not in FULL:
                    self.waiting = b""
                    self.attempt.mark_lost()
                return
            self.waiting = self.waiting[written:]

    def count_owed(self) -> None:
        """Note how much is in the pipe: what comes later is not of the command, which has ended."""
        size = fcntl.ioctl(self.source, termios.FIONREAD, b"\0" * 4)
        self.owed = struct.unpack("i", size)[0]
        if rest := self.rest():
            self.waiting += rest
            self.write()

    def close_file(self) -> None:
        """Write nothing more."""
        self.attempt.follow_home()
        self.closed = os.fstat(self.file)
        os.close(self.file)
        self.file = -1

    def is_kept(self, path: str) -> bool:
        """Return whether what was written is at this path: a command may remove or replace the file."""
        ours = self.closed or os.fstat(self.file)
        try:
            there = os.lstat(path)
        except OSError:
            return not ours.st_size
        return os.path.samestat(ours, there) or not (ours.st_size or there.st_size)

    def _is_over_cap(self) -> bool:
        # While the command runs the engine drops the middle; what is left running has no such right.
        if self.owed != 0 or os.fstat(self.file).st_size < self.attempt.cap:
            return False
        self.attempt.mark_lost()
        return True


class Attempt:
    """The streams of one attempt, and the socket on which its wrapper asks."""

    def __init__(self, text: bytes, asking: int, rest: list[int]) -> None:
        # Without the forms of secrets they come in pairs.
        forms = rest.pop() if len(rest) % 2 else None
        cap, _, directory = text.partition(b" ")
        self.cap, self.directory = int(cap), os.fsdecode(directory)
        self.asking: int | None = asking
        self.began = time.monotonic()
        pairs = zip(NAMES, rest[::2], rest[1::2], strict=False)
        self.streams = [Stream(self, name, source, file) for name, source, file in pairs]
        if forms is not None:
            for stream in self.streams:
                stream.masker = masking().Masker(forms_in(forms), masking().search_at_once)
            os.close(forms)
        self.latest = self.streams[0]
        """The stream that went on last, as far as it was noted."""
        self.noted = 0
        """Records of the order of two streams."""
        self.asked = False

    def ask(self) -> None:
        """Hear that the command has ended."""
        self.asked = True
        for stream in self.streams:
            if not stream.ended:
                stream.count_owed()

    def follow_home(self) -> None:
        """Learn where the directory is now: its home may have been moved."""
        for stream in self.streams:
            with Suppressed():
                place, _, name = os.readlink(f"/proc/self/fd/{stream.file}").rpartition("/")
                # What its command moved or removed has another end.
                if name == stream.name and own_parts(place) == own_parts(self.directory):
                    self.directory = place

    def check_files(self) -> None:
        """Mark the output as lost unless it is where readers look for it."""
        self.follow_home()
        if not all(
            stream.is_kept(f"{self.directory}/{name}")
            for stream, name in zip(self.streams, NAMES, strict=False)
        ):
            self.mark_lost()

    def note_order(self, stream: Stream) -> None:
        """Keep that a stream goes on where another one was, unless that is too often."""
        room = ORDER_FIRST + ORDER_A_SECOND * (time.monotonic() - self.began)
        if self.noted >= min(room, ORDER_MOST):
            return
        self.latest, self.noted = stream, self.noted + 1
        out, err = self.streams
        record = ORDER_RECORD.pack(out.size << 1 | (stream is err), err.size, int(time.time() * 1000))
        self.note(ORDER, record)

    def note(self, name: str, record: bytes) -> None:
        """Write behind a file of this name: the output matters, what is known of it does not."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        self.follow_home()
        with Suppressed():
            file = os.open(f"{self.directory}/{name}", flags, 0o600)
            try:
                os.write(file, record)
            finally:
                os.close(file)

    def mark_lost(self) -> None:
        """Leave a file that says that output is missing, also where the directory was removed."""
        self.follow_home()
        with Suppressed():
            # Of the home nothing is made again.
            task = os.path.dirname(self.directory)
            for folder in (os.path.dirname(task), task, self.directory):
                if not os.path.exists(folder):
                    os.mkdir(folder, 0o700)
            os.close(os.open(f"{self.directory}/lost", os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))


class Collector:
    """All attempts of one engine; what it waits for is in one epoll."""

    def __init__(self, control: _socket.socket) -> None:
        self.control: _socket.socket | None = control
        self.poll = select.epoll()
        self.streams: dict[int, Stream] = {}
        """By the descriptor of the pipe: those that a process may still write to."""
        self.attempts: dict[int, Attempt] = {}
        """By the descriptor of the socket: those whose wrapper is not answered."""
        self.full: set[Stream] = set()
        """Those that wait for room."""
        self.hearing = False
        self.limit = raise_limit() - HEADROOM

    def run(self) -> None:
        """Collect until the engine has gone and the last pipe is closed."""
        while True:
            self.hear()
            if self.control is None and not (self.streams or self.full or self.attempts):
                return
            for descriptor, _ in self.poll.poll(RETRY_SECONDS if self.full else None):
                self.act(descriptor)
            for stream in tuple(self.full):
                stream.write()
                self.settle(stream.attempt)

    def hear(self) -> None:
        """Take new attempts only while there are descriptors for them: what waits in the socket is safe."""
        if self.control is None:
            return
        room = 2 * len(self.streams) + len(self.full) + len(self.attempts) + MOST < self.limit
        if room and not self.hearing:
            self.poll.register(self.control, select.EPOLLIN)
        elif not room and self.hearing:
            self.poll.unregister(self.control)
        self.hearing = room

    def act(self, descriptor: int) -> None:
        """Do what a descriptor is ready for."""
        if descriptor in self.streams:
            stream = self.streams[descriptor]
            stream.read()
            self.settle(stream.attempt)
        elif descriptor in self.attempts:
            self.answer_for(descriptor)
        elif self.control is not None and descriptor == self.control.fileno():
            self.receive(self.control)

    def receive(self, control: _socket.socket) -> None:
        """Take over one attempt, or hear that the engine has gone."""
        try:
            text, ancillary, _, _ = control.recvmsg(MESSAGE, _socket.CMSG_LEN(MOST * DESCRIPTOR.size))
        except OSError:
            text, ancillary = b"", []
        if not text:
            self.poll.unregister(control)
            control.close()
            self.control = None
            return
        descriptors = [one for *_, data in ancillary for (one,) in DESCRIPTOR.iter_unpack(data)]
        attempt = Attempt(text, descriptors[0], descriptors[1:])
        self.attempts[descriptors[0]] = attempt
        self.poll.register(descriptors[0], select.EPOLLIN)
        for stream in attempt.streams:
            os.set_blocking(stream.source, False)
            self.streams[stream.source] = stream
            self.listen_to(stream, wanted=True)

    def answer_for(self, descriptor: int) -> None:
        """Hear a wrapper that asks whether all is written, or one that has gone."""
        attempt = self.attempts[descriptor]
        try:
            gone = not os.read(descriptor, CHUNK)
        except OSError:
            gone = True
        if gone:
            attempt.check_files()
            self.dismiss(attempt)
            return
        attempt.ask()
        self.settle(attempt)

    def settle(self, attempt: Attempt) -> None:
        """Give up what has ended, hold writers that have no room, answer the wrapper."""
        for stream in attempt.streams:
            self.follow(stream)
        if attempt.asked and attempt.asking is not None and all(one.settled for one in attempt.streams):
            attempt.check_files()
            with Suppressed():
                os.write(attempt.asking, b"\n")
            self.dismiss(attempt)

    def follow(self, stream: Stream) -> None:
        """Read a stream while there is room for it, close what is done with."""
        if stream.waiting:
            self.full.add(stream)
        else:
            self.full.discard(stream)
        if stream.ended and stream.source in self.streams:
            self.listen_to(stream, wanted=False)
            del self.streams[stream.source]
            os.close(stream.source)
        if not stream.ended:
            self.listen_to(stream, wanted=len(stream.waiting) < KEPT)
        elif not stream.waiting and stream.file >= 0:
            stream.close_file()

    def listen_to(self, stream: Stream, *, wanted: bool) -> None:
        """Wait for a stream, or no longer."""
        if wanted and not stream.heard:
            self.poll.register(stream.source, select.EPOLLIN)
        elif stream.heard and not wanted:
            self.poll.unregister(stream.source)
        stream.heard = wanted

    def dismiss(self, attempt: Attempt) -> None:
        """Close the socket of a wrapper."""
        assert attempt.asking is not None
        self.poll.unregister(attempt.asking)
        del self.attempts[attempt.asking]
        os.close(attempt.asking)
        attempt.asking = None


def own_parts(directory: str) -> list[str]:
    """Return task and epoch of the directory of an attempt."""
    return directory.split("/")[-2:]


def forms_in(file: int) -> list[bytes]:
    """Return the forms of secrets in a file, which stays open."""
    data, found, at = b"", list[bytes](), 0
    while piece := os.pread(file, CHUNK, len(data)):
        data += piece
    while at < len(data):
        (size,) = FORM.unpack_from(data, at)
        found.append(data[at + FORM.size : at + FORM.size + size])
        at += FORM.size + size
    return found


def masking() -> ModuleType:
    """Return the module that masks secrets, loaded by its path when the first attempt has some."""
    if "masking" not in sys.modules:
        util = importlib.import_module("importlib.util")
        core = os.path.dirname(os.path.dirname(__file__))
        spec = util.spec_from_file_location("masking", f"{core}/model/masking.py")
        module = util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules["masking"] = module
    return sys.modules["masking"]


def raise_limit() -> int:
    """Allow as many descriptors as this user may have, and return how many; one attempt needs three."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 1_048_576 if hard == resource.RLIM_INFINITY else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):
        pass
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def main() -> None:
    """Serve the socket that is standard input."""
    for name in IGNORED:
        _signal.signal(getattr(_signal, name), _signal.SIG_IGN)
    # Behind all else: there may be a library that searches faster.
    sys.path += sys.argv[1:]
    Collector(_socket.socket(fileno=0)).run()
