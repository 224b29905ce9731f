#!/usr/bin/env python3
"""How long a probing client waits while something is done to a collection of a million elements.

    bench/stalls.py                       every type, three rounds
    bench/stalls.py --only hash --rounds 1
    bench/stalls.py --redis               redis-server instead

The server has one worker on one CPU; the probe, a client that asks GET again and again and measures each wait, has
another; so has whoever runs the commands. `idle` is the machine itself: what the probe waits while nothing is done.
Below it what the server measured of each command itself (INFO latencystats): a machine that stops for milliseconds is
in the longest of them too, but not in all of 20,000.
"""

import argparse
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import time

from servers import REDIS_COMMAND, Server, Spec, confine

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ELEMENTS = 1_000_000
PIECE = 500


class Link:
    """A blocking client."""

    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=120)
        self.reader = self.socket.makefile('rb')

    def run(self, *words):
        text = ''.join(f'${len(str(word))}\r\n{word}\r\n' for word in words)
        self.socket.sendall(f'*{len(words)}\r\n{text}'.encode())
        return self.read()

    def read(self):
        line = self.reader.readline()
        if line[:1] == b'-':
            raise RuntimeError(line.decode())
        if line[:1] in b'+:':
            return line
        count = int(line[1:])
        if line[:1] == b'$':
            return self.reader.read(count + 2) if count >= 0 else None
        return [self.read() for _ in range(count)]


# type: the words of one piece of the fill
FILLS = {
    'hash': lambda piece: ['HSET'] + ['hash'] + [word for i in piece for word in (f'field:{i}', f'value:{i}')],
    'set': lambda piece: ['SADD', 'set'] + [f'member:{i}' for i in piece],
    'zset': lambda piece: ['ZADD', 'zset'] + [word for i in piece for word in (i * 7919 % ELEMENTS, f'member:{i}')],
    'list': lambda piece: ['RPUSH', 'list'] + [f'element:{i}' for i in piece],
}
# type: what is done to it 20,000 times; {r} is a random element
EDITS = {
    'hash': [('HSET', 'hash', 'field:{r}', 'x'), ('HSCAN', 'hash', '{r}', 'COUNT', '100'), ('HRANDFIELD', 'hash', '100')],
    'set': [('SADD', 'set', 'new:{r}'), ('SSCAN', 'set', '{r}', 'COUNT', '100'), ('SPOP', 'set')],
    'zset': [('ZADD', 'zset', '{r}', 'member:{r}'), ('ZRANGE', 'zset', '500000', '500099'), ('ZSCAN', 'zset', '{r}')],
    'list': [('LPUSH', 'list', 'x'), ('LRANGE', 'list', '0', '99'), ('RPOP', 'list')],
}


def fill(link, kind):
    for begin in range(0, ELEMENTS, PIECE):
        link.run(*FILLS[kind](range(begin, begin + PIECE)))


def edits(link, kind):
    for i in range(20_000):
        words = EDITS[kind][0 if i % 10 else i // 10 % len(EDITS[kind])]
        link.run(*[word.replace('{r}', str(random.randrange(ELEMENTS))) for word in words])


def key_commands(link, kind):
    for words in (('EXPIRE', kind, '1000'), ('PERSIST', kind), ('RENAME', kind, 'other'), ('RENAME', 'other', kind),
                  ('OBJECT', 'ENCODING', kind), ('MEMORY', 'USAGE', kind), ('MOVE', kind, '1')):
        link.run(*words)
    link.run('SELECT', '1')
    link.run('MOVE', kind, '0')
    link.run('SELECT', '0')


def evict(link, _kind):
    link.run('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    link.run('CONFIG', 'SET', 'maxmemory', '30mb')
    link.run('SET', 'a', 'b')


# name, what is done, whether the collection is gone behind it
STEPS = [
    ('edits and reads', edits, False),
    ('EXPIRE RENAME MOVE', key_commands, False),
    ('DEL', lambda link, kind: link.run('DEL', kind), True),
    ('UNLINK', lambda link, kind: link.run('UNLINK', kind), True),
    ('falling due', lambda link, kind: link.run('PEXPIRE', kind, '200'), True),
    ('FLUSHALL', lambda link, _: link.run('FLUSHALL'), True),
    ('eviction', evict, True),
]


class Probe:
    def __init__(self, options, server):
        command = [options.resp_load, f'--port={server.port}', '--realtime', 'probe']
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=confine(1, -10))
        time.sleep(0.3)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        report = json.loads(self.process.communicate()[0])
        return report['wait_ms_p999'], report['wait_ms_max']


def command_times(link):
    """command: (p99.9, longest) in microseconds"""
    times = {}
    for line in link.run('INFO', 'latencystats').decode().split('\r\n'):
        if line.startswith('latency_percentiles_usec_'):
            name, shares = line.removeprefix('latency_percentiles_usec_').split(':')
            times[name] = tuple(float(share.split('=')[1]) for share in shares.split(','))
    return times


def round_of(options, server, kind, waits, times):
    link = Link(server.port)
    link.run('CONFIG', 'SET', 'latency-tracking-info-percentiles', '99.9 100')
    there = False
    for name, act, goes in STEPS:
        if not there:
            fill(link, kind)
            time.sleep(options.settle)
        there = not goes
        link.run('CONFIG', 'RESETSTAT')
        probe = Probe(options, server)
        act(link, kind)
        time.sleep(1.5)
        waits.setdefault(name, []).append(probe.end())
        for command, pair in command_times(link).items():
            times.setdefault(command, []).append(pair)
        link.run('CONFIG', 'SET', 'maxmemory', '0')
    link.run('FLUSHALL')


def report(kind, name, pairs):
    usual, longest = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
    print(f'{kind:5} {name:20} {usual:7.3f} / {longest:7.3f}   {max(pair[1] for pair in pairs):7.3f}', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join(TOP, 'build/release'))
    parser.add_argument('--only', action='append', choices=list(FILLS))
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--settle', type=float, default=1.0, metavar='SECONDS', help='after each fill (1)')
    parser.add_argument('--port', type=int, default=17890)
    parser.add_argument('--terrace-args', default='', metavar='ARGS')
    parser.add_argument('--redis', action='store_true')
    options = parser.parse_args()
    options.resp_load = os.path.join(options.build, 'bench/resp_load')
    terrace = os.path.join(options.build, 'src/server/terrace-server')
    spec = Spec('redis', REDIS_COMMAND) if options.redis else Spec(
        'terrace', f'{terrace} --port {{port}} --threads 1 {options.terrace_args}')
    print('p99.9 / longest wait in ms; median of the rounds, and the longest of all')
    for kind in options.only or FILLS:
        waits, times = {}, {}
        for _ in range(options.rounds):
            with Server(spec, options.port, 0, -10) as server:
                probe = Probe(options, server)
                time.sleep(3)
                waits.setdefault('idle', []).append(probe.end())
                round_of(options, server, kind, waits, times)
        for name, pairs in waits.items():
            report(kind, name, pairs)
        for name, pairs in sorted(times.items()):
            report(kind, name.upper(), [(usual / 1000, longest / 1000) for usual, longest in pairs])


if __name__ == '__main__':
    main()
