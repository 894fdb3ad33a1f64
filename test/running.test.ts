import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { loadConfig } from '../src/config/load.ts';
import { makeSelfSigned, needsOpenssl } from './support/certificates.ts';
import { temporaryFolder } from './support/files.ts';
import { requestBytes, startBehind } from './support/gateway.ts';
import { type KubernetesObject, schemaErrors, typeErrors } from './support/kubernetes.ts';
import { needs } from './support/needs.ts';
import { type Block, blocksIn } from './support/pages.ts';

const blocks = blocksIn('docs/running');
const of = (language: string) => blocks.filter((block) => block.language === language);
const isObject = ({ text }: Block) => /^apiVersion:/m.test(text);

test('there are pages with configurations in them', (t) => {
  t.true(of('yaml').length >= 5);
  t.true(of('nginx').length >= 2);
  t.true(of('ini').length >= 1);
});

/** What stands in the files that the configurations name. */
function contentOf(path: string): string {
  if (!path.includes('/tls/')) return 'aGVsbG86d29ybGQ=';
  return path.endsWith('.key') ? certificate().key : certificate().cert;
}
let made: ReturnType<typeof makeSelfSigned> | undefined;
const certificate = () => {
  made ??= makeSelfSigned();
  return made;
};

for (const [index, { page, text }] of of('yaml')
  .filter((block) => !isObject(block))
  .entries()) {
  const testIt: typeof needsOpenssl = text.includes('tls:') ? needsOpenssl : test;
  testIt(`configuration ${index + 1} of the pages, in ${page}, loads without a problem or a warning`, (t) => {
    const loaded = loadConfig('page.yaml', {
      variables: {},
      readFile: (path) => (path === 'page.yaml' ? text : contentOf(path)),
      readFolder: () => [],
    });
    t.deepEqual(loaded.ok ? loaded.warnings : loaded.problems, []);
  });
}

// Kustomizations are built, in test/k8s.
for (const { page, text } of of('yaml').filter(
  (block) => isObject(block) && !/^kind: Kustomization/m.test(block.text),
)) {
  test(`the object in ${page} is one by the schemas of Kubernetes`, async (t) => {
    const object = parse(text) as KubernetesObject;
    t.is(await schemaErrors(object), undefined);
    t.is(await typeErrors([object]), '');
  });
}

const needsSystemd = needs('systemd-analyze', () => spawnSync('systemd-analyze', ['--version']).status === 0);

/** Writes the units of the page under the names that stand in their first lines. */
async function unitsIn(t: ExecutionContext) {
  const folder = await temporaryFolder({});
  t.teardown(folder.remove);
  for (const { text } of of('ini')) {
    const [, name = ''] = /^# \/etc\/systemd\/system\/(\S+)$/m.exec(text) ?? [];
    await folder.write(name.replace('@.', '@1.'), text.replaceAll('/usr/bin/node', process.execPath));
  }
  return folder;
}

needsSystemd('the units are ones that systemd takes', async (t) => {
  const folder = await unitsIn(t);
  const names = ['bearergate.service', 'bearergate.socket', 'bearergate@1.service'];
  const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...names.map(folder.file)], {
    encoding: 'utf8',
    env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder.path}:` },
  });
  t.deepEqual(
    stderr.split('\n').filter((line) => line.includes('bearergate')),
    [],
  );
});

needsSystemd('the service leaves little to attack', async (t) => {
  const folder = await unitsIn(t);
  const judged = spawnSync(
    'systemd-analyze',
    ['security', '--offline=true', '--no-pager', folder.file('bearergate.service')],
    {
      encoding: 'utf8',
    },
  );
  const [, exposure = '10'] = /Overall exposure level for \S+: ([\d.]+)/.exec(judged.stdout) ?? [];
  t.true(Number(exposure) <= 2, judged.stdout + judged.stderr);
});

const needsNginx = needs('nginx and openssl', () =>
  [
    ['nginx', '-v'],
    ['openssl', 'version'],
  ].every(([name = '', ...args]) => spawnSync(name, args).status === 0),
);

/** Runs nginx with a server of the pages in it, until the test ends. */
async function startNginx(t: ExecutionContext, server: string, port: number): Promise<void> {
  const { cert, key } = makeSelfSigned({ names: ['DNS:api.example.com'] });
  const folder = await temporaryFolder({ 'api.crt': cert, 'api.key': key });
  mkdirSync(folder.file('srv'));
  await folder.write('srv/index.html', 'from nginx');
  mkdirSync(folder.file('srv/docs'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  await folder.write(
    'nginx.conf',
    `daemon off; master_process off; pid ${folder.file('pid')}; error_log stderr error;
events {}
http {
  access_log off;
${temporary.map((kind) => `  ${kind}_temp_path ${folder.file(kind)};`).join('\n')}
${server.replaceAll('/etc/nginx/tls', folder.path).replaceAll('/srv/intranet', folder.file('srv'))}
}
`,
  );
  execFileSync('nginx', ['-t', '-q', '-p', folder.path, '-c', folder.file('nginx.conf')], { stdio: 'pipe' });
  const nginx = spawn('nginx', ['-p', folder.path, '-c', folder.file('nginx.conf')], { stdio: 'ignore' });
  t.teardown(async () => {
    nginx.kill('SIGQUIT');
    if (nginx.exitCode === null) await once(nginx, 'exit');
    await folder.remove();
  });
  await untilItListens(port);
}

/** Resolves once a connection to the port is taken; rejects after 20 s. */
async function untilItListens(port: number): Promise<void> {
  for (const end = Date.now() + 20_000; ; ) {
    if (Date.now() > end) throw new Error(`nothing listens on ${port} after 20 s`);
    const socket = connect(port, '127.0.0.1');
    const taken = await new Promise((resolve) =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    );
    socket.destroy();
    if (taken) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A port that was free a moment ago: nginx takes no 0. */
async function freePort(): Promise<number> {
  const server: Server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('the gateway that `docker run` starts as documented can be reached where its port is published', (t) => {
  const here = blocks.filter(({ page }) => page === 'docs/running/container.md');
  const command = here.find(({ text }) => text.includes('docker run'))?.text ?? '';
  const [, published = '', within = ''] = /-p (\d+):(\d+)/.exec(command) ?? [];
  const [, folder = ''] = /-v "\$PWD\/([^:]+):\/etc\/bearergate:ro"/.exec(command) ?? [];
  t.regex(published, /^\d+$/);
  const yaml = here.find(({ text }) => text.startsWith(`# ${folder}/gateway.yaml\n`))?.text ?? '';
  const { listen } = parse(yaml) as { listen: { host: string; port: number } };
  t.is(listen.host, '0.0.0.0');
  t.is(String(listen.port), within);
});

