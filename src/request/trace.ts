import { randomFillSync } from 'node:crypto';
import type { RequestHead } from './head.ts';

/** The trace that a request belongs to (W3C Trace Context): it goes on as it came, or begins here. */
export interface Trace {
  /** The whole field, for the upstream. */
  readonly parent: string;
  /** 32 hexadecimal digits, the same on every way through. */
  readonly traceId: string;
  /** 16 hexadecimal digits: whose work this request is a part of. */
  readonly spanId: string;
}

/** version-traceid-parentid-flags; later versions may have more behind it. Neither id is all zeros, no version is ff. */
const FIELD = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?=$|-)/;

/**
 * The trace of a request. The gateway makes no spans of its own, so a field that is good goes on unchanged, as W3C Trace
 * Context §4.3 asks of whoever only passes it. One that is missing, malformed or given twice is replaced by a new trace,
 * not sampled: whoever records decides that.
 */
export function traceOf(head: RequestHead | undefined): Trace {
  const given = head?.traceParents.length === 1 && !isNominated(head) ? (head.traceParents[0] as string) : undefined;
  const [, traceId, spanId] = (given !== undefined && given.length <= 512 && isExact(given) && FIELD.exec(given)) || [];
  if (given !== undefined && traceId !== undefined && spanId !== undefined) return { parent: given, traceId, spanId };
  return newTrace();
}

/** Connection may say that a field is for this hop alone (RFC 9110 §7.6.1). */
function isNominated({ nominated }: RequestHead): boolean {
  return nominated.has('traceparent');
}

/** Version 00 ends behind the flags. */
function isExact(field: string): boolean {
  return !field.startsWith('00-') || field.length === 55;
}

const ID_BYTES = 24;
const pool = Buffer.alloc(ID_BYTES * 256);
let used = pool.length;

/** Random bytes are drawn many at a time, since a draw costs more than the rest. */
function newTrace(): Trace {
  if (used + ID_BYTES > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const hex = pool.toString('hex', used, used + ID_BYTES);
  used += ID_BYTES;
  const traceId = hex.slice(0, 32);
  const spanId = hex.slice(32);
  return { parent: `00-${traceId}-${spanId}-00`, traceId, spanId };
}
