import { getEventListeners } from 'node:events';
import { createServer } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import test from 'ava';
import { ask } from '../../src/verify/ask.ts';
import { fetchJson, mayFetch, ProviderError } from '../../src/verify/fetch.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';

async function answering(
  t: { teardown(end: () => unknown): void },
  body: Buffer,
  headers: Record<string, string> = {},
) {
  const server = createServer((_request, response) => response.writeHead(200, headers).end(body));
  t.teardown(() => closeNow(server));
  return (await listenOnLoopback(server)).url;
}

const never = () => new AbortController().signal;
const get = (url: string, cancel = never()) => fetchJson(url, { timeout: 5000, ask, cancel });

test('a signal that outlives many questions keeps nothing of any of them', async (t) => {
  const url = await answering(t, Buffer.from('{}'));
  const { signal } = new AbortController();
  for (let count = 0; count < 20; count += 1) await get(url, signal);
  for (let count = 0; count < 20; count += 1) await t.throwsAsync(get('http://127.0.0.1:1', signal));
  t.deepEqual(getEventListeners(signal, 'abort'), []);
});

test('the type of the answer does not matter, its JSON does', async (t) => {
  const url = await answering(t, Buffer.from('{"keys":[]}'), { 'content-type': 'text/plain' });
  t.deepEqual(await get(url), { keys: [] });
});

test('compressed answers are measured as what they become', async (t) => {
  const bomb = gzipSync(Buffer.from(JSON.stringify({ keys: [], padding: ' '.repeat(10_000_000) })));
  t.true(bomb.length < 100_000);
  const url = await answering(t, bomb, { 'content-encoding': 'gzip' });
  await t.throwsAsync(get(url), { instanceOf: ProviderError, message: `${url}/ answered more than 524288 bytes` });
});

for (const status of [201, 203, 204, 206, 299]) {
  test(`an answer with ${status} is not the document`, async (t) => {
    const server = createServer((_, response) => response.writeHead(status).end(status === 204 ? '' : '{}'));
    t.teardown(() => closeNow(server));
    const { url } = await listenOnLoopback(server);
    await t.throwsAsync(get(url), { instanceOf: ProviderError, message: `${url}/ answered ${status}` });
  });
}

test('a byte more than 512 KiB is too much', async (t) => {
  const url = await answering(t, Buffer.from(`"${'x'.repeat(512 * 1024 - 1)}"`));
  await t.throwsAsync(get(url), { message: `${url}/ answered more than 524288 bytes` });
});

test('exactly 512 KiB are read', async (t) => {
  const url = await answering(t, Buffer.from(`"${'x'.repeat(512 * 1024 - 2)}"`));
  t.is(((await get(url)) as string).length, 512 * 1024 - 2);
});

test('an answer that is no UTF-8 is refused', async (t) => {
  const url = await answering(t, Buffer.from('7b2261223a22ff227d', 'hex'));
  await t.throwsAsync(get(url), { instanceOf: ProviderError });
});

test('a fetch that is called off ends with an error', async (t) => {
  const server = createServer();
  const asked = new Promise<void>((resolve) => server.once('request', () => resolve()));
  t.teardown(() => closeNow(server));
  const { url } = await listenOnLoopback(server);
  const cancel = new AbortController();
  const fetching = get(url, cancel.signal);
  await asked;
  cancel.abort();
  await t.throwsAsync(fetching, { instanceOf: ProviderError, message: /could not be fetched/ });
});

test('a timeout is kept even if the garbage is collected while the fetch waits', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const server = createServer();
  const asked = new Promise<void>((resolve) => server.once('request', () => resolve()));
  t.teardown(() => closeNow(server));
  const { url } = await listenOnLoopback(server);
  const fetching = fetchJson(url, { timeout: 300, ask, cancel: never() });
  await asked;
  for (let round = 0; round < 3; round += 1) {
    collect();
    await nextTurn();
  }
  await t.throwsAsync(fetching, { instanceOf: ProviderError, message: `${url}/ did not answer within 300 ms` });
});

const ADDRESSES: readonly (readonly [url: string, plain: boolean, allowed: boolean])[] = [
  ['https://login.example.com/jwks', true, true],
  ['http://login.example.com/jwks', false, true],
  ['http://localhost:8080/jwks', true, true],
  ['http://127.0.0.1:8080/jwks', true, true],
  ['http://127.1.2.3/jwks', true, true],
  ['http://2130706433/jwks', true, true],
  ['http://[::1]/jwks', true, true],
  ['http://localhost.example.com/jwks', false, true],
  ['http://127.0.0.1.example.com/jwks', false, true],
  ['http://127.0.0.1@example.com/jwks', false, true],
  ['http://notlocalhost/jwks', false, true],
  ['ftp://127.0.0.1/jwks', false, false],
  ['file:///etc/passwd', false, false],
  ['data:application/json,{}', false, false],
  ['jwks', false, false],
  ['', false, false],
];

for (const [url, plain, allowed] of ADDRESSES) {
  test(`keys are ${plain ? '' : 'not '}asked for at ${url || 'no address'}, and with allowHttp ${allowed ? 'they are' : 'not either'}`, (t) => {
    t.is(mayFetch(url, false), plain);
    t.is(mayFetch(url, true), allowed);
  });
}
