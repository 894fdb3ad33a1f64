import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { ROOT } from '../support/documents.ts';
import { temporaryFolder } from '../support/files.ts';
import { requestBytes, startBehind } from '../support/gateway.ts';
import { needs } from '../support/needs.ts';

const needsPromtool = needs('promtool', () => spawnSync('promtool', ['--version']).status === 0);

const HERE = 'k8s/examples/monitoring';
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}
const { spec } = parse(read(`${HERE}/alerts.yaml`)) as { spec: { groups: readonly { rules: readonly Rule[] }[] } };
const rules = spec.groups.flatMap((group) => group.rules);

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string }[];
}
const { panels } = JSON.parse(read(`${HERE}/dashboard.json`)) as { panels: readonly Panel[] };
const shown = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));

/** A page of metrics on which every one has been at work. */
async function metricsPage(t: Parameters<typeof startBehind>[0]): Promise<string> {
  const { gateway } = await startBehind(t);
  for (const headers of [[gateway.bearer()], []]) await gateway.ask(requestBytes({ headers }));
  return (await fetch(`${gateway.adminUrl}/metrics`)).text();
}

/** While it works, the gateways of this file are served. */
function promtool(args: readonly string[], cwd: string, input = ''): Promise<{ status: unknown; output: string }> {
  return new Promise((resolve) => {
    const child = execFile('promtool', args, { cwd, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ status: error ? (error.code ?? error.signal) : 0, output: stdout + stderr }),
    );
    child.stdin?.end(input);
  });
}

needsPromtool('/metrics is what Prometheus reads, and keeps to its customs', async (t) => {
  t.deepEqual(await promtool(['check', 'metrics'], ROOT, await metricsPage(t)), { status: 0, output: '' });
});

needsPromtool('each alert fires when it should, and not before', async (t) => {
  const tests = read('test/k8s/alerts.yaml');
  const folder = await temporaryFolder({ 'rules.yaml': stringify(spec), 'tests.yaml': tests });
  t.teardown(folder.remove);
  for (const args of [
    ['check', 'rules', 'rules.yaml'],
    ['test', 'rules', 'tests.yaml'],
  ]) {
    const { status, output } = await promtool(args, folder.path);
    t.is(status, 0, output);
  }
  for (const { alert } of rules) t.true(tests.includes(`- alertname: ${alert}\n`), `${alert} is tested`);
});

needsPromtool('every expression of the dashboard is one', async (t) => {
  const values = { __rate_interval: '5m', namespace: '.*', route: '.*' };
  const filled = shown.map(({ expr }) =>
    Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`$${name}`, value), expr),
  );
  for (const expr of filled) t.false(expr.includes('$'), expr);
  const group = { name: 'panels', rules: filled.map((expr, index) => ({ record: `panel:${index}`, expr })) };
  const folder = await temporaryFolder({ 'panels.yaml': stringify({ groups: [group] }) });
  t.teardown(folder.remove);
  const { status, output } = await promtool(['check', 'rules', 'panels.yaml'], folder.path);
  t.is(status, 0, output);
});

test('alerts and dashboard speak of metrics, labels and results that there are', async (t) => {
  const page = await metricsPage(t);
  const names = [...page.matchAll(/^# TYPE (\S+) (\w+)$/gm)].flatMap(([, name = '', kind]) =>
    kind === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  const used = [...rules.map(({ expr }) => expr), ...shown.map(({ expr }) => expr)].join('\n');
  for (const [name] of used.matchAll(/\b(?:bearergate|process|nodejs)_\w+/g)) t.true(names.includes(name), name);
  for (const name of names.filter((one) => !/_(?:sum|count)$/.test(one)))
    t.true(used.includes(name), `${name} is shown or watched`);
});

test('alerts say how bad it is and what it is, and panels do not lie over each other', (t) => {
  for (const { alert, labels, annotations } of rules) {
    t.regex(alert, /^Bearergate[A-Z]/);
    t.true(['critical', 'warning'].includes(labels.severity));
    t.true(annotations.summary.length > 20);
  }
  t.is(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const one of panels)
    for (const other of panels) {
      const [a, b] = [one.gridPos, other.gridPos];
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      t.true(one === other || apart, `${one.title}, ${other.title}`);
    }
});

test('monitors ask for ports that the pods name, at the path that has the metrics', (t) => {
  const monitors = parseAllDocuments(read(`${HERE}/pod-monitors.yaml`)).map((document) => document.toJS());
  const pods = ['k8s/base/deployment.yaml', 'k8s/sidecar/pod.yaml'].map((file) => parse(read(file)).spec.template);
  t.is(monitors.length, pods.length);
  for (const [index, { metadata, spec: pod }] of pods.entries()) {
    const { selector, podMetricsEndpoints } = monitors[index].spec;
    t.like(metadata.labels, selector.matchLabels);
    const { ports } = [...(pod.containers ?? []), ...(pod.initContainers ?? [])][0];
    const [{ port, path }] = podMetricsEndpoints;
    t.is(path, '/metrics');
    t.is(ports.find(({ name }: { name: string }) => name === port)?.containerPort, 9090);
  }
});
