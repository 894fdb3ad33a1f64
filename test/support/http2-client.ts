import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { type ConnectionOptions, connect as connectSecurely } from 'node:tls';
import type { ExecutionContext } from 'ava';

type AnswerHeaders = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** What came back on a stream. */
export interface Http2Answer {
  readonly status: number | undefined;
  readonly headers: AnswerHeaders;
  /** Interim answers before it. */
  readonly interim: readonly AnswerHeaders[];
  readonly body: string;
  /** Whether the stream came to a clean end: END_STREAM, and no reset but one without an error behind it. */
  readonly complete: boolean;
  /** Of RST_STREAM, 0 where there was none. */
  readonly rstCode: number;
}

/** A connection of HTTP/2 to a gateway on this machine; it ends with the test. */
export async function connectHttp2(
  t: ExecutionContext,
  port: number,
  secure: ConnectionOptions,
  options: Parameters<typeof connect>[1] = {},
): Promise<ClientHttp2Session> {
  const session = connect(`https://localhost:${port}`, {
    ...options,
    createConnection: () => connectSecurely({ port, host: '127.0.0.1', ...secure, ALPNProtocols: ['h2'] }),
  });
  t.teardown(() => session.destroy());
  await new Promise<void>((resolve, reject) => {
    session.once('connect', () => resolve());
    session.once('error', reject);
  });
  session.off('error', () => {}).on('error', () => {}); // tests look at what they are about
  return session;
}

/** The fields of a request, the usual ones filled in. */
export function fieldsOf(fields: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
  return { ':method': 'GET', ':path': '/', ':authority': 'api.example.com', ...fields };
}

/** Sends a request and waits for the end of its stream, whichever it is. */
export function askHttp2(
  session: ClientHttp2Session,
  fields?: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Http2Answer> {
  const stream = session.request(fieldsOf(fields), { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return answerOf(stream);
}

/** What comes back on a stream, once it is over. */
export function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  const interim: AnswerHeaders[] = [];
  const chunks: Buffer[] = [];
  let headers: AnswerHeaders = {};
  let ended = false;
  stream.on('headers', (fields) => interim.push(fields));
  stream.on('response', (fields) => {
    headers = fields;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    ended = true;
  });
  stream.on('error', () => {});
  return new Promise((resolve) => {
    stream.on('close', () => {
      const rstCode = stream.rstCode ?? 0;
      const body = Buffer.concat(chunks).toString('latin1');
      const complete = ended && rstCode === 0 && headers[':status'] !== undefined;
      resolve({ status: headers[':status'], headers, interim, body, complete, rstCode });
    });
  });
}
