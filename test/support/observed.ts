import type { Assembly } from '../../src/assembly.ts';
import { LOG_FIELDS } from '../../src/observe/log-fields.ts';
import { type MetricDescription, Metrics } from '../../src/observe/metrics.ts';
import { sampleLines } from './log-samples.ts';

// The reference pages of what operators see, from the code that makes it.

/** What labels of metrics mean. */
export const LABELS: Readonly<Record<string, string>> = {
  route: 'The id of a route; `none` where no route was found.',
  method: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, or `other`.',
  status: 'The status of the answer; `none` where the client went away before one.',
  code: 'The code of a refusal ([errors.md](errors.md)).',
  upstream: 'The name of an upstream.',
  issuer: 'The name of an issuer.',
  result:
    'Of fetches and reloads: `success` or `failure`. Of the token cache: `hit`, `miss`, `joined` (a verification was already under way) or `refused_hit`.',
  state: 'Of endpoints: `healthy` or `ejected`. Of workers: `serving` or `down`.',
  version: 'The version of bearergate.',
  node: 'The version of Node.js.',
};

/** Every metric of a gateway. */
export function metricDescriptions(): readonly MetricDescription[] {
  const metrics = new Metrics({
    world: () => ({ config: { routes: [], upstreams: [], issuers: [] } }) as unknown as Assembly,
    now: () => 0,
    streams: { count: 0 },
    log: { dropped: 0, droppedEvents: 0 },
    connections: () => undefined,
    upstreams: () => [],
    workers: () => undefined,
  });
  metrics.close();
  return metrics.describe();
}

const TOGETHER = { sum: 'sum', first: 'of the process at their head', min: 'the least', max: 'the greatest' };

export function metricsPage(note: string): string {
  const metrics = metricDescriptions().toSorted((a, b) => a.name.localeCompare(b.name));
  const rows = metrics.map(({ name, type, labelNames, help, aggregator }) => {
    const labels = labelNames.map((label) => `\`${label}\``).join(', ');
    const together = name === 'bearergate_upstream_endpoints' ? 'the worst view' : TOGETHER[aggregator];
    return `| \`${name}\` | ${type} | ${labels} | ${help} | ${together} |`;
  });
  const labels = Object.entries(LABELS).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  return `${note}

# Metrics

\`GET /metrics\` on the admin port answers them in Prometheus' text form. Labels are bounded: no path, client or token is
ever one. Series of routes, upstreams and issuers that a reload removes end with it. A histogram has \`_bucket\`, \`_sum\` and
\`_count\`, and its bounds are 1, 2.5, 5, 10, 25, 50, 100, 250 and 500 ms, 1, 2.5, 5, 10 and 30 s. The last column says how the
numbers of several \`workers\` become one. Alerts and a dashboard: \`k8s/examples/monitoring/\`.

| metric | type | labels | meaning | with workers |
|---|---|---|---|---|
${rows.join('\n')}

| label | values |
|---|---|
${labels.join('\n')}
`;
}

export function logPage(note: string): string {
  const fields = Object.entries(LOG_FIELDS).map(
    ([name, { type, meaning }]) => `| \`${name}\` | ${type} | ${meaning} |`,
  );
  const messages = new Map<string, { readonly levels: Set<unknown>; readonly fields: Set<string> }>();
  for (const line of sampleLines()) {
    const known = messages.get(String(line.msg)) ?? { levels: new Set(), fields: new Set() };
    messages.set(String(line.msg), known);
    known.levels.add(line.level);
    for (const name of Object.keys(line)) if (!ALWAYS.has(name)) known.fields.add(name);
  }
  const lines = [...messages].map(([message, { levels, fields: own }]) => {
    const level = OF_REQUESTS.has(message) ? 'by who has to act' : [...levels].join(', ');
    return `| ${message} | ${level} | ${[...own].map((name) => `\`${name}\``).join(' ')} |`;
  });
  return `${note}

# The log

JSON lines on stdout, one a request and one for each thing that happens to the gateway itself; on a terminal they are shown
for people. \`log.level\` and \`log.access\` say which are written. A line has those of these fields that apply. Tokens,
Authorization, cookies, query strings and secrets are in none of them.

A request that is refused is \`info\` where the client has to act, \`warn\` where an upstream or an issuer failed or a limit
is reached, and \`error\` where the gateway has a defect. While stdout is not read, up to 8 MiB of lines wait; lines
about requests and connections are dropped first (\`bearergate_log_lines_dropped_total\`).

| field | type | meaning |
|---|---|---|
${fields.join('\n')}

## Messages

| message | level | fields beside level, time, worker and msg |
|---|---|---|
${lines.join('\n')}
`;
}

const ALWAYS = new Set(['level', 'time', 'msg', 'worker']);
const OF_REQUESTS = new Set(['served', 'refused', 'broken off', 'aborted']);
