import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import type Zlib from 'node:zlib';
import { OWN_NAME } from '../request/head.ts';

/** A question to an issuer. */
export interface Question {
  /** GET where absent. */
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** What came of it: the status, and the body as it comes. Whoever does not read the body cancels it. */
export interface Answer {
  readonly status: number;
  readonly body: AnswerBody | null;
}

export interface AnswerBody extends AsyncIterable<Uint8Array> {
  cancel(): unknown;
}

/** Asks over the network and follows no redirects. Rejects with what went wrong, or with the signal's reason. */
export type Ask = (url: string, question: Question) => Promise<Answer>;

/**
 * Asks by node's own HTTP client: what stands behind the global `fetch` takes a process several MiB. It sends no credentials
 * that an address brings along. An answer that is compressed
 * although nothing of the kind was asked for is taken apart all the same: some stores keep their documents so.
 */
export const ask: Ask = async (url, question) => {
  const message = await answerOf(new URL(url), question);
  const body = plainBody(message);
  return {
    status: message.statusCode ?? 0,
    body: { cancel: () => message.destroy(), [Symbol.asyncIterator]: () => read(message, body, question.signal) },
  };
};

function answerOf(url: URL, question: Question, again = false): Promise<IncomingMessage> {
  if (url.username !== '' || url.password !== '') throw new TypeError('the address has credentials in it');
  const { signal } = question;
  return new Promise((resolve, reject) => {
    const request = send(url, question);
    request.on('response', resolve);
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (signal?.aborted) reject(signal.reason);
      // The other side closed an idle connection just as it was taken again. Whatever is asked here may be asked twice.
      else if (request.reusedSocket && error.code === 'ECONNRESET' && !again) resolve(answerOf(url, question, true));
      else reject(error);
    });
  });
}

function send(url: URL, { method = 'GET', headers, body = '', signal }: Question): ClientRequest {
  const all = { 'user-agent': OWN_NAME, 'accept-encoding': 'identity', ...headers };
  const length = method === 'GET' ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const options = { method, headers: { ...all, ...length }, ...(signal && { signal }) };
  const request = url.protocol === 'https:' ? https.request(url, options) : http.request(url, options);
  request.end(body);
  return request;
}

/** The body without its content coding. */
function plainBody(message: IncomingMessage): Readable {
  const coding = message.headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (coding === 'identity' || coding === '') return message;
  // Hardly ever needed, and the largest part of node's own that would be.
  const zlib: typeof Zlib = createRequire(import.meta.url)('node:zlib');
  const decoder =
    coding === 'gzip' || coding === 'x-gzip' || coding === 'deflate'
      ? zlib.createUnzip()
      : coding === 'br'
        ? zlib.createBrotliDecompress()
        : undefined;
  if (decoder === undefined) {
    message.destroy();
    throw new Error(`it came in the content coding ${coding}`);
  }
  decoder.on('error', () => {}); // nobody may be reading yet; whoever does is told
  message.on('error', (error) => decoder.destroy(error));
  return message.pipe(decoder);
}

async function* read(message: IncomingMessage, body: Readable, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    message.destroy();
  }
}
