import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// A claim of some kilobytes in a header breaks the upstream's limit for all headers together: its answer is a 431 that
// nobody understands, or a reset; percent-encoding makes three to twelve bytes of each character. A token has 8 KiB at
// most, which bounds what its claims can be; within that they arrive whole.

test('a claim of 9 KB does not get in, and a large one that does arrives whole', async (t) => {
  const { gateway, upstream } = await startBehind(t, {
    listen: { limits: { headers: '64KiB' } },
    routes: [{ id: 'all', match: { path: '/**' }, headers: { set: { 'X-Name': '{claims.name}' } } }],
  });
  const ask = (name: unknown) => gateway.ask(requestBytes({ headers: [gateway.bearer({ name })] }));
  for (const name of ['x'.repeat(9000), '漢'.repeat(3000), Array.from({ length: 3000 }, () => 'ab')]) {
    const response = await ask(name);
    t.is(response.status, 401);
    t.is(codeOf(response), 'token.too-large');
  }
  t.is(upstream.connections.length, 0);

  for (const name of ['x'.repeat(5000), '漢'.repeat(1500), 'é\r\n'.repeat(600)]) {
    t.is((await ask(name)).status, 200);
    const [value = ''] = upstream.requests.at(-1)?.values('x-name') ?? [];
    t.is(decodeURIComponent(value), name);
  }
});

test('how long a token may be is for the operator to say, also while the gateway runs and for remembered tokens', async (t) => {
  const routes = [{ id: 'all', match: { path: '/**' } }];
  const { gateway, upstream } = await startBehind(t, { routes });
  const bearer = gateway.bearer({ pad: 'x'.repeat(1000) });
  const ask = () => gateway.ask(requestBytes({ headers: [bearer] }));
  t.is((await ask()).status, 200);
  const upstreams = { legacy: { url: upstream.url } };
  t.true(await gateway.reload({ upstreams, routes, listen: { limits: { token: '1KiB' } } }));
  t.is(codeOf(await ask()), 'token.too-large');
  t.true(await gateway.reload({ upstreams, routes, listen: { limits: { token: '12KiB' } } }));
  t.is((await ask()).status, 200);
  const large = gateway.bearer({ pad: 'x'.repeat(8000) });
  t.is((await gateway.ask(requestBytes({ headers: [large] }))).status, 200);
});
