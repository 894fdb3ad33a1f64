import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { LookupFunction, Socket } from 'node:net';
import type { DestinationStream } from 'pino';
import { assemble, type Observer, startAll } from './assembly.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import type { Loaded } from './config/load.ts';
import type { Fault } from './errors/fault.ts';
import { explain } from './explain/explain.ts';
import { readQuestion } from './explain/question.ts';
import { OpenStreams } from './forward/streams.ts';
import type { MetricFigures } from './observe/figures.ts';
import { readiness } from './observe/health.ts';
import { LimitReports } from './observe/limit-reports.ts';
import { Log } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { OutageReports } from './observe/outage-reports.ts';
import { LeanRequest } from './request/incoming.ts';
import { routesAsJson } from './route/list.ts';
import { createAdminServer } from './server/admin/admin-server.ts';
import { Connections } from './server/connections.ts';
import { keepIdleTimers } from './server/idle-timer.ts';
import { closeServer, listenOn, urlOf } from './server/listen.ts';
import { parserFault } from './server/parser-fault.ts';
import { Reloads } from './server/reloads.ts';
import { Requests } from './server/requests.ts';
import { StalledClients } from './server/stalled.ts';
import { announceClose, createHttpServer, plainHttpOf, renewTls } from './server/tls.ts';
import { watchConnections } from './server/watched-connections.ts';
import { goodFor, SharedFetch } from './server/workers/shared-fetch.ts';
import type { Team, TeamSurroundings } from './server/workers/team.ts';
import { World } from './server/world.ts';
import { Worlds } from './server/worlds.ts';
import { type Ask, ask } from './verify/ask.ts';

/** What a gateway runs on, where it is not the real thing. */
export interface GatewayOptions {
  readonly clock?: Clock;
  readonly ask?: Ask;
  /** Finds the addresses of upstreams. */
  readonly lookup?: LookupFunction;
  /** Where log lines go instead of stdout. */
  readonly log?: DestinationStream;
  /** Set in a process whose requests workers carry: it has the admin port alone. */
  readonly team?: (head: TeamHead) => Team;
  /** Its number, in a process that carries requests for such a one: it has the public port alone. */
  readonly worker?: number;
  /** The descriptor of a socket that listens already, in place of `listen.host` and `listen.port`. */
  readonly socket?: number | undefined;
  /** Called with the limits that were reached within the last minute, whenever these have changed. */
  readonly onLimits?: (limits: readonly string[]) => void;
  /** stdout is a terminal, and lines are shown for people. */
  readonly terminal?: { readonly color: boolean };
}

/** A gateway without workers carries its requests itself. */
const ALONE = { serving: 1, wanted: 1 };

/** What a team gets of the gateway at its head. */
export type TeamHead = TeamSurroundings;

/** Builds a gateway and has it listen. Rejects when a port is taken. */
export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<GatewayServer> {
  const gateway = new GatewayServer(config, options);
  await gateway.listen();
  return gateway;
}

/** A gateway with its listeners, from its start to its end. */
export class GatewayServer {
  readonly #log: Log;
  readonly #metrics: Metrics;
  /** Undefined where this process carries requests itself. */
  readonly #team: Team | undefined;
  readonly #hasAdmin: boolean;
  readonly #socket: number | undefined;
  readonly #worlds: Worlds;
  readonly #reloads: Reloads;
  readonly #requests: Requests;
  readonly #stalled: StalledClients;
  readonly #public: Server;
  readonly #connections: Connections;
  readonly #admin: Server;

