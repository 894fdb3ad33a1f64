/** A header as it stood on the wire: its case is kept, the space around the value is not. */
export type WireHeader = readonly [name: string, value: string];

/** The head of a message: its first line and its headers. */
export interface WireHead {
  /** Everything up to the empty line, without it. */
  readonly text: string;
  readonly firstLine: string;
  readonly headers: readonly WireHeader[];
  /** Its length with the empty line. */
  readonly length: number;
}

/** Reads a head off the front, or undefined when its end has not arrived. Bytes are read as Latin-1. */
export function readHead(bytes: Buffer): WireHead | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const text = bytes.toString('latin1', 0, end);
  const [firstLine = '', ...lines] = text.split('\r\n');
  return { text, firstLine, headers: readHeaders(lines), length: end + 4 };
}

function readHeaders(lines: readonly string[]): WireHeader[] {
  return lines.map((line) => {
    const colon = line.indexOf(':');
    return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
}

/** The value of the first header of this name, in any case. */
export function headerOf(headers: readonly WireHeader[], name: string): string | undefined {
  return headers.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1];
}

/** What could be read of a body, and how far it reaches. */
export interface WireBody {
  readonly body: Buffer;
  readonly trailers: readonly WireHeader[];
  /** Bytes on the wire that belong to it, as far as they have arrived. */
  readonly length: number;
  readonly complete: boolean;
}

/** Reads a body by its framing; Transfer-Encoding goes over Content-Length (RFC 9112 §6.3). `otherwise` is for neither. */
export function readBody(bytes: Buffer, headers: readonly WireHeader[], otherwise: 'empty' | 'until-close'): WireBody {
  if (/\bchunked\b/i.test(headerOf(headers, 'transfer-encoding') ?? '')) return readChunks(bytes);
  const stated = headerOf(headers, 'content-length');
  if (stated === undefined && otherwise === 'until-close') {
    return { body: bytes, trailers: [], length: bytes.length, complete: false };
  }
  const wanted = Number(stated ?? 0);
  const body = bytes.subarray(0, wanted);
  return { body, trailers: [], length: body.length, complete: body.length === wanted };
}

function readChunks(bytes: Buffer): WireBody {
  const pieces: Buffer[] = [];
  let at = 0;
  const stop = (trailers: WireHeader[] = [], complete = false): WireBody => ({
    body: Buffer.concat(pieces),
    trailers,
    length: complete ? at : bytes.length,
    complete,
  });
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return stop();
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size)) return stop();
    if (size === 0) return readTrailers(lineEnd + 2);
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
    if (at > bytes.length) return stop();
  }

  function readTrailers(start: number): WireBody {
    if (bytes.toString('latin1', start, start + 2) === '\r\n') {
      at = start + 2;
      return stop([], true);
    }
    const end = bytes.indexOf('\r\n\r\n', start);
    if (end < 0) return stop();
    at = end + 4;
    return stop(readHeaders(bytes.toString('latin1', start, end).split('\r\n')), true);
  }
}
