import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { connectRaw } from '../support/raw-client.ts';
import { rawResponse } from '../support/upstream.ts';

test('when every connection is busy and the queue is full, 503 says when to come back', async (t) => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { gateway, upstream } = await startBehind(t, { upstream: { connections: 1, queue: 1 } }, async () => {
    await released;
    return 'HTTP/1.1 204 No\r\n\r\n';
  });
  const bytes = requestBytes({ headers: [gateway.bearer()] });
  const first = gateway.ask(bytes);
  await upstream.waitForRequests(1);
  // The one that takes the place in the queue can only be seen by the other being refused.
  const [one, other] = [gateway.ask(bytes), gateway.ask(bytes)];
  const refused = await Promise.race([one, other]);
  t.is(refused.status, 503);
  t.is(codeOf(refused), 'forward.saturated');
  t.regex(refused.header('retry-after') ?? '', /^[1-9]\d*$/);
  release();
  const statuses = (await Promise.all([first, one, other])).map(({ status }) => status);
  t.deepEqual(statuses.sort(), [204, 204, 503]);
  t.is((await gateway.ask(bytes)).status, 204);
  t.is(upstream.requests.length, 3);
});

test('a client that leaves the queue makes room in it at once, and its request is never sent', async (t) => {
  const { gateway, upstream } = await startBehind(t, { upstream: { connections: 1, queue: 2 } }, ({ target }) =>
    target === '/hangs' ? undefined : 'HTTP/1.1 204 No\r\n\r\n',
  );
  const ask = (target: string) => gateway.ask(requestBytes({ target, headers: [gateway.bearer()] }));
  const busy = await connectRaw(gateway.port);
  busy.write(requestBytes({ target: '/hangs', headers: [gateway.bearer()] }));
  await upstream.waitForRequests(1);
  for (const target of ['/left/1', '/left/2']) {
    const client = await connectRaw(gateway.port);
    client.write(requestBytes({ target, headers: [gateway.bearer()] }));
    // An answer to a later request on the same connection is not there yet, so ask on another: it came after this one.
    await gateway.ask(requestBytes({ target: '/nothing', headers: [] }));
    client.destroy();
    await gateway.waitForLine(({ path, aborted }) => path === target && aborted === true);
  }
  const waiting = [ask('/waits/1'), ask('/waits/2')];
  // Both stand in the queue once a third is refused; which of the three that is, nobody can say.
  const third = ask('/waits/3');
  const refused = await Promise.race([...waiting, third]);
  t.is(codeOf(refused), 'forward.saturated');
  busy.destroy();
  await upstream.waitUntil(() => upstream.requests[0]?.connection.open === false, 'the connection is given up');
  const statuses = (await Promise.all([...waiting, third])).map(({ status }) => status);
  t.deepEqual(statuses.sort(), [204, 204, 503]);
  t.is((await ask('/after')).status, 204);
  t.deepEqual(
    upstream.requests.map(({ target }) => target.split('/')[1]),
    ['hangs', 'waits', 'waits', 'after'],
  );
});

const BODIES: readonly (readonly [title: string, header: WireHeader, body: string, status: number])[] = [
  ['a length that is just right', ['Content-Length', '10'], '0123456789', 200],
  ['a length that is one too much', ['Content-Length', '11'], '', 413],
  ['chunks that are just right', ['Transfer-Encoding', 'chunked'], 'a\r\n0123456789\r\n0\r\n\r\n', 200],
  ['chunks that are one too much', ['Transfer-Encoding', 'chunked'], 'a\r\n0123456789\r\n1\r\nx\r\n', 413],
  ['one chunk that is too much', ['Transfer-Encoding', 'chunked'], 'b\r\n0123456789x\r\n0\r\n\r\n', 413],
];

for (const [title, header, body, status] of BODIES) {
  test(`maxBody counts the bytes that come: ${title}`, async (t) => {
    const { gateway, upstream } = await startBehind(t, {
      routes: [{ id: 'r', match: { path: '/**' }, maxBody: '10B' }],
    });
    const bytes = requestBytes({ method: 'POST', headers: [gateway.bearer(), header], body });
    const { responses } = await gateway.send(bytes, { until: status === 413 ? 'close' : 1 });
    t.is(responses[0]?.status, status);
    const complete = upstream.requests.filter((request) => request.complete);
    t.is(complete.length, status === 200 ? 1 : 0);
    if (status === 200) return;
    t.is(responses[0] && codeOf(responses[0]), 'request.too-large');
    t.is(responses[0]?.header('connection'), 'close');
    await upstream.waitUntil(
      () => upstream.requests.every(({ connection }) => !connection.open),
      'no half request stays',
    );
  });
}

