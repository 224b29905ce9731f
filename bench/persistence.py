#!/usr/bin/env python3
"""What keeping the data costs those who use it, Terrace and redis-server by turns.

    bench/persistence.py writes     CPU of a SET with appendfsync everysec and always, one at a time and 16 at a time: both
                                    servers run, and have their second of load by turns; the ratio is of each such pair
    bench/persistence.py sync       a disk whose sync takes 5 ms, 50 writers under `always`, one reader
    bench/persistence.py save       a checkpoint (Redis: BGSAVE) of --keys keys while 20,000 are written a second;
                                    with --dump an RDB file of a server that has no log
    bench/persistence.py restart    from a clean end to the first GET, and until all values are in memory
    bench/persistence.py replay     a log of --units commands without any checkpoint, applied at the start: seconds by the
                                    server's own word

The server has CPU 0; the reader (resp_load's probe, a GET every millisecond) and the writers have CPU 1.
"""

import argparse
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import threading
import time

from servers import Server, Spec, confine

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Link:
    def __init__(self, port):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=120)
        self.reader = self.socket.makefile('rb')

    def run(self, *words):
        self.socket.sendall(encode(*words))
        return self.read()

    def read(self):
        line = self.reader.readline()
        if line[:1] == b'$':
            size = int(line[1:])
            return self.reader.read(size + 2)[:-2].decode() if size >= 0 else None
        return line.decode().rstrip()

    def field(self, section, name):
        found = re.search(f'^{name}:(.*?)\r?$', self.run('INFO', section), re.M)
        return found.group(1) if found else None


def encode(*words):
    return ''.join([f'*{len(words)}\r\n', *(f'${len(str(word))}\r\n{word}\r\n' for word in words)]).encode()


class Probe:
    def __init__(self, options, server):
        command = [options.resp_load, f'--port={server.port}', f'--keys={options.keys}', '--realtime', 'probe']
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=confine(1, -10))
        time.sleep(0.5)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return json.loads(self.process.communicate()[0])


class Writer(threading.Thread):
    """So many writes a second, a batch every ten milliseconds."""

    def __init__(self, port, per_second, keys, request):
        super().__init__(daemon=True)
        self.link = Link(port)
        self.batch = per_second // 100
        self.batches = [b''.join(request(random.randrange(keys)) for _ in range(self.batch)) for _ in range(300)]
        self.stopping = False
        self.sent = 0

    def run(self):
        due = time.monotonic()
        while not self.stopping:
            self.link.socket.sendall(self.batches[self.sent % len(self.batches)])
            for _ in range(self.batch):
                self.link.reader.readline()
            self.sent += 1
            due += 0.01
            time.sleep(max(0.0, due - time.monotonic()))

    def end(self):
        self.stopping = True
        self.join()


def resident(pid):
    with open(f'/proc/{pid}/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * 4096


def load(options, server, *arguments):
    command = [options.resp_load, f'--port={server.port}', *arguments]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True,
                                     preexec_fn=confine(1, -10)).stdout)


def specs(options, extra=''):
    terrace = os.path.join(options.build, 'src/server/terrace-server')
    log = 'no' if options.dump else 'yes'
    both = [Spec('terrace', f'{terrace} --port {{port}} --threads 1 --dir {{dir}} --appendonly {log} {extra}'),
            Spec('redis', f'redis-server --port {{port}} --save "" --dir {{dir}} --appendonly {log} {extra}')]
    return [spec for spec in both if spec.name in options.server]


def writes(options):
    for policy in ('everysec', 'always'):
        servers = []
        for spec in specs(options, f'--appendfsync {policy} --auto-aof-rewrite-percentage 0'):
            options.port += 1
            servers.append(Server(spec, options.port, 0, -10))
        for pipeline in (1, 16):
            taken = {server.name: [] for server in servers}
            for _ in range(1 + options.pairs):
                for server in servers:
                    taken[server.name].append(load(
                        options, server, '--connections=50', f'--pipeline={pipeline}', '--keys=1000000', '--seconds=1',
                        f'--server-pid={server.pid}', 'set'))
            say_writes(f'{policy}, pipeline {pipeline:2}', {name: rounds[1:] for name, rounds in taken.items()})
        for server in servers:
            server.stop()


def say_writes(what, taken):
    def figures(key):
        return {name: [round_[key] for round_ in rounds] for name, rounds in taken.items()}
    cpu, rate = figures('cpu_us_per_op'), figures('ops_per_s')
    text = '; '.join(f'{name} {statistics.median(cpu[name]):.2f} us, {statistics.median(rate[name]):.0f}/s' for name in cpu)
    if len(cpu) == 2:
        ratios = sorted(a / b for a, b in zip(cpu['terrace'], cpu['redis']))
        text = f'{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}): {text}'
    print(f'{what}: {text}', flush=True)


