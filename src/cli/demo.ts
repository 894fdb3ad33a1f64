import { relative, sep } from 'node:path';
import type { Config } from '../config/config.ts';
import type { GatewayServer } from '../server.ts';
import { startDemoIssuer } from './demo/issuer.ts';
import { startLegacyApi } from './demo/legacy-api.ts';
import type { DemoServer } from './demo/loopback.ts';
import { FollowedConfig } from './follow.ts';
import { type CommandIo, EXIT } from './io.ts';
import { listenFailure } from './listen-failure.ts';
import { configOf, openGateway } from './start.ts';

/**
 * `bearergate demo`: a development issuer, a small legacy API and the gateway in front of them, in one process and on
 * loopback. It runs the configuration as it stands, and as it changes; its parts listen where that says they are at first.
 */
export async function demo({ file }: { readonly file: string }, io: CommandIo): Promise<number> {
  const followed = new FollowedConfig(file, io);
  try {
    return await runWorld(followed, file, io);
  } finally {
    followed.close();
  }
}

async function runWorld(followed: FollowedConfig, file: string, io: CommandIo): Promise<number> {
  const loaded = followed.read();
  const config = configOf(loaded, io);
  if (config === undefined) return EXIT.problems;
  const ports = demoPorts(config);
  if (ports === undefined) {
    io.stderr(
      `bearergate: the demo needs an issuer at http://localhost:PORT and an upstream named legacy in ${file}\n`,
    );
    return EXIT.problems;
  }
  const parts = await openParts(ports, file, io);
  if (parts === undefined) return EXIT.problems;
  const gateway = await openGateway(config, io, {}, settingOf(GATEWAY, file));
  if (gateway !== undefined) {
    io.stdout(welcome(gateway, ports, file));
    followed.follow(gateway, loaded);
    const signal = await io.stopSignal();
    followed.close();
    await gateway.drain(signal, 0);
  }
  await Promise.all(parts.map((part) => part.close()));
  return gateway === undefined ? EXIT.problems : EXIT.ok;
}

interface DemoPorts {
  readonly issuer: number;
  readonly audience: string;
  readonly legacy: number;
}

/** Where the config expects the issuer and the API; undefined when it is not a config for the demo. */
function demoPorts(config: Config): DemoPorts | undefined {
  const [issuer] = config.issuers;
  const legacy = config.upstreams.find(({ name }) => name === 'legacy');
  if (issuer === undefined || legacy === undefined || !URL.canParse(issuer.issuer)) return undefined;
  const { hostname, port } = new URL(issuer.issuer);
  const [audience] = issuer.audience;
  if (hostname !== 'localhost' || port === '' || audience === undefined) return undefined;
  return { issuer: Number(port), audience, legacy: Number(new URL(legacy.urls[0]).port) };
}

async function openParts(
  { issuer, audience, legacy }: DemoPorts,
  file: string,
  io: CommandIo,
): Promise<DemoServer[] | undefined> {
  const parts: DemoServer[] = [];
  try {
    parts.push(await startDemoIssuer({ port: issuer, audience }));
    parts.push(await startLegacyApi({ port: legacy }));
    return parts;
  } catch (error) {
    await Promise.all(parts.map((part) => part.close()));
    const message = listenFailure(error as NodeJS.ErrnoException, settingOf(parts.length === 0 ? ISSUER : API, file));
    if (message === undefined) throw error;
    io.stderr(`bearergate: ${message}\n`);
    return undefined;
  }
}

const ISSUER = 'issuers.<name>.issuer and in what refers to it';
const API = 'upstreams.legacy.url';
const GATEWAY = 'listen.port or admin.port';

/** Where a port of the demo is set: in a file that a person can change. */
function settingOf(field: string, file: string): string {
  return isInstalled(file)
    ? `${field} of a copy (cp '${file}' gateway.yaml; bearergate demo --config gateway.yaml)`
    : `${field} of ${file}`;
}

/** The file of an installed package is not the place to try changes in. */
function isInstalled(file: string): boolean {
  const near = relative('.', file);
  return near.split(sep).includes('node_modules') || near.startsWith('..');
}

function changeText(file: string): string {
  const near = relative('.', file);
  return isInstalled(file)
    ? `Change a copy: cp '${file}' gateway.yaml; bearergate demo --config gateway.yaml`
    : `Change ${near} and save it: the log says what has changed, or what is wrong with it.`;
}

function welcome(gateway: GatewayServer, { issuer, legacy }: DemoPorts, file: string): string {
  const at = gateway.url.replace('127.0.0.1', 'localhost');
  return `bearergate demo: everything runs on this machine alone; Ctrl-C ends it.

  ${at}  the gateway       ${gateway.adminUrl}  its admin port: /readyz, /metrics
  http://localhost:${issuer}  the issuer        http://127.0.0.1:${legacy}  the "legacy" API behind the gateway

Get a token (demo/demo may read and write, reader/reader may only read):
  curl -X POST ${at}/auth/token -d 'username=demo&password=demo'

The same into a variable, then use it:
  TOKEN=$(curl -s -X POST ${at}/auth/token -d 'username=demo&password=demo' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -H "Authorization: Bearer $TOKEN" ${at}/api/data

See how refusals look: no token, a scope that is missing, a token that lives for one second:
  curl -i ${at}/api/data
  READER=$(curl -s -X POST ${at}/auth/token -d 'username=reader&password=reader' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -i -X POST -H "Authorization: Bearer $READER" -H 'Content-Type: application/json' -d '{"item":"tea"}' ${at}/api/orders
  SHORT=$(curl -s -X POST ${at}/auth/token -d 'username=demo&password=demo&expires_in=1' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  sleep 2; curl -i -H "Authorization: Bearer $SHORT" ${at}/api/data

What a code means: ${at}/.well-known/bearergate/errors
${changeText(file)}
`;
}
