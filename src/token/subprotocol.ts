import { listMembers } from '../request/lists.ts';

/** What a client offers in Sec-WebSocket-Protocol, where a token may stand among the subprotocols. */
export interface Subprotocols {
  /** What stands behind each marker: one token where all is well, '' where nothing does. */
  readonly tokens: readonly string[];
  /** The subprotocols that are left without the markers and what stands behind them. */
  readonly others: readonly string[];
}

/**
 * Reads `Sec-WebSocket-Protocol: bearer, <token>, chat` with `bearer` as the marker. Several fields are one list (RFC
 * 9110 §5.3), so that a marker at the end of one and a token in the next belong together.
 */
export function readSubprotocols(fields: readonly string[], marker: string): Subprotocols {
  const tokens: string[] = [];
  const others: string[] = [];
  const offered = listMembers(fields);
  for (let at = 0; at < offered.length; at += 1) {
    if (offered[at] !== marker) {
      others.push(offered[at] as string);
    } else {
      at += 1;
      tokens.push(offered[at] ?? '');
    }
  }
  return { tokens, others };
}
