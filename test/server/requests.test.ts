import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';

test('a client that is still sending sees why it was refused, and what it sends is not read to its end', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const size = 64 * 1024 * 1024;
  const client = await connectRaw(gateway.port);
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  client.write(Buffer.alloc(4 * 1024 * 1024));
  const { responses } = await client.read();
  t.is(responses[0]?.status, 401);
  t.is(responses[0]?.header('connection'), 'close');
  t.true(responses[0]?.complete);
  t.is((await client.read({ until: 'close' })).ended === 'responses', false);
  t.is(upstream.requests.length, 0);
});

test('every answer of the gateway itself has a request id and is not stored', async (t) => {
  const { gateway } = await startBehind(t, { publicUrl: 'https://api.example.com' });
  for (const [method, target] of [
    ['OPTIONS', '*'],
    ['GET', '/.well-known/bearergate/errors/token.expired'],
    ['GET', '/.well-known/oauth-protected-resource'],
    ['GET', '/'],
    ['TRACE', '/'],
  ] as const) {
    const answer = await gateway.ask(requestBytes({ method, target }));
    t.regex(answer.header('x-request-id') ?? '', /^[0-9A-Z]{26}$/, target);
    t.is(answer.header('cache-control'), 'no-store', target);
  }
});

test('the request id of a trusted proxy is taken over, that of anybody else is not', async (t) => {
  const headers = [['X-Request-Id', 'from-outside']] as [string, string][];
  const { gateway } = await startBehind(t, { listen: { trustedProxies: ['127.0.0.0/8'] } });
  const trusted = await gateway.ask(requestBytes({ headers }));
  t.is(trusted.header('x-request-id'), 'from-outside');
  t.is((JSON.parse(trusted.body) as { instance: string }).instance, 'urn:request:from-outside');
  const { gateway: other } = await startBehind(t);
  t.not((await other.ask(requestBytes({ headers }))).header('x-request-id'), 'from-outside');
});

test('headers beyond the limit get 431, and the connection closes', async (t) => {
  const { gateway } = await startBehind(t, { listen: { limits: { headers: '2KiB' } } });
  const { responses, ended } = await gateway.send(requestBytes({ headers: [['X-Long', 'x'.repeat(4096)]] }), {
    until: 'close',
  });
  const [answer] = responses;
  t.is(answer?.status, 431);
  t.is(answer && codeOf(answer), 'request.headers-too-large');
  t.not(ended, 'timeout');
});

test('a head that does not come gets 408 in time, and so does a body', async (t) => {
  const { gateway } = await startBehind(t, {
    listen: { limits: { headersTimeout: '500ms', requestTimeout: '500ms' } },
  });
  const [head, body] = await Promise.all([
    gateway.send('GET / HTTP/1.1\r\nHost: a\r\n', { until: 'close', timeoutMs: 10_000 }),
    gateway.send(requestBytes({ method: 'POST', headers: [gateway.bearer(), ['Content-Length', '10']] }), {
      until: 'close',
      timeoutMs: 10_000,
    }),
  ]);
  for (const { responses } of [head, body]) {
    t.is(responses[0]?.status, 408);
    t.is(responses[0] && codeOf(responses[0]), 'request.timeout');
  }
});

test('an answer that is on its way is finished before the connection closes for what stands behind it', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const { responses } = await gateway.send(`${requestBytes({ headers: [gateway.bearer()] })}GARBAGE\r\n\r\n`, {
    until: 'close',
  });
  t.deepEqual(
    responses.map(({ status }) => status),
    [200],
  );
  t.is(upstream.requests.length, 1);
});

test('what stands behind a request that was refused in the same breath gets an answer of its own', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const { responses } = await gateway.send(`${requestBytes({})}GARBAGE\r\n\r\n`, { until: 'close' });
  t.deepEqual(
    responses.map(({ status }) => status),
    [401, 400],
  );
  t.is(upstream.requests.length, 0);
});

test('answers of the gateway and of the upstream come in the order of their requests', async (t) => {
  const { gateway } = await startBehind(t);
  const good = requestBytes({ headers: [gateway.bearer()] });
  const bad = requestBytes({});
  const { responses } = await gateway.send([bad, good, bad, bad, good, bad].join(''), { until: 6 });
  t.deepEqual(
    responses.map(({ status }) => status),
    [401, 200, 401, 401, 200, 401],
  );
});
