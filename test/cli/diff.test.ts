import test, { type ExecutionContext } from 'ava';
import { run } from '../support/cli.ts';
import { temporaryFolder } from '../support/files.ts';

const OLD = `
listen: { port: 0 }
issuers: { main: { issuer: "https://login.example.com", audience: orders } }
upstreams: { api: { url: "\${API}" } }
routes:
  - { id: all, match: { path: /** }, auth: { issuers: [main] }, upstream: api }
  - { id: orders, match: { path: "/orders/**" }, auth: { issuers: [main], scopes: ["orders:read"], claims: { tenant: "\${TENANT}" } }, upstream: api }
`;

async function diff(t: ExecutionContext, now: string, ...argv: string[]) {
  const folder = await temporaryFolder({ 'old.yaml': OLD, 'new.yaml': now });
  t.teardown(folder.remove);
  const variables = { API: 'http://hunter2.internal', TENANT: 'hunter2' };
  const ran = await run(['diff', folder.file('old.yaml'), folder.file('new.yaml'), ...argv], variables);
  t.notRegex(ran.stdout, /hunter2/);
  return ran;
}

test('the same twice changes nothing: exit 0', async (t) => {
  const { code, stdout } = await diff(t, `# a comment\n${OLD}`);
  t.is(code, 0);
  t.is(stdout, 'Nothing changes in who may do what.\n');
});

test('a check that is lost is told with its requests: exit 3', async (t) => {
  const { code, stdout } = await diff(t, OLD.replace(', scopes: ["orders:read"]', ''));
  t.is(code, 3);
  t.is(
    stdout,
    `Routes:
  ~ orders
      opened: scopes: orders:read → none

Requests that are decided differently:
  opened: any method /orders/**
      was: orders, tokens of main with orders:read, tenant: \${TENANT}
      now: orders, tokens of main with tenant: \${TENANT}

Something becomes public, or loses a check.
`,
  );
});

test('a claim of another value is another check: exit 3, and no value is shown', async (t) => {
  const { code, stdout } = await diff(t, OLD.replace('"$' + '{TENANT}"', 'acme'));
  t.is(code, 3);
  t.true(stdout.includes(`replaced: claim tenant: \${TENANT} → acme`));
});

test('a check more is told, and opens nothing: exit 0', async (t) => {
  const { code, stdout } = await diff(t, OLD.replace('["orders:read"]', '["orders:read", "orders:list"]'));
  t.is(code, 0);
  t.true(stdout.endsWith('Nothing becomes public, and no check is lost.\n'), stdout);
});

test('a route that goes away shows which one takes its requests', async (t) => {
  const { code, stdout } = await diff(t, OLD.slice(0, OLD.indexOf('  - { id: orders')));
  t.is(code, 3);
  t.regex(stdout, /- orders {2}\/orders\/\*\*/);
  t.regex(stdout, /opened: any method \/orders\/\*\*\n {6}was: orders, .*\n {6}now: all, tokens of main\n/);
});

test('the same in JSON', async (t) => {
  const { code, stdout } = await diff(t, OLD.replace('auth: { issuers: [main] }', 'auth: public'), '--format', 'json');
  t.is(code, 3);
  const { opens, routes, requests } = JSON.parse(stdout);
  t.true(opens);
  t.deepEqual(
    routes.changed.map(({ id }: { id: string }) => id),
    ['all'],
  );
  t.like(requests[0], { effect: 'opened', methods: null, host: null, paths: ['/**'], before: 'all', after: 'all' });
});

test('a file with problems is told: exit 1', async (t) => {
  const { code, stdout, stderr } = await diff(t, OLD.replace('upstream: api', 'upstream: apy'));
  t.is(code, 1);
  t.is(stdout, '');
  t.regex(stderr, /new\.yaml:\d+:\d+: error: there is no upstream `apy`/);
});

test('every method but some is told so, in JSON by the names of those', async (t) => {
  const now = OLD.replace(
    '  - { id: orders,',
    '  - { id: sent, match: { path: "/orders/**", methods: [GET, POST] }, auth: public, upstream: api }\n  - { id: orders,',
  ).replace(', scopes: ["orders:read"]', ', scopes: ["orders:list"]');
  const { stdout } = await diff(t, now, '--format', 'json');
  const { requests } = JSON.parse(stdout) as { requests: { methods: string[] | null; exceptMethods: string[] }[] };
  t.deepEqual(
    requests.map(({ methods, exceptMethods }) => ({ methods, exceptMethods })),
    [
      { methods: ['GET', 'POST', 'HEAD'], exceptMethods: [] },
      { methods: null, exceptMethods: ['GET', 'POST', 'HEAD'] },
    ],
  );
  t.regex((await diff(t, now)).stdout, /replaced: any method but GET, POST, HEAD \/orders\/\*\*/);
});

test('sizes and times are written as in a configuration', async (t) => {
  const sized = OLD.replace('upstream: api }\n`', 'upstream: api }').replace(
    'match: { path: /** },',
    'match: { path: /** }, maxBody: 20MiB,',
  );
  const { stdout } = await diff(t, sized);
  t.regex(stdout, /tightened: maxBody: no limit → 20MiB/);
});