def check_slow_sync(server):
    """The server that answers is the one that was started, and each of its syncs takes its five milliseconds."""
    link = Link(server.port)
    if link.field('server', 'process_id') != str(server.pid):
        raise SystemExit(f'port {server.port} is answered by another server')
    begun = time.monotonic()
    for i in range(20):
        link.run('SET', 'calibration', i)
    each_ms = (time.monotonic() - begun) / 20 * 1000
    if each_ms < 5:
        raise SystemExit(f'{server.name}: a write takes {each_ms:.2f} ms, so its syncs do not go through slow_sync.c')
    link.run('DEL', 'calibration')


def sync(options):
    shim = os.path.join(options.build, 'slow_sync.so')
    subprocess.run(['cc', '-shared', '-fPIC', '-o', shim, os.path.join(TOP, 'bench/slow_sync.c')], check=True)
    for round_ in range(options.rounds):
        for spec in specs(options, '--appendfsync always'):
            spec.command = f'env LD_PRELOAD={shim} {spec.command}'
            options.port += 1
            with Server(spec, options.port, 0, -10) as server:
                check_slow_sync(server)
                probe = Probe(options, server)
                writes = load(options, server, '--connections=50', '--seconds=5', 'set')
                waits = probe.end()
                print(f"{round_} {spec.name:8} reader p99 {waits['wait_ms_p99']:6.2f} ms, longest {waits['wait_ms_max']:6.2f} ms;"
                      f" {writes['ops_per_s']:.0f} writes/s", flush=True)


def wait_for_save(link, before):
    while link.field('persistence', 'rdb_bgsave_in_progress') != '0' or link.run('LASTSAVE') == before:
        time.sleep(0.02)


def saved_bytes(options, server, link):
    if options.dump:
        return os.path.getsize(os.path.join(server.folder, 'dump.rdb'))
    return link.field('persistence', 'checkpoint_bytes')


def save(options):
    for round_ in range(options.rounds):
        for spec in specs(options, '--auto-aof-rewrite-percentage 0'):
            options.port += 1
            with Server(spec, options.port, 0, -10) as server:
                load(options, server, 'load', str(options.keys))
                link = Link(server.port)
                if options.zset:
                    for begin in range(0, 1_000_000, 500):
                        link.run('ZADD', 'zset', *[word for i in range(begin, begin + 500) for word in (i, f'member:{i}')])
                if options.settled:
                    saved = link.run('LASTSAVE')
                    time.sleep(1.1)
                    link.run('BGSAVE')
                    wait_for_save(link, saved)
                time.sleep(options.settle)
                value = 'w' * 64
                writers = [Writer(server.port, 20_000, options.keys, lambda i: encode('SET', f'key:{i:012}', value))]
                if options.zset:
                    writers.append(Writer(server.port, 2_000, 1_000_000, lambda i: encode('ZADD', 'zset', i * 3, f'member:{i}')))
                for writer in writers:
                    writer.start()
                time.sleep(1)
                probe = Probe(options, server)
                time.sleep(2)
                idle = probe.end()
                probe = Probe(options, server)
                before, peak = resident(server.pid), 0
                saved = link.run('LASTSAVE')
                time.sleep(1.1)
                begun = time.monotonic()
                link.run('BGSAVE')
                while link.field('persistence', 'rdb_bgsave_in_progress') != '0' or link.run('LASTSAVE') == saved:
                    peak = max(peak, resident(server.pid))
                    time.sleep(0.01)
                seconds = time.monotonic() - begun
                waits = probe.end()
                for writer in writers:
                    writer.end()
                more = peak - before + (int(link.field('persistence', 'rdb_last_cow_size')) if spec.name == 'redis' else 0)
                print(f"{round_} {spec.name:8} {seconds:5.1f} s; memory +{100 * more / before:.1f} %; longest wait"
                      f" {waits['wait_ms_max']:6.2f} ms (p99.9 {waits['wait_ms_p999']:.2f}), before it"
                      f" {idle['wait_ms_max']:.2f}; {saved_bytes(options, server, link)} bytes", flush=True)


