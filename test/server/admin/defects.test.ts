import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { createAdminServer } from '../../../src/server/admin/admin-server.ts';
import { until } from '../../support/until.ts';

/** An admin port of which no page can be made. */
async function startBroken(t: ExecutionContext) {
  const broken = () => {
    throw new Error('provoked by a test, with a hidden-reason');
  };
  const defects: string[] = [];
  const server = createAdminServer({
    names: () => ({ host: '127.0.0.1', hosts: [] }),
    defect: (error, page) => void defects.push(`${page}: ${(error as Error).message}`),
    metrics: async () => broken(),
    readiness: broken,
    routes: broken,
    explain: async () => broken(),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, defects };
}

test('a page that cannot be made is a 500 without the reason, which the log gets with the name of the page', async (t) => {
  const { url, defects } = await startBroken(t);
  for (const path of ['/metrics', '/readyz', '/routes', '/explain']) {
    const answer = await fetch(url + path, path === '/explain' ? { method: 'POST', body: '{}' } : {});
    t.is(answer.status, 500, path);
    t.false((await answer.text()).includes('hidden-reason'), path);
    t.is(defects.at(-1), `admin ${path}: provoked by a test, with a hidden-reason`);
  }
  t.is(defects.length, 4);
  t.is((await fetch(`${url}/livez`)).status, 200, 'the port goes on');
});

test('a client that breaks off its question is not a defect', async (t) => {
  const { port, url, defects } = await startBroken(t);
  const socket = connect(port, '127.0.0.1');
  socket.write('POST /explain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"meth');
  await until(async () => (await fetch(`${url}/livez`)).status === 200, 'the port has read it', 20_000);
  socket.resetAndDestroy();
  await once(socket, 'close');
  for (let turns = 0; turns < 20; turns += 1) await fetch(`${url}/livez`);
  t.deepEqual(defects, []);
});
