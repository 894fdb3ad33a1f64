import { createServer, type IncomingHttpHeaders } from 'node:http';
import jsonServer from 'json-server';
import { closeNow, listenOnLoopback } from './listen.ts';

/** A request as the legacy API saw it. */
export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
}

const DB = {
  orders: [
    { id: 1, item: 'keyboard', quantity: 2, tenant: 'acme' },
    { id: 2, item: 'screen', quantity: 1, tenant: 'acme' },
    { id: 3, item: 'desk', quantity: 1, tenant: 'globex' },
  ],
  users: [
    { id: 1, name: 'Ada' },
    { id: 2, name: 'Grace' },
  ],
};

/** Starts the npm package json-server, a third party's API, with `/orders` and `/users` in memory. */
export async function startJsonServer(): Promise<{
  readonly url: string;
  readonly port: number;
  /** Every request, in order. */
  readonly seen: SeenRequest[];
  close(): Promise<void>;
}> {
  const seen: SeenRequest[] = [];
  const app = jsonServer.create();
  app.use(({ method = '', url = '', headers, rawHeaders }, _response, next) => {
    seen.push({ method, url, headers: { ...headers }, rawHeaders: [...rawHeaders] });
    next();
  });
  app.use(jsonServer.router(structuredClone(DB)));
  const server = createServer(app);
  const { url, port } = await listenOnLoopback(server);
  return { url, port, seen, close: () => closeNow(server) };
}
