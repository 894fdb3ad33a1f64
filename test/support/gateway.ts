import type { Loaded } from '../../src/config/load.ts';
import { type GatewayOptions, type GatewayServer, startGateway } from '../../src/server.ts';
import { type ConfigDocument, configFrom, loadedFrom } from './config.ts';
import type { WireHeader } from './http-bytes.ts';
import { accessClaims, type KeyServer, makeKey, serveJwks, signToken, type TestKey } from './keys.ts';
import { type RawExchange, type RawOptions, type RawResponse, sendRaw } from './raw-client.ts';
import { type RecordingUpstream, startRecordingUpstream, type UpstreamAnswer } from './upstream.ts';

/**
 * What a test says of its gateway: sections of the configuration as a user writes them. What it does not say is
 * filled in: one route `/**` to the first upstream, the issuer `main` with keys of its own as `defaults.auth`, ports 0.
 */
export interface GatewayDescription extends Omit<Partial<ConfigDocument>, 'upstreams'> {
  readonly upstreams: ConfigDocument['upstreams'];
  /** Members that go over those of the issuer `main`. */
  readonly issuer?: object;
  readonly variables?: Readonly<Record<string, string>>;
  readonly options?: Omit<GatewayOptions, 'log'>;
}

/** One JSON log line. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface TestGateway {
  readonly server: GatewayServer;
  readonly url: string;
  readonly adminUrl: string;
  readonly port: number;
  /** The issuer `main`: it answers at its own address, publishes `key`, and fails as it is told. */
  readonly keyServer: KeyServer;
  readonly key: TestKey;
  /** Every log line so far. */
  readonly lines: readonly LogLine[];
  /** Waits for a line, also among those that are there already. Rejects after 30 s with what came. */
  waitForLine(predicate: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>;
  /** A token that `main` issues for `orders-api`; `undefined` takes a claim away. `header` as signToken takes it. */
  token(claims?: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): string;
  /** `Authorization` with such a token, as a header for requestBytes. */
  bearer(claims?: Readonly<Record<string, unknown>>): WireHeader;
  /** Sends exactly these bytes on a connection of their own. */
  send(bytes: string | Buffer, options?: RawOptions): Promise<RawExchange>;
  /** The same for one answer. */
  ask(bytes: string | Buffer, options?: RawOptions): Promise<RawResponse>;
  /** Another configuration, filled in like the first one. */
  load(description: GatewayDescription): Loaded;
  /** Has it take such a one; answers whether it did. */
  reload(description: GatewayDescription): Promise<boolean>;
  close(): Promise<void>;
}

/** EC keys are made in a moment, and one does for all gateways of a test file. */
const key = makeKey('ES256');

/** Starts a gateway on free ports of this machine, once its keys are there or could not be fetched. */
export async function startTestGateway(description: GatewayDescription): Promise<TestGateway> {
  const { variables, options } = description;
  const keyServer = await serveJwks([key]);
  const config = configFrom(documentOf(description, keyServer), variables);
  const { lines, waitForLine, log } = collectLines();
  const server = await startGateway(config, { ...options, log });
  // Shared secrets and issuers that are asked about each token have no keys to wait for.
  const fetching = config.issuers.filter((entry) => 'keys' in entry && entry.secret === undefined);
  const names = ['debug', 'trace'].includes(config.log.level) ? fetching.map(({ name }) => name) : [];
  await Promise.all(names.map((name) => waitForLine((line) => line.issuer === name && /keys/.test(String(line.msg)))));
  const port = Number(new URL(server.url).port);
  const token: TestGateway['token'] = (claims, header) =>
    signToken(key, accessClaims({ iss: keyServer.issuer, ...claims }), header);
  const load = (next: GatewayDescription) => loadedFrom(documentOf(next, keyServer), next.variables);
  const send: TestGateway['send'] = (bytes, options) => sendRaw(port, bytes, options);
  return {
    ...{ server, url: server.url, adminUrl: server.adminUrl, port, keyServer, key, lines, waitForLine, token, send },
    bearer: (claims) => ['Authorization', `Bearer ${token(claims)}`],
    ask: async (bytes, options) => {
      const { responses, raw } = await send(bytes, options);
      const response = responses.find(({ status }) => status >= 200 || status === 101);
      if (!response) throw new Error(`no answer came; what came: ${JSON.stringify(raw)}`);
      return response;
    },
    load,
    reload: (next) => server.reload(load(next)),
    close: async () => {
      await server.close();
      await keyServer.close();
    },
  };
}

