import test, { type ExecutionContext } from 'ava';
import { type GatewayDescription, requestBytes, startBehind, type TestGateway } from '../support/gateway.ts';
import { type RawResponse, sendRaw } from '../support/raw-client.ts';

// The admin port listens on loopback, and the operator's browser is on loopback too. DNS rebinding: evil.example resolves to
// 127.0.0.1 on its second look-up; its page may read every answer of the port then, since both are of one origin. Cross-site
// requests: any page can send a POST without a preflight, and some state changes with it. Browsers put the truth into Host
// and Origin, where pages can't change it.

const QUESTION = JSON.stringify({ method: 'GET', url: '/x' });

interface AdminRequest {
  readonly path: string;
  readonly hosts?: readonly string[];
  readonly origins?: readonly string[];
}

async function askAdmin(gateway: TestGateway, { path, hosts, origins = [] }: AdminRequest): Promise<RawResponse> {
  const port = Number(new URL(gateway.adminUrl).port);
  const isPost = path === '/explain';
  const named = (name: string, values: readonly string[]) => values.map((value) => [name, value] as const);
  const bytes = requestBytes({
    method: isPost ? 'POST' : 'GET',
    target: path,
    host: undefined,
    headers: [
      ...named('Host', hosts ?? [`127.0.0.1:${port}`]),
      ...named('Origin', origins),
      ...(isPost ? [['Content-Length', String(QUESTION.length)] as const] : []),
    ],
    body: isPost ? QUESTION : '',
  });
  const { responses, raw } = await sendRaw(port, bytes);
  const [response] = responses;
  if (!response) throw new Error(`no answer: ${raw}`);
  return response;
}

const SECRET_PATH = '/only-operators-know';

const start = async (t: ExecutionContext, admin: GatewayDescription['admin'] = {}) =>
  (await startBehind(t, { admin, routes: [{ id: 'all', match: { path: SECRET_PATH } }] })).gateway;

const statusOf = async (gateway: TestGateway, request: AdminRequest) => (await askAdmin(gateway, request)).status;

const OPEN = ['/livez', '/readyz', '/metrics'];
const GUARDED = ['/routes', '/explain'];

test('the port answers what an operator asks: without this, nothing below shows anything', async (t) => {
  const gateway = await start(t);
  const port = new URL(gateway.adminUrl).port;
  for (const host of ['127.0.0.1', `127.0.0.1:${port}`, 'localhost', `LOCALHOST.:${port}`, '[::1]:1', '10.1.2.3'])
    for (const path of [...OPEN, ...GUARDED])
      t.is(await statusOf(gateway, { path, hosts: [host] }), 200, `${host} ${path}`);
  t.true((await askAdmin(gateway, { path: '/routes' })).body.includes(SECRET_PATH), 'there is something to steal');
});

test('a page whose name was bound to this machine reads neither routes nor explanations', async (t) => {
  const gateway = await start(t);
  for (const host of [
    'evil.example',
    'evil.example:9090',
    'localhost.evil.example',
    'evil-localhost',
    'sub.localhost',
    '127.0.0.1.evil.example',
    '127.0.0.1.nip.io',
    '127.1',
    '0x7f000001',
    '2130706433',
    'user@127.0.0.1',
    '127.0.0.1@evil.example',
    '[::1].evil.example',
    '[::1',
    '[evil.example]',
    'localhost:9090:evil.example',
    'localhost/evil.example',
    'localhost evil.example',
    'localhost,evil.example',
    '',
  ]) {
    for (const path of GUARDED) {
      const origins = path === '/explain' ? [`http://${host}`] : [];
      const answer = await askAdmin(gateway, { path, hosts: [host], origins });
      t.is(answer.status, 421, `${host} ${path}`);
      t.false(answer.body.includes(SECRET_PATH));
    }
    t.is(await statusOf(gateway, { path: '/no-such-page', hosts: [host] }), 421, host);
    for (const path of OPEN) t.is(await statusOf(gateway, { path, hosts: [host] }), 200, `${host} ${path}`);
  }
});

test('two Host fields are not one of ours, in whatever order', async (t) => {
  const gateway = await start(t);
  for (const hosts of [
    ['localhost', 'evil.example'],
    ['evil.example', 'localhost'],
    ['localhost', 'localhost'],
  ])
    for (const path of GUARDED) t.is(await statusOf(gateway, { path, hosts }), 421, hosts.join());
});

test('a page of another origin sends nothing, and `null` is another origin', async (t) => {
  const gateway = await start(t);
  const port = new URL(gateway.adminUrl).port;
  const own = `http://127.0.0.1:${port}`;
  for (const path of [...OPEN, ...GUARDED]) {
    t.is(await statusOf(gateway, { path, origins: [own] }), 200, `control: its own page, ${path}`);
    for (const origins of [
      ['null'],
      ['http://evil.example'],
      [`http://127.0.0.1:${Number(port) + 1}`],
      [`https://127.0.0.1:${port}`],
      ['http://127.0.0.1'],
      [`http://localhost:${port}`],
      [`http://127.0.0.1:${port}.evil.example`],
      [`http://127.0.0.1:${port}@evil.example`],
      [''],
      [own, 'http://evil.example'],
      ['http://evil.example', own],
      [`${own}, http://evil.example`],
      ['chrome-extension://abcdef'],
    ]) {
      const answer = await askAdmin(gateway, { path, origins });
      t.is(answer.status, 403, `${origins.join(' | ')} ${path}`);
      t.is(answer.header('access-control-allow-origin'), undefined);
    }
  }
});

test('names of admin.hosts are taken, exactly, and from a reload on', async (t) => {
  const gateway = await start(t);
  const hosts = ['gateway-admin.internal'];
  const ask = (host: string) => statusOf(gateway, { path: '/routes', hosts: [host] });
  t.is(await ask('gateway-admin.internal:9090'), 421);
  const routes = [{ id: 'all', match: { path: SECRET_PATH } }];
  const upstreams = { legacy: { url: 'http://127.0.0.1:1' } };
  t.true(await gateway.reload({ upstreams, routes, admin: { hosts } }));
  t.is(await ask('gateway-admin.internal:9090'), 200);
  t.is(await ask('Gateway-Admin.Internal.'), 200);
  t.is(await ask('a.gateway-admin.internal'), 421);
  t.is(await ask('gateway-admin.internal.evil.example'), 421);
  const line = gateway.lines.find(({ msg }) => msg === 'configuration reloaded');
  t.true(JSON.stringify(line?.changes).includes('admin.hosts'), JSON.stringify(line));
  t.true(await gateway.reload({ upstreams, routes }));
  t.is(await ask('gateway-admin.internal:9090'), 421);
});

test('a name that the port is bound to is its own', async (t) => {
  const gateway = await start(t, { host: 'localhost', hosts: [] });
  t.is(await statusOf(gateway, { path: '/routes', hosts: ['localhost'] }), 200);
});
