/** An answer of the gateway's own, complete: nothing of it comes from an upstream. */
export interface Reply {
  readonly status: number;
  /** Names and values in turn, as node:http writes them. Content-Length is part of it. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** A reply with a body and its exact length. `headers` are names and values in turn. */
export function replyWith(status: number, contentType: string, body: string, headers: readonly string[] = []): Reply {
  const length = String(Buffer.byteLength(body));
  return { status, headers: ['Content-Type', contentType, 'Content-Length', length, ...headers], body };
}
