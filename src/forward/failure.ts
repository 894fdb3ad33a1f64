import { writeSize } from '../config/units.ts';
import type { Fault } from '../errors/fault.ts';

/** What undici's and the socket's error codes mean to a client. Everything else is an upstream that can't be reached. */
const CODES: Readonly<Record<string, Fault['code']>> = {
  UND_ERR_CONNECT_TIMEOUT: 'forward.timeout',
  UND_ERR_HEADERS_TIMEOUT: 'forward.timeout',
  UND_ERR_BODY_TIMEOUT: 'forward.timeout',
  UND_ERR_HEADERS_OVERFLOW: 'forward.invalid-response',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'forward.invalid-response',
  ERR_ASSERTION: 'forward.invalid-response', // undici asserts about answers: a status of 099
  ERR_INVALID_CHAR: 'forward.invalid-response',
  ERR_INVALID_HTTP_TOKEN: 'forward.invalid-response',
  ERR_HTTP_INVALID_STATUS_CODE: 'forward.invalid-response',
  UND_ERR_INVALID_ARG: 'gateway.internal',
  UND_ERR_NOT_SUPPORTED: 'gateway.internal',
};

const DETAILS: Partial<Record<Fault['code'], string>> = {
  'forward.timeout': 'No answer came within the time that is allowed for it.',
  'forward.unreachable': 'No connection could be made, or it was closed before an answer came.',
  'forward.invalid-response': 'What came back is not an HTTP answer.',
};

/** The fault for a request whose upstream gave no answer. The error itself goes to the log alone. */
export function failureFault(error: Error): Fault {
  const code = codeOf(error);
  const detail = code === 'forward.unreachable' && isAboutTls(error) ? NOT_SECURE : DETAILS[code];
  return detail === undefined ? { code, cause: error } : { code, detail, cause: error };
}

const NOT_SECURE = 'No secure connection to it could be made.';

/** By its code: OpenSSL's reasons about certificates, what node finds out about their names, and failed handshakes. */
const TLS_CODE =
  /^(?:ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERROR_IN_CERT_|INVALID_(?:CA|PURPOSE)$|HOSTNAME_MISMATCH$|PATH_LENGTH_|.*_CERT(?:IFICATE)?_)/;

function isAboutTls(error: Error): boolean {
  return TLS_CODE.test((error as { code?: string }).code ?? '');
}

function codeOf(error: Error): Fault['code'] {
  const { code = '' } = error as { code?: string };
  // By its name: undici does not always give what its parser refuses a code. Node's own parser gives nothing else.
  if (error.name === 'HTTPParserError' || code.startsWith('HPE_')) return 'forward.invalid-response';
  return Object.hasOwn(CODES, code) ? (CODES[code] as Fault['code']) : 'forward.unreachable';
}

/** Errors that a connection gives which the upstream closed while it was idle: the request was never looked at. */
const BROKEN_CONNECTION = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/** Whether the connection broke, rather than the request or the answer being wrong. */
export function isBrokenConnection(error: Error): boolean {
  return BROKEN_CONNECTION.has((error as { code?: string }).code ?? '');
}

/** The fault for a body above a limit in bytes. */
export function tooLarge(limit: number): Fault {
  return { code: 'request.too-large', detail: `The body of a request may have ${writeSize(limit)} here.`, close: true };
}
