import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// Several requests in one packet: a guard that decides per connection, or that remembers the decision about the first,
// lets the second in with it. Each has to be authorised alone, and answered in its turn.

test('a good token in front does not let a bad one in behind it', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const good = requestBytes({ target: '/good', headers: [gateway.bearer()] });
  const attacks = [
    requestBytes({ target: '/bad/none' }),
    requestBytes({ target: '/bad/forged', headers: [['Authorization', `${gateway.bearer()[1]}x`]] }),
    requestBytes({ target: '/bad/expired', headers: [gateway.bearer({ exp: 1 })] }),
  ];
  for (const attack of attacks) {
    const { responses } = await gateway.send(good + attack + good, { until: 3 });
    t.deepEqual(
      responses.map(({ status }) => status),
      [200, 401, 200],
    );
  }
  t.is(upstream.requests.length, 2 * attacks.length);
  t.true(upstream.requests.every(({ target }) => target === '/good'));
});

test('a request begins when the one before it is answered, and answers come in their order', async (t) => {
  const events: string[] = [];
  const { gateway } = await startBehind(t, {}, async ({ target }) => {
    events.push(`${target} asked`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    events.push(`${target} answered`);
    return `HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`;
  });
  const ask = (target: string) => requestBytes({ target, headers: [gateway.bearer()] });
  const { responses } = await gateway.send(ask('/1') + ask('/2') + ask('/3'), { until: 3 });
  t.deepEqual(
    responses.map(({ body }) => body),
    ['/1', '/2', '/3'],
  );
  t.deepEqual(
    events,
    ['/1', '/2', '/3'].flatMap((target) => [`${target} asked`, `${target} answered`]),
  );
});

test('a body is no request, whatever it looks like', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const inner = requestBytes({ target: '/smuggled', headers: [gateway.bearer()] });
  for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
    const headers = [gateway.bearer(), ['Content-Length', String(inner.length)]] as const;
    t.is((await gateway.ask(requestBytes({ method, target: '/outer', headers, body: inner }))).status, 200);
  }
  t.deepEqual([...new Set(upstream.requests.map(({ target }) => target))], ['/outer']);
  t.true(upstream.requests.every(({ body }) => body.toString() === inner));
});

// A head that is refused as request.invalid says that we and somebody else may not agree where it ends: what follows
// may be its body to a proxy in front of us, and is then a request that nobody has looked at.
test('nothing is forwarded of what follows an invalid head (server/requests.ts goes on with the connection)', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const inner = requestBytes({ target: '/smuggled', headers: [gateway.bearer()] });
  const attacks = [
    requestBytes({ method: 'POST', headers: [gateway.bearer(), ['Transfer_Encoding', 'chunked']] }),
    requestBytes({ method: 'POST', headers: [gateway.bearer(), ['Content_Length', String(inner.length)]] }),
    requestBytes({ headers: [gateway.bearer(), ['Host', 'other.example.com']] }),
    requestBytes({ host: undefined, headers: [gateway.bearer()] }),
  ];
  for (const attack of attacks) {
    const { responses } = await gateway.send(attack + inner, { until: 'close' });
    t.deepEqual(
      responses.map((response) => codeOf(response)),
      ['request.invalid'],
    );
  }
  t.is(upstream.connections.length, 0);
});
