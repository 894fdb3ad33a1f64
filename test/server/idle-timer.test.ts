import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { keepIdleTimers } from '../../src/server/idle-timer.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { connectRaw } from '../support/raw-client.ts';

const AN_HOUR = 3_600_000;

/** node's server with one connection, of which `connection` is its side; a request is answered when the test does so. */
async function startServer(t: ExecutionContext, keepAlive: number) {
  const server = createServer();
  server.keepAliveTimeout = keepAlive;
  keepIdleTimers(server);
  t.teardown(() => closeNow(server));
  const { port } = await listenOnLoopback(server);
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const client = await connectRaw(port);
  t.teardown(() => client.destroy());
  const [connection] = await connected;
  const ask = async () => {
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const [, response] = await once(server, 'request');
    return response as ServerResponse;
  };
  const answer = async (response: ServerResponse) => {
    const closed = once(response, 'close');
    response.end();
    await closed;
  };
  return { connection, ask, answer };
}

test('a connection closes that is idle for as long as it may be', async (t) => {
  const { connection, ask, answer } = await startServer(t, 1);
  await answer(await ask());
  await once(connection, 'close');
  t.true(connection.destroyed);
});

test('a timer that fires while a request is under way closes nothing, and one is there again behind its answer', async (t) => {
  const { connection, ask, answer } = await startServer(t, AN_HOUR);
  await answer(await ask());
  const second = await ask();
  t.true((connection.timeout ?? 0) >= AN_HOUR, 'it is not taken off');
  connection.emit('timeout');
  t.false(connection.destroyed);
  await answer(second);
  connection.emit('timeout');
  t.true(connection.destroyed);
});

test('the timer of a new connection closes nothing: neither before its first request nor under it', async (t) => {
  const { connection, ask, answer } = await startServer(t, AN_HOUR);
  t.is(connection.timeout, AN_HOUR);
  connection.emit('timeout');
  const first = await ask();
  connection.emit('timeout');
  t.false(connection.destroyed);
  await answer(first);
  t.false(connection.destroyed);
});
