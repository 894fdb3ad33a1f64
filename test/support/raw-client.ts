import { connect } from 'node:net';
import { type ConnectionOptions, connect as connectSecurely } from 'node:tls';
import { readBody, readHead, type WireHeader } from './http-bytes.ts';

/** An answer as it stood on the wire. */
export interface RawResponse {
  readonly status: number;
  /** Status line and headers, without the empty line. */
  readonly head: string;
  readonly headers: readonly WireHeader[];
  /** The first header of this name, in any case. */
  header(name: string): string | undefined;
  readonly body: string;
  readonly trailers: readonly WireHeader[];
  /** Whether the body ended as its framing said: false for a cut answer. A body that lasts until the close is complete by it. */
  readonly complete: boolean;
}

export interface RawExchange {
  /** Everything that came back, as Latin-1. */
  readonly raw: string;
  /** Interim answers (1xx) included. */
  readonly responses: readonly RawResponse[];
  /** Why waiting ended. */
  readonly ended: 'close' | 'reset' | 'responses' | 'timeout';
}

export interface RawOptions {
  /** What to wait for: this many final answers (1), the other side's close, or all that comes until the timeout. */
  readonly until?: 'close' | 'timeout' | number;
  /** Default 30000. */
  readonly timeoutMs?: number;
  /** Ends our side behind the bytes, as a client does that has no more to say. */
  readonly half?: boolean;
  /** Speaks TLS, with these settings. */
  readonly secure?: ConnectionOptions;
}

export interface RawConnection {
  /** Sends exactly these bytes; text is Latin-1. */
  write(bytes: string | Buffer): void;
  /** Ends our side and goes on listening. */
  end(): void;
  /** Cuts the connection; `reset` by RST. */
  destroy(how?: 'reset'): void;
  /** Waits, then tells all that has come since the connection began. Rejects, with what came, when it waited in vain. */
  read(options?: RawOptions): Promise<RawExchange>;
}

/** The answers without the interim ones before them (RFC 9110 §15.2). */
export function finals(responses: readonly RawResponse[]): readonly RawResponse[] {
  return responses.filter(({ status }) => status >= 200 || status === 101);
}

/** Opens a connection on 127.0.0.1 on which one says every byte oneself; the bytes within TLS where `secure` is given. */
export async function connectRaw(port: number, secure?: ConnectionOptions): Promise<RawConnection> {
  const where = { port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true };
  const socket = secure ? connectSecurely({ ...where, ...secure }) : connect(where);
  const chunks: Buffer[] = [];
  const methods: string[] = [];
  let closed: 'close' | 'reset' | undefined;
  let changed = () => {};
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    changed();
  });
  const close = (how: 'close' | 'reset') => () => {
    closed ??= how;
    changed();
  };
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject).once(secure ? 'secureConnect' : 'connect', () => {
      socket.removeListener('error', reject);
      resolve();
    });
  });
  socket.on('error', close('reset')).on('end', close('close')).on('close', close('close'));

  const look = (until: 'close' | 'timeout' | number): RawExchange | undefined => {
    const bytes = Buffer.concat(chunks);
    const responses = readResponses(bytes, methods, closed === 'close');
    const raw = bytes.toString('latin1');
    const finals = responses.filter(({ status, complete }) => (status >= 200 || status === 101) && complete);
    if (typeof until === 'number' && finals.length >= until) return { raw, responses, ended: 'responses' };
    return closed ? { raw, responses, ended: closed } : undefined;
  };
  return {
    write: (bytes) => {
      const method = /^([A-Z]+) \S+ HTTP\/1\.\d\r\n/.exec(bytes.toString('latin1'))?.[1];
      if (method) methods.push(method);
      socket.write(bytes as string, 'latin1');
    },
    end: () => void socket.end(),
    destroy: (how) => void (how === 'reset' ? socket.resetAndDestroy() : socket.destroy()),
    read: ({ until = 1, timeoutMs = 30_000 } = {}) =>
      new Promise((resolve, reject) => {
        const settle = (act: () => void) => {
          clearTimeout(timer);
          changed = () => {};
          act();
        };
        const timer = setTimeout(() => {
          const bytes = Buffer.concat(chunks);
          const raw = bytes.toString('latin1');
          if (until === 'timeout') {
            settle(() => resolve({ raw, responses: readResponses(bytes, methods, false), ended: 'timeout' }));
          } else {
            settle(() => reject(new Error(`waited ${timeoutMs} ms for ${until}; came: ${JSON.stringify(raw)}`)));
          }
        }, timeoutMs);
        changed = () => {
          const exchange = look(until);
          if (exchange) settle(() => resolve(exchange));
        };
        changed();
      }),
  };
}

/**
 * Sends exactly these bytes on a connection of their own and tells what came back. Rejects, with what came, when the
 * answers or the close it waits for do not come in time; a close before the answers is told, not an error.
 */
export async function sendRaw(port: number, bytes: string | Buffer, options: RawOptions = {}): Promise<RawExchange> {
  const connection = await connectRaw(port, options.secure);
  try {
    connection.write(bytes);
    if (options.half) connection.end();
    return await connection.read(options);
  } finally {
    connection.destroy();
  }
}

/** `methods` are those of the requests whose beginning was seen: an answer to HEAD has no body whatever it says. */
function readResponses(bytes: Buffer, methods: readonly string[], ended: boolean): RawResponse[] {
  const responses: RawResponse[] = [];
  let rest = bytes;
  let finals = 0;
  for (let head = readHead(rest); head; head = readHead(rest)) {
    const { text, headers, length } = head;
    const status = Number(head.firstLine.split(' ')[1]);
    const interim = status < 200 && status !== 101;
    const bodiless = interim || status === 204 || status === 304 || methods[finals] === 'HEAD';
    rest = rest.subarray(length);
    const read = bodiless
      ? { body: rest.subarray(0, 0), trailers: [], length: 0, complete: true }
      : readBody(rest, status === 101 ? [] : headers, 'until-close');
    const framed = headers.some(([name]) => /^(?:content-length|transfer-encoding)$/i.test(name));
    // Bytes after a 101 belong to another protocol; all of them are its body.
    const complete = read.complete || status === 101 || (!framed && ended);
    responses.push({
      ...{ status, head: text, headers, trailers: read.trailers, complete },
      header: (name) => headers.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1],
      body: read.body.toString('latin1'),
    });
    rest = rest.subarray(read.length);
    if (!interim) finals++;
  }
  return responses;
}
