import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { LeanRequest } from '../../src/request/incoming.ts';
import { closeNow, listenOnLoopback } from '../support/listen.ts';
import { sendRaw } from '../support/raw-client.ts';

/** Sends bytes to node's server with LeanRequest; answers what came back, and which fields node could see. */
async function exchange(t: ExecutionContext, bytes: string) {
  const seen: IncomingMessage['headers'][] = [];
  const expecting: boolean[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    seen.push(request.headers);
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    response.end(Buffer.concat(pieces));
  };
  const options = { IncomingMessage: LeanRequest, requireHostHeader: false, optimizeEmptyRequests: true };
  const server = createServer(options, serve);
  server.on('checkContinue', (request, response) => {
    expecting.push(true);
    response.writeContinue();
    void serve(request, response);
  });
  t.teardown(() => closeNow(server));
  const { port } = await listenOnLoopback(server);
  const { responses } = await sendRaw(port, bytes);
  return { responses, seen, expecting };
}

test('of a usual request node sees no field', async (t) => {
  const head =
    'GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nAccept: */*\r\nDT: 1\r\nConnection: close\r\n\r\n';
  const { responses, seen } = await exchange(t, head);
  t.is(responses[0]?.status, 200);
  t.deepEqual(seen, [{}]);
});

test('a body comes whole, however it is framed and its field is spelled', async (t) => {
  const sized = await exchange(t, 'PUT / HTTP/1.1\r\nhost: a\r\nCONTENT-length: 4\r\nConnection: close\r\n\r\nbody');
  t.is(sized.responses[0]?.body, 'body');
  t.deepEqual(sized.seen, [{ 'content-length': '4' }]);

  const chunked =
    'PUT / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nConnection: close\r\n\r\n4\r\nbody\r\n0\r\n\r\n';
  const inPieces = await exchange(t, chunked);
  t.is(inPieces.responses[0]?.body, 'body');
  t.deepEqual(inPieces.seen, [{ 'transfer-encoding': 'chunked' }]);
});

test('an expectation is seen, and answered before the body', async (t) => {
  const head =
    'PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody';
  const { responses, expecting } = await exchange(t, head);
  t.deepEqual(
    responses.map(({ status }) => status),
    [100, 200],
  );
  t.deepEqual(expecting, [true]);
});

test('a request without a body is followed by the next one on its connection', async (t) => {
  const one = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  const last = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
  const { responses } = await exchange(t, one + one + last);
  t.deepEqual(
    responses.map(({ body }) => body),
    ['', '', 'ok'],
  );
});
