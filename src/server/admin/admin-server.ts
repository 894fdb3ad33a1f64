import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { replyWith } from '../../errors/reply.ts';
import type { Readiness } from '../../observe/health.ts';
import { isLoopback, unmapped } from '../../request/address.ts';
import { sendRawReply } from '../answer.ts';
import { Turns } from '../turns.ts';
import { type AdminNames, callerFlaw } from './caller.ts';

/** Sources of the pages of the admin port. */
export interface AdminSources {
  /** Read for each request: a reload may change them. */
  names(): AdminNames;
  /** Reports an error that no code expects, in the page of this path. */
  defect(error: unknown, page: string): void;
  /** In Prometheus' text form. */
  metrics(): Promise<readonly [contentType: string, body: string]>;
  readiness(): Readiness;
  /** The route table in match order. */
  routes(): object;
  /** What the gateway would do with a request described in JSON; a text says what is wrong with the description. */
  explain(question: unknown): Promise<object | string>;
}

type Page = readonly [status: number, contentType: string, body: string, allow?: string];

const JSON_TYPE = 'application/json';
/** A token of 8 KiB, headers of 16 KiB, and what JSON adds to them. */
const MAX_QUESTION = 64 * 1024;

/** The server for probes and operators. It has nothing to do with the public port and shares no path with it. */
export function createAdminServer(sources: AdminSources): Server {
  const latest = new WeakMap<Socket, ServerResponse>();
  const server = createServer((request, response) => {
    latest.set(request.socket, response);
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    void answer(request, response, path, sources); // never rejects
  });
  takeTurns(server, new Turns((socket) => latest.get(socket)));
  return server;
}

/** One client could have thousands of pages created at the same time: each of its requests waits for the one before. */
function takeTurns(server: Server, turns: Turns): void {
  turns.watch(server);
  for (const event of ['upgrade', 'connect']) {
    server.on(event, (request: IncomingMessage, socket: Socket, early: Buffer) => {
      if (turns.take(request, socket, early)) return;
      socket.on('error', () => socket.destroy());
      sendRawReply(NO_UPGRADE, socket);
    });
  }
  const closeAll = server.closeAllConnections.bind(server);
  server.closeAllConnections = () => {
    closeAll();
    turns.cut(); // node does not know a connection on which a request waits
  };
}

const NO_UPGRADE = replyWith(400, JSON_TYPE, `${JSON.stringify({ error: 'the admin port speaks plain HTTP/1.1' })}\n`);

/** Never rejects: what goes wrong is reported, and the caller gets a 500 without its reason. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  sources: AdminSources,
): Promise<void> {
  try {
    send(await pageFor(request, path, sources), response);
  } catch (error) {
    // A client that aborts its request needs no answer, and that is not a defect.
    if (request.destroyed && !request.complete) return;
    sources.defect(error, `admin ${pageName(path)}`);
    if (response.headersSent) response.destroy();
    else send(problem(500, 'this page could not be made; the log has the reason'), response);
  }
}

/** An arbitrary path from a client does not belong in the log. */
function pageName(path: string): string {
  return path === '/explain' || Object.hasOwn(PATHS, path) ? path : 'page';
}

function send([status, contentType, body, allow]: Page, response: ServerResponse): void {
  const headers = { 'content-type': contentType, 'cache-control': 'no-store', ...(allow ? { allow } : {}) };
  response.writeHead(status, headers).end(body);
}

async function pageFor(request: IncomingMessage, path: string, sources: AdminSources): Promise<Page> {
  const flaw = callerFlaw(request, path, sources.names());
  if (flaw) return problem(flaw.status, flaw.error);
  if (path === '/explain') return explainPage(request, sources);
  if (!Object.hasOwn(PATHS, path))
    return problem(404, 'there is no such page; there are /livez, /readyz, /metrics, /routes and /explain');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return problem(405, 'GET and HEAD are taken here', 'GET, HEAD');
  switch (PATHS[path]) {
    case 'metrics':
      return [200, ...(await sources.metrics())];
    case 'readiness': {
      const state = sources.readiness();
      return [state.ready ? 200 : 503, JSON_TYPE, `${JSON.stringify(state)}\n`];
    }
    case 'routes':
      return [200, JSON_TYPE, `${JSON.stringify(sources.routes())}\n`];
    default:
      return [200, JSON_TYPE, '{"live":true}\n'];
  }
}

const PATHS: Readonly<Record<string, 'liveness' | 'readiness' | 'metrics' | 'routes'>> = {
  '/livez': 'liveness',
  '/readyz': 'readiness',
  '/metrics': 'metrics',
  '/routes': 'routes',
};

/** It reveals what upstreams get and what tokens contain: for clients on this machine only, whatever address the port is bound to. */
async function explainPage(request: IncomingMessage, { explain }: AdminSources): Promise<Page> {
  if (!isLoopback(unmapped(request.socket.remoteAddress ?? '')))
    return problem(403, '/explain answers on this machine alone');
  if (request.method !== 'POST') return problem(405, 'POST is taken here', 'POST');
  const text = await readBody(request);
  if (text === undefined) return problem(413, 'the question is longer than 64 KiB');
  let question: unknown;
  try {
    question = JSON.parse(text);
  } catch {
    return problem(400, 'the body is not JSON');
  }
  const answer = await explain(question);
  return typeof answer === 'string' ? problem(400, answer) : [200, JSON_TYPE, `${JSON.stringify(answer)}\n`];
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_QUESTION) chunks.push(chunk);
  }
  return size <= MAX_QUESTION ? Buffer.concat(chunks).toString('utf8') : undefined;
}

function problem(status: number, error: string, allow?: string): Page {
  const body = `${JSON.stringify({ error })}\n`;
  return allow === undefined ? [status, JSON_TYPE, body] : [status, JSON_TYPE, body, allow];
}
