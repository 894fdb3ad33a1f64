import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv4, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { DestinationStream } from 'pino';
import { sendRawReply, sendReply } from './answer.ts';
import { type Assembly, assemble } from './assembly.ts';
import { Permit } from './authorise/permit.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { networks } from './config/fields.ts';
import type { Fault } from './errors/fault.ts';
import { replyFor } from './errors/problem.ts';
import { type Decision, decide } from './gateway.ts';
import { Journey, type Peer } from './journey.ts';
import { createAdminServer } from './observe/admin.ts';
import { readiness } from './observe/health.ts';
import { Log } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { type Outcome, stop } from './outcome.ts';
import { type RequestHead, readHead } from './request/head.ts';
import { isUsableId, newRequestId } from './request/id.ts';
import type { Fetch } from './verify/fetch.ts';

/** What a gateway runs on, where it is not the real thing. */
export interface GatewayOptions {
  readonly clock?: Clock;
  readonly fetch?: Fetch;
  /** Where log lines go instead of stdout. */
  readonly log?: DestinationStream;
}

/** Builds a gateway and has it listen. Rejects when a port is taken. */
export async function startGateway(config: Config, options: GatewayOptions = {}): Promise<GatewayServer> {
  const gateway = new GatewayServer(config, options);
  await gateway.listen();
  return gateway;
}

/** How far a shutdown has got: `leaving` still serves while load balancers notice, `closed` takes nothing new. */
type Phase = 'open' | 'leaving' | 'closed';

/** The listeners, and each request's way from its head to its closing log line. */
export class GatewayServer {
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #metrics: Metrics;
  readonly #world: Assembly;
  readonly #public: Server;
  readonly #admin: Server;
  readonly #peers = new WeakMap<Duplex, Peer>();
  readonly #trusted: ReturnType<typeof networks>;
  #phase: Phase = 'open';

