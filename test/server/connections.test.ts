import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { needsOpenssl } from '../support/certificates.ts';
import { codeOf, requestBytes, startBehind, type TestGateway } from '../support/gateway.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startSecure } from '../support/secure-gateway.ts';
import { until } from '../support/until.ts';
import { handshakeHeaders } from '../support/websocket.ts';

const LIMITS = { limits: { maxConnections: 2 } };

async function hold(t: ExecutionContext, gateway: TestGateway, count: number, ...secure: object[]) {
  const held = await Promise.all(Array.from({ length: count }, () => connectRaw(gateway.port, ...secure)));
  for (const client of held) {
    t.teardown(() => client.destroy());
    client.write(requestBytes());
    t.is((await client.read()).responses[0]?.status, 401);
  }
  return held;
}

test('a request on a connection too many gets 503, and it closes; those that are open go on', async (t) => {
  const { gateway, upstream } = await startBehind(t, { listen: LIMITS });
  const [first, second] = await hold(t, gateway, 2);
  const headers = [gateway.bearer()];
  for (const bytes of [
    requestBytes({ headers }),
    requestBytes({ headers }) + requestBytes({ headers }),
    requestBytes({ headers: [...headers, ...handshakeHeaders()] }),
    requestBytes({ method: 'POST', headers: [...headers, ['Content-Length', '1000']], body: 'begun' }),
  ]) {
    const { responses, ended } = await gateway.send(bytes, { until: 'close' });
    t.is(ended, 'close');
    t.is(responses.length, 1);
    t.deepEqual([responses[0]?.status, responses[0] && codeOf(responses[0])], [503, 'gateway.saturated']);
    t.is(responses[0]?.header('connection'), 'close');
    t.regex(responses[0]?.header('retry-after') ?? '', /^\d+$/);
  }
  t.is(upstream.requests.length, 0);
  await gateway.waitForLine(({ code, status }) => code === 'gateway.saturated' && status === 503);
  first?.write(requestBytes({ headers }));
  t.is((await first?.read({ until: 2 }))?.responses[1]?.status, 200);
  second?.destroy();
  await until(async () => (await gateway.ask(requestBytes({ headers }))).status === 200, 'the place is free again');
});

needsOpenssl('over TLS too', async (t) => {
  const { gateway, secure } = await startSecure(t, { listening: LIMITS });
  await hold(t, gateway, 2, secure);
  const { responses, ended } = await gateway.send(requestBytes(), { until: 'close', secure });
  t.deepEqual([responses[0]?.status, ended], [503, 'close']);
});

test('connections too many that bring no request are bounded, and closed', async (t) => {
  const { gateway } = await startBehind(t, { listen: LIMITS });
  await hold(t, gateway, 2);
  let closed = 0;
  const silent = Array.from({ length: 80 }, () => connect(gateway.port, '127.0.0.1'));
  for (const socket of silent as readonly Socket[]) {
    socket.on('error', () => {}).on('close', () => (closed += 1));
    socket.resume();
    t.teardown(() => void socket.destroy());
  }
  await until(() => closed >= 16, 'those beyond what is spare are closed at once');
  await Promise.all(silent.filter(({ destroyed }) => !destroyed).map((socket) => once(socket, 'close')));
  t.is(closed, 80);
});
