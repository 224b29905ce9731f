"""Rows of measurements as Markdown: medians over rounds, and ratios to the first server taken pair by pair."""

import statistics

# title, figure, format; a table shows the columns its rows have
COLUMNS = [
    ('ops/s', 'ops_per_s', '{:,.0f}'),
    ('CPU us/op', 'cpu_us_per_op', '{:.3f}'),
    ('p50 ms', 'latency_ms_p50', '{:.2f}'),
    ('p99 ms', 'latency_ms_p99', '{:.2f}'),
    ('p99.9 ms', 'latency_ms_p999', '{:.2f}'),
    ('max ms', 'latency_ms_max', '{:.1f}'),
    ('bytes over payload', 'bytes_over_payload', '{:.1f}'),
    ('RSS MiB', 'resident_mib', '{:.0f}'),
    ('probe p50 ms', 'wait_ms_p50', '{:.2f}'),
    ('probe p99 ms', 'wait_ms_p99', '{:.2f}'),
    ('probe p99.9 ms', 'wait_ms_p999', '{:.2f}'),
    ('probe max ms', 'wait_ms_max', '{:.1f}'),
    ('probes over 10 ms', 'over_10ms', '{:.0f}'),
    ('idle probe max ms', 'idle_max_ms', '{:.1f}'),
    ('steady probe max ms', 'steady_max_ms', '{:.1f}'),
    ('late p50 ms', 'late_ms_p50', '{:.2f}'),
    ('late p99 ms', 'late_ms_p99', '{:.2f}'),
    ('late max ms', 'late_ms_max', '{:.1f}'),
    ('never came', 'missing', '{:.0f}'),
    ('server % of a core', 'server_share', '{:.0%}'),
    ('client %', 'client_share', '{:.0%}'),
    ('server waited for its CPU %', 'server_waited_share', '{:.0%}'),
]
RATIOS = [('x CPU', 'cpu_us_per_op'), ('x over payload', 'bytes_over_payload')]
PER_ROUND = [('per round', 'wait_ms_max')]


def median_of(rows, figure):
    values = [row[figure] for row in rows if figure in row]
    return statistics.median(values) if values else None


def spread_of(rows, figure):
    """(max - min) / median over the rounds: how much of a difference is noise."""
    values = [row[figure] for row in rows if figure in row]
    middle = statistics.median(values) if values else 0
    return (max(values) - min(values)) / middle if middle else 0


def paired_ratio(rows, base_rows, figure):
    base = {row['round']: row[figure] for row in base_rows if row.get(figure)}
    pairs = [row[figure] / base[row['round']] for row in rows if figure in row and row['round'] in base]
    return statistics.median(pairs) if pairs else None


def grouped(rows):
    """{measure: {server: rows}} in the order measured."""
    groups = {}
    for row in rows:
        groups.setdefault(row['measure'], {}).setdefault(row['server'], []).append(row)
    return groups


def table(groups, base):
    """One table over measures that have the same figures."""
    any_rows = next(iter(next(iter(groups.values())).values()))
    columns = [column for column in COLUMNS if column[1] in any_rows[0]]
    ratios = [ratio for ratio in RATIOS if ratio[1] in any_rows[0]]
    per_round = [column for column in PER_ROUND if column[1] in any_rows[0]]
    titles = ['measure', 'server'] + [title for title, _ in ratios] + [title for title, _, _ in columns]
    titles += [title for title, _ in per_round] + ['CPU spread', 'rounds']
    lines = ['| ' + ' | '.join(titles) + ' |', '|---|---|' + '---:|' * (len(titles) - 2)]
    for measure, servers in groups.items():
        for name, rows in servers.items():
            cells = [measure, name]
            for _, figure in ratios:
                ratio = paired_ratio(rows, servers.get(base, []), figure)
                cells.append('-' if ratio is None else f'{ratio:.2f}')
            for _, figure, form in columns:
                value = median_of(rows, figure)
                cells.append('-' if value is None else form.format(value))
            for _, figure in per_round:
                cells.append(', '.join(f'{row[figure]:.1f}' for row in rows))
            cells += [f'{spread_of(rows, "cpu_us_per_op"):.0%}', str(len(rows))]
            lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines)


def render(rows, base):
    """All tables: consecutive measures with the same figures share one."""
    parts, current, shape = [], {}, None
    for measure, servers in grouped(rows).items():
        first = next(iter(servers.values()))[0]
        this_shape = tuple(figure for _, figure, _ in COLUMNS if figure in first)
        if current and this_shape != shape:
            parts.append(table(current, base))
            current = {}
        shape = this_shape
        current[measure] = servers
    if current:
        parts.append(table(current, base))
    return '\n\n'.join(parts) + '\n'
