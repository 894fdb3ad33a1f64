import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { LookupFunction, Socket } from 'node:net';
import type { DestinationStream } from 'pino';
import { assemble, startAll } from './assembly.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import type { Loaded } from './config/load.ts';
import { explain } from './explain/explain.ts';
import { readQuestion } from './explain/question.ts';
import { OpenStreams } from './forward/streams.ts';
import type { MetricFigures } from './observe/figures.ts';
import { readiness } from './observe/health.ts';
import { LimitReports } from './observe/limit-reports.ts';
import { Log } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { OutageReports } from './observe/outage-reports.ts';
import { routesAsJson } from './route/list.ts';
import { createAdminServer } from './server/admin/admin-server.ts';
import { Connections } from './server/connections.ts';
import { closeServer, listenOn, urlOf } from './server/listen.ts';
import { createObserver } from './server/observer.ts';
import { createPublicServer, setLimits } from './server/public-server.ts';
import { Reloads } from './server/reloads.ts';
import { Requests } from './server/requests.ts';
import { StalledClients } from './server/stalled.ts';
import { announceClose, renewTls } from './server/tls.ts';
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
    const observer = createObserver({ log, metrics, team, outages });
    const worlds = new Worlds(new World(assemble(config, assembling, observer)), (error, where) =>
      log.defect(error, where),
    );
    this.#metrics = metrics;
    this.#team = team;
    this.#socket = options.socket;
    this.#hasAdmin = options.worker === undefined;
    this.#worlds = worlds;
    this.#reloads = new Reloads({ started: config, worlds, assembling, observer, log, metrics, apply: this.#apply });
    this.#log = log;
    this.#requests = new Requests({
      ...{ worlds, now: clock.now, log, metrics, limits },
      isSurplus: (connection) => this.#connections.isSurplus(connection),
    });
    this.#stalled = new StalledClients(clock, config.listen.limits.stalled);
    this.#public = createPublicServer(config.listen, this.#requests, log, this.#stalled);
    this.#connections = new Connections(this.#public, config.listen.limits.maxConnections, () =>
      limits.add('listen.limits.maxConnections'),
    );
    this.#admin = this.#createAdmin(clock.now, limits);
  }

  /** Puts what can change while the gateway runs into effect; throws before anything has changed. */
  readonly #apply = ({ listen, log }: Config): void => {
    renewTls(this.#public, listen.tls); // first: OpenSSL may refuse it
    this.#log.configure(log);
    setLimits(this.#public, listen.limits);
    this.#connections.limit = listen.limits.maxConnections;
    this.#stalled.limit = listen.limits.stalled;
  };

  #createAdmin(now: () => number, limits: LimitReports): Server {
    const worlds = this.#worlds;
    const team = this.#team;
    return createAdminServer({
      names: () => this.#config.admin,
      defect: (error, where) => this.defect(error, where),
      metrics: async () => this.#metrics.page(await team?.figures()),
      readiness: () =>
        readiness(
          worlds.current.assembly,
          this.#requests.phase !== 'open',
          now(),
          this.#reloads.refused,
          team?.strength,
          team?.limits ?? limits.reached,
        ),
      routes: () => routesAsJson(this.#config),
      explain: async (json) => {
        const question = readQuestion(json);
        if (typeof question === 'string') return question;
        const world = worlds.current;
        world.enter();
        return explain(question, world.assembly, now()).finally(() => world.leave());
      },
    });
  }

  /** Opens both ports, and begins to fetch keys without waiting for them: the gateway starts even while an issuer is down. */
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

  /** Begins without ports of its own: another server passes requests to `serve` and `upgrade`. */
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
   * Replaces the configuration in force: later requests are decided by the new one alone, requests under way finish under
   * theirs. A configuration with a mistake is refused as a whole. Returns whether it was accepted; never rejects.
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

  /** Fetches the keys of an issuer again, whatever their age here: the process at the head has just fetched them. */
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
