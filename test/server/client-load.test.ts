import { temporaryFolder } from '../support/files.ts';
import { h2load, isFlood, LOAD_TIMEOUT, MANY, needsH2load, startLoaded } from '../support/load.ts';
import { until } from '../support/until.ts';

// No client that keeps its connection may lose it by what all clients do, however often: the bounds on floods count what
// costs a client nothing, and an answered request is none of it. Far more of each kind than any of those bounds.

const NONE = { '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };

for (const [protocol, args] of [
  ['HTTP/2', []],
  ['HTTP/1.1', ['--h1']],
] as const) {
  for (const connections of [1, 10]) {
    needsH2load.serial(
      `h2load has ${MANY} requests in ${protocol} answered over ${connections} connection(s)`,
      async (t) => {
        t.timeout(LOAD_TIMEOUT);
        const { gateway, count, reached } = await startLoaded(t);
        // Pipelined requests of HTTP/1.1 wait for one another.
        const streams = protocol === 'HTTP/2' ? 10 : 1;
        const result = await h2load(`${gateway.url}/open`, MANY, { connections, streams, args });
        t.deepEqual(result, { done: MANY, statuses: { ...NONE, '2xx': MANY } });
        t.is(reached(), MANY);
        await until(() => count(({ msg }) => msg === 'served') === MANY, 'a line for each, none of which says aborted');
        t.is(count(isFlood), 0);
      },
    );
  }
}

needsH2load.serial('h2load has requests of every kind answered over one connection each', async (t) => {
  t.timeout(LOAD_TIMEOUT);
  const { gateway, count } = await startLoaded(t);
  const folder = await temporaryFolder({ body: 'x'.repeat(500), large: 'x'.repeat(5000) });
  t.teardown(folder.remove);
  const [name, value] = gateway.bearer();
  const kinds = [
    ['/open', '2xx', ['-H', ':method: HEAD']],
    ['/open', '2xx', ['-d', folder.file('body')]],
    ['/missing', '4xx', []],
    ['/guarded', '4xx', []],
    ['/guarded', '4xx', ['-d', folder.file('large')]],
    ['/scoped', '4xx', ['-H', `${name}: ${value}`]],
    ['/small', '4xx', ['-d', folder.file('large')]],
  ] as const;
  const requests = 3000;
  for (const [path, expected, args] of kinds) {
    const result = await h2load(`${gateway.url}${path}`, requests, { connections: 1, streams: 10, args });
    t.deepEqual(result, { done: requests, statuses: { ...NONE, [expected]: requests } }, `${path} ${args.join(' ')}`);
  }
  await until(() => count(({ status }) => status !== undefined) === kinds.length * requests, 'a line for each');
  t.is(
    count(({ aborted }) => aborted === true),
    0,
  );
  t.is(count(isFlood), 0);
});

needsH2load.serial('h2load has as many requests at a time answered as are offered', async (t) => {
  t.timeout(LOAD_TIMEOUT);
  const { gateway, count } = await startLoaded(t);
  const result = await h2load(`${gateway.url}/open`, 5000, { connections: 1, streams: 100 });
  t.deepEqual(result, { done: 5000, statuses: { ...NONE, '2xx': 5000 } });
  t.is(count(isFlood), 0);
});
