"""What a reading process gives up before it sees the first byte of an untrusted file.

Four layers, each by itself enough against a part of it, so that a kernel or a container that
forbids one leaves the others (docs/security.md):

- limits: memory, open files, bytes written, core dumps;
- a network of its own, in which there is nothing (namespaces);
- Landlock: only programs, fonts and models can be read, nothing is written, no TCP;
- seccomp: no socket, no new process, no file opened for writing, no way into other processes.

`python -m worker.confinement` gives everything up and then tries what it should not be able to do.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import resource
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker import landlock

LAYERS = ("limits", "namespaces", "landlock", "seccomp")
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_THREAD = 0x10000000, 0x40000000, 0x00010000
_OPEN_FILES = 256
#: What never belongs to reading a document; each answers "not permitted". (A pair of sockets that
#: only speak with each other does: the check of signatures runs an event loop.)
_REFUSED = (
    "socket", "connect", "bind", "listen", "accept", "accept4", "socketcall",
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
    "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "kcmp", "mount", "umount2", "pivot_root",
    "chroot", "unshare", "setns", "bpf", "perf_event_open", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "userfaultfd", "add_key", "request_key", "keyctl", "init_module",
    "finit_module", "delete_module", "kexec_load", "reboot", "swapon", "swapoff", "creat",
    "truncate", "unlink", "unlinkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat",
    "rmdir", "link", "linkat", "symlink", "symlinkat", "mknod", "mknodat", "chmod", "fchmod",
    "fchmodat", "chown", "fchown", "fchownat", "lchown", "setxattr", "lsetxattr", "fsetxattr",
    "utimensat", "open_by_handle_at", "memfd_create",
)  # fmt: skip
#: The ways to open a file, and which argument says what for.
_OPENING = {"open": 1, "openat": 2}
#: Signals are for oneself (`abort`); the argument is whom they are for.
_SIGNALLING = ("kill", "tgkill", "tkill")
#: Newer forms whose arguments a filter cannot see: with "not there" the older ones are used.
_UNSEEN = ("clone3", "openat2")
_READABLE = (
    "/usr", "/lib", "/lib64", "/etc/fonts", "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types",
    "/etc/os-release", "/dev/null", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",
    "/sys/devices/system/cpu", "/sys/bus/pci", "/sys/fs/cgroup",
)  # fmt: skip
_LAYER_FOLDERS = ("extractors", "verifiers", "archive", "worker")


@dataclass(frozen=True, slots=True)
class Bounds:
    """`memory`: bytes of address space. `readable`: what may be read besides programs and
    fonts."""

    memory: int
    readable: tuple[Path, ...] = ()


def confine(bounds: Bounds, layers: Sequence[str] = LAYERS) -> tuple[str, ...]:
    """Give up what this machine lets one give up; the layers that could not be had are the answer.

    Namespaces and Landlock bind the thread that asks, so it must be the only one yet. Modules may
    still be loaded afterwards.
    """
    refuse_calls = _prepared_filter()  # finding its library starts a process, for the last time
    ways: dict[str, Callable[[], None]] = {
        "limits": lambda: _limit(bounds.memory),
        "namespaces": _leave_the_network,
        "landlock": lambda: landlock.only_read(_readable(bounds.readable)),
        "seccomp": refuse_calls,
    }
    return tuple(name for name in layers if not _done(ways[name]))


def _done(give_up: Callable[[], None]) -> bool:
    try:
        give_up()
    except (OSError, ValueError, RuntimeError):
        return False
    return True


def _limit(memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    if not stat.S_ISREG(os.fstat(2).st_mode):  # a log kept in a file must go on growing
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def bound_processor(seconds: float) -> None:
    """No more than so many further seconds of processor, or Linux ends this process. The parent's
    clock is shorter; this one runs also when the parent is stopped."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    most = int(usage.ru_utime + usage.ru_stime + seconds * (os.cpu_count() or 1)) + 5
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


