import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type AdminSources, createAdminServer } from '../../../src/server/admin/admin-server.ts';
import { closeServer, listenOn } from '../../../src/server/listen.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { until } from '../../support/until.ts';

const METRICS = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n';
const MANY = 1000;

/** An admin port whose pages of metrics are created when `open` is called. */
async function startAdmin(t: ExecutionContext) {
  const waiting = new Set<() => void>();
  const seen = { begun: 0, most: 0, isOpen: false };
  const sources: AdminSources = {
    names: () => ({ host: 'localhost', hosts: [] }),
    defect: (error) => t.fail(String(error)),
    metrics: async () => {
      seen.begun += 1;
      seen.most = Math.max(seen.most, waiting.size + 1);
      let release = () => {};
      if (!seen.isOpen) {
        await new Promise<void>((resolve) => {
          release = resolve;
          waiting.add(resolve);
        });
      }
      waiting.delete(release);
      return ['text/plain', 'metrics'];
    },
    readiness: () => ({ ready: true }) as ReturnType<AdminSources['readiness']>,
    routes: () => [],
    explain: async () => ({}),
  };
  const server = createAdminServer(sources);
  await listenOn(server, { host: '127.0.0.1', port: 0 });
  t.teardown(() => closeServer(server));
  const { port } = server.address() as { port: number };
  const open = () => {
    seen.isOpen = true;
    for (const release of waiting) release();
  };
  const client = async () => {
    const one = await connectRaw(port);
    t.teardown(() => one.destroy());
    return one;
  };
  return { server, port, seen, client, open };
}

test('the pages that one connection asks for are created one after the other', async (t) => {
  const { seen, client, open } = await startAdmin(t);
  const one = await client();
  one.write(METRICS.repeat(MANY));
  await until(() => seen.begun === 1, 'the first page');
  // Other connections have theirs meanwhile, which shows that begun pages are seen.
  const others = await Promise.all(Array.from({ length: 3 }, client));
  for (const other of others) other.write(METRICS);
  await until(() => seen.begun === 4, 'a page for each connection');
  t.is(seen.most, 4);
  open();
  await until(() => seen.begun === MANY + 3, 'each page in its turn', 60_000);
  const { responses } = await one.read({ until: MANY });
  t.is(responses.filter(({ status, body }) => status === 200 && body.toString() === 'metrics').length, MANY);
});

test('a connection on which requests wait does not keep the port from closing', async (t) => {
  const { server, seen, client } = await startAdmin(t);
  const one = await client();
  one.write(METRICS.repeat(MANY));
  await until(() => seen.begun === 1, 'the first page');
  await closeServer(server);
  t.not((await one.read({ until: 'close' })).ended, 'timeout');
  t.is(seen.begun, 1);
});

test('an upgrade is ignored, or refused where it is to WebSocket or a tunnel', async (t) => {
  const { port, open } = await startAdmin(t);
  open();
  const fields = (protocol: string) => `Host: localhost\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
  for (const [request, status] of [
    [`GET /metrics HTTP/1.1\r\n${fields('h2c')}`, '200'],
    [`GET /metrics HTTP/1.1\r\n${fields('websocket')}`, '400'],
    ['CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n', '400'],
  ] as const) {
    const socket = connect({ port, host: '127.0.0.1' });
    t.teardown(() => void socket.destroy());
    socket.write(request);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    await until(() => text.includes('\r\n\r\n'), 'an answer');
    t.is(text.slice(9, 12), status, request);
  }
});
