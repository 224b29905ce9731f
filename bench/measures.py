"""What is measured. Each measure returns rows: {'measure', 'server', 'round', figure: number, ...}."""

import json
import signal
import subprocess
import time

from servers import Server, confine

# name, mode of resp_load, pipeline
WORKLOADS = [
    ('GET, pipeline 1', 'get', 1), ('SET, pipeline 1', 'set', 1),
    ('GET, pipeline 16', 'get', 16), ('SET, pipeline 16', 'set', 16),
    ('GET, pipeline 64', 'get', 64), ('SET, pipeline 64', 'set', 64),
    ('MSET of 10 keys, pipeline 16', 'mset10', 16), ('INCR, pipeline 16', 'incr', 16),
]
PAYLOAD_BYTES = 16 + 64

# Collections of a million: what is there before (run once a server), and what is measured, in this order. A request that
# takes things out is run as often as the one before it put some in, so it never meets an empty collection; it is counted
# in requests, the others in seconds. {r} is a random number below a million, {s} the next of a sequence.
COLLECTION_FILLS = ['ZADD zset {s} member:{s}', 'SADD set member:{s}', 'HSET hash field:{s} {v}', 'RPUSH long {v}']
COLLECTION_MOVES = 300_000
COLLECTION_LOADS = [
    ('ZADD over 1M members', 'ZADD zset {r} member:{r}', False),
    ('ZRANK in 1M members', 'ZRANK zset member:{r}', False),
    ('ZRANGE of 10 in the middle of 1M', 'ZRANGE zset 500000 500009', False),
    ('ZADD of new members to 1M', 'ZADD zset {r} new:{s}', True),
    ('ZPOPMIN of 1M members', 'ZPOPMIN zset', True),
    ('SADD over 1M members', 'SADD set member:{r}', False),
    ('SADD of new members to 1M', 'SADD set new:{s}', True),
    ('SPOP of 1M members', 'SPOP set', True),
    ('HSET over 1M fields', 'HSET hash field:{r} {v}', False),
    ('LPUSH', 'LPUSH list {v}', True),
    ('LPOP', 'LPOP list', True),
    ('RPUSH', 'RPUSH list {v}', True),
    ('RPOP', 'RPOP list', True),
    ('LRANGE of 100 in 1M', 'LRANGE long 0 99', False),
]
MEMBER_PAYLOAD_BYTES = len('member:') + 12 + 8


class Bench:
    """The machine as it is to be used: CPUs, ports, the load generator."""

    def __init__(self, options, specs):
        self.options = options
        self.specs = specs
        self.next_port = options.port

    def start(self, spec):
        self.next_port += 1
        return Server(spec, self.next_port, self.options.server_cpu, self.options.nice)

    def client(self, server, *arguments):
        command = [self.options.resp_load, f'--port={server.port}', *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                preexec_fn=confine(self.options.client_cpu, self.options.nice))

    def load(self, server, *arguments):
        """Runs resp_load against the server; its report."""
        client = self.client(server, f'--server-pid={server.pid}', *arguments)
        output, _ = client.communicate()
        if client.returncode != 0:
            raise RuntimeError(f'resp_load {" ".join(arguments)} failed against {server.name}')
        report = json.loads(output)
        if report.get('errors'):
            raise RuntimeError(f'{server.name} answered {arguments} with {report["first_error"]}')
        return report

    def fill(self, server, keys):
        return self.load(server, '--pipeline=16', 'load', str(keys))

    def rotated(self, items, round_number):
        """Another one first in every round, so that none always runs on the caches the same neighbour leaves."""
        turn = round_number % len(items)
        return items[turn:] + items[:turn]


def say(text):
    print(time.strftime('%H:%M:%S'), text, flush=True)


def attempt(function, *arguments):
    """None instead of a failure: a server that lacks one command is still measured with the others."""
    try:
        return function(*arguments)
    except RuntimeError as failure:
        say(str(failure))
        return None


def run_rounds(bench, servers, workloads):
    """Each workload against one server after the other, seconds apart."""
    options, rows = bench.options, []
    for round_number in range(options.rounds):
        for name, mode, pipeline in workloads:
            for server in bench.rotated(servers, round_number):
                report = attempt(bench.load, server, f'--seconds={options.seconds}', f'--pipeline={pipeline}',
                                 f'--keys={options.keys}', f'--seed={round_number + 1}', mode)
                if report is not None:
                    rows.append({'measure': name, 'server': server.name, 'round': round_number, **report})
        say(f'{workloads[-1][0]} and before: round {round_number + 1} of {options.rounds}')
    return rows


def throughput(bench, wanted):
    """All servers up, with the same keys; counters are measured with nothing but counters there."""
    options, rows = bench.options, []
    counting = [load for load in WORKLOADS if load[1] == 'incr' and wanted(load[0])]
    storing = [load for load in WORKLOADS if load[1] != 'incr' and wanted(load[0])]
    servers = [bench.start(spec) for spec in bench.specs]
    try:
        if storing:
            for server in servers:
                bench.fill(server, options.keys)
            rows += run_rounds(bench, servers, storing)
        if counting:
            for server in servers:
                server.ask('FLUSHALL')
                attempt(bench.load, server, '--pipeline=16', f'--requests={options.keys}', 'custom', 'INCR ctr:{s}')
            rows += run_rounds(bench, servers, counting)
    finally:
        for server in servers:
            server.stop()
    return rows