  constructor(config: Config, options: GatewayOptions) {
    this.#config = config;
    this.#clock = options.clock ?? systemClock;
    this.#log = new Log(config.log, options.log);
    this.#trusted = networks(config.listen.trustedProxies);
    const surroundings = { clock: this.#clock, fetch: options.fetch ?? globalThis.fetch };
    this.#world = assemble(config, surroundings, {
      keysFetched: (issuer, keys, leftOut) => {
        this.#metrics.keysRefreshed(issuer, 'success');
        this.#log.keysFetched(issuer, keys, leftOut);
      },
      keysFailed: (issuer, error, usable) => {
        this.#metrics.keysRefreshed(issuer, 'failure');
        this.#log.keysFailed(issuer, error, usable);
      },
    });
    this.#metrics = new Metrics(() => this.#world, this.#clock.now);
    this.#public = this.#createPublicServer();
    this.#admin = createAdminServer({
      metrics: this.#metrics,
      readiness: () => readiness(this.#world, this.#phase !== 'open', this.#clock.now()),
    });
  }

  /** Opens both ports, and begins to fetch keys without waiting for them: a provider that is down keeps nobody from starting. */
  async listen(): Promise<void> {
    try {
      await listenOn(this.#public, this.#config.listen);
      await listenOn(this.#admin, this.#config.admin);
    } catch (error) {
      await this.close();
      throw error;
    }
    for (const keys of this.#world.keySets.values()) void keys.start();
    this.#log.listening({ gateway: this.url, admin: this.adminUrl }, this.#config.routes.length);
  }

  /** Where the gateway listens, as an address for this machine. */
  get url(): string {
    return urlOf(this.#public);
  }

  get adminUrl(): string {
    return urlOf(this.#admin);
  }

  get readiness() {
    return readiness(this.#world, this.#phase !== 'open', this.#clock.now());
  }

  /**
   * Shuts down without losing a request: serves on for `delay` ms while load balancers notice, then takes nothing new
   * and gives what is under way `timeout` ms. Resolves when everything is closed.
   */
  async drain(signal: string, delay = this.#config.drain.delay): Promise<void> {
    if (this.#phase !== 'open') return;
    this.#phase = 'leaving';
    this.#log.draining(signal);
    await new Promise((resolve) => setTimeout(resolve, delay));
    this.#phase = 'closed';
    let cut = 0;
    const ended = new Promise((resolve) => this.#public.close(resolve));
    const deadline = setTimeout(() => {
      this.#public.getConnections((_, count) => {
        cut = count;
        this.#public.closeAllConnections();
      });
    }, this.#config.drain.timeout);
    await ended;
    clearTimeout(deadline);
    await this.close();
    this.#log.stopped(cut);
    this.#log.flush();
  }

  /** Closes everything at once. */
  async close(): Promise<void> {
    this.#phase = 'closed';
    for (const keys of this.#world.keySets.values()) keys.close();
    await Promise.all([closeServer(this.#public), closeServer(this.#admin)]);
    await Promise.all(this.#world.upstreams.map((upstream) => upstream.destroy()));
    this.#log.flush();
  }

  #createPublicServer(): Server {
    const { limits } = this.#config.listen;
    const server = createServer({
      maxHeaderSize: limits.headers,
      headersTimeout: limits.headersTimeout,
      requestTimeout: Math.max(limits.requestTimeout, limits.headersTimeout),
      keepAliveTimeout: limits.keepAlive,
      connectionsCheckingInterval: 1000,
      // We look at Host ourselves, and say what is wrong with it.
      requireHostHeader: false,
      noDelay: true,
    });
    server.maxConnections = limits.maxConnections;
    server.on('request', (request, response) => this.#serve(request, response));
    server.on('checkContinue', (request, response) => this.#serve(request, response));
    server.on('checkExpectation', (request, response) => this.#serve(request, response));
    server.on('connect', (request, socket) =>
      this.#refuseRaw({ code: 'route.method', allow: ['GET', 'HEAD'], close: true }, socket, request),
    );
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#onClientError(error, socket));
    return server;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const now = this.#clock.now();
    const peer = this.#peerOf(request.socket);
    const head = readHead(request, this.#world.sorter);
    const given = head.ok && peer.trusted ? head.value.requestId : undefined;
    const id = given !== undefined && isUsableId(given) ? given : newRequestId(now);
    const journey = new Journey(id, peer, head.ok ? head.value : undefined);
    response.on('close', () => this.#ended(journey, response));
    if (this.#phase !== 'open') response.shouldKeepAlive = false;
    try {
      const decision = this.#decide(head, journey, now);
      if (decision instanceof Promise) {
        decision
          .then((late) => this.#carryOut(late, journey, request, response))
          .catch((error) => this.#refuseDefect(error, journey, request, response));
      } else {
        this.#carryOut(decision, journey, request, response);
      }
    } catch (error) {
      this.#refuseDefect(error, journey, request, response);
    }
  }

  #decide(head: Outcome<RequestHead>, journey: Journey, now: number): Decision | Promise<Decision> {
    if (!head.ok) return head;
    if (this.#phase === 'closed') return stop({ code: 'gateway.draining' });
    const { expect } = head.value;
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') return stop({ code: 'request.expectation' });
    return decide(this.#world, journey, head.value, now);
  }

  #carryOut(decision: Decision, journey: Journey, request: IncomingMessage, response: ServerResponse): void {
    if (response.destroyed) return; // the client went while the token was checked
    if (!decision.ok) this.#refuse(decision.fault, journey, request, response);
    else if (decision.value instanceof Permit) this.#forward(decision.value, journey, request, response);
    else sendReply(decision.value, journey.hasBody, request, response);
  }

  #forward(permit: Permit, journey: Journey, request: IncomingMessage, response: ServerResponse): void {
    const { head, target, route } = journey;
    if (!head || !target || !route) throw new Error('a permit without a route');
    journey.permit = permit;
    if (head.expect !== undefined) response.writeContinue(); // only now: a body is asked for once it is welcome
    route.forwarder.forward(permit, {
      facts: { head, permit, requestId: journey.id, authority: journey.authority, peer: journey.peer },
      path: target.path,
      query: target.query,
      request,
      response,
      refuse: (fault) => this.#refuse(fault, journey, request, response),
      broken: (error) => {
        journey.broken = error;
        // Ours has to look broken too: a reset can't be taken for a complete answer, whatever the framing.
        request.socket.resetAndDestroy();
      },
    });
  }

  #refuse(fault: Fault, journey: Journey, request: IncomingMessage, response: ServerResponse): void {
    journey.fault = fault;
    const issuers = journey.route?.issuerNames ?? [];
    sendReply(
      replyFor({ fault, requestId: journey.id, issuers }, this.#config.errors),
      journey.hasBody,
      request,
      response,
    );
  }

  #refuseDefect(error: unknown, journey: Journey, request: IncomingMessage, response: ServerResponse): void {
    this.#log.defect(error, journey.id);
    this.#refuse({ code: 'gateway.internal', cause: error }, journey, request, response);
  }

  #refuseRaw(fault: Fault, socket: Duplex, request?: IncomingMessage): void {
    const journey = new Journey(newRequestId(this.#clock.now()), this.#peerOf(socket as Socket), undefined);
    journey.fault = fault;
    const reply = replyFor({ fault, requestId: journey.id, issuers: [] }, this.#config.errors);
    sendRawReply(request?.method === 'HEAD' ? { ...reply, body: '' } : reply, socket);
    this.#record(journey, { status: reply.status, durationMs: performance.now() - journey.startedAt, aborted: false });
  }

  #onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    // An answer is under way on it, or nobody is there any more: whatever we add would corrupt the one or miss the other.
    const answering = (socket as { _httpMessage?: ServerResponse })._httpMessage?.headersSent;
    if (answering || error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    this.#refuseRaw(parserFault(error), socket);
  }

  #ended(journey: Journey, response: ServerResponse): void {
    const durationMs = performance.now() - journey.startedAt;
    const status = response.headersSent ? response.statusCode : undefined;
    this.#record(journey, {
      status,
      durationMs,
      aborted: !response.writableFinished && !journey.broken,
      broken: journey.broken,
    });
  }

  #record(journey: Journey, ending: Parameters<Log['requestEnded']>[1]): void {
    this.#metrics.requestEnded(journey, ending);
    this.#log.requestEnded(journey, ending);
  }

  #peerOf(socket: Socket): Peer {
    const known = this.#peers.get(socket);
    if (known) return known;
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
    const trusted = address !== '' && this.#trusted.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
    const peer: Peer = { address, encrypted: 'encrypted' in socket, trusted };
    this.#peers.set(socket, peer);
    return peer;
  }
}

/** What node's parser refuses, in our codes. */
function parserFault(error: NodeJS.ErrnoException): Fault {
  if (error.code === 'HPE_HEADER_OVERFLOW') return { code: 'request.headers-too-large', close: true, cause: error };
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return { code: 'request.timeout', close: true, cause: error };
  return { code: 'request.invalid', close: true, cause: error };
}

function listenOn(server: Server, { host, port }: { readonly host: string; readonly port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve();
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  const everywhere = address === '0.0.0.0' || address === '::';
  const host = everywhere ? 'localhost' : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}`;
}
