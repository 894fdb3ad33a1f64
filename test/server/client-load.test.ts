import { type ClientHttp2Session, constants, type OutgoingHttpHeaders } from 'node:http2';
import { needsOpenssl } from '../support/certificates.ts';
import { temporaryFolder } from '../support/files.ts';
import { connectHttp2, fieldsOf } from '../support/http2-client.ts';
import { h2load, needsH2load, startLoaded } from '../support/load.ts';
import { until } from '../support/until.ts';

// No client that keeps its connection may lose it by what all clients do, however often: the bounds on floods count what
// costs a client nothing, and an answered request is none of it. Far more of each kind than any of those bounds.

const NONE = { '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };
const MANY = 20_000;
/** For one test, in ms, on a machine that is busy with others. */
const LONG = 300_000;
const isFlood = ({ msg }: Readonly<Record<string, unknown>>) => /flood/.test(String(msg));

for (const [protocol, args] of [
  ['HTTP/2', []],
  ['HTTP/1.1', ['--h1']],
] as const) {
  for (const connections of [1, 10]) {
    needsH2load(`h2load has ${MANY} requests in ${protocol} answered over ${connections} connection(s)`, async (t) => {
      t.timeout(LONG);
      const { gateway, count, reached } = await startLoaded(t);
      // Pipelined requests of HTTP/1.1 wait for one another.
      const streams = protocol === 'HTTP/2' ? 10 : 1;
      const result = await h2load(`${gateway.url}/open`, MANY, { connections, streams, args });
      t.deepEqual(result, { done: MANY, statuses: { ...NONE, '2xx': MANY } });
      t.is(reached(), MANY);
      await until(() => count(({ msg }) => msg === 'served') === MANY, 'a line for each, none of which says aborted');
      t.is(count(isFlood), 0);
    });
  }
}

needsH2load('h2load has requests of every kind answered over one connection each', async (t) => {
  t.timeout(LONG);
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

needsH2load('h2load has as many requests at a time answered as are offered', async (t) => {
  t.timeout(LONG);
  const { gateway, count } = await startLoaded(t);
  const result = await h2load(`${gateway.url}/open`, 5000, { connections: 1, streams: 100 });
  t.deepEqual(result, { done: 5000, statuses: { ...NONE, '2xx': 5000 } });
  t.is(count(isFlood), 0);
});

/** What a client sends of each kind in turn, and the status that it gets. */
function kindsWith(bearer: readonly [string, string]): readonly (readonly [number, OutgoingHttpHeaders, string?])[] {
  return [
    [200, { ':path': '/open' }],
    [200, { ':path': '/open', ':method': 'HEAD' }],
    [200, { ':path': '/open', ':method': 'POST' }, 'x'.repeat(200)],
    [401, { ':path': '/guarded' }],
    [200, { ':path': '/guarded', [bearer[0]]: bearer[1] }],
    [403, { ':path': '/scoped', [bearer[0]]: bearer[1] }],
    [404, { ':path': '/missing' }],
    [401, { ':path': '/guarded', ':method': 'POST' }, 'x'.repeat(200)],
    [413, { ':path': '/small', ':method': 'POST' }, 'x'.repeat(2000)],
  ];
}

for (const connections of [1, 10]) {
  needsOpenssl(`${MANY} requests, some of them aborted, over ${connections} kept connection(s)`, async (t) => {
    t.timeout(LONG);
    const { gateway, secure, count } = await startLoaded(t, { access: false });
    const kinds = kindsWith(gateway.bearer());
    const sessions: ClientHttp2Session[] = [];
    for (let at = 0; at < connections; at += 1) sessions.push(await connectHttp2(t, gateway.port, secure));
    const wrong: string[] = [];
    let sent = 0;
    let aborted = 0;
    const oneByOne = async (session: ClientHttp2Session): Promise<void> => {
      while (sent < MANY && !session.destroyed) {
        sent += 1;
        // One in 25, which is far more than may be aborted by a client that has nothing answered.
        if (sent % 25 === 0) {
          aborted += 1;
          await abortOne(session, sent % 50 === 0);
          continue;
        }
        const [status, fields, body] = kinds[sent % kinds.length] as (typeof kinds)[number];
        const got = await statusOf(session, fields, body);
        if (got !== status) wrong.push(`${fields[':path']}: ${got} in place of ${status}`);
      }
    };
    await Promise.all(
      Array.from({ length: 20 }, (_, at) => oneByOne(sessions[at % connections] as ClientHttp2Session)),
    );
    t.deepEqual(wrong.slice(0, 3), []);
    t.is(sent, MANY);
    t.true(aborted >= 800);
    for (const session of sessions) t.is(await statusOf(session, { ':path': '/open' }), 200);
    t.is(count(isFlood), 0);
  });
}

/** The status of an answer that is complete; -1 of any other. */
function statusOf(session: ClientHttp2Session, fields: OutgoingHttpHeaders, body?: string): Promise<number> {
  const stream = session.request(fieldsOf(fields), { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return new Promise((resolve) => {
    let status = -1;
    stream.once('response', (headers) => {
      status = headers[':status'] ?? -1;
    });
    stream.on('error', () => {}).resume();
    stream.once('close', () => resolve(stream.rstCode === 0 ? status : -1));
  });
}

/** Cancels a request at once, or as soon as its answer begins. */
async function abortOne(session: ClientHttp2Session, atOnce: boolean): Promise<void> {
  const stream = session.request(fieldsOf({ ':path': '/open' }));
  stream.on('error', () => {}).resume();
  const cancel = () => stream.close(constants.NGHTTP2_CANCEL);
  if (atOnce) setImmediate(cancel);
  else stream.once('response', cancel);
  await new Promise((resolve) => stream.once('close', resolve));
}
