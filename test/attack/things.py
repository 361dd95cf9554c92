# SPDX-License-Identifier: BSD-3-Clause
"""Descriptors that no driver would hand over, by name; among them such that can block whoever uses them."""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import select
import signal
import socket
import struct
import threading

MIB = 1 << 20
MFD_ALLOW_SEALING = 2
F_ADD_SEALS, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE = 1033, 2, 4, 8, 16
SMALL = 4096
LINGER_S = 5


def fill_pipe(fd):
    """No room is left, and whoever writes has to wait."""
    os.set_blocking(fd, False)
    try:
        while True:
            os.write(fd, bytes(1 << 16))
    except BlockingIOError:
        pass
    try:
        while True:
            os.write(fd, b"x")
    except BlockingIOError:
        pass
    os.set_blocking(fd, True)


def eventfd(a):
    return a.own(os.eventfd(0, os.EFD_NONBLOCK))


def eventfd_blocking(a):
    return a.own(os.eventfd(0))


def eventfd_full(a):
    """The next one who adds to it waits until it is read."""
    fd = a.own(os.eventfd(0, os.EFD_NONBLOCK))
    os.eventfd_write(fd, 0xfffffffffffffffe)
    os.set_blocking(fd, True)
    return fd


def eventfd_semaphore(a):
    return a.own(os.eventfd(5, os.EFD_SEMAPHORE))


def pipe_write(a):
    a.reader, fd = (a.own(end) for end in os.pipe())
    return fd


def pipe_full(a):
    fd = pipe_write(a)
    fill_pipe(fd)
    return fd


def pipe_read(a):
    fd, writer = (a.own(end) for end in os.pipe())
    os.write(writer, b"12345678")
    return fd


def pipe_broken(a):
    """Who writes to it gets SIGPIPE."""
    reader, fd = os.pipe()
    os.close(reader)
    return a.own(fd)


def fifo(a):
    path = f"{a.path}.fifo"
    os.mkfifo(path)
    fd = a.own(os.open(path, os.O_RDWR))
    os.unlink(path)
    fill_pipe(fd)
    return fd


def regular_file(a):
    path = f"{a.path}.file"
    fd = a.own(os.open(path, os.O_RDWR | os.O_CREAT))
    os.unlink(path)
    os.ftruncate(fd, 8 * MIB)
    return fd


def folder(a):
    return a.own(os.open("/tmp", os.O_RDONLY))


def path_only(a):
    return a.own(os.open("/dev/shm", os.O_PATH))


def dev_null(a):
    return a.own(os.open("/dev/null", os.O_RDWR))


def dev_zero(a):
    return a.own(os.open("/dev/zero", os.O_RDWR))


def terminal(a):
    main, other = os.openpty()
    a.own(main)
    return a.own(other)


def unix_socket(a):
    one, other = socket.socketpair()
    a.own(other.detach())
    return a.own(one.detach())


def unix_socket_full(a):
    one, other = socket.socketpair()
    one.setblocking(False)
    try:
        while True:
            one.send(bytes(4096))
    except BlockingIOError:
        pass
    one.setblocking(True)
    a.own(other.detach())
    return a.own(one.detach())


def own_socket(a):
    """The very connection that it is sent over."""
    return a.sock.fileno()


def tcp_pair():
    listener = socket.create_server(("127.0.0.1", 0))
    one = socket.create_connection(listener.getsockname())
    other, _ = listener.accept()
    listener.close()
    return one, other


def tcp_lingering(a):
    """To close it takes long: what was sent is not read, and SO_LINGER says to wait for that."""
    one, other = tcp_pair()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, LINGER_S))
    one.setblocking(False)
    try:
        while True:
            one.send(bytes(1 << 16))
    except BlockingIOError:
        pass
    one.setblocking(True)
    a.own(other.detach())
    return a.give(one.detach())


def epoll(a):
    poller = select.epoll()
    fd = a.own(os.dup(poller.fileno()))
    poller.close()
    return fd


def libc_fd(a, name, *args):
    fd = getattr(ctypes.CDLL(None, use_errno=True), name)(*args)
    if fd < 0:
        raise OSError(ctypes.get_errno(), name)
    return a.own(fd)


def timerfd(a):
    return libc_fd(a, "timerfd_create", 1, 0)


def inotify(a):
    return libc_fd(a, "inotify_init1", 0)


def signalfd(a):
    return libc_fd(a, "signalfd", -1, struct.pack("=Q", 1 << signal.SIGUSR1 - 1), 0)


def pidfd(a):
    return a.own(os.pidfd_open(os.getpid()))


def process_memory(a):
    return a.own(os.open("/proc/self/mem", os.O_RDWR))


# Memory files.

def memory(a, size=2 * MIB):
    return a.memory_file(size)


def memory_empty(a):
    return a.memory_file(0)


