import test from 'ava';
import { WITHHELD } from '../../src/request/withheld.ts';
import { codeOf, requestBytes, startBehind } from '../support/gateway.ts';

// An application that once stood behind another gateway believes what that one said: Remote-User, X-Auth-Request-Email,
// X-SSL-Client-S-DN, True-Client-IP. Behind this one the same headers come from clients (Grafana's auth proxy, Kibana and
// Jenkins with reverse proxy login; oauth2-proxy CVE-2025-64484). A proxy in front that is trusted for X-Forwarded-For
// does not know them and passes them on.

const CLAIMS = WITHHELD.flatMap(({ names }) => names.map(([name]) => name.replace('*', 'User')));
/** Who sets these writes them so, and an upstream may look for no other spelling. */
const OWN_SPELLINGS = ['$WSRU', 'SM_USERDN', 'OIDC_CLAIM_sub', 'SSL_CLIENT_S_DN', 'CAS_mail'];
const KEPT = ['Remote-User', 'X-Amzn-Oidc-User', 'X-Forwarded-Uri', 'SSL_CLIENT_User'];
const ROUTES = [
  { id: 'open', match: { path: '/open' }, auth: 'public' },
  { id: 'kept', match: { path: '/kept' }, headers: { keep: KEPT } },
  { id: 'all', match: { path: '/**' } },
];

for (const trustedProxies of [[], ['127.0.0.0/8']]) {
  const who = trustedProxies.length > 0 ? 'a trusted proxy' : 'a client';
  test(`no upstream gets what ${who} claims for other gateways, but where the route keeps it`, async (t) => {
    const { gateway, upstream } = await startBehind(t, { routes: ROUTES, listen: { trustedProxies } });
    const ask = async (target: string) => {
      const headers = [gateway.bearer(), ...[...CLAIMS, ...OWN_SPELLINGS].map((name) => [name, 'claimed'] as const)];
      t.is((await gateway.ask(requestBytes({ target, headers }))).status, 200, target);
      const head = upstream.requests.at(-1)?.head ?? '';
      return [...head.matchAll(/^([^:\r\n]+): claimed\r?$/gm)].map(([, name]) => name);
    };
    for (const target of ['/orders', '/open']) t.deepEqual(await ask(target), [], target);
    t.deepEqual(
      new Set(await ask('/kept')),
      new Set(CLAIMS.filter((name) => KEPT.some((one) => one.toLowerCase() === name.toLowerCase()))),
    );
  });
}

test('a spelling variant of any of them is refused, also where the route keeps it', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const variants = CLAIMS.filter((name) => name.includes('-')).map((name) => name.replace('-', '~'));
  t.true(variants.length > 100);
  for (const name of variants) {
    for (const target of ['/orders', '/kept']) {
      const response = await gateway.ask(requestBytes({ target, headers: [gateway.bearer(), [name, 'claimed']] }));
      t.is(codeOf(response), 'request.invalid', name);
    }
  }
  t.is(upstream.connections.length, 0);
});

test('names that only resemble them are the application own', async (t) => {
  const { gateway, upstream } = await startBehind(t, { routes: ROUTES });
  const names = [
    'X-User-Id',
    'X-Client-Version',
    'X-Auth-Token',
    'X-Access-Token',
    'X-Api-Key',
    'Remote-Userland',
    'SSLClient',
  ];
  const headers = [gateway.bearer(), ...names.map((name) => [name, 'own'] as const)];
  t.is((await gateway.ask(requestBytes({ headers }))).status, 200);
  for (const name of names) t.deepEqual(upstream.requests[0]?.values(name.toLowerCase()), ['own'], name);
});
