import type { Socket } from 'node:net';
import type { Permit } from '../authorise/permit.ts';
import { closeGently, cut } from '../request/linger.ts';
import { closeFrame, FrameEdges } from './frames.ts';
import type { OpenStream, OpenStreams } from './streams.ts';

/** Why a tunnel ended: the one who did it first. */
export type TunnelEnd =
  | `${'client' | 'upstream'} ${'closed' | 'reset' | 'stalled'}`
  | 'token ended'
  /** By a shutdown. */
  | 'cut';

/** How long one side has to close after the other has, in ms. */
const LINGER = 1000;
/** After this many ms of silence the kernel asks whether the other side is still there. */
const KEEP_ALIVE = 30_000;

/** RFC 6455 §7.4.1: policy violation. */
const TOKEN_ENDED = closeFrame(1008, 'token expired');
/** "Going away, such as a server going down": clients know that they may come again, elsewhere. */
const GOING_AWAY = closeFrame(1001, 'shutting down');

/**
 * Two connections that were joined after a 101, and how they end: an end of one side goes on as an end once everything
 * before it has, a reset as a reset, and neither side outlives the other. It listens; http-proxy joins.
 */
export class Tunnel {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #idle: number;
  readonly #ending: (reason: TunnelEnd, broken?: Error) => void;
  readonly #edges = new FrameEdges();
  #stream: OpenStream | undefined;
  /** Both sides are being let go already. */
  #over = false;

  /** `idle`: how long a side may take nothing, in ms, of what the other one has sent. */
  constructor(client: Socket, upstream: Socket, idle: number, ending: (reason: TunnelEnd, broken?: Error) => void) {
    this.#client = client;
    this.#upstream = upstream;
    this.#idle = idle;
    this.#ending = ending;
  }

  /** Watches over what `join` joins. Nothing has flowed yet. */
  open(streams: OpenStreams, permit: Permit, join: () => void): void {
    const client = this.#client;
    const upstream = this.#upstream;
    this.#stream = streams.open(permit, () => this.#endWith(TOKEN_ENDED, 'token ended'));
    client.on('end', () => {
      this.#ending('client closed');
      this.#letGoAfter(upstream);
    });
    upstream.on('end', () => {
      this.#ending('upstream closed');
      client.setTimeout(this.#idle, () => client.destroy());
      this.#letGoAfter(client);
    });
    this.#cutWhenStalled(upstream, client, 'client stalled');
    this.#cutWhenStalled(client, upstream, 'upstream stalled');
    client.on('error', () => this.#broken('client reset', upstream));
    upstream.on('error', (error) => this.#broken('upstream reset', client, error));
    client.on('close', () => {
      this.#ending('cut');
      this.#stream?.close();
      if (!upstream.destroyed) upstream.destroy();
    });
    upstream.on('close', () => {
      // Without an end before it, this is one that nobody announced.
      if (!upstream.readableEnded) this.#broken('upstream reset', client, new Error('the upstream has gone'));
    });
    join();
    // Not before: what http-proxy puts back of the upstream's first bytes would be told to us alone.
    upstream.on('data', (chunk) => this.#edges.pass(chunk));
    // http-proxy asks for the kernel's own two hours.
    for (const socket of [client, upstream]) socket.setKeepAlive(true, KEEP_ALIVE);
  }

  /** An end is passed on behind what came before it, however long that takes to be read; what answers it gets a moment. */
  #letGoAfter(other: Socket): void {
    const letGo = () => {
      const timer = setTimeout(() => {
        this.#over = true;
        this.#upstream.destroy();
        this.#client.destroy();
      }, LINGER);
      this.#client.once('close', () => clearTimeout(timer));
    };
    if (other.writableFinished) letGo();
    else other.once('finish', letGo);
  }

  /** A side that reads nothing holds back the other one, whose end would not be seen (Slow Read). */
  #cutWhenStalled(source: Socket, reader: Socket, reason: TunnelEnd): void {
    let timer: NodeJS.Timeout | undefined;
    source.on('pause', () => {
      // A pipe that comes off its end pauses too.
      if (source.destroyed || reader.destroyed) return;
      timer ??= setTimeout(() => {
        this.#broken(reason, source);
        cut(reader);
      }, this.#idle);
    });
    const stop = () => {
      clearTimeout(timer);
      timer = undefined;
    };
    source.on('resume', stop).on('close', stop);
    reader.on('close', stop);
  }

  #broken(reason: TunnelEnd, other: Socket, error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#ending(reason, error);
    if (!other.destroyed) cut(other);
  }

  /** For a shutdown whose time is over. The client learns of it and has a moment to answer. */
  leave(): void {
    this.#endWith(GOING_AWAY, 'cut');
  }

  /** Says why, if it can be said between two frames of the upstream's. In the middle of one it would be taken for data. */
  #endWith(goodbye: Buffer, reason: TunnelEnd): void {
    if (this.#over || this.#client.destroyed) return;
    this.#over = true;
    this.#ending(reason);
    const canSay = this.#edges.between && this.#client.writable;
    this.#upstream.unpipe(this.#client);
    this.#client.unpipe(this.#upstream);
    this.#upstream.destroy();
    if (!canSay) {
      cut(this.#client);
      return;
    }
    this.#client.write(goodbye);
    this.#client.resume(); // what is left unread would make the kernel reset the connection, goodbye and all
    closeGently(this.#client);
  }
}
