"""Redis' Tcl test suite: fetched from Debian's source package, and one unit of it run against a running server.

The suite is not ours and not in the repository; it is used unmodified. Nothing outside the build folder is written:
apt gets sources lists, state and cache of its own there.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import time

ANSI = re.compile(r"\x1b\[[0-9;]*m")
RESULT = re.compile(r"^\[(ok|err|skip|ignore|exception|TIMEOUT)\]:? ?(.*)$")
MILLISECONDS = re.compile(r" \(\d+ ms\)$")
ERROR_PLACE = re.compile(r" in tests/\S+\.tcl$")
IN_PROGRESS = re.compile(r"=> \(IN PROGRESS\) (.*)$")
UNIT_DONE = re.compile(r"^\[\d+/\d+ done\]: ")

# Looks for the server's process id, which an external server's client cannot know; the suite forgot its tag.
UNFIT = ["SRANDMEMBER with a dict containing long chain"]

# This suite is from before short lists were listpacks (Redis 7.2); all else in these units holds for both.
OTHER_ENCODINGS = ["unit/sort", "unit/type/list", "unit/type/list-2", "unit/type/list-3"]


class Outcome:
    """What one run of a unit reported."""

    def __init__(self):
        self.passed = []
        self.failed = {}  # name -> why, one line
        self.skipped = []
        self.running = None  # the test that had begun when the run ended
        self.ended_early = None  # why the unit did not come to its end


def source_entries():
    """The machine's own package sources, turned from binaries to sources: {file name: text}."""
    files = {}
    paths = ["/etc/apt/sources.list"]
    folder = "/etc/apt/sources.list.d"
    if os.path.isdir(folder):
        paths += [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    for path in paths:
        if not path.endswith((".list", ".sources")) or not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if path.endswith(".list"):
            text = re.sub(r"(?m)^deb\s", "deb-src ", text)
        else:
            text = re.sub(r"(?m)^Types:.*$", "Types: deb-src", text)
        files[os.path.basename(path)] = text
    return files


def fetch(folder):
    """The unpacked source package under `folder`, downloaded the first time; its path."""
    unpacked = os.path.join(folder, "redis")
    if os.path.isdir(os.path.join(unpacked, "tests")):
        return unpacked
    shutil.rmtree(unpacked, ignore_errors=True)
    parts = os.path.join(folder, "apt", "sources.list.d")
    for name in ("sources.list.d", "lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(folder, "apt", name), exist_ok=True)
    for name, text in source_entries().items():
        with open(os.path.join(parts, name), "w", encoding="utf-8") as file:
            file.write(text)
    apt = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "-o", "Dir::Etc::sourcelist=/dev/null",
           "-o", "Dir::Etc::sourceparts=" + parts, "-o", "Dir::State::lists=" + os.path.join(folder, "apt", "lists"),
           "-o", "Dir::Cache=" + os.path.join(folder, "apt", "cache")]
    subprocess.run(apt + ["update"], check=True)
    subprocess.run(apt + ["source", "--download-only", "redis"], check=True, cwd=folder)
    description = next(name for name in sorted(os.listdir(folder)) if name.endswith(".dsc"))
    subprocess.run(["dpkg-source", "--no-check", "-x", description, unpacked], check=True, cwd=folder,
                   stdout=subprocess.DEVNULL)
    print("fetched", description)
    return unpacked


def make_workspace(suite, folder):
    """A copy of the suite's tests to run in (they write beside themselves), with the client tools they call."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(os.path.join(suite, "tests"), os.path.join(folder, "tests"))
    os.makedirs(os.path.join(folder, "tests", "tmp"), exist_ok=True)
    os.makedirs(os.path.join(folder, "src"))
    for tool in ("redis-cli", "redis-benchmark"):
        os.symlink(shutil.which(tool), os.path.join(folder, "src", tool))


def run_unit(workspace, unit, port, log, left_out, seconds):
    """Runs one unit against the server on `port`, without the tests named in `left_out`."""
    while True:
        base = random.randrange(20000, 30000, 100)
        command = ["tclsh", "tests/test_helper.tcl", "--single", unit, "--clients", "1", "--durable",
                   "--timeout", str(max(10, seconds // 2)), "--host", "127.0.0.1", "--port", str(port),
                   "--baseport", str(base)]
        if unit in OTHER_ENCODINGS:
            command += ["--ignore-encoding"]
        for name in UNFIT + left_out:
            command += ["--skiptest", name]
        code, in_time = run_in_group(command, workspace, log, seconds)
        with open(log, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if "address already in use" not in text[:4000]:
            break
    outcome = read_report(text)
    if not in_time:
        outcome.ended_early = "not done after %d seconds" % seconds
    elif code != 0 and not outcome.failed and outcome.ended_early is None:
        outcome.ended_early = "the suite ended with code %d" % code
    return outcome


def run_in_group(command, folder, log, seconds):
    """Exit code, and whether the command ended by itself; what it leaves running is killed with it."""
    with open(log, "wb") as out:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            process.wait(seconds)
            in_time = True
        except subprocess.TimeoutExpired:
            in_time = False
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return process.wait(), in_time


def read_report(text):
    """The suite's own output, line by line, as an Outcome."""
    outcome = Outcome()
    done = False
    last_error = None
    for line in ANSI.sub("", text).split("\n"):
        result = RESULT.match(line)
        if result is None:
            done = done or UNIT_DONE.match(line) is not None
            running = IN_PROGRESS.search(line)
            if running:
                outcome.running = running.group(1)
            elif last_error and len(outcome.failed[last_error]) < 300 and line.strip():
                outcome.failed[last_error] += " " + line.strip()
            continue
        kind, rest = result.groups()
        last_error = None
        if kind == "ok":
            outcome.passed.append(MILLISECONDS.sub("", rest))
        elif kind == "err":
            last_error = ERROR_PLACE.sub("", rest)
            outcome.failed[last_error] = ""
        elif kind in ("skip", "ignore"):
            outcome.skipped.append(rest)
        elif kind == "exception":
            outcome.ended_early = rest or "exception"
        else:
            outcome.ended_early = "no progress"
    if not done and outcome.ended_early is None:
        outcome.ended_early = "the suite stopped"
    return outcome
