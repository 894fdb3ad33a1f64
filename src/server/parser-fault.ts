import type { Fault } from '../errors/fault.ts';

/** What is wrong with a request, and what to send instead, where the catalogue's general fix does not say it. */
interface Flaw {
  readonly detail: string;
  readonly fix?: string;
}

const HEADER_LINE: Flaw = {
  detail: 'A header line is malformed: a blank before its colon, no colon, a folded line, or a control character.',
  fix: 'Send each header as one line, `Name: value`.',
};
const LINE_END: Flaw = {
  detail: 'A line does not end with CR LF, or a header value contains a CR.',
  fix: 'End each line of the head, and each chunk, with CR LF.',
};
const CHUNK: Flaw = {
  detail: 'A chunk of the body is malformed: its size, its extensions or the CR LF after it.',
  fix: 'Send each chunk as its size in hexadecimal, CR LF, that many bytes, and CR LF.',
};

/** What node's parser (llhttp) refuses, by its codes; its messages differ between versions of Node. */
const FLAWS: Readonly<Record<string, Flaw>> = {
  HPE_INVALID_METHOD: {
    detail: 'The request line does not begin with a known method.',
    fix: 'Write the method in capitals, such as GET. If you send HTTPS: this port speaks plain HTTP.',
  },
  HPE_INVALID_URL: {
    detail: 'The request target has a blank, a control character, or no path.',
    fix: 'Percent-encode characters that a URL cannot contain.',
  },
  HPE_INVALID_CONSTANT: {
    detail: 'The request line does not end with an HTTP version. An unencoded blank in the target has the same effect.',
    fix: 'Percent-encode blanks in the target (%20), and end the line with HTTP/1.1.',
  },
  HPE_INVALID_VERSION: {
    detail: 'The HTTP version of the request is not accepted here, or the request line does not end with CR LF.',
    fix: 'Send HTTP/1.1.',
  },
  HPE_PAUSED_H2_UPGRADE: {
    detail: 'The request begins like HTTP/2, which this gateway speaks only over TLS, negotiated by ALPN.',
    fix: 'Send HTTP/1.1.',
  },
  HPE_INVALID_HEADER_TOKEN: HEADER_LINE,
  HPE_UNEXPECTED_SPACE: HEADER_LINE,
  HPE_CR_EXPECTED: LINE_END,
  HPE_LF_EXPECTED: LINE_END,
  HPE_INVALID_CONTENT_LENGTH: {
    detail: 'The Content-Length is not a number of bytes, or is sent together with a Transfer-Encoding.',
    fix: 'Send one Content-Length with a number, or Transfer-Encoding: chunked.',
  },
  HPE_UNEXPECTED_CONTENT_LENGTH: {
    detail: 'The Content-Length is sent more than once, or together with a Transfer-Encoding.',
    fix: 'Send one Content-Length with a number, or Transfer-Encoding: chunked.',
  },
  HPE_INVALID_TRANSFER_ENCODING: {
    detail: 'The Transfer-Encoding is not `chunked`, or is sent together with a Content-Length.',
    fix: 'Send one Content-Length with a number, or Transfer-Encoding: chunked.',
  },
  HPE_INVALID_CHUNK_SIZE: CHUNK,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: CHUNK,
  HPE_STRICT: CHUNK,
  HPE_INVALID_EOF_STATE: {
    detail: 'The client ended its side of the connection before the request was complete.',
    fix: 'Send as many bytes as the Content-Length says, or the last chunk.',
  },
  HPE_CLOSED_CONNECTION: {
    detail: 'Data followed a request that asked for the connection to be closed.',
    fix: 'Send nothing after a request with Connection: close.',
  },
};

/** What node's parser refuses, in our codes. */
export function parserFault(cause: NodeJS.ErrnoException): Fault {
  if (cause.code === 'HPE_HEADER_OVERFLOW') return { code: 'request.headers-too-large', close: true, cause };
  if (cause.code === 'ERR_HTTP_REQUEST_TIMEOUT') return { code: 'request.timeout', close: true, cause };
  const flaw = FLAWS[cause.code ?? ''] ?? { detail: 'The request is not well-formed HTTP/1.1.' };
  return { code: 'request.invalid', ...flaw, close: true, cause };
}
