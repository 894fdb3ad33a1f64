import { type ClientRequest, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type HttpProxy from 'http-proxy';
import type { RouteSettings } from '../config/config.ts';
import type { Fault } from '../errors/fault.ts';
import { closeWhenRead, cut } from '../request/linger.ts';
import { failureFault } from './failure.ts';
import { byName, Handshake } from './handshake.ts';
import type { HeaderRules, RequestFacts } from './headers.ts';
import { httpProxy } from './http-proxy.ts';
import type { ExchangeRecord } from './passage.ts';
import type { OpenStreams } from './streams.ts';
import { Tunnel, type TunnelEnd } from './tunnel.ts';
import type { Picked, Upstream } from './upstream.ts';

/** One request to upgrade on its way: who asks, on which connection, and how to tell what became of it. */
export interface UpgradePassage {
  readonly facts: RequestFacts;
  readonly path: string;
  readonly query: string;
  readonly record: ExchangeRecord;
  /** The client's connection, on which nothing has been said yet. It is closed when the client leaves. */
  readonly socket: Socket;
  /** What came behind the head. It is the other protocol's, and goes on once there is one. */
  readonly early: Buffer;
  /** Called at most once, and only while nothing of an answer has been sent. */
  readonly refuse: (fault: Fault) => void;
  /**
   * Called when the upstream's answer is on its way; 101 or another one, after which the connection closes. `leave` ends what
   * was upgraded in the manner of its protocol, within a moment.
   */
  readonly answered: (status: number, leave?: () => void) => void;
  /** Called when an answered connection comes to its end, with the reason. The first word counts; more may come. */
  readonly ending: (reason: UpgradeEnd, broken?: Error) => void;
}

/** Why an upgraded connection ended; `answered` is for an answer other than 101 that went to its end. */
export type UpgradeEnd = TunnelEnd | 'answered';

/** Carries the WebSockets of one route. */
export class UpgradeForwarder {
  readonly #route: RouteSettings;
  readonly #upstream: Upstream;
  readonly #rules: HeaderRules;
  readonly #streams: OpenStreams;

  constructor(route: RouteSettings, upstream: Upstream, rules: HeaderRules, streams: OpenStreams) {
    this.#route = route;
    this.#upstream = upstream;
    this.#rules = rules;
    this.#streams = streams;
    httpProxy(); // read now, not while the first client waits
  }

  carry(passage: UpgradePassage, path: string): void {
    const target = this.#upstream.pick();
    if (target === undefined) {
      const detail = 'As many connections are open to it as it may have.';
      passage.refuse({ code: 'forward.saturated', detail });
      return;
    }
    new Upgrade(passage, path, this.#route, this.#rules, this.#streams, target).start();
  }
}

/**
 * One upgrade, from the dial to the answer. http-proxy makes the request and joins the two connections; what it leaves
 * open is done here, from outside (docs/decisions/upgrade.md): it sees a stand-in for the request that holds nothing
 * of the client's but what our rules let through, and no answer before it has been looked at.
 */
class Upgrade {
  readonly #passage: UpgradePassage;
  /** The target of the request, with its query. */
  readonly #path: string;
  readonly #route: RouteSettings;
  readonly #rules: HeaderRules;
  readonly #streams: OpenStreams;
  readonly #target: Picked;
  readonly #handshake: Handshake;
  #outgoing: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #sentAt = performance.now();
  #connected = false;
  #upgraded = false;
  /** Answered, refused or left: what comes late is nobody's. */
  #over = false;

  constructor(
    passage: UpgradePassage,
    path: string,
    route: RouteSettings,
    rules: HeaderRules,
    streams: OpenStreams,
    target: Picked,
  ) {
    this.#passage = passage;
    this.#path = path;
    this.#route = route;
    this.#rules = rules;
    this.#streams = streams;
    this.#target = target;
    this.#handshake = new Handshake(passage.facts.head, route);
  }

  start(): void {
    const { socket, early, facts } = this.#passage;
    const headers = byName(this.#rules.forUpstream(facts));
    this.#handshake.complete(headers);
    if (this.#route.upstream.host === 'upstream') headers.Host = this.#target.host;
    this.#passage.record.servedBy = this.#target.url;
    socket.on('close', this.#clientGone);
    this.#waitFor('connect', this.#route.upstream.timeouts.connect);
    try {
      const proxy = httpProxy().createProxyServer({ toProxy: true, prependPath: false, xfwd: false });
      proxy.once('proxyReqWs', (outgoing) => this.#dialled(outgoing));
      // The three members that http-proxy reads of a request.
      const standIn = { method: 'GET', url: this.#path, headers } as unknown as IncomingMessage;
      proxy.ws(standIn, socket, early, dialOptions(this.#target), NOTHING);
    } catch (error) {
      // The refusal has the reason.
      this.#outgoing?.on('error', NOTHING).destroy();
      this.#refuse({ code: 'gateway.internal', cause: error });
      return;
    }
    this.#takeOver();
  }

  #dialled(outgoing: ClientRequest): void {
    this.#outgoing = outgoing;
    outgoing.setHeader('Connection', 'Upgrade').setHeader('Upgrade', 'websocket');
    // http-proxy turns the first `http:/` of a path into `http://`. What was authorised is what is sent; it is plain
    // ASCII without a space, which node doesn't check here any more.
    if (!/^[\x21-\x7e]+$/.test(this.#path)) throw new Error('a path that cannot be sent');
    outgoing.path = this.#path;
    outgoing.on('close', () => {
      // node says so of an upgraded one too, whose connection goes on.
      if (!this.#upgraded) this.#target.leave();
    });
    outgoing.once('socket', (socket) => {
      socket.once(this.#target.tls ? 'secureConnect' : 'connect', () => {
        this.#connected = true;
        this.#target.reached();
        if (!this.#over) this.#waitFor('response', this.#route.responseTimeout);
      });
    });
  }

  /**
   * http-proxy would pass any answer on as it is, and an upgraded one whatever it was upgraded to. After an error it ends
   * the client's connection in a way that makes half an answer look whole.
   */
  #takeOver(): void {
    const outgoing = this.#outgoing as ClientRequest;
    const [join] = outgoing.listeners('upgrade') as [(...answer: [IncomingMessage, Socket, Buffer]) => void];
    for (const event of ['upgrade', 'response', 'error']) outgoing.removeAllListeners(event);
    outgoing.on('error', (error) => {
      if (!this.#over && !this.#connected) this.#target.unreachable(error);
      this.#refuse(failureFault(error));
    });
    outgoing.on('response', (answer) => this.#answered(answer));
    outgoing.on('upgrade', (answer: IncomingMessage, upstream: Socket, early: Buffer) => {
      this.#upgraded = true;
      upstream.on('close', () => this.#target.leave());
      const headers = this.#headersOf(answer);
      const flaw = headers === undefined ? 'Its framing is not that of a 101.' : this.#handshake.flawOf(answer);
      if (this.#over || headers === undefined || flaw !== undefined) {
        upstream.destroy();
        if (flaw !== undefined) this.#refuse({ code: 'forward.invalid-response', detail: flaw });
        return;
      }
      this.#finish();
      answer.headers = this.#handshake.answerFor(headers) as IncomingMessage['headers'];
      const { facts, socket, ending, answered } = this.#passage;
      const tunnel = new Tunnel(socket, upstream, this.#route.upstream.timeouts.idle, ending);
      answered(101, () => tunnel.leave());
      tunnel.open(this.#streams, facts.permit, () => join(answer, upstream, early));
    });
  }

  /** An answer other than 101 goes on once, and the connection closes after it. */
  #answered(answer: IncomingMessage): void {
    const { statusCode: status = 0 } = answer;
    const headers = this.#headersOf(answer);
    // node calls a 101 without an Upgrade header a response like any other.
    const switched = status < 200;
    if (this.#over || headers === undefined || switched) {
      this.#outgoing?.destroy();
      const detail = switched ? 'It switched to no protocol.' : 'Its body is in a transfer coding other than chunked.';
      this.#refuse({ code: 'forward.invalid-response', detail });
      return;
    }
    this.#finish();
    const { socket, answered, ending } = this.#passage;
    answered(status);
    socket.write(headOf(status, headers), 'latin1');
    answer.pipe(socket, { end: false });
    answer.socket.setTimeout(this.#route.upstream.timeouts.idle, () => answer.destroy());
    answer.on('error', () => {}); // told again by 'close'
    answer.on('close', () => {
      if (answer.complete) {
        ending('answered');
        closeWhenRead(socket, this.#route.upstream.timeouts.idle);
      } else if (!socket.destroyed) {
        ending('upstream reset', new Error('the upstream broke off in the middle of its answer'));
        cut(socket);
      }
    });
    socket.on('close', () => answer.destroy());
  }

  #headersOf({ rawHeaders }: IncomingMessage): string[] | undefined {
    const raw = rawHeaders.map((text) => Buffer.from(text, 'latin1'));
    return this.#rules.forClient(raw, this.#passage.facts, this.#path);
  }

  #waitFor(what: 'connect' | 'response', ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const detail = what === 'connect' ? 'No connection to it could be made in time.' : NO_ANSWER;
      if (what === 'connect') this.#target.unreachable(new Error(detail));
      this.#refuse({ code: 'forward.timeout', detail });
      this.#outgoing?.destroy();
    }, ms);
  }

  #refuse(fault: Fault): void {
    if (this.#over) return;
    this.#finish();
    this.#target.leave();
    this.#passage.refuse(fault);
  }

  readonly #clientGone = (): void => {
    if (this.#over) return;
    this.#finish();
    this.#outgoing?.destroy();
    this.#target.leave();
  };

  #finish(): void {
    this.#over = true;
    this.#passage.record.upstreamMs = performance.now() - this.#sentAt;
    clearTimeout(this.#timer);
    this.#passage.socket.off('close', this.#clientGone);
  }
}

/** Errors are heard before http-proxy tells them; where nobody takes them it throws. */
const NOTHING = () => {};
const NO_ANSWER = 'No answer came within the time that is allowed for it.';

/** The head of an answer after which the connection closes. */
function headOf(status: number, headers: readonly string[]): string {
  const names = new Set<string>();
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`];
  for (let at = 0; at < headers.length; at += 2) {
    const name = (headers[at] as string).toLowerCase();
    // RFC 9110 §8.6
    if (status === 204 && name === 'content-length') continue;
    names.add(name);
    lines.push(`${headers[at]}: ${headers[at + 1]}`);
  }
  if (!names.has('date')) lines.push(`Date: ${new Date().toUTCString()}`);
  return `${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n`;
}

/** What http-proxy needs to know of the other end. It begins its request with the members of `ssl`, but for these three. */
function dialOptions({ url, tls, lookup }: Picked): HttpProxy.ServerOptions {
  const { protocol, port, hostname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const { ca, cert, key, ...ssl } = (tls ?? {}) as ConnectionOptions;
  const usual = protocol === 'https:' ? 443 : 80;
  const target = { protocol, host, hostname: host, port: Number(port) || usual, ca, cert, key } as ProxyTarget;
  return { target, agent: false, secure: true, ssl: { ...ssl, lookup, maxHeaderSize: 64 * 1024 } as object };
}

/** Certificates may be bytes or several, which its types don't know. */
type ProxyTarget = NonNullable<HttpProxy.ServerOptions['target']>;
