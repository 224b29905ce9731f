#!/usr/bin/env python3
"""Redis' own Tcl test suite against the server, compared with the list of known gaps.

Every unit gets a fresh server, so a crash costs one test: it is noted, left out, and the unit is run again. What fails
and is not in known-gaps.txt makes the run fail; gaps that pass by now are named, so that the list shrinks.

  ./dev conformance                                  all units below, with 1 thread and again with 4
  ./dev conformance --threads 2 unit/type/string     one unit
  TERRACE_SERVER=/usr/bin/redis-server ./dev conformance
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import suite  # noqa: E402

UNITS = """unit/type/string unit/type/incr unit/type/hash unit/type/set unit/expire unit/scan unit/keyspace unit/pubsub unit/multi unit/quit
unit/protocol unit/info unit/slowlog unit/latency-monitor unit/introspection-2 unit/other
unit/bitops unit/bitfield unit/hyperloglog unit/geo unit/sort unit/type/list unit/type/zset unit/type/list-2 unit/type/list-3
unit/type/stream unit/type/stream-cgroups unit/dump unit/lazyfree integration/redis-cli""".split()

GAPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "known-gaps.txt")
EARLY_END = "(the unit ends early)"
START_SECONDS = 30
WITHOUT_SERVER = ("I/O error", "connection refused", "broken pipe", "connection reset")


class Server:
    """One server for one unit, in a folder of its own."""

    def __init__(self, binary, threads, log):
        self.folder = tempfile.mkdtemp(prefix="terrace-conformance-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [binary, "--port", str(self.port), "--dir", self.folder, "--save", "",
                   "--enable-debug-command", "yes", "--enable-protected-configs", "yes"]
        if os.path.basename(binary) != "redis-server":
            # The suite is that of 7.0, which knew no listpack sets.
            command += ["--threads", str(threads), "--set-max-listpack-entries", "0"]
        with open(log, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                            cwd=self.folder)
        end = time.monotonic() + START_SECONDS
        while not self.answers():
            if time.monotonic() > end or self.process.poll() is not None:
                self.stop()
                sys.exit("the server does not start: see " + log)
            time.sleep(0.02)

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(1) in (b"+", b"-")
        except OSError:
            return False

    def complaint(self):
        """Why the server is not well, or None."""
        code = self.process.poll()
        if code is not None:
            return "the server ended with %d" % code
        return None if self.answers() else "the server does not answer"

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def read_gaps(path):
    """{(unit, test): reason} of lines `unit | test name | reason`."""
    gaps = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            first, last = line.find(" | "), line.rfind(" | ")
            if first < 0 or first == last:
                sys.exit("%s:%d: not `unit | test name | reason`: %s" % (path, number, line))
            gaps[(line[:first].strip(), line[first + 3:last].strip())] = line[last + 3:].strip()
    return gaps


def run_with_restarts(options, workspace, unit, threads, logs):
    """One unit; a test that takes the server or the suite down counts as failed and is left out of the next attempt."""
    left_out, fatal = [], {}
    while True:
        name = unit.replace("/", "_") + "-%d" % len(left_out)
        server = Server(options.server, threads, os.path.join(logs, name + ".server.log"))
        try:
            outcome = suite.run_unit(workspace, unit, server.port, os.path.join(logs, name + ".log"), left_out,
                                     options.unit_seconds)
            complaint = server.complaint()
        finally:
            server.stop()
        outcome.skipped = [name for name in outcome.skipped if name not in left_out]
        if complaint is None and outcome.ended_early is None:
            break
        offender = outcome.running
        if complaint:  # the first to miss the server took it down; what failed after it has not been tested
            orphans = [test for test, text in outcome.failed.items() if any(word in text for word in WITHOUT_SERVER)]
            offender = next(iter(orphans), outcome.running)
            for test in orphans:
                del outcome.failed[test]
        why = complaint or outcome.ended_early
        if offender is None or offender in left_out or len(left_out) >= options.restarts:
            outcome.failed[EARLY_END] = why
            break
        left_out.append(offender)
        fatal[offender] = why
    outcome.failed.update(fatal)
    return outcome


def run_all(options, workspace, threads, gaps):
    """Runs every unit with so many threads; prints its line and its news. True if nothing unexpected failed."""
    logs = os.path.join(options.build, "conformance", "logs-%d" % threads)
    shutil.rmtree(logs, ignore_errors=True)
    os.makedirs(logs)
    print("threads %d%27s %7s %7s %7s %8s" % (threads, "passed", "failed", "known", "skipped", "seconds"))
    total = [0, 0, 0, 0]
    for unit in options.units:
        start = time.monotonic()
        outcome = run_with_restarts(options, workspace, unit, threads, logs)
        known = [name for name in outcome.failed if (unit, name) in gaps]
        news = [name for name in outcome.failed if (unit, name) not in gaps]
        counts = [len(outcome.passed), len(news), len(known), len(outcome.skipped)]
        total = [sum(pair) for pair in zip(total, counts)]
        print("%-28s %7d %7d %7d %7d %8.1f" % (unit, *counts, time.monotonic() - start))
        for name in news:
            print("    FAILED  %s | %s | %s" % (unit, name, outcome.failed[name].strip()[:160]))
        ends = EARLY_END in outcome.failed
        for gap_unit, name in gaps:
            if gap_unit == unit and name in outcome.passed and name not in outcome.failed:
                print("    passes now, though listed as a gap: %s | %s" % (unit, name))
            elif gap_unit == unit and name not in outcome.passed and name not in outcome.failed and not ends:
                print("    listed as a gap, but there was no such test: %s | %s" % (unit, name))
        sys.stdout.flush()
    print("%d passed, %d failed, %d known gaps, %d skipped; logs in %s" % (*total, os.path.relpath(logs)))
    return total[1] == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("units", nargs="*", default=UNITS, help="such as unit/type/string (default: what we support)")
    parser.add_argument("--threads", type=int, nargs="?", help="run once, with so many threads (default: 1, then 4)")
    parser.add_argument("--server", default=os.environ.get("TERRACE_SERVER"), help="another binary than the built one")
    parser.add_argument("--build", default="build", help="the folder for everything written")
    parser.add_argument("--unit-seconds", type=int, default=300, help="limit for one unit")
    parser.add_argument("--restarts", type=int, default=5, help="how many fatal tests of a unit are left out")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    options.server = os.path.abspath(options.server or os.path.join(options.build, "release/src/server/terrace-server"))

    folder = os.path.join(options.build, "conformance")
    os.makedirs(folder, exist_ok=True)
    source = suite.fetch(folder)
    workspace = tempfile.mkdtemp(prefix="work-", dir=folder)
    gaps = read_gaps(GAPS)
    try:
        suite.make_workspace(source, workspace)
        results = [run_all(options, workspace, threads, gaps)
                   for threads in ([options.threads] if options.threads else [1, 4])]
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
