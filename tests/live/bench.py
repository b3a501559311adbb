"""bench: two network namespaces joined by a cable, and a dropcorr that watches one of them.

    client namespace                      server namespace
    eth0 10.77.0.2 02:00:00:00:77:02 ---- eth0 10.77.0.1 02:00:00:00:77:01

Nothing outside the namespaces changes, except what dropcorr itself asks of the kernel: a tracefs
instance of its own, which must be gone at the end.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSTANCES = Path("/sys/kernel/tracing/instances")
SERVER_ADDRESS = "10.77.0.1"
SERVER_MAC = "02:00:00:00:77:01"
CLIENT_MAC = "02:00:00:00:77:02"
RULES = "table inet f { chain in { type filter hook input priority filter; tcp dport 8089 drop; }; }"
START_SECONDS = 30
END_SECONDS = 30


class CannotRun(Exception):
    """This machine lacks something; the message says what."""


def require():
    """Raises CannotRun where the bench cannot be built."""
    if os.geteuid() != 0:
        raise CannotRun("root is needed to make namespaces")
    for tool in ("ip", "nft", "tcpdump", "setpriv"):
        if shutil.which(tool) is None:
            raise CannotRun(f"{tool} is missing (scripts/packages-test, scripts/packages-lab)")
    if not INSTANCES.is_dir():
        subprocess.run(["mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing"], check=False, capture_output=True)
    if not Path("/sys/kernel/tracing/events/skb/kfree_skb").is_dir():
        raise CannotRun("this kernel offers no skb:kfree_skb tracepoint")
    made = subprocess.run(["ip", "netns", "add", f"dcl-probe-{os.getpid()}"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise CannotRun(f"namespaces cannot be made: {made.stderr.strip()}")
    subprocess.run(["ip", "netns", "del", f"dcl-probe-{os.getpid()}"], check=True)


def wait_for(condition, seconds, what):
    """Polls until condition() is true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)


class Run:
    """One dropcorr in the server's namespace; words stand before it (env, prlimit)."""

    def __init__(self, bench, arguments, stdout=None, capabilities=None, words=()):
        command = bench.server_command([*words, bench.program, *arguments], capabilities)
        self.out_path = bench.folder / "out"
        self.err_path = bench.folder / "err"
        self.stdout = stdout
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(command, stdout=stdout or out, stderr=err)

    def errors(self):
        return self.err_path.read_text(encoding="utf-8")

    def output(self):
        return self.out_path.read_text(encoding="utf-8")

    def records(self, kind=None):
        """NDJSON records, of one type."""
        lines = [json.loads(line) for line in self.output().splitlines()]
        return lines if kind is None else [line for line in lines if line["type"] == kind]

    def summary(self):
        return self.records("summary")[0]

    def started(self):
        """Waits until it listens: from then on no frame may be missed."""
        wait_for(lambda: "listening on" in self.errors() or self.process.poll() is not None, START_SECONDS, "the start")
        assert self.process.poll() is None, f"ended early: {self.errors()}"
        return self

    def stop(self, sign=signal.SIGINT, settle=1.0):
        """Lets what is under way arrive, then ends it; the exit status."""
        time.sleep(settle)
        if self.process.poll() is None:
            self.process.send_signal(sign)
        return self.wait()

    def wait(self):
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"did not end within {END_SECONDS} s: {self.errors()}") from None

    def number(self, pattern):
        """The number in front of a closing line's words on stderr."""
        found = re.search(rf"^(\d+) {pattern}", self.errors(), re.MULTILINE)
        assert found, f"no line '{pattern}' in: {self.errors()}"
        return int(found.group(1))


class Bench:
    """The namespaces, a folder for files, and the lab's traffic tool."""

    def __init__(self, program):
        self.server = f"dcl-s-{os.getpid()}"
        self.client = f"dcl-c-{os.getpid()}"
        self.folder = Path(tempfile.mkdtemp(prefix="dropcorr-live."))
        self.folder.chmod(0o755)
        # Built below a home directory, it is within the reach of no other user.
        self.program = shutil.copy(Path(program).resolve(), self.folder)
        self.runs = []
        self.mounts = []
        tools = subprocess.run([ROOT / "tests/lab/build-tools"], check=True, capture_output=True, text=True)
        self.tools = Path(tools.stdout.strip())

    def __enter__(self):
        for name in (self.server, self.client):
            self.ip("netns", "add", name)
        self.ip("-n", self.server, "link", "add", "eth0", "address", SERVER_MAC, "type", "veth", "peer", "name", "eth0",
                "address", CLIENT_MAC, "netns", self.client)
        for name, address in ((self.server, SERVER_ADDRESS), (self.client, "10.77.0.2")):
            self.ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            self.ip("-n", name, "link", "set", "lo", "up")
            self.ip("-n", name, "link", "set", "eth0", "up")
        self.on_server(["nft", RULES])
        self.from_client(["ping", "-c1", "-W5", SERVER_ADDRESS]) if shutil.which("ping") else None
        return self

    def __exit__(self, *_):
        for run in self.runs:
            if run.process.poll() is None:
                run.process.kill()
                run.process.wait()
        for name in (self.server, self.client):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        for mount in self.mounts:
            subprocess.run(["umount", mount], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True)

    def server_command(self, command, capabilities=None):
        """As root, or as nobody with these capabilities alone."""
        if capabilities is None:
            return ["ip", "netns", "exec", self.server, *map(str, command)]
        # Without a /sys of its own, unlike ip netns exec: a tracefs there could be mounted by root only.
        return ["nsenter", f"--net=/run/netns/{self.server}", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                f"--inh-caps=-all,{capabilities}", f"--ambient-caps=-all,{capabilities}", *map(str, command)]

    def on_server(self, command):
        return subprocess.run(self.server_command(command), check=True, capture_output=True, text=True)

    def from_client(self, command):
        return subprocess.run(["ip", "netns", "exec", self.client, *map(str, command)], check=True, capture_output=True,
                              text=True)

    def traffic(self, *arguments):
        return self.from_client([self.tools / "traffic", *arguments])

    def start(self, *arguments, stdout=None, capabilities=None):
        """Starts a dropcorr and waits until it listens."""
        run = Run(self, arguments, stdout, capabilities)
        self.runs.append(run)
        return run.started()

    def begin(self, *arguments):
        """The same without waiting."""
        run = Run(self, arguments)
        self.runs.append(run)
        return run

    def lossy_traffic(self):
        """Three datagrams to a closed port, a SYN to a filtered one, a SYN to a closed one."""
        self.traffic("datagrams", SERVER_ADDRESS, "9999", "--sport", "41000", "--count", "3")
        self.traffic("frame", "tcp", "--smac", CLIENT_MAC, "--dmac", SERVER_MAC, "--src", "10.77.0.2", "--dst", SERVER_ADDRESS,
                     "--sport", "41001", "--dport", "8089", "--flags", "S")
        self.traffic("frame", "tcp", "--smac", CLIENT_MAC, "--dmac", SERVER_MAC, "--src", "10.77.0.2", "--dst", SERVER_ADDRESS,
                     "--sport", "41002", "--dport", "7777", "--flags", "S")

    def replay(self, path, *arguments):
        """What a dropcorr, as an ordinary user, makes of a file: NDJSON records."""
        done = subprocess.run([self.program, "-n", "-r", path, "--json", "--frames", *arguments], check=False, capture_output=True,
                              text=True)
        assert done.returncode == 0, f"replay: exit {done.returncode}: {done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines()]
