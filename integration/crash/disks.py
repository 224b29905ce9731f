#!/usr/bin/env python3
"""The real server on disks that fail: a file system that is full, and syncs that report an error.

    integration/crash/disks.py --server build/release/src/server/terrace-server

Wants root (it mounts a tmpfs) and strace. What must hold: a write that was answered is there after a kill; one that was
refused says why; reads and deletes go on; writes are accepted again by themselves when there is room, or the sync works.
"""

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

VALUE = 'v' * 4000
PROCESSES = []


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=30)
        self.reader = self.socket.makefile('rb')

    def run(self, *words):
        self.send(*words)
        return self.read()

    def send(self, *words):
        text = ''.join(f'${len(word)}\r\n{word}\r\n' for word in map(str, words))
        self.socket.sendall(f'*{len(words)}\r\n{text}'.encode())

    def read(self):
        line = self.reader.readline().decode().rstrip('\r\n')
        if not line.startswith('$'):
            return line
        size = int(line[1:])
        return None if size < 0 else self.reader.read(size + 2)[:-2].decode()

    def field(self, name):
        found = re.search(f'^{name}:(.*?)\r?$', self.run('INFO', 'persistence'), re.M)
        return found.group(1) if found else None


class Server:
    def __init__(self, options, directory, arguments=(), wrapper=()):
        self.port = options.port
        self.process = subprocess.Popen(
            [*wrapper, options.server, '--port', str(self.port), '--dir', directory, '--appendonly', 'yes',
             '--appendfsync', 'always', '--auto-aof-rewrite-percentage', '0', *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        PROCESSES.append(self.process)
        self.client = self.connect()

    def connect(self):
        for _ in range(200):
            try:
                return Client(self.port)
            except OSError:
                time.sleep(0.05)
        sys.exit('the server does not answer')

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        # Behind a wrapper it is the wrapper that has ended; the server itself may still answer for a moment.
        eventually(lambda: not answers(self.port))


def stop_all():
    for process in PROCESSES:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(port):
    try:
        socket.create_connection(('127.0.0.1', port), timeout=1).close()
    except OSError:
        return False
    return True


def eventually(what, seconds=20):
    for _ in range(int(seconds * 20)):
        if what():
            return
        time.sleep(0.05)
    sys.exit(f'FAILED: not within {seconds} s')


def must(condition, words):
    if not condition:
        sys.exit(f'FAILED: {words}')


def compare(client, expected, words):
    for key, value in expected.items():
        found = client.run('GET', key)
        must(found == value, f'{words}: {key} is {str(found)[:20]}, not {str(value)[:20]}')
    count = sum(value is not None for value in expected.values())
    must(client.run('DBSIZE') == f':{count}', f'{words}: there are keys that nobody wrote')
    print(f'{words}: {count} keys, as they were answered')


def full_disk(options):
    directory = tempfile.mkdtemp(prefix='terrace-full-')
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', directory], check=True)
    try:
        filler = os.path.join(directory, 'filler')
        with open(filler, 'wb') as file:
            file.write(b'x' * (16 << 20))
        server = Server(options, directory)
        client, expected, refused = server.client, {}, ''
        for i in range(20_000):
            answer = client.run('SET', f'key:{i}', VALUE)
            if answer != '+OK':
                refused = answer
                break
            expected[f'key:{i}'] = VALUE
        print(f'{len(expected)} writes, then: {refused}')
        must(refused.startswith('-MISCONF') and '.log' in refused and 'No space' in refused,
             'the refusal names neither file nor reason')
        must(client.run('GET', 'key:0') == VALUE, 'reads do not go on')
        for i in range(0, 200):
            must(client.run('DEL', f'key:{i}') == ':1', 'deletes do not go on')
            expected[f'key:{i}'] = None
        must(client.run('SET', 'more', VALUE).startswith('-MISCONF'), 'a write was accepted without room')
        server.kill()
        server = Server(options, directory)
        compare(server.client, expected, 'killed on a full disk')
        os.remove(filler)
        client = server.client
        eventually(lambda: client.run('SET', 'again', 'x') == '+OK')
        expected['again'] = 'x'
        server.kill()
        server = Server(options, directory)
        compare(server.client, expected, 'killed when there was room again')
        # FLUSHALL frees the disk, also when it is full.
        with open(filler, 'wb') as file:
            try:
                while True:
                    file.write(b'x' * (1 << 20))
                    file.flush()
            except OSError:
                pass
        client = server.client
        for i in range(20_000):
            if client.run('SET', f'fill:{i}', VALUE) != '+OK':
                break
        must(client.run('SET', 'more', VALUE).startswith('-MISCONF'), 'the disk is not full')
        must(client.run('FLUSHALL') == '+OK', 'FLUSHALL is refused on a full disk')
        eventually(lambda: client.run('SET', 'after', 'x') == '+OK')
        server.kill()
        server = Server(options, directory)
        compare(server.client, {'after': 'x'}, 'killed after FLUSHALL on a full disk')
    finally:
        stop_all()
        subprocess.run(['umount', '--lazy', directory], check=False)
        shutil.rmtree(directory, ignore_errors=True)


def failing_syncs(options):
    directory = tempfile.mkdtemp(prefix='terrace-sync-')
    try:
        # From the 40th on every tenth sync reports an error that no later one repeats.
        inject = ('strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync',
                  '-e', 'inject=fdatasync:error=EIO:when=40+10')
        server = Server(options, directory, wrapper=inject)
        client, expected, refusals = server.client, {}, 0
        for i in range(2000):
            answer = client.run('SET', f'key:{i}', i)
            if answer == '+OK':
                expected[f'key:{i}'] = str(i)
            else:
                must(answer.startswith('-MISCONF') and 'sync' in answer, f'an unclear refusal: {answer}')
                refusals += 1
                time.sleep(0.01)
        failures = int(client.field('log_failures'))
        must(failures > 0, 'no sync has failed')
        print(f'{len(expected)} writes, {failures} syncs that failed, {refusals} refusals')
        server.kill()
        server = Server(options, directory)
        compare(server.client, expected, 'killed after failing syncs')
        server.kill()
    finally:
        stop_all()
        shutil.rmtree(directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--server', required=True)
    parser.add_argument('--port', type=int, default=17950)
    options = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which('strace'):
        sys.exit('this wants root and strace')
    full_disk(options)
    failing_syncs(options)
    print('all is well')


if __name__ == '__main__':
    main()