const EXPECT = ['Expect', '100-continue'] as const;

test('100 Continue is said once the request is authorised, and the body goes on then', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const [name, value] = gateway.bearer();
  const headers = { [name]: value, expect: '100-continue', 'content-length': '5' };
  const request = httpRequest(gateway.url, { method: 'POST', headers, agent: false });
  const answered = once(request, 'response');
  request.flushHeaders();
  await once(request, 'continue');
  request.end('hello');
  const [response] = (await answered) as [IncomingMessage];
  t.is(response.statusCode, 200);
  t.is(upstream.requests[0]?.body.toString(), 'hello');
  t.deepEqual(upstream.requests[0]?.values('expect'), []);
});

const UNWELCOME: readonly (readonly [
  title: string,
  headers: readonly WireHeader[],
  status: number,
  target?: string,
])[] = [
  ['without a token', [], 401],
  ['with a bad token', [['Authorization', 'Bearer a.b.c']], 401],
  ['where no route is', [], 404, '/nowhere'],
  ['with a target that is refused', [], 400, '/orders/../x'],
];

for (const [title, headers, status, target = '/orders'] of UNWELCOME) {
  test(`no body is asked for ${title}`, async (t) => {
    const { gateway, upstream } = await startBehind(t, { routes: [{ id: 'r', match: { path: '/orders' } }] });
    const bytes = requestBytes({ method: 'POST', target, headers: [...headers, EXPECT, ['Content-Length', '5']] });
    const { raw, responses } = await gateway.send(bytes, { until: 'close' });
    t.false(raw.includes('100 Continue'), raw);
    t.is(responses[0]?.status, status);
    t.is(upstream.requests.length, 0);
  });
}

test('any other expectation is 417, and nothing goes on', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  for (const expect of ['200-ok', '100-continue, x', '']) {
    const response = await gateway.ask(requestBytes({ headers: [gateway.bearer(), ['Expect', expect]] }));
    t.is(response.status, 417, expect);
    t.is(codeOf(response), 'request.expectation');
  }
  t.is(upstream.requests.length, 0);
});

test('no body is asked for that the route would not take (server/requests.ts says 100 before forward looks at maxBody)', async (t) => {
  const { gateway } = await startBehind(t, { routes: [{ id: 'r', match: { path: '/**' }, maxBody: '5B' }] });
  const bytes = requestBytes({ method: 'POST', headers: [gateway.bearer(), EXPECT, ['Content-Length', '6']] });
  const { raw } = await gateway.send(bytes, { until: 'close' });
  t.regex(raw, /^HTTP\/1\.1 413 /);
});

test('a client of HTTP/1.0 is never told 100 Continue (RFC 9110 §10.1.1; server/requests.ts)', async (t) => {
  const { gateway } = await startBehind(t);
  const bytes = requestBytes({
    version: 'HTTP/1.0',
    method: 'POST',
    headers: [gateway.bearer(), EXPECT, ['Content-Length', '2']],
    body: 'ab',
  });
  const { raw } = await gateway.send(bytes, { until: 'close' });
  t.regex(raw, /^HTTP\/1\.1 200 /);
});

test('the request of a client that goes has its log line; one that waited behind it has none', async (t) => {
  const { gateway, upstream } = await startBehind(t, {}, ({ target }) =>
    target === '/3' ? rawResponse(200) : undefined,
  );
  const client = await connectRaw(gateway.port);
  client.write(
    requestBytes({ target: '/1', headers: [gateway.bearer()] }) +
      requestBytes({ target: '/2', headers: [gateway.bearer()] }),
  );
  await upstream.waitForRequests(1);
  client.destroy();
  await gateway.waitForLine(({ path, aborted }) => path === '/1' && aborted === true);
  await gateway.ask(requestBytes({ target: '/3', headers: [gateway.bearer()] }));
  await gateway.waitForLine(({ path }) => path === '/3');
  t.false(gateway.lines.some(({ path }) => path === '/2'));
});
