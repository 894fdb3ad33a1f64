import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A running part of the demo world. */
export interface DemoServer {
  /** Where it listens: `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and cuts what is open. */
  close(): Promise<void>;
}

/** What a demo endpoint is asked. */
export interface Question {
  readonly headers: IncomingHttpHeaders;
  /** undefined when it was longer than 16 KiB. */
  readonly body: string | undefined;
}

/** What it answers: a status and JSON. */
export interface Answer {
  readonly status: number;
  readonly json: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Endpoint = (question: Question) => Answer;

/** Paths, and for each path its methods. HEAD comes with GET. */
export type Endpoints = Readonly<Record<string, Readonly<Record<string, (question: Question) => Answer>>>>;

const MAX_BODY = 16 * 1024;

/**
 * Serves JSON endpoints on 127.0.0.1 and nowhere else: the demo's passwords are public. Port 0 takes a free one.
 * Rejects when the port is taken.
 */
export async function startDemoServer(port: number, endpoints: (port: number) => Endpoints): Promise<DemoServer> {
  let table = new Map<string, ReadonlyMap<string, Endpoint>>();
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    // What is left to fail here is the connection: a client that went away in the middle of its request.
    answerRequest(request, response, table).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  const taken = (server.address() as AddressInfo).port;
  table = new Map(Object.entries(endpoints(taken)).map(([path, methods]) => [path, new Map(Object.entries(methods))]));
  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  table: ReadonlyMap<string, ReadonlyMap<string, Endpoint>>,
): Promise<void> {
  const path = (request.url ?? '/').replace(/\?.*$/s, '');
  send(response, await answerTo(request, path, table.get(path)));
}

async function answerTo(
  request: IncomingMessage,
  path: string,
  methods: ReadonlyMap<string, Endpoint> | undefined,
): Promise<Answer> {
  if (!methods) return { status: 404, json: { error: 'not_found', path } };
  const endpoint = methods.get(request.method === 'HEAD' ? 'GET' : (request.method ?? ''));
  if (endpoint) return endpoint({ headers: request.headers, body: await readBody(request) });
  const allow = [...methods.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
  return { status: 405, json: { error: 'method_not_allowed', allow }, headers: { allow } };
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read to the end all the same: a client in the middle of sending would see a reset instead of the answer.
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  return size <= MAX_BODY ? Buffer.concat(chunks).toString('utf8') : undefined;
}

function send(response: ServerResponse, { status, json, headers }: Answer): void {
  const body = `${JSON.stringify(json)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}
