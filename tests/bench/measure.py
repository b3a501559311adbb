"""measure: run a program, and say how long it took and how much memory it held at most."""

import os
import subprocess
import time


class Failed(Exception):
    """A program that was to be measured failed."""


class Measured:
    """One run: seconds on the wall and of processors, and the peak of resident memory."""

    def __init__(self, wall, usage):
        self.wall, self.cpu, self.peak_kib = wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def before_others():
    """For preexec_fn: what else runs on the machine waits meanwhile. Needs CAP_SYS_NICE."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def run(command, stdout=subprocess.DEVNULL, alone=False):
    """Returns Measured. stdout may be a file. alone: see before_others()."""
    began = time.monotonic()
    # wait4 instead of Popen.wait: only it tells the child's own use of memory.
    # pylint: disable=subprocess-popen-preexec-fn
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                               preexec_fn=before_others if alone else None)
    stderr = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    process.stderr.close()
    if process.returncode != 0:
        text = stderr.decode("utf-8", "replace").strip().splitlines()
        raise Failed(f"{command[0]}: exit status {process.returncode}: {' '.join(text[-3:])}")
    return Measured(seconds, usage)


def make(program, folder, name, arguments):
    """Lets program write what arguments say, once: those that are a kind of file become paths. Returns their paths."""
    os.makedirs(folder, exist_ok=True)
    kinds = ("cap.pcap", "drops.pcap", "truth.json")
    words = [os.path.join(folder, f"{name}.{word}") if word in kinds else str(word) for word in arguments]
    paths = [word for word, argument in zip(words, arguments) if argument in kinds]
    newest = os.path.getmtime(program)
    if not all(os.path.exists(path) and os.path.getmtime(path) >= newest for path in paths):
        subprocess.run([program, *words], check=True)
    return paths


def generate(program, frames, rate, seed, folder, *more):
    """A capture, its drop log and the truth about them, made once. Returns the three paths."""
    name = "-".join(str(word) for word in (frames, rate, seed, *more))
    return make(program, folder, name, [frames, rate, seed, "cap.pcap", "drops.pcap", "truth.json", *more])


def hostile(program, shape, frames, folder):
    """A capture and a drop log made to cost as much as possible. Returns their paths."""
    return make(program, folder, f"{shape}-{frames}", [shape, frames, "cap.pcap", "drops.pcap"])
