import test from 'ava';
import { needsOpenssl } from '../support/certificates.ts';
import { requestBytes, startBehind } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startSecure } from '../support/secure-gateway.ts';
import { rawResponse } from '../support/upstream.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('a client that ends its side behind its request gets its answer', async (t) => {
  const { gateway, upstream } = await startBehind(t, {}, async () => {
    await pause(50);
    return rawResponse(200, 'late');
  });
  for (const [status, bytes] of [
    [200, requestBytes({ headers: [gateway.bearer()] })],
    [200, requestBytes({ version: 'HTTP/1.0', headers: [gateway.bearer()] })],
    [200, requestBytes({ method: 'POST', headers: [gateway.bearer(), ['Content-Length', '4']], body: 'body' })],
    [401, requestBytes()],
  ] as const) {
    const { responses, ended } = await gateway.send(bytes, { half: true, until: 'close' });
    t.deepEqual([responses.length, responses[0]?.status, responses[0]?.complete], [1, status, true]);
    t.is(ended, 'close');
  }
  t.is(upstream.requests.length, 3);
});

needsOpenssl('over TLS too', async (t) => {
  const { gateway, secure } = await startSecure(t, {}, async () => {
    await pause(50);
    return rawResponse(200, 'late');
  });
  const bytes = requestBytes({ headers: [gateway.bearer()] });
  const { responses } = await gateway.send(bytes, { half: true, until: 'close', secure });
  t.deepEqual([responses.length, responses[0]?.body], [1, 'late']);
});

test('one that has pipelined requests gets all of its answers', async (t) => {
  const { gateway, upstream } = await startBehind(t, {}, async ({ target }) => {
    await pause(20);
    return rawResponse(200, target);
  });
  const ask = (target: string) => requestBytes({ target, headers: [gateway.bearer()] });
  const bytes = ask('/1') + ask('/2') + requestBytes() + ask('/4');
  const { responses } = await gateway.send(bytes, { half: true, until: 'close' });
  t.deepEqual(
    responses.map(({ status }) => status),
    [200, 200, 401, 200],
  );
  t.is(upstream.requests.length, 3);
});

test('an answer that comes in pieces goes on to it, for longer than one may be waited for', async (t) => {
  const { gateway } = await startBehind(t, {}, async (_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let piece = 0; piece < 10; piece++) {
      socket.write('1\r\nx\r\n');
      await pause(100);
    }
    return '0\r\n\r\n';
  });
  const bytes = requestBytes({ headers: [gateway.bearer()] });
  const { responses } = await gateway.send(bytes, { half: true, until: 'close' });
  t.is(responses[0]?.body, 'xxxxxxxxxx');
  t.true(responses[0]?.complete);
});

test('one for which nothing is written has gone: what was asked for it ends', async (t) => {
  const events = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n';
  const { gateway, upstream } = await startBehind(t, {}, ({ target }) => (target === '/events' ? events : undefined));
  for (const [index, target] of ['/waits', '/events'].entries()) {
    const client = await connectRaw(gateway.port);
    client.write(requestBytes({ target, headers: [gateway.bearer()] }));
    await upstream.waitForRequests(index + 1);
    client.end();
    await upstream.waitUntil(() => upstream.connections[index]?.open === false, target);
    t.not((await client.read({ until: 'close' })).ended, 'timeout');
  }
});

test('half a request that ends is refused, and an idle connection that ends is closed', async (t) => {
  const { gateway } = await startBehind(t);
  const half = await gateway.send('GET / HTTP/1.1\r\nHost: a\r\n', { half: true, until: 'close' });
  t.is(half.responses[0]?.status, 400);
  t.deepEqual((await gateway.send('', { half: true, until: 'close' })).responses, []);
});
