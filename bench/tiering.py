#!/usr/bin/env python3
"""Database mode: what data cost that are many times larger than `maxmemory`.

    bench/tiering.py                 200 MB of memory, ten times as much data: some ten minutes
    bench/tiering.py --quick         60 MB of memory: a minute and a half

One server is filled, asked for keys at random (--cold) and for a twentieth of them (--hot), and overwritten at random
(--write); all of it if none of them is named. It prints a line a figure, and what was promised of it. Server and
fio live in a memory cgroup that has room for `maxmemory` and for the blocks of keys, so that the page cache cannot help with
values; that takes root. Without it the figures of reads are the page cache's, and the lines say so.

What is a byte written: /proc/PID/io write_bytes, which is what the kernel has to carry to the disk of log and tables.
"""

import argparse
import glob
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

from persistence import Link, load, resident
from servers import Server, Spec

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MIB = 1 << 20
KEY_BLOCK_BYTES = 30  # a key, with its share of filter and index


class Cage:
    """A memory cgroup, of either version; without the right to make one nobody is confined."""

    def __init__(self, limit):
        self.folder = None
        for parent, file in (('/sys/fs/cgroup/memory', 'memory.limit_in_bytes'), ('/sys/fs/cgroup', 'memory.max')):
            folder = os.path.join(parent, f'terrace-tiering-{os.getpid()}')
            if not os.path.exists(os.path.join(parent, 'cgroup.procs')):
                continue
            try:
                os.mkdir(folder)
                with open(os.path.join(folder, file), 'w', encoding='ascii') as setting:
                    setting.write(str(limit))
                self.folder = folder
                return
            except OSError:
                if os.path.isdir(folder):
                    os.rmdir(folder)

    def take(self, pid):
        if self.folder:
            with open(os.path.join(self.folder, 'cgroup.procs'), 'w', encoding='ascii') as procs:
                procs.write(str(pid))

    def forget_pages(self):
        """What the page cache holds goes."""
        try:
            subprocess.run(['sync'], check=True)
            with open('/proc/sys/vm/drop_caches', 'w', encoding='ascii') as drop:
                drop.write('1')
        except OSError:
            pass

    def remove(self):
        if self.folder:
            for _ in range(50):
                try:
                    os.rmdir(self.folder)
                    return
                except OSError:
                    time.sleep(0.1)


