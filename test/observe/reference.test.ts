import test from 'ava';
import { LOG_FIELDS } from '../../src/observe/log-fields.ts';
import { requestBytes, startBehind } from '../support/gateway.ts';
import { sampleLines } from '../support/log-samples.ts';
import { LABELS, metricDescriptions } from '../support/observed.ts';

test('every field that a line can have is in the reference, and nothing else is', (t) => {
  const written = new Set(sampleLines().flatMap((line) => Object.keys(line)));
  t.deepEqual([...written].sort(), Object.keys(LOG_FIELDS).sort());
});

test('every label is in the reference, and nothing else is', (t) => {
  const used = new Set(metricDescriptions().flatMap(({ labelNames }) => labelNames));
  t.deepEqual([...used].sort(), Object.keys(LABELS).sort());
});

test('a page of metrics has what the reference has, by name, type and labels', async (t) => {
  const { gateway } = await startBehind(t);
  for (const headers of [[gateway.bearer()], []]) await gateway.ask(requestBytes({ headers }));
  const page = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  const types = [...page.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  const described = metricDescriptions();
  t.deepEqual(types.sort(), described.map(({ name, type }) => `${name} ${type}`).sort());
  for (const [, series = '', labels = ''] of page.matchAll(/^([a-z]\w*)\{(.*)\} /gm)) {
    const metric = described.find(
      ({ name }) => series === name || series.replace(/_(?:bucket|sum|count)$/, '') === name,
    );
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, name]) => name).filter((name) => name !== 'le');
    t.deepEqual(names.sort(), [...(metric?.labelNames ?? [])].sort(), series);
  }
});