function documentOf(description: GatewayDescription, keyServer: KeyServer): ConfigDocument {
  const { issuer, variables, options, ...document } = description;
  const main = { issuer: keyServer.issuer, audience: 'orders-api', keys: { url: keyServer.jwksUri }, ...issuer };
  return {
    log: { level: 'debug' },
    defaults: { auth: { issuers: ['main'] } },
    routes: [{ id: 'all', match: { path: '/**' } }],
    drain: { delay: '0s' },
    ...document,
    listen: { host: '127.0.0.1', port: 0, ...(document.listen as object | undefined) },
    admin: { port: 0, ...(document.admin as object | undefined) },
    issuers: { main, ...(document.issuers as ConfigDocument['issuers']) },
  };
}

/** The part of a test that ends what was started for it. */
interface Ending {
  teardown(end: () => Promise<void>): void;
}

/** A gateway in front of a recording upstream, which is its upstream `legacy`. Both end with the test. */
export async function startBehind(
  t: Ending,
  description: Omit<GatewayDescription, 'upstreams'> & {
    readonly upstream?: object;
    readonly upstreams?: ConfigDocument['upstreams'];
  } = {},
  answer?: UpstreamAnswer,
  options?: Parameters<typeof startRecordingUpstream>[1],
): Promise<{ readonly gateway: TestGateway; readonly upstream: RecordingUpstream }> {
  const upstream = await startRecordingUpstream(answer, options);
  const { upstream: settings, upstreams, ...rest } = description;
  const gateway = await startTestGateway({
    upstreams: { legacy: { url: upstream.url, ...settings }, ...upstreams },
    ...rest,
  });
  t.teardown(async () => {
    await gateway.close();
    await upstream.close();
  });
  return { gateway, upstream };
}

function collectLines() {
  const lines: LogLine[] = [];
  const watchers = new Set<() => void>();
  const log = {
    write(line: string) {
      lines.push(JSON.parse(line) as LogLine);
      for (const watcher of watchers) watcher();
    },
  };
  const waitForLine: TestGateway['waitForLine'] = (predicate, timeoutMs = 30_000) =>
    new Promise((resolve, reject) => {
      const look = () => {
        const line = lines.find(predicate);
        if (line) settle(() => resolve(line));
      };
      const settle = (act: () => void) => {
        clearTimeout(timer);
        watchers.delete(look);
        act();
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`no such line within ${timeoutMs} ms; came: ${JSON.stringify(lines)}`)));
      }, timeoutMs);
      watchers.add(look);
      look();
    });
  return { lines, waitForLine, log };
}

/** What a request consists of, where it is not the usual. */
export interface RequestParts {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  /** undefined sends no Host. */
  readonly host?: string | undefined;
  readonly headers?: readonly WireHeader[];
  readonly body?: string;
}

/** The bytes of a request, exactly as said: no header is added but Host, nothing is escaped. */
export function requestBytes(parts: RequestParts = {}): string {
  const { method = 'GET', target = '/', version = 'HTTP/1.1', headers = [], body = '' } = parts;
  const host = 'host' in parts ? parts.host : 'api.example.com';
  const fields = host === undefined ? headers : [['Host', host] as const, ...headers];
  return `${method} ${target} ${version}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

/** The code in the body of a refusal. */
export function codeOf(response: RawResponse): string {
  return (JSON.parse(response.body) as { code: string }).code;
}
