import { createServer, type Server } from 'node:http';
import type { Readiness } from './health.ts';
import type { Metrics } from './metrics.ts';

/** What the admin port can ask of the gateway. */
export interface AdminSources {
  readonly metrics: Metrics;
  readiness(): Readiness;
}

type Page = readonly [status: number, contentType: string, body: string];

const JSON_TYPE = 'application/json';

/** The server for probes and operators. It has nothing to do with the public port and shares no path with it. */
export function createAdminServer(sources: AdminSources): Server {
  return createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    pageFor(request.method ?? '', path, sources)
      .catch((): Page => [500, JSON_TYPE, '{"error":"this page could not be made"}\n'])
      .then(([status, contentType, body]) => {
        response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body);
      });
  });
}

async function pageFor(method: string, path: string, { metrics, readiness }: AdminSources): Promise<Page> {
  if (!Object.hasOwn(PATHS, path))
    return [404, JSON_TYPE, '{"error":"there is no such page; there are /livez, /readyz and /metrics"}\n'];
  if (method !== 'GET' && method !== 'HEAD') return [405, JSON_TYPE, '{"error":"GET and HEAD are taken here"}\n'];
  switch (PATHS[path]) {
    case 'metrics':
      return [200, ...(await metrics.page())];
    case 'readiness': {
      const state = readiness();
      return [state.ready ? 200 : 503, JSON_TYPE, `${JSON.stringify(state)}\n`];
    }
    default:
      return [200, JSON_TYPE, '{"live":true}\n'];
  }
}

const PATHS: Readonly<Record<string, 'liveness' | 'readiness' | 'metrics'>> = {
  '/livez': 'liveness',
  '/readyz': 'readiness',
  '/metrics': 'metrics',
};