def memory_short(a):
    return a.memory_file(2 * MIB - SMALL)


def memory_odd(a):
    """One byte less than is said."""
    return a.memory_file(2 * MIB - 1)


def memory_read_only(a):
    return a.own(os.open(f"/proc/self/fd/{memory(a)}", os.O_RDONLY))


def memory_write_only(a):
    return a.own(os.open(f"/proc/self/fd/{memory(a)}", os.O_WRONLY))


def sealed(a, seals):
    fd = a.memory_file(2 * MIB, flags=MFD_ALLOW_SEALING)
    fcntl.fcntl(fd, F_ADD_SEALS, seals)
    return fd


def memory_sealed(a):
    """As it should be: nobody can cut it off."""
    return sealed(a, F_SEAL_SHRINK | F_SEAL_GROW)


def memory_write_sealed(a):
    return sealed(a, F_SEAL_WRITE)


def memory_future_write_sealed(a):
    return sealed(a, F_SEAL_FUTURE_WRITE)


def tmpfs_file(a):
    path = f"/dev/shm/attack-{os.getpid()}"
    fd = a.own(os.open(path, os.O_RDWR | os.O_CREAT))
    os.unlink(path)
    os.ftruncate(fd, 2 * MIB)
    return fd


OVERCOMMIT = pathlib.Path("/proc/sys/vm/nr_overcommit_hugepages")


def free_huge_pages():
    with open("/proc/meminfo", encoding="utf-8") as info:
        return next(int(line.split()[1]) for line in info if line.startswith("HugePages_Free"))


@contextlib.contextmanager
def huge_pages(count):
    """So many huge pages can be had: free ones, or such that the kernel makes while they are used.

    Yields why not, or None. One case at a time changes what the kernel may make.
    """
    if free_huge_pages() >= count:
        yield None
        return
    with open(__file__, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = OVERCOMMIT.read_text(encoding="ascii")
        try:
            OVERCOMMIT.write_text(str(int(kept) + count), encoding="ascii")
        except OSError as error:
            yield f"{OVERCOMMIT}: {error}"
            return
        try:
            yield None
        finally:
            OVERCOMMIT.write_text(kept, encoding="ascii")


def hugetlb(a, size=4 * MIB):
    """Nothing is behind it when there are no huge pages."""
    fd = a.own(os.memfd_create("attack", os.MFD_HUGETLB))
    os.ftruncate(fd, size)
    return fd


# A file system of our own, whose files answer when we like: never.

FUSE_INIT, FUSE_LOOKUP, FUSE_GETATTR, FUSE_OPEN, FUSE_FLUSH, FUSE_RELEASE = 26, 1, 3, 14, 25, 18
ROOT_INODE, FILE_INODE = 1, 2
MNT_FORCE, MNT_DETACH = 1, 2


class Fuse:
    """A mount with one file, `file`, of `size` bytes: opening it is answered, nothing after it."""

    def __init__(self, folder, size=2 * MIB):
        self.folder, self.size = folder, size
        os.mkdir(folder)
        self.device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"attack", folder.encode(), b"fuse", 6, options.encode()) != 0:
            error = ctypes.get_errno()
            os.close(self.device)
            os.rmdir(folder)
            raise OSError(error, "mount fuse")
        self.libc = libc
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def open(self):
        return os.open(f"{self.folder}/file", os.O_RDWR)

    def attributes(self, inode):
        mode = 0o40755 if inode == ROOT_INODE else 0o100666
        return struct.pack("=QQQQQQIIIIIIIIII", inode, self.size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0,
                           SMALL, 0)

    def serve(self):
        while True:
            try:
                request = os.read(self.device, 1 << 17)
            except OSError:
                return
            _, opcode, unique, inode = struct.unpack_from("=IIQQ", request)
            answer = self.answer(opcode, inode)
            if answer is not None:
                os.write(self.device, struct.pack("=IiQ", 16 + len(answer), 0, unique) + answer)

    def answer(self, opcode, inode):
        if opcode == FUSE_INIT:
            return struct.pack("=IIIIHHIIHHI28x", 7, 31, 0, 0, 16, 16, 1 << 16, 1, 16, 0, 0)
        if opcode == FUSE_LOOKUP:
            return struct.pack("=QQQQII", FILE_INODE, 0, 60, 60, 0, 0) + self.attributes(FILE_INODE)
        if opcode == FUSE_GETATTR:
            return struct.pack("=QII", 60, 0, 0) + self.attributes(inode)
        if opcode == FUSE_OPEN:
            return struct.pack("=QII", 1, 0, 0)
        return None

    def end(self):
        """Whoever waits for an answer gets an error."""
        for flag in (MNT_FORCE, MNT_DETACH):
            self.libc.umount2(self.folder.encode(), flag)
        self.thread.join(10)
        os.close(self.device)
        os.rmdir(self.folder)

