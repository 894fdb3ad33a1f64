import test from 'ava';
import { codeOf, requestBytes, startBehind, startTestGateway } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { quietPort } from '../support/listen.ts';

const NO_ANSWERS: Readonly<Record<string, string>> = {
  'another protocol': 'SSH-2.0-OpenSSH_9.6\r\n',
  'a header name with a space': 'HTTP/1.1 200 OK\r\nBad Header: 1\r\nContent-Length: 2\r\n\r\nok',
  'a header without a colon': 'HTTP/1.1 200 OK\r\nBad\r\nContent-Length: 2\r\n\r\nok',
  'a NUL in a header': 'HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 2\r\n\r\nok',
  'both framings': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
  'a list of lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok',
  'a negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok',
  'a transfer coding of its own': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
  'a status below 100': 'HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok',
  'a status of four digits': 'HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok',
  'headers without end': `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`,
};

for (const [title, answer] of Object.entries(NO_ANSWERS)) {
  test(`what is no answer becomes 502, and nothing of it arrives: ${title}`, async (t) => {
    const { gateway, upstream } = await startBehind(t, {}, ({ target }) =>
      target === '/good' ? 'HTTP/1.1 204 No\r\n\r\n' : answer,
    );
    const response = await gateway.ask(requestBytes({ headers: [gateway.bearer()] }));
    t.is(response.status, 502);
    t.is(codeOf(response), 'forward.invalid-response');
    await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'its connection is not used again');
    const line = await gateway.waitForLine(({ code }) => code === 'forward.invalid-response');
    t.like(line, { level: 'warn', status: 502, route: 'all', upstream: 'legacy' });
    t.is((await gateway.ask(requestBytes({ target: '/good', headers: [gateway.bearer()] }))).status, 204);
  });
}

test('an upstream that nobody listens for is 502, and the reason is told to the log alone', async (t) => {
  const port = quietPort();
  const gateway = await startTestGateway({ upstreams: { legacy: `http://127.0.0.1:${port}` } });
  t.teardown(gateway.close);
  const response = await gateway.ask(requestBytes({ headers: [gateway.bearer()] }));
  t.is(response.status, 502);
  t.is(codeOf(response), 'forward.unreachable');
  t.false(response.body.includes(String(port)));
  const line = await gateway.waitForLine(({ code }) => code === 'forward.unreachable');
  t.regex(String(line.cause), /ECONNREFUSED/);
});

test('an upstream that accepts and says nothing is 504 after the time of the route', async (t) => {
  const { gateway, upstream } = await startBehind(
    t,
    {
      upstream: { timeouts: { response: '20s' } },
      routes: [{ id: 'slow', match: { path: '/**' }, timeouts: { response: '1s' } }],
    },
    () => undefined,
  );
  const response = await gateway.ask(requestBytes({ headers: [gateway.bearer()] }));
  t.is(response.status, 504);
  t.is(codeOf(response), 'forward.timeout');
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the connection is let go');
  t.is(upstream.requests.length, 1);
});

test('a body that pauses for longer than `idle` ends broken', async (t) => {
  const { gateway } = await startBehind(
    t,
    { upstream: { timeouts: { idle: '80ms' } } },
    () => 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf',
  );
  const { responses, ended } = await gateway.send(requestBytes({ headers: [gateway.bearer()] }));
  t.is(ended, 'reset');
  t.false(responses.some(({ complete }) => complete));
});

test('an upstream that answers more than it was asked serves nobody else with it', async (t) => {
  const extra = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
  const { gateway, upstream } = await startBehind(t, { upstream: { connections: 1 } }, ({ target }) =>
    target === '/first'
      ? `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${extra}`
      : 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood',
  );
  t.is((await gateway.ask(requestBytes({ target: '/first', headers: [gateway.bearer()] }))).body, 'ok');
  await upstream.waitUntil(() => upstream.connections[0]?.open === false, 'the connection is given up');
  t.is((await gateway.ask(requestBytes({ target: '/second', headers: [gateway.bearer()] }))).body, 'good');
});

