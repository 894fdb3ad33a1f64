import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { haproxyConfig } from './peers/haproxy.mjs';
import { passThroughConfig } from './peers/nginx.mjs';
import { CORE, outputOf, startListening, startServer } from './processes.mjs';
import { freePort, LISTENS } from './tools.mjs';

// What can be put under measurement. Each knows what it needs to be there, and starts one process of its own for a
// scenario: `{ child, origin, admin }`. `world` has the addresses of the upstream and the issuer, files with its keys, a
// folder for configurations, and which node runs what is written for it.

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export const SUBJECTS = {
  nginx: {
    missing: () => outputOf('nginx', ['-v']) === undefined && 'nginx is not installed (Debian: nginx-light)',
    async start({ folder, upstream }) {
      const port = await freePort();
      const own = join(folder, `nginx-${port}`);
      mkdirSync(own);
      const config = write(own, 'nginx.conf', passThroughConfig({ folder: own, port, upstream }));
      return startListening(CORE.measured, 'nginx', ['-e', 'stderr', '-p', own, '-c', config], port);
    },
  },
  undici: nodePeer('undici', []),
  'http-proxy': nodePeer('http-proxy', ['http-proxy']),
  haproxy: {
    missing: () => outputOf('haproxy', ['-v']) === undefined && 'haproxy is not installed (Debian: haproxy)',
    async start({ folder, upstream, issuer, keys }, { alg }) {
      const port = await freePort();
      const text = haproxyConfig({ port, upstream, issuer, alg, key: alg && keys[alg] });
      return startListening(CORE.measured, 'haproxy', ['-f', write(folder, `haproxy-${port}.cfg`, text)], port);
    },
  },
  fastify: nodePeer('fastify', ['fastify', '@fastify/http-proxy', '@fastify/jwt']),
  express: nodePeer('express', ['express', 'express-oauth2-jwt-bearer', 'http-proxy-middleware', 'morgan']),
  bearergate: {
    missing: () => false,
    async start({ node, nodeOptions, gateway, folder, issuer, upstream, cores = CORE.measured }, scenario) {
      const { cacheEntries, access = true, routes = 0, workers = 1 } = scenario;
      const env = {
        NODE_ENV: 'production',
        BENCH_ISSUER: issuer,
        BENCH_UPSTREAM: upstream,
        BENCH_CACHE_ENTRIES: String(cacheEntries),
        BENCH_ACCESS_LOG: String(access),
        BENCH_WORKERS: String(workers),
      };
      const config = routes === 0 ? here('gateway.yaml') : withRoutes(folder, routes);
      const args = [...nodeOptions(scenario), gateway, 'start', '--config', config];
      return listening(await startServer(cores, node, args, { pattern: LISTENS, env }));
    },
  },
};

/** A proxy written in this folder, run by node. */
function nodePeer(name, packages) {
  const absent = () => packages.filter((one) => !existsSync(here(`node_modules/${one}`)));
  return {
    missing: () => absent().length > 0 && `${absent().join(', ')}: npm --prefix bench install`,
    async start({ node, nodeOptions, upstream, issuer, keys }, scenario) {
      const args = [...nodeOptions(scenario), here(`peers/${name}.mjs`), upstream, issuer, keys.RS256];
      const env = { NODE_ENV: 'production' };
      return listening(await startServer(CORE.measured, node, args, { pattern: LISTENS, env }));
    },
  };
}

function listening({ child, said: [, origin, admin] }) {
  return { child, origin, admin };
}

/** The gateway's configuration with so many more routes, of the kinds that people have. */
function withRoutes(folder, count) {
  const more = Array.from({ length: count }, (_, at) => {
    const path = [`/area${at}/**`, `/area${at}/{id}`, `/area${at}/items/{id}/lines`, `/orders/special${at}`][at % 4];
    return `  - { id: more-${at}, match: { path: "${path}", methods: [GET] }, auth: { scopes: [more] }, upstream: orders }\n`;
  });
  return write(folder, `gateway-${count}.yaml`, readFileSync(here('gateway.yaml'), 'utf8') + more.join(''));
}

function write(folder, name, text) {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}
