import { createServer, type Socket } from 'node:net';
import { readBody, readHead, type WireHeader } from './http-bytes.ts';
import { listenOnLoopback } from './listen.ts';

/** A request as it stood on the wire. It is there as soon as its head is; the rest is filled in as it arrives. */
export interface RecordedRequest {
  /** Request line and headers, without the empty line. */
  readonly head: string;
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: readonly WireHeader[];
  /** Values of the headers with this name, in any case. */
  values(name: string): string[];
  readonly connection: RecordedConnection;
  body: Buffer;
  trailers: readonly WireHeader[];
  complete: boolean;
}

/** A connection, and every byte that came on it. */
export interface RecordedConnection {
  readonly socket: Socket;
  received(): Buffer;
  /** Whether it has not been closed yet, by either side. */
  open: boolean;
  /** Whether the other side ended it by a reset. */
  reset: boolean;
}

/**
 * Gives the exact bytes of an answer (text is Latin-1), or undefined to say nothing or to write to the socket itself.
 * After an answer that begins with `HTTP/1.1 101` the connection is not parsed any more.
 */
export type UpstreamAnswer = (
  request: RecordedRequest,
  socket: Socket,
) => string | Buffer | undefined | Promise<string | Buffer | undefined>;

export interface RecordingUpstream {
  readonly url: string;
  readonly port: number;
  /** In the order in which their heads arrived. */
  readonly requests: RecordedRequest[];
  readonly connections: RecordedConnection[];
  /** Waits until this many requests are complete, and answers them. Rejects after `timeoutMs` (30 s). */
  waitForRequests(count: number, timeoutMs?: number): Promise<readonly RecordedRequest[]>;
  /** Waits until `holds` does; it is looked at whenever something arrives or closes. */
  waitUntil(holds: () => boolean, what: string, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** The bytes of an answer with a Content-Length. */
export function rawResponse(status: number, body = '', headers: readonly WireHeader[] = []): string {
  const lines = [...headers, ['Content-Length', String(Buffer.byteLength(body, 'latin1'))]];
  return `HTTP/1.1 ${status} Status\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

const sayOk: UpstreamAnswer = ({ method }) =>
  method === 'HEAD'
    ? 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n'
    : 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok';

/**
 * Starts a server that is no HTTP library: it records what arrives byte for byte, and answers the bytes it is given
 * (200 `ok` and keep-alive by default), one request after the other. With `answerOn: 'head'` it answers before the body.
 */
export async function startRecordingUpstream(
  answer: UpstreamAnswer = sayOk,
  { answerOn = 'end' }: { readonly answerOn?: 'head' | 'end' } = {},
): Promise<RecordingUpstream> {
  const requests: RecordedRequest[] = [];
  const connections: RecordedConnection[] = [];
  const watchers = new Set<() => void>();
  const changed = () => {
    for (const watcher of watchers) watcher();
  };
  const server = createServer({ allowHalfOpen: false }, (socket) => {
    record(socket, { requests, connections, answer, answerOn, changed });
  });
  const { url, port } = await listenOnLoopback(server);

  const waitUntil = (holds: () => boolean, what: string, timeoutMs = 30_000): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        watchers.delete(look);
        act();
      };
      const look = () => holds() && settle(resolve);
      const timer = setTimeout(() => settle(() => reject(new Error(`not within ${timeoutMs} ms: ${what}`))), timeoutMs);
      watchers.add(look);
      look();
    });
  const complete = () => requests.filter((request) => request.complete);
  return {
    url,
    port,
    requests,
    connections,
    waitUntil,
    waitForRequests: async (count, timeoutMs) => {
      await waitUntil(() => complete().length >= count, `${count} complete requests`, timeoutMs);
      return complete();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const { socket } of connections) socket.destroy();
      }),
  };
}

interface Recording {
  readonly requests: RecordedRequest[];
  readonly connections: RecordedConnection[];
  readonly answer: UpstreamAnswer;
  readonly answerOn: 'head' | 'end';
  readonly changed: () => void;
}

function record(socket: Socket, { requests, connections, answer, answerOn, changed }: Recording): void {
  const chunks: Buffer[] = [];
  const connection: RecordedConnection = { socket, received: () => Buffer.concat(chunks), open: true, reset: false };
  connections.push(connection);
  let pending: Buffer = Buffer.alloc(0);
  let current: { request: RecordedRequest; headLength: number } | undefined;
  let parsing = true;
  let turn: Promise<void> = Promise.resolve();

  // A handler that throws ends the connection and fails the test, as an unhandled rejection.
  const respond = (request: RecordedRequest): void => {
    turn = turn.then(async () => {
      try {
        const bytes = await answer(request, socket);
        if (bytes === undefined || socket.destroyed) return;
        const sent = Buffer.from(bytes as string, 'latin1');
        if (sent.toString('latin1', 0, 12) === 'HTTP/1.1 101') parsing = false;
        socket.write(sent);
      } catch (error) {
        socket.destroy();
        throw error;
      }
    });
  };

  const parse = (): void => {
    while (parsing) {
      if (!current) {
        const head = readHead(pending);
        if (!head) return;
        const [method = '', target = '', version = ''] = head.firstLine.split(' ');
        const values = (name: string) =>
          head.headers.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
        const request: RecordedRequest = {
          ...{ head: head.text, method, target, version, headers: head.headers, values, connection },
          ...{ body: Buffer.alloc(0), trailers: [], complete: false },
        };
        requests.push(request);
        current = { request, headLength: head.length };
        if (answerOn === 'head') respond(request);
      }
      const { request, headLength } = current;
      const { body, trailers, length, complete } = readBody(pending.subarray(headLength), request.headers, 'empty');
      Object.assign(request, { body, trailers, complete });
      if (!complete) return;
      pending = pending.subarray(headLength + length);
      current = undefined;
      if (answerOn === 'end') respond(request);
    }
  };

  socket.on('data', (chunk) => {
    chunks.push(chunk);
    if (parsing) {
      pending = Buffer.concat([pending, chunk]);
      parse();
    }
    changed();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    connection.reset = error.code === 'ECONNRESET';
  });
  socket.on('close', () => {
    connection.open = false;
    changed();
  });
}
