import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// An upstream whose address leads back to the gateway makes one request into as many as there is room for: each round
// takes a connection, and the rounds end with the limits of everything. Our own name in Via tells the rounds; a gateway
// at the edge and one beside each service are no loop, so a few of them are right.

const hops = (count: number) => Array.from({ length: count }, () => ['Via', '1.1 bearergate'] as const);

test('a request that has come through gateways of our name too often goes no further', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const ask = (headers: Parameters<typeof requestBytes>[0]) => gateway.ask(requestBytes(headers));
  const list = Array.from({ length: 11 }, () => '1.1 bearergate').join(', ');
  for (const headers of [hops(11), [['via', list]], [...hops(6), ['VIA', `1.0 fred, ${list}`]]] as const) {
    const response = await ask({ headers: [gateway.bearer(), ...(headers as [string, string][])] });
    t.is(response.status, 400);
    t.is(codeOf(response), 'request.invalid');
  }
  t.is(upstream.connections.length, 0);

  t.is((await ask({ headers: [gateway.bearer(), ...hops(10), ['Via', '1.1 other']] })).status, 200);
  t.is(upstream.requests[0]?.values('via').length, 12);
});

test('an upstream that leads back here ends with an answer', async (t) => {
  let port = 0;
  const routes = [{ id: 'all', match: { path: '/**' }, auth: 'public' }];
  const { gateway, upstream } = await startBehind(t, { routes }, async ({ head }) => {
    const { raw } = await (await import('../support/raw-client.ts')).sendRaw(port, `${head}\r\n\r\n`);
    return raw;
  });
  port = gateway.port;
  t.is((await gateway.ask(requestBytes())).status, 400);
  t.is(upstream.requests.length, 11);
});
