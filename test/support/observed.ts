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

const TOGETHER = { sum: 'sum', first: 'primary process only', min: 'minimum', max: 'maximum' };

export function metricsPage(note: string): string {
  const metrics = metricDescriptions().toSorted((a, b) => a.name.localeCompare(b.name));
  const rows = metrics.map(({ name, type, labelNames, help, aggregator }) => {
    const labels = labelNames.map((label) => `\`${label}\``).join(', ');
    const together = name === 'bearergate_upstream_endpoints' ? 'worst worker' : TOGETHER[aggregator];
    return `| \`${name}\` | ${type} | ${labels} | ${help} | ${together} |`;
  });
  const labels = Object.entries(LABELS).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  return `${note}

# Metrics

\`GET /metrics\` on the admin port returns them in Prometheus' text format. Labels are bounded: a path, a client or a token is
never a label. When a reload removes a route, an upstream or an issuer, its series end. A histogram has \`_bucket\`, \`_sum\` and
\`_count\`, with the bounds 1, 2.5, 5, 10, 25, 50, 100, 250 and 500 ms, 1, 2.5, 5, 10 and 30 s. The last column shows how the
values of several \`workers\` are combined. Alerts and a dashboard: \`k8s/examples/monitoring/\`.

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
    const level = OF_REQUESTS.has(message) ? 'depends on who has to act' : [...levels].join(', ');
    return `| ${message} | ${level} | ${[...own].map((name) => `\`${name}\``).join(' ')} |`;
  });
  return `${note}

# The log

The gateway writes JSON lines to stdout: one for each request, and one for each event of the gateway itself. On a terminal
they are formatted for people. \`log.level\` and \`log.access\` select which lines are written. A line has only the fields that
apply. No field contains tokens, Authorization, cookies, query strings or secrets.

A refused request is logged at \`info\` if the client has to act, at \`warn\` if an upstream or an issuer failed or a limit
was reached, and at \`error\` for a defect of the gateway. If stdout is not drained, up to 8 MiB of lines are buffered; lines
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