/** Closes a connection when a second request comes on it: what an upstream does whose idle time has just run out. */
function hangsUpOnReuse() {
  const seen = new Set<unknown>();
  return (request: { readonly connection: unknown }, socket: { resetAndDestroy(): void }) => {
    if (seen.has(request.connection)) {
      socket.resetAndDestroy();
      return undefined;
    }
    seen.add(request.connection);
    return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  };
}

for (const [method, headers, status, arrivals] of [
  ['GET', [], 200, 3],
  ['DELETE', [], 200, 3],
  ['OPTIONS', [], 200, 3],
  ['GET', [['Content-Length', '2']], 502, 2],
  ['PUT', [['Content-Length', '2']], 502, 2],
  ['POST', [['Content-Length', '2']], 502, 2],
  ['POST', [], 502, 2],
  ['PATCH', [], 502, 2],
] as const) {
  const title = `${method}${headers.length > 0 ? ' with a body' : ''}`;
  test(`on a connection that the upstream closed under us, ${title} arrives ${arrivals - 1} times`, async (t) => {
    const { gateway, upstream } = await startBehind(t, { upstream: { connections: 1 } }, hangsUpOnReuse());
    t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200);
    const body = headers.length > 0 ? 'ab' : '';
    const response = await gateway.ask(requestBytes({ method, headers: [gateway.bearer(), ...headers], body }));
    t.is(response.status, status);
    if (status === 502) t.is(codeOf(response), 'forward.unreachable');
    t.is(upstream.requests.length, arrivals);
  });
}

// To an upstream that obeys an override, such a GET may be a POST. Whether it obeys, the gateway can't know.
for (const [title, parts] of Object.entries({
  'X-HTTP-Method-Override': { headers: [['X-HTTP-Method-Override', 'POST']] },
  'X-Method-Override': { headers: [['X-Method-Override', 'GET']] },
  'X-HTTP-Method': { headers: [['X-HTTP-Method', 'DELETE']] },
  X_HTTP_Method_Override: { headers: [['X_HTTP_Method_Override', 'PATCH']] },
  'a parameter': { target: '/?a=b&_method=post' },
  'an escaped parameter': { target: '/?%5Fmethod=put' },
} as Readonly<Record<string, { readonly target?: string; readonly headers?: readonly WireHeader[] }>>)) {
  test(`a GET that asks for another method is not tried again: ${title}`, async (t) => {
    const { gateway, upstream } = await startBehind(t, { upstream: { connections: 1 } }, hangsUpOnReuse());
    t.is((await gateway.ask(requestBytes({ headers: [gateway.bearer()] }))).status, 200);
    const { headers = [], ...rest } = parts;
    const response = await gateway.ask(requestBytes({ ...rest, headers: [gateway.bearer(), ...headers] }));
    t.is(codeOf(response), 'forward.unreachable');
    t.is(upstream.requests.length, 2);
  });
}

test('a request is tried again as often as the route says, and not once more', async (t) => {
  for (const retries of [0, 1, 3]) {
    const { gateway, upstream } = await startBehind(
      t,
      { routes: [{ id: 'r', match: { path: '/**' }, retries }] },
      (_request, socket) => void socket.resetAndDestroy(),
    );
    const response = await gateway.ask(requestBytes({ headers: [gateway.bearer()] }));
    t.is(codeOf(response), 'forward.unreachable');
    t.is(upstream.requests.length, retries + 1);
  }
});

test('an error page holds nothing of the upstream', async (t) => {
  const banner = '220 mail.internal.example ESMTP secret-version\r\n';
  const { gateway } = await startBehind(t, {}, (_request, socket) => void socket.end(banner));
  const { raw } = await gateway.send(requestBytes({ headers: [gateway.bearer()] }));
  t.regex(raw, /^HTTP\/1\.1 502 /);
  t.notRegex(raw, /internal|secret|220|127\.0\.0\.1/);
});
