import { get, type IncomingMessage, type RequestOptions } from 'node:http';
import { text } from 'node:stream/consumers';
import { type AdminAddress, adminAddress } from '../config/admin-address.ts';
import { DISK } from '../config/files.ts';
import { type CommandIo, EXIT } from './io.ts';

/** Less than what container runtimes give a check by default, so that the reason is told before they end it. */
const TIMEOUT = 2500;

/**
 * `bearergate health`: asks the running gateway whether it is ready, at the admin address of its configuration. Answers 0
 * where it is, else 1, and tells the cause. Of the configuration nothing but `admin` has to be right.
 */
export async function health({ file }: { readonly file: string }, io: CommandIo): Promise<number> {
  const address = adminAddress(file, { variables: io.variables, ...DISK });
  if ('reason' in address) {
    io.stderr(`bearergate: ${file}: ${address.reason}\n`);
    return EXIT.problems;
  }
  if (address.port === 0) {
    io.stderr(`bearergate: ${file}: admin.port is 0, which takes a free port: where to ask is not known\n`);
    return EXIT.problems;
  }
  const against = await reasonAgainst(address);
  io.stdout(against === undefined ? 'ready\n' : `not ready: ${against}\n`);
  return against === undefined ? EXIT.ok : EXIT.problems;
}

type Address = Exclude<AdminAddress, { readonly reason: string }>;

/** What keeps the gateway from being ready; undefined where nothing does. */
async function reasonAgainst({ host, port }: Address): Promise<string | undefined> {
  const asked = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const where = `${asked.includes(':') ? `[${asked}]` : asked}:${port}`;
  const signal = AbortSignal.timeout(TIMEOUT);
  try {
    const answer = await ask({ host: asked, port, path: '/readyz', agent: false, signal });
    return causeIn(await text(answer), `${where} answers ${answer.statusCode}, and not as a gateway's admin port does`);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (signal.aborted) return `${where} does not answer within ${TIMEOUT / 1000} s`;
    return code === 'ECONNREFUSED' ? `nothing listens on ${where}` : `${where} cannot be asked: ${code ?? message}`;
  }
}

function ask(options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(options, resolve).once('error', reject));
}

/** What the page says against being ready; undefined where it says nothing, `strange` where it is another's page. */
function causeIn(page: string, strange: string): string | undefined {
  let state: Readiness;
  try {
    state = JSON.parse(page);
  } catch {
    return strange;
  }
  if (typeof state?.ready !== 'boolean') return strange;
  if (state.ready) return undefined;
  if (state.draining) return 'it is shutting down';
  const issuers = Object.entries(state.issuers ?? {})
    .filter(([, { usable }]) => !usable)
    .map(([name, { error }]) => `no usable keys of issuer ${name}${error ? ` (${error})` : ''}`);
  const { workers } = state;
  const noWorker = workers?.serving === 0 ? [`none of its ${workers.wanted} workers serves requests`] : [];
  return [...noWorker, ...issuers].join('; ') || 'it does not say why';
}

/** What /readyz tells, as far as it is read here. */
interface Readiness {
  readonly ready?: boolean;
  readonly draining?: boolean;
  readonly workers?: { readonly serving: number; readonly wanted: number };
  readonly issuers?: Readonly<Record<string, { readonly usable: boolean; readonly error?: string }>>;
}