class Memory(threading.Thread):
    """The most that the server has used, of what maxmemory bounds, and its resident set."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.link = Link(server.port)
        self.pid = server.pid
        self.used = self.resident = 0
        self.stopping = False
        self.start()

    def run(self):
        while not self.stopping:
            used = int(self.link.field('memory', 'used_memory')) - int(self.link.field('memory', 'mem_not_counted_for_evict'))
            self.used = max(self.used, used)
            self.resident = max(self.resident, resident(self.pid))
            time.sleep(0.02)

    def end(self):
        self.stopping = True
        self.join()


class Bench:
    def __init__(self, options):
        self.options = options
        self.limit = options.maxmemory_mb * MIB
        self.keys = options.times * self.limit // options.value_bytes
        self.data = tempfile.mkdtemp(prefix='bench-tiering-', dir=options.folder)
        # The log's buffers and what the allocator holds beside what is used are not under maxmemory.
        self.cage = Cage(self.limit * 5 // 4 + 64 * MIB + self.keys * KEY_BLOCK_BYTES)
        self.server = None
        self.seed = 0  # the last one: keys are not asked for in an order that was there before

    def start(self, arguments):
        terrace = os.path.join(self.options.build, 'src/server/terrace-server')
        self.options.port += 1
        self.server = Server(Spec('terrace', f'{terrace} --port {{port}} --bind 127.0.0.1 --threads {self.options.threads}'
                                             f' --dir {self.data} --appendonly yes --save "" {arguments}'),
                             self.options.port, None, -10)
        self.cage.take(self.server.pid)

    def start_database(self):
        self.start(f'--storage-mode database --maxmemory {self.limit} {self.options.arguments}')

    def stop(self):
        if self.server is not None:
            self.server.stop()
        self.server = None

    def clean(self):
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)
        self.cage.remove()

    def say(self, what, text):
        print(f'{what:12} {text}', flush=True)

    def field(self, name, section='tiering'):
        return float(self.server.info(section).get(name, '0'))

    def load(self, *arguments):
        return load(self.options, self.server, f'--server-pid={self.server.pid}',
                    f'--value-bytes={self.options.value_bytes}', *arguments)

    def disk(self, name):
        with open(f'/proc/{self.server.pid}/io', encoding='ascii') as file:
            return {line.split(': ')[0]: int(line.split(': ')[1]) for line in file}[name]

    def written(self):
        return self.disk('write_bytes')

    def settle(self):
        """Checkpoints and compactions come to rest."""
        still = 0
        before = None
        while still < 10:
            now = [self.field(name, 'persistence') for name in ('table_bytes', 'compactions', 'rdb_saves')]
            still = still + 1 if now == before and self.server.info('persistence')['checkpoint_stage'] == 'idle' else 0
            before = now
            time.sleep(0.2)

    def say_memory(self, what, memory):
        self.say(what, f'memory: used {100 * memory.used / self.limit:.1f} % of maxmemory at the most,'
                       f' resident {100 * memory.resident / self.limit:.1f} %  (promise: 110)')

    def fill(self):
        self.start_database()
        memory = Memory(self.server)
        before = self.written()
        result = self.load(f'--connections={self.options.connections}', 'load', str(self.keys))
        memory.end()
        payload = self.keys * self.options.value_bytes
        self.say('fill', f"longest wait of a writer {result['latency_ms_max']:.1f} ms, p99.9 {result['latency_ms_p999']:.1f},"
                         f" p99 {result['latency_ms_p99']:.2f}, p50 {result['latency_ms_p50']:.2f}; errors {result['errors']:.0f}")
        self.say('fill', f"{payload / result['seconds'] / 1e6:.0f} MB/s, {result['cpu_us_per_op']:.1f} us of CPU a key;"
                         f" delayed {self.field('writes_delayed'):.0f} writes, {self.field('write_delay_us') / 1e6:.1f} s in all,"
                         f" the longest {self.field('write_delay_us_max') / 1000:.1f} ms")
        self.say_memory('fill', memory)
        self.settle()
        self.say('fill', f'{(self.written() - before) / payload:.2f} bytes written for each of the values')

    def raw(self, readers):
        """Reads a second of the same files by fio, one read under way a thread; of two pages, as a value's block lies in two."""
        tables = sorted(glob.glob(os.path.join(self.data, 'terrace-data', '*.table')), key=os.path.getsize)[-64:]
        process = subprocess.run(
            ['fio', '--name=raw', f'--filename={":".join(tables)}', '--file_service_type=random', '--rw=randread', '--bs=8k', '--blockalign=4k',
             '--direct=1', '--ioengine=psync', '--thread', f'--numjobs={readers}', '--group_reporting', '--time_based',
             f'--runtime={self.options.seconds}', '--norandommap', '--invalidate=0', '--readonly', '--output-format=json'],
            stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(process.stdout[process.stdout.index('{'):])['jobs'][0]['read']['iops']

    def cold(self):
        # Behind a restart: no value is in memory, and no page of the tables is.
        self.stop()
        self.cage.forget_pages()
        self.start_database()
        self.settle()  # fio reads the files by name
        self.load(f'--connections={self.options.connections}', f'--keys={self.keys}', '--seconds=2', '--seed=7', 'get')
        if self.cage.folder is None:
            self.say('cold', 'no memory cgroup: the page cache helps')
        memory = Memory(self.server)
        # Without a pipeline a client waits for disk, server and network in turn: as many under way at the disk as fio has takes more clients.
        for connections, pipeline in ((self.options.connections, 1), (4 * self.options.connections, 1), (self.options.connections, 16)):
            readers = min(int(self.field('value_readers')), connections * pipeline)
            rates = []
            for _ in range(self.options.rounds):
                self.seed += 1
                raw = self.raw(readers)
                before, bytes_read = self.field('value_read_ins'), self.disk('read_bytes')
                result = self.load(f'--connections={connections}', f'--pipeline={pipeline}', f'--keys={self.keys}',
                                   f'--seconds={self.options.seconds}', f'--seed={self.seed}', 'get')
                values = self.field('value_read_ins') - before
                rate = values / result['seconds']
                rates.append(rate / raw)
                self.say('cold', f"{connections} connections, pipeline {pipeline}: {rate:.0f} values read in a second of {result['ops_per_s']:.0f} GETs, {readers} readers; raw"
                                 f" {raw:.0f} reads: {100 * rate / raw:.0f} %; {result['cpu_us_per_op']:.1f} us of CPU a GET,"
                                 f" {(self.disk('read_bytes') - bytes_read) / max(values, 1) / 1024:.1f} KiB from the disk a value,"
                                 f" p99 {result['latency_ms_p99']:.2f} ms")
            self.say('cold', f'{connections} connections, pipeline {pipeline}: read-ins over raw random reads, the best: {100 * max(rates):.0f} %  (promise: 80)')
        memory.end()
        self.say_memory('cold', memory)

    def hot_rates(self):
        keys = self.keys // 20
        self.load('--connections=50', '--pipeline=16', f'--keys={keys}', f'--requests={10 * keys}', 'get')
        rates = {}
        for _ in range(self.options.rounds):
            for pipeline in (1, 16):
                result = self.load('--connections=50', f'--pipeline={pipeline}', f'--keys={keys}',
                                   f'--seconds={self.options.seconds}', 'get')
                best = rates.setdefault(pipeline, {'ops': 0, 'cpu': 1e9})
                best['ops'] = max(best['ops'], result['ops_per_s'])
                best['cpu'] = min(best['cpu'], result['cpu_us_per_op'])
        return rates

    def hot(self):
        mine = self.hot_rates()
        self.stop()
        folder, self.cage.folder = self.cage.folder, None  # it would not fit in there
        self.start('')
        while self.field('warming') != 0 or self.field('nonresident_values') != 0:
            time.sleep(0.1)
        theirs = self.hot_rates()
        self.stop()
        self.cage.folder = folder
        for pipeline in (1, 16):
            a, b = mine[pipeline], theirs[pipeline]
            self.say('hot', f"pipeline {pipeline}: {a['ops']:.0f} GETs/s, all in memory {b['ops']:.0f}: {100 * a['ops'] / b['ops']:.0f} %"
                            f"  (promise: 85); CPU {a['cpu']:.2f} us, {b['cpu']:.2f}: {100 * a['cpu'] / b['cpu']:.0f} %")
        self.start_database()

    def write(self):
        payload = int(self.options.overwrite * self.keys) * self.options.value_bytes
        memory = Memory(self.server)
        before, log = self.written(), self.field('log_end_offset', 'persistence')
        saves, compactions = self.field('rdb_saves', 'persistence'), self.field('compactions', 'persistence')
        result = self.load(f'--connections={self.options.connections}', f'--keys={self.keys}',
                           f'--requests={payload // self.options.value_bytes}', 'set')
        memory.end()
        in_time = self.written() - before
        self.settle()
        self.say('write', f'{(self.written() - before) / payload:.2f} bytes written for each of the values, {in_time / payload:.2f}'
                          f" before it came to rest  (promise: 12); of the log {(self.field('log_end_offset', 'persistence') - log) / payload:.2f}")
        self.say('write', f"{payload / result['seconds'] / 1e6:.0f} MB/s; longest wait {result['latency_ms_max']:.1f} ms, p99"
                          f" {result['latency_ms_p99']:.2f}; {self.field('rdb_saves', 'persistence') - saves:.0f} checkpoints,"
                          f" {self.field('compactions', 'persistence') - compactions:.0f} compactions, {self.field('table_runs', 'persistence'):.0f} runs;"
                          f" tables {self.field('table_bytes', 'persistence') / (self.keys * self.options.value_bytes):.2f} times the data")
        self.say_memory('write', memory)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join(TOP, 'build/release'))
    parser.add_argument('--maxmemory-mb', type=int, default=200)
    parser.add_argument('--times', type=int, default=10, help='how many times as much data')
    parser.add_argument('--value-bytes', type=int, default=1500)
    parser.add_argument('--seconds', type=int, default=8, help='of each measure')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--overwrite', type=float, default=1.5, metavar='TIMES', help='--write: so many times the data')
    parser.add_argument('--connections', type=int, default=50)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--quick', action='store_true')
    for part in ('cold', 'hot', 'write'):
        parser.add_argument(f'--{part}', action='store_true')
    parser.add_argument('--folder', help='where the data are put; the place for temporary files if not said')
    parser.add_argument('--arguments', default='', help='more arguments of the server')
    parser.add_argument('--port', type=int, default=17960)
    options = parser.parse_args()
    if options.quick:
        options.maxmemory_mb, options.seconds, options.rounds, options.overwrite = 60, 2, 1, 1.0
    options.resp_load = os.path.join(options.build, 'bench/resp_load')
    parts = [part for part in ('cold', 'hot', 'write') if getattr(options, part)] or ['cold', 'hot', 'write']
    bench = Bench(options)
    try:
        bench.fill()
        for part in parts:
            getattr(bench, part)()
    finally:
        bench.clean()


if __name__ == '__main__':
    main()
