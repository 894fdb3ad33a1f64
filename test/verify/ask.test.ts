import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { type Answer, ask } from '../../src/verify/ask.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

async function serving(t: ExecutionContext, serve: Serve): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer(serve);
  t.teardown(() => closeNow(server));
  return { server, url: (await listenOnLoopback(server)).url };
}

async function textOf({ body }: Answer): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('a question arrives as it was asked, and its answer comes back', async (t) => {
  const asked: unknown[] = [];
  const { url } = await serving(t, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { authorization, host, 'user-agent': agent, 'content-length': length } = request.headers;
    asked.push([request.method, request.url, authorization, host, agent, length, Buffer.concat(chunks).toString()]);
    response.writeHead(201).end('ü');
  });
  const answer = await ask(`${url}/introspect?a=b#c`, {
    method: 'POST',
    headers: { authorization: 'Basic abc' },
    body: 'token=ü',
  });
  t.is(answer.status, 201);
  t.is(await textOf(answer), 'ü');
  const host = new URL(url).host;
  t.deepEqual(asked, [['POST', '/introspect?a=b', 'Basic abc', host, 'bearergate', '8', 'token=ü']]);
});

test('a redirect is an answer like another, and goes nowhere', async (t) => {
  const paths: (string | undefined)[] = [];
  const { url } = await serving(t, (request, response) => {
    paths.push(request.url);
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  t.is((await ask(`${url}/jwks`, {})).status, 302);
  t.deepEqual(paths, ['/jwks']);
});

test('credentials in an address are not sent', async (t) => {
  const { url } = await serving(t, (_, response) => response.end());
  for (const user of ['user:secret@', 'user@', ':secret@'])
    await t.throwsAsync(ask(url.replace('//', `//${user}`), {}), { message: 'the address has credentials in it' });
});

for (const [coding, encode] of [
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['GZIP', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['identity', (text: string) => text],
] as const) {
  test(`an answer in the coding ${coding} is read, although none is asked for`, async (t) => {
    let accepted: unknown;
    const { url } = await serving(t, (request, response) => {
      accepted = request.headers['accept-encoding'];
      response.setHeader('content-encoding', coding);
      response.end(encode('{"keys":[]}'));
    });
    t.is(await textOf(await ask(url, {})), '{"keys":[]}');
    t.is(accepted, 'identity');
  });
}

test('a coding that nobody knows, and bytes that are not what they are called, are errors', async (t) => {
  let coding = 'zstd';
  const { url } = await serving(t, (_, response) => response.writeHead(200, { 'content-encoding': coding }).end('{}'));
  await t.throwsAsync(ask(url, {}), { message: 'it came in the content coding zstd' });
  coding = 'gzip';
  const answer = await ask(url, {});
  await t.throwsAsync(textOf(answer), { code: 'Z_DATA_ERROR' });
});

test('an answer that breaks off is an error, compressed or not', async (t) => {
  for (const coding of ['identity', 'gzip']) {
    const { url } = await serving(t, (_, response) => {
      response.writeHead(200, { 'content-length': '1000', 'content-encoding': coding });
      response.write(coding === 'gzip' ? gzipSync('{"keys":[]}').subarray(0, 12) : '{"keys":', () =>
        response.socket?.destroy(),
      );
    });
    const answer = await ask(url, {});
    await t.throwsAsync(textOf(answer), { code: 'ECONNRESET' }, coding);
  }
});

test('whoever gives up gets the reason, before the answer and in its middle', async (t) => {
  const { url, server } = await serving(t, (request, response) => {
    if (request.url === '/half') response.write('{');
  });
  const before = new AbortController();
  const waiting = ask(url, { signal: before.signal });
  await once(server, 'request');
  before.abort(new Error('no time'));
  await t.throwsAsync(waiting, { message: 'no time' });

  const within = new AbortController();
  const answer = await ask(`${url}/half`, { signal: within.signal });
  const reading = textOf(answer);
  within.abort(new Error('no time either'));
  await t.throwsAsync(reading, { message: 'no time either' });

  const already = AbortSignal.abort(new Error('never begun'));
  await t.throwsAsync(ask(url, { signal: already }), { message: 'never begun' });
});

test('a body that nobody reads ends with its connection', async (t) => {
  const { url, server } = await serving(t, (_, response) => void response.write('x'));
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const answer = await ask(url, {});
  const [socket] = await connected;
  answer.body?.cancel();
  await once(socket, 'close');
  t.pass();
});

test('connections are kept, and one that closed just when it was taken again costs a second try and no more', async (t) => {
  let connections = 0;
  let answered = 0;
  let resets = 0;
  const { url, server } = await serving(t, (_, response) => {
    // The first question on a connection is answered; behind that, connections break as often as this test says.
    if (resets > 0) {
      resets -= 1;
      response.socket?.resetAndDestroy();
      return;
    }
    answered += 1;
    response.end('ok');
  });
  server.on('connection', () => {
    connections += 1;
  });
  const question = { method: 'POST', body: 'token=a' } as const;
  for (let time = 0; time < 3; time += 1) t.is(await textOf(await ask(url, question)), 'ok');
  t.is(connections, 1);
  resets = 1;
  t.is(await textOf(await ask(url, question)), 'ok');
  t.deepEqual([connections, answered], [2, 4]);
  resets = 2;
  await t.throwsAsync(ask(url, question), { code: 'ECONNRESET' });
});
