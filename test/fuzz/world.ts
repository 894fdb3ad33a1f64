import { readdirSync, readFileSync } from 'node:fs';
import { type RunningCommand, startCommand } from '../support/command.ts';
import { temporaryFolder } from '../support/files.ts';
import { makeKey, serveJwks } from '../support/keys.ts';
import { Tokens } from './tokens.ts';
import { type Arrival, FuzzUpstream } from './upstream.ts';

/** A gateway in a process of its own, with its issuer and its upstream in this one. */
export interface World {
  readonly gateway: RunningCommand;
  readonly port: number;
  readonly tokens: Tokens;
  /** What only the gateway's configuration knows. */
  readonly nonce: string;
  /** Descriptors and resident bytes of the gateway's process. */
  resources(): { readonly descriptors: number; readonly bytes: number };
  close(): Promise<void>;
}

export async function startWorld(
  seed: number,
  onArrival: (arrival: Arrival) => void,
  onBroken: (why: string, bytes: Buffer) => void,
): Promise<World> {
  const key = makeKey('ES256');
  const keyServer = await serveJwks([key]);
  const upstream = new FuzzUpstream(seed, onArrival, onBroken);
  await upstream.listen();
  const nonce = crypto.randomUUID();
  const folder = await temporaryFolder({ 'gateway.yaml': configFor(upstream.url, keyServer.issuer, nonce) });
  const gateway = await startCommand(['start', '--config', folder.file('gateway.yaml')]);
  const { pid } = gateway;
  return {
    ...{ gateway, nonce, port: Number(new URL(gateway.url).port), tokens: new Tokens(key, keyServer.issuer) },
    resources: () => ({
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      bytes: Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024,
    }),
    close: async () => {
      await gateway.stop();
      await upstream.close();
      await keyServer.close();
      await folder.remove();
    },
  };
}

/** Every route says which it is, and what it knows of whom it let in. */
function configFor(upstream: string, issuer: string, nonce: string): string {
  const permit = (route: string, known = true) => ({
    set: {
      'X-Permit': `${route} {request.id}`,
      ...(known ? { 'X-User-Id': '{claims.sub}', 'X-Jti': '{claims.jti}' } : {}),
    },
  });
  return JSON.stringify({
    listen: {
      ...{ host: '127.0.0.1', port: 0 },
      limits: { headers: '16KiB', headersTimeout: '2s', requestTimeout: '4s', keepAlive: '2s' },
    },
    admin: { port: 0 },
    drain: { delay: '0s', timeout: '3s' },
    issuers: { main: { issuer, audience: 'orders-api', keys: { url: `${issuer}/jwks` } } },
    upstreams: {
      legacy: {
        ...{ url: upstream, connections: 16, queue: 256, headers: { set: { 'X-Nonce': nonce } } },
        timeouts: { connect: '1s', response: '2s', idle: '1s' },
      },
    },
    defaults: { auth: { issuers: ['main'] } },
    routes: [
      { id: 'open', match: { path: '/open/**' }, auth: 'public', headers: permit('open', false) },
      { id: 'admin', match: { path: '/admin/**' }, auth: { scopes: ['admin'] }, headers: permit('admin') },
      { id: 'me', match: { path: '/@me' }, auth: { scopes: ['admin'] }, headers: permit('me') },
      { id: 'files', match: { path: '/files/**', allow: ['semicolon', 'encodedSlash'] }, headers: permit('files') },
      { id: 'small', match: { path: '/small/**' }, maxBody: '1KiB', headers: permit('small') },
      {
        id: 'delete',
        match: { path: '/orders/{id}', methods: ['DELETE'] },
        auth: { scopes: ['admin'] },
        headers: permit('delete'),
      },
      { id: 'rest', match: { path: '/**', allow: ['semicolon', 'encodedSlash'] }, headers: permit('rest') },
    ].map((route) => ({ ...route, upstream: 'legacy' })),
  });
}
