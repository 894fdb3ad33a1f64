import { type IncomingHttpHeaders, IncomingMessage } from 'node:http';

/**
 * A request of HTTP/1 as node's server makes one, but for `headers`: that has only what node itself looks at, since asking
 * for one of them would make an object of all. What the gateway knows of a request it has read from `rawHeaders`. Its server
 * must not be one that looks for Host (`requireHostHeader`).
 */
export class LeanRequest extends IncomingMessage {}

Object.defineProperty(LeanRequest.prototype, 'headers', {
  configurable: true,
  get(this: LeanRequest): IncomingHttpHeaders {
    return lookedAt(this.rawHeaders);
  },
});

/** What node decides by: whether a body comes, whether it is expected, and what HTTP/1.0 can be answered with. */
const LOOKED_AT: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'expect', 'te']);
const NONE: IncomingHttpHeaders = Object.freeze({});

function lookedAt(raw: readonly string[]): IncomingHttpHeaders {
  let found: Record<string, string> | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    const field = raw[at] as string;
    // Their lengths tell nearly all others apart.
    const { length } = field;
    if (length !== 14 && length !== 17 && length !== 6 && length !== 2) continue;
    const name = field.toLowerCase();
    if (!LOOKED_AT.has(name)) continue;
    found ??= {};
    found[name] ??= raw[at + 1] as string;
  }
  return found ?? NONE;
}
