import test from 'ava';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// A claim that is checked only where it is there is a claim that one leaves away: a token for any audience, or for ever.
// ZITADEL CVE-2026-55669, OliveTin CVE-2026-30223. The same goes for one of another JSON type than is compared.

const NOW = Math.floor(Date.now() / 1000);
const LACKING: readonly (readonly [claims: Record<string, unknown>, code: string])[] = [
  [{ exp: undefined }, 'token.claims'],
  [{ exp: null }, 'token.claims'],
  [{ exp: String(NOW + 300) }, 'token.claims'],
  [{ exp: [NOW + 300] }, 'token.claims'],
  [{ exp: {} }, 'token.claims'],
  [{ exp: 0 }, 'token.expired'],
  [{ exp: -1 }, 'token.expired'],
  [{ nbf: 'soon' }, 'token.claims'],
  [{ nbf: NOW + 300 }, 'token.not-yet-valid'],
  [{ iat: NOW + 300 }, 'token.not-yet-valid'],
  [{ iat: 'now' }, 'token.claims'],
  [{ sub: undefined }, 'token.claims'],
  [{ sub: null }, 'token.claims'],
  [{ sub: 7 }, 'token.claims'],
  [{ sub: ['root'] }, 'token.claims'],
];
const AUDIENCES = [
  undefined,
  null,
  '',
  [],
  {},
  'orders',
  'orders-api ',
  'ORDERS-API',
  ['other'],
  [['orders-api']],
  { 'orders-api': 1 },
  true,
];

test('every claim that decides has to be there, and of its type', async (t) => {
  const { gateway, upstream } = await startBehind(t);
  const ask = (claims: Record<string, unknown>) => gateway.ask(requestBytes({ headers: [gateway.bearer(claims)] }));
  for (const [claims, code] of LACKING) t.is(codeOf(await ask(claims)), code, JSON.stringify(claims));
  for (const aud of AUDIENCES) {
    const response = await ask({ aud });
    t.is(response.status, 401, JSON.stringify(aud));
    t.true(['token.audience', 'token.claims'].includes(codeOf(response)), `${JSON.stringify(aud)} ${codeOf(response)}`);
  }
  t.is((await ask({ iss: undefined as unknown as string })).status, 401);
  t.is(upstream.connections.length, 0);

  for (const claims of [{}, { exp: NOW + 300.5 }, { aud: ['other', 'orders-api'] }, { nbf: NOW }])
    t.is((await ask(claims)).status, 200, JSON.stringify(claims));
});
