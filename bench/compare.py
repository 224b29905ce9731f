#!/usr/bin/env python3
"""Terrace and its peers side by side on this machine: CPU per operation, latency, memory, stalls.

    bench/compare.py                            everything, some 15 minutes
    bench/compare.py --only 'pipeline 16'       measures whose name contains that (several --only: any of them)
    bench/compare.py --quick                    small and short: does it run?
    bench/compare.py --server 'valkey=valkey-server --port {port} --save "" --dir {dir}'
    bench/compare.py --terrace-args '--some-setting value'      a third server: Terrace with these arguments

Servers are pinned to one CPU, the client to another; each measure goes to one server after the other, seconds apart,
and is repeated in rounds. Ratios are medians of the pairs, to redis-server. bench/README.md says what each measure is.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys

import measures
import tables
from servers import REDIS_COMMAND, Spec

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build', default=os.path.join(TOP, 'build/release'), help='build folder (build/release)')
    parser.add_argument('--terrace', help='the server to measure (the build folder\'s)')
    parser.add_argument('--terrace-args', action='append', default=[], metavar='ARGS',
                        help='measure Terrace once more with these arguments; may be repeated')
    parser.add_argument('--server', action='append', default=[], metavar='NAME=COMMAND', help='a further server')
    parser.add_argument('--no-redis', action='store_true', help='Terrace alone (and further servers)')
    parser.add_argument('--only', action='append', default=[], metavar='TEXT', help='measures whose name contains it')
    parser.add_argument('--rounds', type=int, default=5, help='of throughput and pub/sub (5)')
    parser.add_argument('--heavy-rounds', type=int, default=3, help='of growth (3)')
    parser.add_argument('--seconds', type=float, default=2.0, help='one run of throughput and pub/sub (2)')
    parser.add_argument('--settle', type=float, default=15.0, metavar='SECONDS', help='pause before growth (15)')
    parser.add_argument('--quick', action='store_true', help='few keys, one short round')
    parser.add_argument('--server-cpu', type=int, default=0)
    parser.add_argument('--client-cpu', type=int, default=1)
    parser.add_argument('--nice', type=int, default=-10, help='of servers and client (-10)')
    parser.add_argument('--port', type=int, default=17900, help='servers take the ports after this one')
    parser.add_argument('--json', help='write every row here')
    parser.add_argument('--markdown', help='write the tables here, too')
    options = parser.parse_args()
    options.keys, options.memory_keys, options.growth_keys = 1_000_000, [1_000_000, 5_000_000], 20_000_000
    options.expire_keys, options.expire_seconds = 1_000_000, 60
    if options.quick:
        options.keys, options.memory_keys, options.growth_keys = 100_000, [100_000], 500_000
        options.expire_keys, options.expire_seconds = 20_000, 3
        options.rounds, options.heavy_rounds, options.seconds, options.settle = 1, 1, 0.5, 0
    options.terrace = options.terrace or os.path.join(options.build, 'src/server/terrace-server')
    options.resp_load = os.path.join(options.build, 'bench/resp_load')
    return options


def choose_servers(options):
    terrace = f'{options.terrace} --port {{port}} --bind 127.0.0.1 --threads 1'
    specs = [] if options.no_redis else [Spec('redis', REDIS_COMMAND)]
    specs.append(Spec('terrace', terrace))
    for number, arguments in enumerate(options.terrace_args, start=2):
        specs.append(Spec(f'terrace-{number}', f'{terrace} {arguments}'))
    return specs + [Spec.parse(text) for text in options.server]


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'


def heading(options, specs):
    """Where the figures come from: they mean nothing without."""
    with open('/proc/cpuinfo', encoding='utf-8') as info:
        cpu = next((line.split(':')[1].strip() for line in info if line.startswith('model name')), 'unknown CPU')
    load = ' '.join(f'{value:.1f}' for value in os.getloadavg())
    lines = [f'Machine: {cpu}, {os.cpu_count()} CPUs, Linux {platform.release()}; load average at the start {load}.',
             f'Commit {output_of("git", "-C", TOP, "describe", "--always", "--dirty")}; '
             f'`bench/compare.py {" ".join(sys.argv[1:])}`.', '']
    lines += [f'- {spec.name}: `{spec.command}`' for spec in specs]
    return '\n'.join(lines) + '\n'


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('stopped'))  # so that the servers are stopped, too
    options = parse_options()
    specs = choose_servers(options)
    bench = measures.Bench(options, specs)
    head = heading(options, specs)
    print(head)

    def wanted(name):
        return not options.only or any(text.lower() in name.lower() for text in options.only)

    rows = []
    for group, measure in measures.ALL.items():
        def wanted_here(name, group=group):
            return wanted(group) or wanted(name)
        rows += measure(bench, wanted_here)
    text = head + '\n' + tables.render(rows, specs[0].name)
    print('\n' + tables.render(rows, specs[0].name))
    if options.json:
        with open(options.json, 'w', encoding='utf-8') as out:
            json.dump(rows, out, indent=1)
    if options.markdown:
        with open(options.markdown, 'w', encoding='utf-8') as out:
            out.write(text)


if __name__ == '__main__':
    main()