def collections(bench, wanted):
    """One large collection of each type, worked on at pipeline 16; what a member of a sorted set takes."""
    options, rows = bench.options, []
    loads = [load for load in COLLECTION_LOADS if wanted(load[0])]
    if not loads and not wanted('memory, sorted set'):
        return rows
    servers = [bench.start(spec) for spec in bench.specs]
    try:
        for server in servers:
            empty = server.settled_resident_bytes()
            for fill in COLLECTION_FILLS:
                attempt(bench.load, server, '--pipeline=16', f'--requests={options.keys}', 'custom', fill)
                if fill is COLLECTION_FILLS[0] and wanted('memory, sorted set'):
                    resident = server.settled_resident_bytes() - empty
                    rows.append({'measure': f'memory, sorted set of {options.keys / 1e6:g}M members',
                                 'server': server.name, 'round': 0, 'resident_mib': resident / 2**20,
                                 'bytes_over_payload': resident / options.keys - MEMBER_PAYLOAD_BYTES})
        for round_number in range(options.rounds):
            for name, request, moves in loads:
                length = f'--requests={min(COLLECTION_MOVES, options.keys)}' if moves else f'--seconds={options.seconds}'
                for server in bench.rotated(servers, round_number):
                    report = attempt(bench.load, server, length, '--pipeline=16', f'--keys={options.keys}',
                                     f'--first={(round_number + 1) * 10_000_000}', f'--seed={round_number + 1}',
                                     'custom', request)
                    if report is not None:
                        rows.append({'measure': name + ', pipeline 16', 'server': server.name, 'round': round_number,
                                     **report})
            say(f'collections: round {round_number + 1} of {options.rounds}')
    finally:
        for server in servers:
            server.stop()
    return rows


def memory(bench, wanted):
    rows = []
    for keys in bench.options.memory_keys:
        name = f'memory, {keys / 1e6:g}M keys'
        if not wanted(name):
            continue
        for spec in bench.specs:
            with bench.start(spec) as server:
                empty = server.settled_resident_bytes()
                report = bench.fill(server, keys)
                resident = server.settled_resident_bytes() - empty
                rows.append({'measure': name, 'server': spec.name, 'round': 0, 'resident_mib': resident / 2**20,
                             'bytes_over_payload': resident / keys - PAYLOAD_BYTES,
                             'cpu_us_per_op': report['cpu_us_per_op']})
                say(f'{name}: {spec.name} {rows[-1]["bytes_over_payload"]:.1f} bytes over payload')
    return rows


def growth_round(bench, spec, round_number):
    """One server grows from empty while a probe asks every millisecond.

    Two controls tell the server's stalls from the machine's: the probe alone before, and the probe while as many keys
    are overwritten afterwards, at the same load and size but with nothing left to grow. The pause at the start lets a
    virtual machine's host take back what the server before us has freed: that makes memory slow while it lasts.
    """
    keys = bench.options.growth_keys
    with bench.start(spec) as server:
        time.sleep(bench.options.settle)
        idle, _ = bench.client(server, '--realtime', '--seconds=3', 'probe').communicate()
        probe = bench.client(server, '--realtime', 'probe')
        started = time.time()
        report = bench.fill(server, keys)
        probe.send_signal(signal.SIGTERM)
        waits = json.loads(probe.communicate()[0])
        probe = bench.client(server, '--realtime', 'probe')
        bench.load(server, '--pipeline=16', f'--keys={keys}', f'--requests={keys}', 'set')
        probe.send_signal(signal.SIGTERM)
        steady = json.loads(probe.communicate()[0])
        row = {'measure': f'growth to {keys / 1e6:g}M keys, pipeline 16', 'server': spec.name, 'round': round_number,
               'idle_max_ms': json.loads(idle)['wait_ms_max'], 'steady_max_ms': steady['wait_ms_max'], **report}
        row.update({name: value for name, value in waits.items() if name != 'worst'})
        row['worst'] = [[round(at - started, 3), wait] for at, wait in waits['worst']]
        row['engine'] = server.info('engine')
    return row


def growth(bench, wanted):
    rows = []
    if not wanted(f'growth to {bench.options.growth_keys / 1e6:g}M keys'):
        return rows
    for round_number in range(bench.options.heavy_rounds):
        for spec in bench.rotated(bench.specs, round_number):
            rows.append(growth_round(bench, spec, round_number))
            say(f'growth: {spec.name} probe max {rows[-1]["wait_ms_max"]:.1f} ms, worst at {rows[-1]["worst"][:4]}')
    return rows


def expiry(bench, wanted):
    rows, options = [], bench.options
    if not wanted('expire'):
        return rows
    for spec in bench.specs:
        with bench.start(spec) as server:
            report = attempt(bench.load, server, '--realtime', f'--seconds={options.expire_seconds}', 'expire',
                             str(options.expire_keys))
            if report is None:
                continue
            rows.append({'measure': f'{options.expire_keys / 1e6:g}M TTLs spread over {options.expire_seconds} s',
                         'server': spec.name, 'round': 0, **report})
            say(f'expire: {spec.name} p99 {report["late_ms_p99"]:.2f} ms late')
    return rows


def fan_out(bench, wanted):
    rows, options = [], bench.options
    name = 'pub/sub, 50 subscribers, pipeline 16'
    if not wanted(name):
        return rows
    servers = [bench.start(spec) for spec in bench.specs]
    try:
        for round_number in range(options.rounds):
            for server in bench.rotated(servers, round_number):
                report = attempt(bench.load, server, f'--seconds={options.seconds}', '--pipeline=16', 'pubsub')
                if report is not None:
                    rows.append({'measure': name, 'server': server.name, 'round': round_number, **report})
    finally:
        for server in servers:
            server.stop()
    return rows


ALL = {'throughput': throughput, 'collections': collections, 'pubsub': fan_out, 'memory': memory,
       'expire': expiry, 'growth': growth}
