"""What a measurement starts: every process is ended by its id, and its processor time is read from /proc."""

import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

START_SECONDS = 30
STOP_SECONDS = 45  # longer than attachlink's drain
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
OF_ENDED_CHILDREN = slice(13, 15)  # cutime and cstime of proc_pid_stat(5), counted from the state


def free_ports(count):
    """Ports that nobody listens on, all different."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


def keep_many_files_open():
    """Raises this process's limit of open files as far as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def family(pid):
    """A process and all that descend from it and live."""
    members = [pid]
    try:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                members += family(int(child))
    except (FileNotFoundError, ProcessLookupError):
        pass  # a thread that ended meanwhile
    return members


def own_cpu_seconds(pid):
    """What /proc/PID/schedstat has of all threads, those that ended included: the clock of clock_getcpuclockid(3).

    /proc/PID/stat has the same in hundredths of a second, which are too coarse for what nginx takes."""
    return time.clock_gettime(~pid << 3 | 2)


def cpu_seconds(*pids):
    """User and system time so far of these processes and what descends from them, ended children included."""
    seconds = 0
    for member in {member for pid in pids for member in family(pid)}:
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            seconds += own_cpu_seconds(member) + sum(int(field) for field in fields[OF_ENDED_CHILDREN]) / TICKS_PER_SECOND
        except OSError:
            pass  # it ended: its time is its parent's now
    return seconds


def memory_octets(pid, field):
    """`VmRSS`, `RssAnon` or the like, of a process and all that descend from it."""
    octets = 0
    for member in family(pid):
        lines = Path(f"/proc/{member}/status").read_text().splitlines()
        octets += next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
    return octets


def machine_ticks():
    """All ticks of all processors so far, and those of them that the host took away (steal)."""
    with open("/proc/stat") as lines:
        fields = [int(field) for field in lines.readline().split()[1:9]]
    return sum(fields), fields[7]


class Process:
    """A server in a session of its own, so that Ctrl-C reaches only this script, which ends it. A context manager."""

    def __init__(self, command, log, ready, user=None, variables=None, ended_by=signal.SIGTERM):
        """`ready` is asked until it says so; errors of sockets mean not yet."""
        self.command, self.log_path, self.ready = [str(word) for word in command], log, ready
        self.user, self.variables, self.process = user, variables, None
        self.ended_by = ended_by

    def __enter__(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=keep_many_files_open, **(self.user or {}),
            )
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    @property
    def pid(self):
        return self.process.pid

    def __exit__(self, *_):
        members = family(self.pid)
        self.process.send_signal(self.ended_by)
        try:
            self.process.wait(STOP_SECONDS)
        except BaseException as interrupted:
            for member in members:
                try:
                    os.kill(member, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()
            if not isinstance(interrupted, subprocess.TimeoutExpired):
                raise

    def wait_until_ready(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if self.ready():
                    return
            except OSError:
                pass
            time.sleep(0.02)
        said = Path(self.log_path).read_text(errors="replace")
        raise SystemExit(f"scripts/bench: {self.command[0]} did not start:\n{said[-2000:]}")


def listens(port):
    """Whether something accepts connections there: raises while not."""
    socket.create_connection(("127.0.0.1", port), timeout=1).close()
    return True


class Server:
    """What runs as one `process`."""

    process = None

    def __exit__(self, *_):
        self.process.__exit__()

    @property
    def pid(self):
        return self.process.pid
