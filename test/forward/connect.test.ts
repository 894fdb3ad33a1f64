import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { Pool } from 'undici';
import { createConnector, tlsOptions } from '../../src/forward/connect.ts';
import { makeSelfSigned, needsOpenssl } from '../support/certificates.ts';
import { listenOnLoopback } from '../support/listen.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n';

interface Told {
  readonly body: string;
  readonly error: Error | undefined;
}

/** Reads one answer and pauses at its first piece until `resumeWhen` says so. */
function readSlowly(pool: Pool, resumeWhen: Promise<unknown>): Promise<Told> {
  return new Promise((resolve) => {
    let body = '';
    let resume = () => {};
    pool.dispatch(
      { method: 'GET', path: '/', headers: [] },
      {
        onConnect() {},
        onHeaders(_status, _headers, go) {
          resume = go;
          return true;
        },
        onData(chunk) {
          const isFirst = body === '';
          body += chunk.toString();
          if (isFirst) void resumeWhen.then(() => resume());
          return !isFirst;
        },
        onComplete: () => resolve({ body, error: undefined }),
        onError: (error) => resolve({ body, error }),
      },
    );
  });
}

/** An upstream, how it ends its answer, and a promise for that its end has arrived: it comes before what is asked later. */
async function answerThenEnd(t: ExecutionContext, server: Server, tls: Parameters<typeof createConnector>[1]) {
  let ended = (_: unknown) => {};
  const isOver = new Promise((resolve) => {
    ended = resolve;
  });
  const sockets = new Set<Socket>();
  server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(HEAD);
      socket.write('the beginning');
      socket.end(() => ended(undefined));
    });
  });
  const { url } = await listenOnLoopback(server);
  const pool = new Pool(tls ? url.replace('http:', 'https:') : url, { connect: createConnector(2_000, tls) });
  t.teardown(async () => {
    await pool.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { pool, isOver: isOver.then(turns) };
}

/** Long enough for bytes that are already on a loopback connection to be read: several turns of the event loop. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
}

test('an answer that ends while it is paused for a slow client is whole', async (t) => {
  const { pool, isOver } = await answerThenEnd(t, createServer(), undefined);
  t.deepEqual(await readSlowly(pool, isOver), { body: 'the beginning', error: undefined });
});

needsOpenssl('over TLS too', async (t) => {
  const pair = makeSelfSigned();
  const tls = tlsOptions('https://localhost', {
    ca: pair.cert,
    cert: undefined,
    key: undefined,
    serverName: undefined,
  });
  const { pool, isOver } = await answerThenEnd(t, createTlsServer(pair), tls);
  t.deepEqual(await readSlowly(pool, isOver), { body: 'the beginning', error: undefined });
});