needsNginx(
  'behind nginx the gateway knows the client, the scheme and the host, and clients cannot make them up',
  async (t) => {
    const port = await freePort();
    const { gateway, upstream } = await startBehind(t, { listen: { trustedProxies: ['127.0.0.1'] } });
    const [front] = of('nginx') as [Block];
    const server = front.text
      .replace('127.0.0.1:8080', `127.0.0.1:${gateway.port}`)
      .replace('listen 443', `listen 127.0.0.1:${port}`);
    t.true(server.includes(`server 127.0.0.1:${gateway.port};`) && server.includes(`listen 127.0.0.1:${port} ssl;`));
    await startNginx(t, server, port);
    const socket = connectTls({ port, host: '127.0.0.1', servername: 'api.example.com', rejectUnauthorized: false });
    const [name, value] = gateway.bearer() as readonly [string, string];
    socket.write(
      `GET /orders/a%20b HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n${name}: ${value}\r\n` +
        'X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: ftp\r\nForwarded: for=192.0.2.1\r\nX-Request-Id: mine\r\n\r\n',
    );
    const answer = Buffer.concat(await socket.toArray()).toString();
    t.regex(answer, /^HTTP\/1\.1 200 /);
    const [seen] = await upstream.waitForRequests(1);
    t.is(seen?.target, '/orders/a%20b');
    t.is(seen?.values('x-forwarded-proto')[0], 'https');
    t.is(seen?.values('x-forwarded-for')[0], '127.0.0.1, 127.0.0.1');
    t.is(seen?.values('x-forwarded-host')[0], 'api.example.com');
    t.is(seen?.values('forwarded')[0], undefined);
    t.regex(seen?.values('x-request-id')[0] ?? '', /^[0-9a-f]{32}$/, "nginx's own");
  },
);

needsNginx('in front of nginx the gateway says who it is, and nobody else does', async (t) => {
  const port = await freePort();
  const server = String(of('nginx')[1]?.text).replace('127.0.0.1:8081', `127.0.0.1:${port}`);
  await startNginx(t, server, port);
  const { gateway } = await startBehind(t, {
    upstreams: { nginx: { url: `http://127.0.0.1:${port}` } },
    routes: [
      { id: 'all', match: { path: '/**' }, upstream: 'nginx', headers: { set: { 'X-User-Id': '{claims.sub}' } } },
    ],
  });
  const [name, value] = gateway.bearer({ sub: 'ann' }) as readonly [string, string];
  const answer = await fetch(`${gateway.url}/`, { headers: { [name]: value, 'X-User-Id': 'root' } });
  t.is(await answer.text(), 'from nginx');
  t.is(answer.headers.get('x-seen-user'), 'ann');
});

needsNginx(
  "a redirect of nginx's own leads back to the gateway, with the documented setting and without",
  async (t) => {
    const documented = String(of('nginx')[1]?.text);
    const absolute = documented.replace(/absolute_redirect off;/, '');
    t.not(documented, absolute);
    for (const [server, location] of [
      [documented, '/docs/?a=b'],
      [absolute, 'http://api.example.com/docs/?a=b'],
    ] as const) {
      const port = await freePort();
      await startNginx(t, server.replace('127.0.0.1:8081', `127.0.0.1:${port}`), port);
      const { gateway } = await startBehind(t, {
        upstreams: { nginx: { url: `http://127.0.0.1:${port}` } },
        routes: [{ id: 'all', match: { path: '/**' }, upstream: 'nginx' }],
      });
      const answer = await gateway.ask(requestBytes({ target: '/docs?a=b', headers: [gateway.bearer()] }));
      t.is(answer.status, 301);
      t.is(answer.header('location'), location);
    }
  },
);
