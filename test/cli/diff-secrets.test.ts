import test, { type ExecutionContext } from 'ava';
import { run } from '../support/cli.ts';
import { temporaryFolder } from '../support/files.ts';

// What comes from `${…}` may be a secret, wherever it stands. Every field that takes a text is given one that is another
// in the new configuration, alone: `diff` has to tell of it, or of nothing, and never with the value.

const SECRET = 'hunter2';

type Document = Record<string, never>;

const BASE = () => ({
  publicUrl: 'https://api.example.com',
  listen: { trustedProxies: ['10.0.0.0/8'] },
  issuers: {
    main: {
      issuer: 'https://login.example.com',
      audience: ['orders'],
      requiredClaims: ['sub'],
      keys: { url: 'https://login.example.com/jwks' },
    },
    opaque: {
      issuer: 'https://opaque.example.com',
      audience: ['orders'],
      introspection: { url: 'https://opaque.example.com/i', clientId: 'gateway', clientSecret: 'x' },
    },
  },
  upstreams: {
    api: { url: 'http://api.internal', headers: { set: { Authorization: 'x' } }, health: { path: '/health' } },
    other: { urls: ['http://one.internal', 'http://two.internal'] },
  },
  defaults: { auth: { issuers: ['main'], scopes: ['a'], claims: { plan: 'pro' } } },
  routes: [
    {
      id: 'orders',
      match: { host: 'api.example.com', path: '/orders/**' },
      auth: {
        scopes: ['a'],
        claims: { tenant: 'a', team: { in: ['a', 'b'] }, roles: { contains: 'a' } },
        tokenFrom: [{ cookie: 'a' }],
      },
      upstream: 'api',
      rewrite: { addPrefix: '/v1' },
      headers: { set: { 'X-A': 'a' }, remove: ['X-B'], keep: ['X-Client-Cert'] },
      responseHeaders: { set: { 'X-A': 'a' } },
      cors: { origins: ['https://app.example.com'], headers: ['x-a'] },
    },
    { id: 'rest', match: { path: '/**' }, upstream: 'other' },
    { id: 'opaque', match: { path: '/opaque' }, auth: { issuers: ['opaque'] }, upstream: 'other' },
  ],
});

/** Where a text stands, and texts with the secret in them that may stand there. */
const FIELDS: Readonly<Record<string, readonly [old: string, now: string]>> = {
  publicUrl: [`https://${SECRET}.example.com`, `https://${SECRET}2.example.com`],
  'listen.trustedProxies.0': ['10.77.0.0/16', '10.78.0.0/16'],
  'issuers.main.issuer': [`https://${SECRET}.example.com`, `https://${SECRET}2.example.com`],
  'issuers.main.audience.0': [SECRET, `${SECRET}2`],
  'issuers.main.requiredClaims.0': [SECRET, `${SECRET}2`],
  'issuers.main.keys.url': [`https://a.example.com/${SECRET}`, `https://a.example.com/${SECRET}2`],
  'issuers.main.keys.snapshot': [`/var/${SECRET}`, `/var/${SECRET}2`],
  'issuers.opaque.introspection.url': [`https://a.example.com/${SECRET}`, `https://a.example.com/${SECRET}2`],
  'issuers.opaque.introspection.clientId': [SECRET, `${SECRET}2`],
  'issuers.opaque.introspection.clientSecret': [SECRET, `${SECRET}2`],
  'upstreams.api.url': [`http://${SECRET}.internal`, `http://${SECRET}2.internal`],
  'upstreams.api.host': [`${SECRET}.internal`, `${SECRET}2.internal`],
  'upstreams.api.headers.set.Authorization': [SECRET, `${SECRET}2`],
  'upstreams.api.health.path': [`/${SECRET}`, `/${SECRET}2`],
  'upstreams.other.urls.1': [`http://${SECRET}.internal`, `http://${SECRET}2.internal`],
  'defaults.auth.scopes.0': [SECRET, `${SECRET}2`],
  'defaults.auth.claims.plan': [SECRET, `${SECRET}2`],
  'routes.0.id': [SECRET, `${SECRET}2`],
  'routes.0.match.host': [`${SECRET}.example.com`, `${SECRET}2.example.com`],
  'routes.0.match.path': [`/${SECRET}/**`, `/${SECRET}2/**`],
  'routes.0.auth.scopes.0': [SECRET, `${SECRET}2`],
  'routes.0.auth.claims.tenant': [SECRET, `${SECRET}2`],
  'routes.0.auth.claims.team.in.1': [SECRET, `${SECRET}2`],
  'routes.0.auth.claims.roles.contains': [SECRET, `${SECRET}2`],
  'routes.0.auth.tokenFrom.0.cookie': [SECRET, `${SECRET}2`],
  'routes.0.rewrite.addPrefix': [`/${SECRET}`, `/${SECRET}2`],
  'routes.0.headers.set.X-A': [SECRET, `${SECRET}2`],
  'routes.0.headers.remove.0': [`X-${SECRET}`, `X-${SECRET}2`],
  'routes.0.headers.keep.0': [`X-${SECRET}`, `X-${SECRET}2`],
  'routes.0.responseHeaders.set.X-A': [SECRET, `${SECRET}2`],
  'routes.0.cors.origins.0': [`https://${SECRET}.example.com`, `https://${SECRET}2.example.com`],
  'routes.0.cors.headers.0': [`x-${SECRET}`, `x-${SECRET}2`],
};

function withText(field: string, text: string): string {
  const document = BASE() as unknown as Document;
  const steps = field.split('.');
  let at = document as Record<string, unknown>;
  for (const step of steps.slice(0, -1)) at = at[step] as Record<string, unknown>;
  at[steps.at(-1) as string] = text;
  return JSON.stringify(document);
}

async function printed(t: ExecutionContext, field: string, before: string, after: string): Promise<string> {
  const folder = await temporaryFolder({ 'old.yaml': withText(field, before), 'new.yaml': withText(field, after) });
  t.teardown(folder.remove);
  const [old, now] = FIELDS[field] as readonly [string, string];
  const outputs = await Promise.all(
    ['text', 'json'].map((format) =>
      run(['diff', folder.file('old.yaml'), folder.file('new.yaml'), '--format', format], { OLD: old, NEW: now }),
    ),
  );
  for (const { code, stderr } of outputs) t.true(code === 0 || code === 3, stderr);
  return outputs.map(({ stdout }) => stdout).join('\n');
}

for (const [field, [old, now]] of Object.entries(FIELDS)) {
  test(`no value of ${field} that came from elsewhere is printed`, async (t) => {
    const is = (text: string) => text.includes(SECRET) || /10\.7[78]/.test(text);
    t.false(is(await printed(t, field, `\${OLD}`, `\${NEW}`)), 'on both sides');
    const [toSecret, fromSecret] = [
      await printed(t, field, 'routes.0.id' === field ? 'x' : old, `\${NEW}`),
      await printed(t, field, `\${OLD}`, now),
    ];
    t.false(toSecret.includes(now), 'on the new side');
    t.false(fromSecret.replaceAll(now, '').includes(old), 'on the old side');
  });
}

test('what stands in the files is printed, so that a printed secret would be seen', async (t) => {
  t.true((await printed(t, 'routes.0.auth.scopes.0', 'orders:a', 'orders:b')).includes('orders:a'));
  t.true(
    (await printed(t, 'upstreams.api.url', 'http://a.internal', 'http://b.internal')).includes('http://a.internal'),
  );
});