  constructor(config: Config, options: GatewayOptions) {
    const clock = options.clock ?? systemClock;
    const log = new Log(config.log, options);
    const streams = new OpenStreams(clock);
    const metrics = new Metrics({
      ...{ world: () => this.#worlds.current.assembly, now: clock.now, streams, log },
      connections: () => (team ? undefined : this.#connections.figures),
      upstreams: () => (team ? [] : this.#worlds.current.assembly.upstreams.map((upstream) => upstream.figures())),
      workers: () => (options.worker === undefined ? (team?.strength ?? ALONE) : undefined),
    });
    const limits = new LimitReports(
      clock,
      (report) => log.limitReached(report),
      () => options.onLimits?.(limits.reached),
    );
    const asking = options.ask ?? ask;
    const shared = options.team && new SharedFetch(asking, clock, () => goodFor(this.#config));
    const team = options.team?.({ clock, observer: log, get: (url) => (shared as SharedFetch).get(url) });
    const keyPatience = options.worker === undefined ? 1 : WORKER_KEY_PATIENCE;
    const assembling = { clock, ask: shared?.ask ?? asking, streams, keyPatience, lookup: options.lookup };
    const outages = new OutageReports(log, clock.now);
    const observer = reporter({ log, metrics, team, outages });
    const defect = (error: unknown, where: string) => log.defect(error, where);
    const worlds = new Worlds(new World(assemble(config, assembling, observer)), defect);
    const stalled = new StalledClients(clock, config.listen.limits.stalled);
    const apply = (changed: Config) => {
      renewTls(this.#public, changed.listen.tls); // first: OpenSSL may refuse it
      log.configure(changed.log);
      setLimits(this.#public, changed.listen.limits);
      this.#connections.limit = changed.listen.limits.maxConnections;
      stalled.limit = changed.listen.limits.stalled;
    };
    this.#metrics = metrics;
    this.#team = team;
    this.#socket = options.socket;
    this.#hasAdmin = options.worker === undefined;
    this.#worlds = worlds;
    this.#reloads = new Reloads({ started: config, worlds, assembling, observer, log, metrics, apply });
    this.#log = log;
    this.#requests = new Requests({
      ...{ worlds, now: clock.now, log, metrics, limits },
      isSurplus: (connection) => this.#connections.isSurplus(connection),
    });
    this.#stalled = stalled;
    this.#public = createPublicServer(config.listen, this.#requests, log, stalled);
    this.#connections = new Connections(this.#public, config.listen.limits.maxConnections, () =>
      limits.add('listen.limits.maxConnections'),
    );
    const state = () =>
      readiness(
        worlds.current.assembly,
        this.#requests.phase !== 'open',
        clock.now(),
        this.#reloads.refused,
        team?.strength,
        team?.limits ?? limits.reached,
      );
    this.#admin = createAdminServer({
      names: () => this.#config.admin,
      defect,
      metrics: async () => metrics.page(await team?.figures()),
      readiness: state,
      routes: () => routesAsJson(this.#config),
      explain: async (json) => {
        const question = readQuestion(json);
        if (typeof question === 'string') return question;
        const world = worlds.current;
        world.enter();
        return explain(question, world.assembly, clock.now()).finally(() => world.leave());
      },
    });
  }

  /** Opens both ports, and begins to fetch keys without waiting for them: a provider that is down keeps nobody from starting. */
  async listen(): Promise<void> {
    try {
      await (this.#team?.start() ??
        listenOn(this.#public, this.#socket === undefined ? this.#config.listen : { fd: this.#socket }));
      if (this.#hasAdmin) await listenOn(this.#admin, this.#config.admin);
    } catch (error) {
      await this.close();
      throw error;
    }
    const { parts } = this.#worlds.current.assembly;
    startAll(parts, (error) => this.#log.defect(error, 'start'));
    const admin = this.#hasAdmin ? { admin: this.adminUrl } : {};
    this.#log.listening({ gateway: this.url, ...admin }, this.#config.routes.length);
  }

  /** Begins without ports of its own: its requests come from a server of somebody else's, by `serve` and `upgrade`. */
  begin(): void {
    void startAll(this.#worlds.current.assembly.parts, (error) => this.#log.defect(error, 'start')); // never rejects
  }

  /** Takes a request of another server. */
  serve(request: IncomingMessage, response: ServerResponse): void {
    this.#requests.serve(request, response);
  }

  /** Takes a request to upgrade of another server. */
  upgrade(request: IncomingMessage, socket: Socket, early: Buffer): void {
    this.#requests.upgrade(request, socket, early);
  }

  /** Ends without ports of its own: what is under way has `drain.timeout`, and its connections stay open. */
  async end(): Promise<void> {
    this.#requests.takeNothingNew();
    await this.#requests.settled(this.#config.drain.timeout);
    await this.close();
  }

  /**
   * Takes another configuration in place of the one in force: requests from then on are decided by it alone, those on their
   * way finish under theirs. One with a mistake is refused whole. Answers whether it was taken; never rejects.
   */
  async reload(loaded: Loaded): Promise<boolean> {
    const taken = await this.#reloads.reload(loaded);
    if (taken) this.#team?.pruneFigures(this.#metrics.knownOnly);
    return taken;
  }

  get #config(): Config {
    return this.#worlds.current.assembly.config;
  }

  /** Where the gateway listens, as an address for this machine. */
  get url(): string {
    return this.#team?.url ?? urlOf(this.#public);
  }

  get adminUrl(): string {
    return urlOf(this.#admin);
  }

  /** How long requests under way may take to end once it drains, in ms. */
  get drainTimeout(): number {
    return this.#config.drain.timeout;
  }

  /** What this process has counted. */
  figures(): Promise<MetricFigures[]> {
    return this.#metrics.figures();
  }

  /** Changes whenever something has been counted. */
  get countedUntil(): number {
    return this.#metrics.countedUntil;
  }

  defect(error: unknown, where: string): void {
    this.#log.defect(error, where);
  }

  /** The keys of an issuer have been fetched by the process at the head: they are asked for, whatever their age here. */
  renewKeys(issuer: string): void {
    const refreshed = this.#worlds.current.assembly.keyRings.get(issuer)?.refresh();
    refreshed?.catch((error) => this.#log.defect(error, 'keys'));
  }

  /**
   * Shuts down without losing a request: serves on for `delay` ms while load balancers notice, then takes nothing new
   * and gives what is under way its time. Resolves when everything is closed.
   */
  async drain(signal: string, delay = this.#config.drain.delay): Promise<void> {
    if (this.#requests.phase !== 'open') return;
    this.#requests.phase = 'leaving';
    announceClose(this.#public);
    this.#log.draining(signal);
    if (this.#team) await this.#team.drain(signal, delay + this.#config.drain.timeout + SPARE);
    else await this.#finish(delay);
    await this.close();
  }

  async #finish(delay: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, delay));
    this.#requests.takeNothingNew();
    this.#log.closed();
    const cut = await this.#finishRequests();
    await this.#requests.closed();
    this.#log.stopped(cut);
  }

  /** Closes everything at once. */
  async close(): Promise<void> {
    this.#requests.takeNothingNew();
    this.#reloads.close();
    this.#metrics.close();
    this.#requests.cutUpgraded();
    this.#stalled.stop();
    await this.#team?.end();
    await Promise.all([closeServer(this.#public), closeServer(this.#admin)]);
    await this.#requests.closed();
    await this.#worlds.destroy().catch((error) => this.#log.defect(error, 'close'));
    await this.#log.end();
  }

  /** What is left to do where the process ends at once: see LastWords in cli/io.ts. */
  lastWords(defect: { readonly error: unknown } | undefined, done: (told: boolean) => void): void {
    if (defect) this.#log.crashed(defect.error, done);
    else this.#log.endNow(done);
  }

  /**
   * Waits for what is under way, and cuts it when `drain.timeout` is over; WebSockets are told so, and have a moment more.
   * Answers how many connections were cut.
   */
  async #finishRequests(): Promise<number> {
    let cut = 0;
    const server = this.#public;
    const ended = new Promise((resolve) => server.close(resolve));
    const deadline = setTimeout(() => {
      server.getConnections((_, count) => {
        cut = count;
        this.#requests.endUnderWay();
        server.closeAllConnections();
      });
    }, this.#config.drain.timeout);
    await ended;
    clearTimeout(deadline);
    return cut;
  }
}

/**
 * The process at the head fetches keys and tells its workers when it has. A worker asks by itself only where that has not
 * come for this many times `keys.refresh`.
 */
const WORKER_KEY_PATIENCE = 1.5;

/** How much longer than its drain may take a worker is waited for, in ms. */
const SPARE = 5_000;

/** Who learns what becomes of key sets and endpoints. */
interface Reporting {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly team: Team | undefined;
  readonly outages: OutageReports;
}

/** What happens to key sets is counted and told, what happens to targets is told. */
function reporter({ log, metrics, team, outages }: Reporting): Observer {
  return {
    keysFetched(issuer, keys, leftOut) {
      metrics.keysRefreshed(issuer, 'success');
      team?.keysFetched(issuer);
      log.keysFetched(issuer, keys, leftOut);
      outages.fetched(issuer);
    },
    keysFailed(issuer, error, usable) {
      metrics.keysRefreshed(issuer, 'failure');
      outages.failed(issuer, error, usable);
    },
    snapshotUsed: (issuer, path, error) => log.snapshotUsed(issuer, path, error),
    targetLeftOut: (upstream, target, reason) => log.targetLeftOut(upstream, target, reason),
    targetBack: (upstream, target) => log.targetBack(upstream, target),
  };
}

function createPublicServer(listen: Config['listen'], requests: Requests, log: Log, stalled: StalledClients): Server {
  const { limits } = listen;
  const options = {
    maxHeaderSize: limits.headers,
    connectionsCheckingInterval: 1000,
    // We look at Host ourselves, and say what is wrong with it.
    requireHostHeader: false,
    noDelay: true,
    IncomingMessage: LeanRequest,
    // Where no body comes, nothing is to be read and to be told as ended. Before Node 24.12 it means nothing.
    ...{ optimizeEmptyRequests: true },
  };
  const server = createHttpServer(listen, options, stalled);
  setLimits(server, limits);
  // A client may end its side behind its last request (half-close.ts). Node reads it, and has it in none of its types.
  Object.assign(server, { httpAllowHalfOpen: true });
  keepIdleTimers(server, (answer) => requests.leftUnread(answer));
  requests.turns.watch(server);
  watchConnections(server, stalled, (socket) => requests.stalled(socket));
  server.on('stalled', (lane) => requests.stalled(lane));
  // node leaves out what comes behind the 2000th field, while its parser obeys it; the size is bounded anyway.
  server.maxHeadersCount = 0;
  for (const event of ['request', 'checkContinue', 'checkExpectation']) {
    server.on(event, (request, response) => requests.serve(request, response));
  }
  server.on('upgrade', (request, socket, early) => requests.upgrade(request, socket as Socket, early));
  const connectFault: Fault = { code: 'route.method', allow: ['GET', 'HEAD'], close: true };
  server.on('connect', (request, socket, early) => {
    if (requests.turns.take(request, socket as Socket, early)) return;
    // node has taken its own listener off: a reset would be an error that nobody hears, which ends the process.
    socket.on('error', () => socket.destroy());
    // Nor does anybody see a client leave whose earlier request still waits.
    socket.on('end', () => socket.writableEnded || socket.destroy());
    requests.refuseOn(socket as Socket, connectFault);
  });
  server.on('tlsClientError', (error, socket: Socket) => {
    const plain = plainHttpOf(error, socket);
    if (plain) return requests.refuseOn(plain, PLAIN_HTTP);
    log.handshakeFailed(socket.remoteAddress, error);
    socket.destroy();
  });
  server.on('flood', (client: string | undefined) => log.flooded(client));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') socket.destroy();
    else requests.refuseOn(socket as Socket, parserFault(error));
  });
  return server;
}

const PLAIN_HTTP: Fault = {
  code: 'request.invalid',
  detail: 'This port speaks HTTPS, and the request came in plain HTTP.',
  fix: 'Send the request to the same address with https:// in place of http://.',
  close: true,
};

/** The limits that can be changed while the server listens: all but `headers`, which its parser is made with. */
function setLimits(server: Server, limits: Config['listen']['limits']): void {
  server.headersTimeout = limits.headersTimeout;
  server.requestTimeout = limits.requestTimeout;
  server.keepAliveTimeout = limits.keepAlive;
}
