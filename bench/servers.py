"""The servers under test: started on a port and CPU of their own, asked, weighed, stopped."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

REDIS_COMMAND = ('redis-server --port {port} --bind 127.0.0.1 --protected-mode no --save "" --appendonly no'
                 ' --dir {dir} --loglevel warning')


class Spec:
    """A name and the command line that starts it; {port} and {dir} are filled in."""

    def __init__(self, name, command):
        self.name = name
        self.command = command

    @staticmethod
    def parse(text):
        name, equals, command = text.partition('=')
        if not equals:
            raise SystemExit(f'--server wants NAME=COMMAND LINE, not {text!r}')
        return Spec(name, command)


def confine(cpu, nice):
    """Called in a new process before exec: a CPU, a priority, and an autogroup whose weight is that priority, too."""
    def apply():
        os.setsid()
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        try:
            os.setpriority(os.PRIO_PROCESS, 0, nice)
            with open('/proc/self/autogroup', 'w', encoding='ascii') as group:
                group.write(str(nice))
        except OSError:
            pass  # without the right to: the figures are noisier, server_waited_share tells how much
    return apply


class Server:
    """A running server."""

    def __init__(self, spec, port, cpu, nice):
        self.name = spec.name
        self.port = port
        self.folder = tempfile.mkdtemp(prefix=f'bench-{spec.name}-')
        self.command = spec.command.format(port=port, dir=self.folder)
        with open(os.path.join(self.folder, 'log'), 'wb') as log:
            self.process = subprocess.Popen(shlex.split(self.command), cwd=self.folder, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=confine(cpu, nice))
        self.pid = self.process.pid
        self._wait_until_it_answers()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _wait_until_it_answers(self):
        for _ in range(200):
            if self.process.poll() is not None:
                break
            try:
                if self.ask('PING').startswith('+PONG'):
                    return
            except OSError:
                pass
            time.sleep(0.05)
        with open(os.path.join(self.folder, 'log'), encoding='utf-8', errors='replace') as log:
            text = log.read()
        self.stop()
        raise SystemExit(f'{self.name} does not answer: {self.command}\n{text}')

    def ask(self, *words):
        """One command over a connection of its own; the reply's bytes as text."""
        request = f'*{len(words)}\r\n' + ''.join(f'${len(word)}\r\n{word}\r\n' for word in words)
        with socket.create_connection(('127.0.0.1', self.port), timeout=60) as link:
            link.sendall(request.encode())
            reply = link.recv(65536)
            bulk = re.match(rb'\$(\d+)\r\n', reply)
            while bulk and len(reply) < bulk.end() + int(bulk[1]) + 2:
                reply += link.recv(65536)
        return reply.decode(errors='replace')

    def info(self, section):
        """INFO's fields of one section, empty if there is no such section."""
        lines = self.ask('INFO', section).splitlines()
        return dict(line.split(':', 1) for line in lines if ':' in line)

    def resident_bytes(self):
        with open(f'/proc/{self.pid}/status', encoding='ascii') as status:
            return int(re.search(r'VmRSS:\s+(\d+) kB', status.read())[1]) * 1024

    def settled_resident_bytes(self):
        """The resident set once it has stood still for a second, or after ten."""
        seen = [self.resident_bytes()]
        while len(seen) < 40:
            time.sleep(0.25)
            seen.append(self.resident_bytes())
            if len(seen) > 8 and max(seen[-4:]) - min(seen[-4:]) < 65536:
                break
        return seen[-1]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