def _leave_the_network() -> None:
    """Into a network without any device, and, where that is allowed, out of the machine's users:
    even a process of root then has no rights over anything outside."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        with contextlib.suppress(OSError):  # who one is then is nobody, which does too
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    elif libc.unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def _readable(more: Iterable[Path]) -> Iterator[Path]:
    yield from map(Path, _READABLE)
    yield from (Path(sys.prefix), Path(sys.base_prefix), Path("/proc/self"))
    project = Path(__file__).resolve().parent.parent
    yield from (project / name for name in _LAYER_FOLDERS)
    # Not the project's own folder, nor the working one: the data may lie in them.
    apart = {project, Path.cwd()}
    yield from (Path(each) for each in sys.path if each and Path(each).resolve() not in apart)
    yield from more


def _prepared_filter() -> Callable[[], None]:
    try:
        import pyseccomp as sc
    except (ImportError, RuntimeError, OSError, AttributeError):  # it looks for libseccomp at once
        return _no_seccomp
    refuse, absent = sc.ERRNO(errno.EPERM), sc.ERRNO(errno.ENOSYS)
    rules = sc.SyscallFilter(sc.ALLOW)
    rules.set_attr(sc.Attr.CTL_TSYNC, 1)
    for name in _REFUSED:
        _rule(rules, refuse, name)
    for name, argument in _OPENING.items():
        for flag in (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC):
            _rule(rules, refuse, name, sc.Arg(argument, sc.MASKED_EQ, flag, flag))
    for name in _SIGNALLING:
        _rule(rules, refuse, name, sc.Arg(0, sc.NE, os.getpid()))
    _rule(rules, refuse, "clone", sc.Arg(0, sc.MASKED_EQ, _CLONE_THREAD, 0))
    for name in _UNSEEN:
        _rule(rules, absent, name)
    load: Callable[[], None] = rules.load
    return load


def _rule(rules: object, action: int, name: str, *arguments: object) -> None:
    """One rule; a call that this library or machine does not know needs none."""
    with contextlib.suppress(OSError, ValueError):
        rules.add_rule(action, name, *arguments)  # type: ignore[attr-defined]


def _no_seccomp() -> None:
    raise RuntimeError("libseccomp is not installed")


# What a process that gave everything up tries, to be sure.


def _connects() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as line:
        line.settimeout(2)
        line.connect(("127.0.0.1", _LISTENING_AT))


def _writes() -> None:
    Path(_SCRATCH, "written").write_text("x")


def _reads() -> None:
    Path(_SCRATCH, "secret").read_text()


def _starts() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


_LISTENING_AT = int(os.environ.get("YANPIAO_TRIAL_PORT", "0"))
_SCRATCH = os.environ.get("YANPIAO_TRIAL_FOLDER", "")
_TRIALS: dict[str, Callable[[], None]] = {
    "network": _connects, "writing": _writes, "reading": _reads, "processes": _starts,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trial:
    """`missing`: layers that this machine lacks. `open`: what succeeded although it must not."""

    missing: tuple[str, ...]
    open: tuple[str, ...]


def tried(layers: Sequence[str] = LAYERS) -> Trial:
    """How a process fares here that gives up these layers. Raises `OSError` and `ValueError` where
    it does not say so."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        Path(folder, "secret").write_text("x")
        environment = {
            **os.environ,
            "YANPIAO_TRIAL_PORT": str(server.getsockname()[1]),
            "YANPIAO_TRIAL_FOLDER": folder,
        }
        run = subprocess.run(
            [sys.executable, "-m", "worker.confinement", *layers],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    said = json.loads(run.stdout)
    return Trial(tuple(said["missing"]), tuple(said["open"]))


def main() -> None:
    missing = confine(Bounds(memory=1024**3), sys.argv[1:] or LAYERS)
    succeeded = []
    for name, attempt in _TRIALS.items():
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            attempt()
            succeeded.append(name)
    sys.stdout.write(json.dumps({"missing": missing, "open": succeeded}))


if __name__ == "__main__":
    main()
