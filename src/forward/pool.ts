import { type buildConnector, Client, type Dispatcher, symbols } from './undici.ts';

/** What the connections to one endpoint have in common. Durations in ms. */
export interface PoolOptions {
  /** How many there may be. */
  readonly connections: number;
  /** How old one may become: no request is sent on an older one. */
  readonly maxAge: number;
  readonly connect: buildConnector.connector;
  readonly now: () => number;
}

type Request = Dispatcher.DispatchOptions;
type Handler = Dispatcher.DispatchHandler;

interface Queued {
  readonly request: Request;
  readonly handler: Handler;
  readonly fresh: boolean;
}

/** A share of the maximum age, at random: connections that were opened together are not all replaced together. */
const JITTER = 0.2;
const MAX_HEADER_SIZE = 64 * 1024;
/** The longest that an upstream's own `Keep-Alive: timeout` is followed; the same as undici's. */
const LONGEST_KEEP_ALIVE = 600_000;

/**
 * The connections to one endpoint. Each carries one request at a time; the one used last is used next, so that those which
 * are not needed grow old and close. undici's own Pool can't be asked for a fresh connection, which a retry needs: the
 * upstream that closed one idle connection has closed the others too. Its `clientTtl` leaves a request waiting for ever
 * where every connection has come of age at once.
 */
export class ConnectionPool {
  readonly #url: string;
  readonly #options: PoolOptions;
  readonly #all = new Set<Connection>();
  /** Connected and without a request. */
  readonly #idle: Connection[] = [];
  /** Without a request, and not connected, or not any more. */
  readonly #spare: Connection[] = [];
  /** A connection takes a turn of the event loop from the end of an answer until it takes the next request. */
  readonly #queue: Queued[] = [];

  constructor(url: string, options: PoolOptions) {
    this.#url = url;
    this.#options = options;
  }

  /** How many there are, open or about to be. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * Sends a request; with `fresh`, on a connection that no request was sent on before. An idle one is closed for it where
   * there are as many as there may be.
   */
  send(request: Request, handler: Handler, fresh = false): void {
    const connection = this.#take(fresh);
    if (connection === undefined) this.#queue.push({ request, handler, fresh });
    else this.#dispatch(connection, request, handler);
  }

  /** Lets requests under way end. Nothing is to be sent from now on. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map(({ client }) => client.close()));
  }

  /** Ends everything at once; requests get an error. */
  async destroy(): Promise<void> {
    for (const { handler } of this.#queue.splice(0)) handler.onError?.(new Error('the upstream is closed'));
    await Promise.all([...this.#all].map(({ client }) => client.destroy()));
  }

  #take(fresh: boolean): Connection | undefined {
    if (!fresh) {
      const idle = this.#takeIdle();
      if (idle !== undefined) return idle;
    }
    const spare = this.#spare.pop();
    if (spare !== undefined) return spare;
    if (this.#all.size < this.#options.connections) return this.#add();
    // Only where a fresh one is asked for can there be an idle one still. The oldest has the shortest time to live.
    const oldest = this.#idle.shift();
    if (oldest === undefined) return undefined;
    this.#retire(oldest);
    return this.#add();
  }

  #takeIdle(): Connection | undefined {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.isOld(this.#options.now())) return idle;
      this.#retire(idle);
    }
    return undefined;
  }

  #dispatch(connection: Connection, request: Request, handler: Handler): void {
    connection.free = false;
    connection.client.dispatch(request, handler);
    // undici would not send it, and its handler knows. Nothing else will set the connection free.
    if (connection.isAtRest && this.#all.has(connection)) this.#release(connection);
  }

  #release(connection: Connection): void {
    connection.free = true;
    (connection.connected ? this.#idle : this.#spare).push(connection);
    this.#serveQueue();
  }

  #serveQueue(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const connection = this.#take(next.fresh);
      if (connection === undefined) return;
      this.#queue.shift();
      this.#dispatch(connection, next.request, next.handler);
    }
  }

  #add(): Connection {
    const { connect, maxAge } = this.#options;
    const client = new Client(this.#url, {
      connect,
      pipelining: 1,
      maxHeaderSize: MAX_HEADER_SIZE,
      keepAliveMaxTimeout: Math.min(LONGEST_KEEP_ALIVE, maxAge),
    });
    const connection = new Connection(client);
    this.#all.add(connection);
    client.on('connect', () => connection.open(this.#options.now() + maxAge * (1 - JITTER * Math.random())));
    client.on('disconnect', () => this.#disconnected(connection));
    client.on('drain', () => {
      if (connection.isAtRest && this.#all.has(connection)) this.#release(connection);
    });
    // Where the certificate has another name, undici's client can't be used any more. No other failure is worth keeping one.
    client.on('connectionError', () => {
      this.#all.delete(connection);
      this.#serveQueue();
    });
    return connection;
  }

  /** The upstream, or its time, has closed one. */
  #disconnected(connection: Connection): void {
    connection.close();
    const at = this.#idle.indexOf(connection);
    if (at === -1) return;
    this.#idle.splice(at, 1);
    this.#spare.push(connection);
  }

  /** Closes an idle one. */
  #retire(connection: Connection): void {
    this.#all.delete(connection);
    void connection.client.destroy(); // undici's never rejects
  }
}

/** One connection, or the place for one: undici's client opens it again when it is needed. */
class Connection {
  readonly client: Client;
  connected = false;
  /** Has no request. */
  free = true;
  #oldAt = Number.POSITIVE_INFINITY;

  constructor(client: Client) {
    this.client = client;
  }

  open(oldAt: number): void {
    this.connected = true;
    this.#oldAt = oldAt;
  }

  close(): void {
    this.connected = false;
    this.#oldAt = Number.POSITIVE_INFINITY;
  }

  isOld(now: number): boolean {
    return now >= this.#oldAt;
  }

  /** Has been given a request, and undici has none any more. */
  get isAtRest(): boolean {
    return !this.free && (this.client as unknown as Sized)[symbols.kSize] === 0;
  }
}

type Sized = Readonly<Record<typeof symbols.kSize, number>>;