def restart(options):
    for round_ in range(options.rounds):
        for spec in specs(options):
            if spec.name == 'redis':
                spec.command = spec.command.replace('--appendonly yes', '--appendonly no')
            options.port += 1
            server = Server(spec, options.port, 0, -10)
            load(options, server, 'load', str(options.keys))
            link = Link(server.port)
            link.socket.sendall(encode('SHUTDOWN', 'SAVE'))
            server.process.wait()
            begun = time.monotonic()
            process = subprocess.Popen(server.command.split(), cwd=server.folder, stdout=subprocess.DEVNULL,
                                       preexec_fn=confine(None, -10))
            first = warm = None
            while first is None:
                try:
                    link = Link(server.port)
                    if str(link.run('GET', 'key:000000000042')).startswith('-LOADING'):
                        raise OSError
                    first = time.monotonic() - begun
                except OSError:
                    time.sleep(0.002)
            while warm is None:
                if link.field('tiering', 'warming') in (None, '0'):
                    warm = time.monotonic() - begun
                time.sleep(0.005)
            print(f'{round_} {spec.name:8} first GET {first:.3f} s, all values in memory {warm:.3f} s', flush=True)
            process.kill()
            process.wait()
            subprocess.run(['rm', '-rf', server.folder], check=True)


def replay_commands(units):
    """Three of four are SETs of different keys; the others change 10,000 counters, lists and sorted sets."""
    def command(i):
        if i % 4 != 3:
            return encode('SET', f'key:{i:012}', 'v' * 64)
        kind, name = i // 4 % 3, i * 7919 % 10_000
        if kind == 0:
            return encode('INCR', f'counter:{name}')
        if kind == 1:
            return encode('LPUSH', f'list:{name}', f'element:{i}')
        return encode('ZADD', f'zset:{name}', i % 1000, f'member:{i % 64}')
    for begin in range(0, units, 1000):
        yield b''.join(command(i) for i in range(begin, min(begin + 1000, units))), min(1000, units - begin)


def replay(options):
    told = {'terrace': re.compile(r'Read the log: ([\d.]+) MiB, \d+ commands, ([\d.]+) seconds'),
            'redis': re.compile(r'DB loaded from append only file: ()([\d.]+) seconds')}
    for round_ in range(options.rounds):
        for spec in specs(options, '--auto-aof-rewrite-percentage 0 --appendfsync everysec'):
            if spec.name == 'terrace':
                spec.command += ' --wal-max-bytes 0'
            options.port += 1
            server = Server(spec, options.port, 0, -10)
            link = Link(server.port)
            for batch, count in replay_commands(options.units):
                link.socket.sendall(batch)
                for _ in range(count):
                    link.reader.readline()
            time.sleep(1.5)  # everysec
            server.process.kill()
            server.process.wait()
            path = os.path.join(server.folder, 'log2')
            with open(path, 'wb') as log:
                process = subprocess.Popen(server.command.split(), cwd=server.folder, stdout=log,
                                           preexec_fn=confine(None, -10))
            found = None
            while found is None and process.poll() is None:
                time.sleep(0.05)
                with open(path, encoding='utf-8', errors='replace') as log:
                    found = told[spec.name].search(log.read())
            process.kill()
            process.wait()
            bytes_ = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(server.folder)
                         for name in names if name.endswith(('.log', '.aof')))
            subprocess.run(['rm', '-rf', server.folder], check=True)
            if found is None:
                raise SystemExit(f'{spec.name} did not say how long it took')
            seconds = float(found.group(2))
            print(f'{round_} {spec.name:8} {options.units / seconds:,.0f} units/s, {bytes_ / 2**20 / seconds:.0f} MiB/s'
                  f' ({seconds:.2f} s)', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=['writes', 'sync', 'save', 'restart', 'replay'])
    parser.add_argument('--build', default=os.path.join(TOP, 'build/release'))
    parser.add_argument('--keys', type=int, default=5_000_000)
    parser.add_argument('--units', type=int, default=4_000_000, help='replay: commands in the log')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--pairs', type=int, default=11, help='writes: how many seconds each server has')
    parser.add_argument('--zset', action='store_true', help='save: a sorted set of a million members is written, too')
    parser.add_argument('--dump', action='store_true', help='save: without appendonly, so that it is a dump')
    parser.add_argument('--settled', action='store_true', help='save: the second checkpoint is measured, of what has changed')
    parser.add_argument('--settle', type=float, default=3.0, metavar='SECONDS', help='save: after the fill')
    parser.add_argument('--server', action='append', choices=['terrace', 'redis'])
    parser.add_argument('--port', type=int, default=17970)
    options = parser.parse_args()
    options.server = options.server or ['terrace', 'redis']
    options.resp_load = os.path.join(options.build, 'bench/resp_load')
    {'writes': writes, 'sync': sync, 'save': save, 'restart': restart, 'replay': replay}[options.what](options)


if __name__ == '__main__':
    main()
