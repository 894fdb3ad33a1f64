import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';
import type { WireHeader } from '../support/http-bytes.ts';

// The gateway verifies the token in a cookie, and the service behind it goes by Authorization, where the same client sent
// somebody else's token, or one that it made up: nobody has looked at that one, and the service believes that the gateway
// did. Where a route is public nobody looks at any. Many services look for `Bearer` anywhere in the field
// (`/Bearer\s(\S+)/`), so that other credentials in front hide a token from whoever reads the scheme alone.

const ROUTES = [
  { id: 'open', match: { path: '/open' }, auth: 'public' },
  { id: 'strip', match: { path: '/strip' }, auth: { tokenFrom: [{ cookie: 's' }] } },
  { id: 'forward', match: { path: '/forward' }, token: 'forward', auth: { tokenFrom: [{ cookie: 's' }] } },
  { id: 'both', match: { path: '/both' }, token: 'forward', auth: { tokenFrom: ['authorization', { cookie: 's' }] } },
];

/** `EVIL` is a token that no issuer made. */
const HIDDEN = [
  'DPoP EVIL',
  'dpop\tEVIL',
  'Basic eDp5, Bearer EVIL',
  'Basic eDp5 Bearer EVIL',
  'Basic eDp5;bearer EVIL',
  'Token Bearer EVIL',
  'Basic eDp5, DPoP EVIL',
];
const PLAIN = ['Bearer EVIL', 'bearer  EVIL', 'BEARER\tEVIL', '"Bearer EVIL"', ';Bearer EVIL'];

test('a token in Authorization that nobody has verified reaches no upstream', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const evil = gateway.token({ sub: 'root' });
  const cookie: WireHeader = ['Cookie', `s=${gateway.token()}`];
  const arrives = async (target: string, ...headers: WireHeader[]) => {
    const seen = upstream.requests.length;
    const response = await gateway.ask(requestBytes({ target, headers: [cookie, ...headers] }));
    if (response.status !== 200) t.regex(codeOf(response), /^token\.(?:ambiguous|request)$/, target);
    return upstream.requests.slice(seen).flatMap((request) => request.values('authorization'));
  };
  for (const value of [...HIDDEN, ...PLAIN]) {
    const field: WireHeader = ['Authorization', value.replace('EVIL', evil)];
    for (const target of ['/open', '/strip', '/forward', '/both']) t.deepEqual(await arrives(target, field), [], value);
  }
  // A field that arrives is seen: other credentials go on, and with `forward` the token that was verified.
  const basic: WireHeader = ['Authorization', 'Basic eDp5'];
  for (const target of ['/open', '/strip', '/forward', '/both'])
    t.deepEqual(await arrives(target, basic), ['Basic eDp5'], target);
  const bearer = gateway.bearer();
  t.is((await gateway.ask(requestBytes({ target: '/both', headers: [bearer] }))).status, 200);
  t.deepEqual(upstream.requests.at(-1)?.values('authorization'), [bearer[1]]);
});
