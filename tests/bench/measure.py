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


def run(command, stdout=subprocess.DEVNULL):
    """Returns Measured. stdout may be a file."""
    began = time.monotonic()
    # wait4 instead of Popen.wait: only it tells the child's own use of memory.
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE)
    stderr = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    process.stderr.close()
    if process.returncode != 0:
        text = stderr.decode("utf-8", "replace").strip().splitlines()
        raise Failed(f"{command[0]}: exit status {process.returncode}: {' '.join(text[-3:])}")
    return Measured(seconds, usage)


def generate(program, frames, rate, seed, folder):
    """A capture, its drop log and the truth about them, made once. Returns the three paths."""
    os.makedirs(folder, exist_ok=True)
    paths = [os.path.join(folder, f"{frames}-{rate}-{seed}.{kind}") for kind in ("cap.pcap", "drops.pcap", "truth.json")]
    newest = os.path.getmtime(program)
    if not all(os.path.exists(path) and os.path.getmtime(path) >= newest for path in paths):
        subprocess.run([program, str(frames), str(rate), str(seed), *paths], check=True)
    return paths
