import type { ConnectionOptions } from 'node:tls';
import type { ExecutionContext } from 'ava';
import { type Authority, makeAuthority } from './certificates.ts';
import { temporaryFolder } from './files.ts';
import { startBehind } from './gateway.ts';
import type { UpstreamAnswer } from './upstream.ts';

type Description = NonNullable<Parameters<typeof startBehind>[1]>;

export interface SecureDescription extends Description {
  /** Beside a certificate and its key. */
  readonly tls?: object;
  /** Further settings of `listen`. */
  readonly listening?: object;
  /** Whose certificates clients have to show. */
  readonly clients?: Authority;
}

/** A gateway that listens for HTTPS in front of a recording upstream, and what a client needs to trust it. */
export async function startSecure(
  t: ExecutionContext,
  { tls, listening, clients, ...rest }: SecureDescription = {},
  answer?: UpstreamAnswer,
  options?: Parameters<typeof startBehind>[3],
) {
  const authority = makeAuthority();
  const { cert, key } = authority.issue();
  const folder = await temporaryFolder({ cert, key, ...(clients && { clients: clients.cert }) });
  t.teardown(folder.remove);
  const files = {
    cert: folder.file('cert'),
    key: folder.file('key'),
    ...(clients && { clientCa: folder.file('clients') }),
  };
  const listen = { ...listening, tls: { ...files, ...tls } };
  const started = await startBehind(t, { ...rest, listen }, answer, options);
  const secure: ConnectionOptions = { ca: authority.cert, servername: 'localhost' };
  return { ...started, secure, folder, listen };
}
