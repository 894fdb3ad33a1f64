import { BlockList, isIP } from 'node:net';
import * as z from 'zod';
import { isTheGateways } from '../request/fields.ts';
import { foldName } from '../request/fold.ts';
import { trimEndOf } from '../request/lists.ts';
import { ROUTABLE_METHODS } from '../request/methods.ts';
import { hostFlaw, isHostName, isServerAddress, listenHostFlaw, upstreamHostFlaw } from './address.ts';
import { claimPathFlaw, isTrimmed } from './claim-path.ts';
import { readPattern } from './pattern.ts';
import { didYouMean } from './suggest.ts';
import { readTemplate } from './template.ts';

/** How a problem is named in `check --format json`, where zod's own kinds are too coarse. */
export interface IssueParams {
  readonly name: string;
  readonly hint?: string;
  /** The message may quote a part of the value, so it is not for values that are secrets. */
  readonly quotes?: true;
}

/** What an editor says of a text that does not fit its pattern, and shows as an example; the docs show it too. */
export interface TextHelp {
  readonly expected: string;
  readonly example: string;
}

/** A text of this form; otherwise `expected` is the problem. */
export function matching(pattern: RegExp, { expected, example }: TextHelp) {
  return z
    .string()
    .regex(pattern, expected)
    .meta({ expected, examples: [example] });
}

/** A text, with an example for editors and the docs. */
export function textSuchAs(example: string) {
  return z
    .string()
    .min(1)
    .meta({ examples: [example] });
}

/** What is wrong with a text, and what to write instead. */
export interface TextFlaw {
  readonly flaw: string;
  readonly hint?: string | undefined;
}

/** Complains of what is wrong with a text. The words may quote it, so those about a secret are not shown. */
function flawless(flawOf: (text: string) => TextFlaw | undefined, name: string) {
  return (text: string, context: z.RefinementCtx<string>): void => {
    const { flaw, hint } = flawOf(text) ?? {};
    if (flaw === undefined) return;
    const params: IssueParams = { name, quotes: true, ...(hint !== undefined && { hint }) };
    context.addIssue({ code: 'custom', message: flaw, params: { ...params }, input: text });
  };
}

/** Text that `read` accepts; what it says otherwise becomes the problem. `pattern` is what editors can check of it. */
function readText<T extends object>(
  read: (text: string) => T | string | TextFlaw,
  name: string,
  pattern: string,
  { expected, example }: TextHelp,
) {
  return z
    .string()
    .meta({ pattern, expected, examples: [example] })
    .transform((text, context): T => {
      const value = read(text);
      if (typeof value !== 'string' && !('flaw' in value)) return value;
      flawless(() => (typeof value === 'string' ? { flaw: value } : value), name)(text, context);
      return z.NEVER;
    });
}

/** RFC 9110 §5.6.2 */
const TOKEN = /^[!#$%&'*+\-.^_`|~A-Za-z0-9]+$/;

export const pathPattern = () =>
  readText(readPattern, 'bad-path', '^/', {
    expected: 'expected a path that begins with a slash',
    example: '/orders/**',
  });
export const template = () =>
  readText(readTemplate, 'bad-template', '^[\\x20-\\x7e]*$', {
    expected: 'expected printable ASCII',
    example: '{claims.sub}',
  });

/** The names by which issuers, upstreams and routes refer to each other; they are metric labels too. */
export const name = () =>
  matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
    expected: 'a name has letters, digits, ".", "_" and "-", and 63 characters at most',
    example: 'orders-read',
  });

/** A method that requests can have. Which those are differs between versions of Node, so editors check the form alone. */
export const method = () =>
  z
    .string()
    .meta({ pattern: '^[A-Z][A-Z-]*$', expected: IN_CAPITALS, examples: ['GET'] })
    .superRefine(flawless(methodFlaw, 'bad-method'));

const IN_CAPITALS = 'a method is written in capitals, such as GET';

function methodFlaw(text: string): TextFlaw | undefined {
  if (ROUTABLE_METHODS.has(text)) return undefined;
  if (text === 'CONNECT' || text === 'TRACE') return { flaw: `${text} is refused on every path: no route can take it` };
  const hint = didYouMean(text.toUpperCase(), ROUTABLE_METHODS);
  return { flaw: /^[A-Z][A-Z-]*$/.test(text) ? 'no request can have this method' : IN_CAPITALS, hint };
}

/** A text to compare with one from a token: what stands around it would keep the two from ever being equal. */
export const comparedText = (example: string) =>
  textSuchAs(example).refine(isTrimmed, 'has a blank or a control character around it');

/** The path of a claim: names with dots between them. */
export const claimPath = () => textSuchAs('realm_access.roles').superRefine(flawless(claimPathFlaw, 'bad-claim-path'));

/** A number that a claim can be compared with: a token's larger integers are not told apart (RFC 8259 §6). */
export const claimNumber = () =>
  z
    .number()
    .refine(
      (value) => !Number.isInteger(value) || Number.isSafeInteger(value),
      'is larger than numbers are exact: put it in quotes, if the claim is text',
    );

/** A name in a query, as it is once it is decoded. */
export const queryName = () =>
  matching(/^[\x21\x22\x24\x27-\x2a\x2c-\x3c\x3e\x40-\x7e]+$/, {
    expected: 'expected the decoded name of a query parameter, in printable ASCII without ? & = # % +',
    example: 'access_token',
  });

/** RFC 6749 §3.3: scope-token. */
export const scope = () =>
  matching(/^[\x21\x23-\x5b\x5d-\x7e]+$/, { expected: 'a scope is one word without quotes', example: 'orders:read' });

/** RFC 6265 §4.1.1: cookie-name. */
export const cookieName = () => matching(TOKEN, { expected: 'is no cookie name', example: 'session' });

/** RFC 6455 §4.1: subprotocols are tokens. */
export const subprotocol = () => matching(TOKEN, { expected: 'is no name of a subprotocol', example: 'bearer' });

export const port = () =>
  z.number({ error: 'expected a port: a whole number from 0 to 65535' }).int().min(0).max(65535);

/** A host of a route: exact or `*.example.com`; compared in lower case. */
export const hostPattern = () =>
  z
    .string()
    .meta({ examples: ['api.example.com', '*.example.com'] })
    .transform((host) => host.toLowerCase())
    .superRefine(flawless(hostFlaw, 'bad-host'));

/** A host name without a port, exactly. */
export const plainHost = () =>
  matching(/^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/, {
    expected: 'expected a host name without scheme, port or wildcard',
    example: 'gateway-admin.internal',
  }).refine(isHostName, 'expected a host name without scheme, port or wildcard');

/** An address to listen on. */
export const listenHost = (example: string) => textSuchAs(example).superRefine(flawless(listenHostFlaw, 'bad-host'));

/** The Host that an upstream gets: `keep`, `upstream`, or a name with an optional port. */
export const upstreamHost = () =>
  z
    .string()
    .meta({ examples: ['orders.internal'] })
    .superRefine(flawless(upstreamHostFlaw, 'bad-host'));

/** An address of a server: scheme and authority. The hints are for one that has more. */
export const origin = (hints: { readonly credentials: string; readonly path: string }) =>
  z
    .string()
    .meta({
      pattern: '^https?://',
      expected: 'expected an address such as http://orders.internal:3000',
      examples: ['http://orders.internal:3000'],
    })
    .transform((text, context): string => {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      const flaw =
        url === undefined || !isServerAddress(text)
          ? 'expected an address such as http://orders.internal:3000'
          : url.username || url.password
            ? `has credentials in it; ${hints.credentials}`
            : url.pathname !== '/' || url.search || url.hash
              ? `has a path; ${hints.path}`
              : undefined;
      if (url && !flaw) return url.origin;
      context.addIssue({
        code: 'custom',
        message: flaw ?? '',
        params: { name: url?.username || url?.password ? 'credentials-in-url' : 'bad-url' },
        input: text,
      });
      return z.NEVER;
    });

/** An http or https address, kept as it is written. */
export const httpUrl = (example = 'https://login.example.com/jwks') =>
  z
    .string()
    .meta({ pattern: '^https?://', expected: 'expected an http:// or https:// address', examples: [example] })
    .refine((text) => isServerAddress(text) && !text.includes('#'), {
      error: 'expected an http:// or https:// address, without blanks or a fragment',
      params: { name: 'bad-url' },
    })
    // fetch refuses such an address, and every error would print it.
    .refine((text) => !URL.canParse(text) || !(new URL(text).username || new URL(text).password), {
      error: 'has credentials in it, which are never sent',
      params: { name: 'credentials-in-url' },
    });

/** The name of a file, relative to the one it stands in. */
export const fileName = (example = '/run/secrets/upstream/ca.pem') =>
  z
    .string()
    .min(1, 'is empty; the name of a file is needed')
    .meta({ examples: [example] });

/** RFC 6066 §3: a name, never an address. */
export const serverName = () =>
  matching(/^(?=.*[A-Za-z])[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/, {
    expected: 'expected a host name such as orders.internal',
    example: 'orders.internal',
  });

/** A path, with a query if need be, as it stands in a request line. */
export const requestTarget = () =>
  matching(/^\/(?:[\x21\x22\x24-\x7e]*)$/, {
    expected: 'expected a path such as /health, in printable ASCII without `#`',
    example: '/health',
  });

/** How clients reach us: an address without query, kept without a slash at its end. */
export const publicAddress = () =>
  httpUrl('https://api.example.com')
    .refine(
      (text) => !text.includes('?') && /^[\x21-\x7e]+$/.test(text) && !text.includes('"'),
      'expected an address without a query',
    )
    .transform((text) => trimEndOf(text, '/'));

/** A network whose hosts are believed: an address or CIDR. */
export const trustedNetwork = () =>
  textSuchAs('10.0.0.0/8').refine((text) => isNetwork(text), {
    error: 'expected an address or network, such as 10.0.0.0/8 or fd00::/8',
    params: { name: 'bad-network' },
  });

function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  // A zone (`fe80::1%eth0`) is not part of what a network is compared by.
  if (family === 0 || more.length > 0 || address.includes('%')) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** The networks as one list that can be asked. */
export function networks(list: readonly string[]): BlockList {
  const block = new BlockList();
  for (const network of list) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    block.addSubnet(address, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family);
  }
  return block;
}

/** A prefix of `rewrite`: fixed segments without a slash at the end; `/` means none. */
export const prefix = () =>
  z
    .string()
    .meta({ pattern: '^(?:/.*)?$', expected: 'expected a path that begins with a slash', examples: ['/orders'] })
    .transform((text, context): string => {
      if (text === '/') return '';
      const pattern = readPattern(text);
      const flaw =
        typeof pattern === 'string'
          ? pattern
          : text.endsWith('/') || pattern.segments.some((segment) => segment.kind !== 'fixed')
            ? 'a prefix has fixed segments alone and no slash at its end'
            : undefined;
      if (!flaw) return text;
      context.addIssue({ code: 'custom', message: flaw, params: { name: 'bad-path', quotes: true }, input: text });
      return z.NEVER;
    });

/** Headers whose meaning the gateway answers for: nobody sets or removes them by a rule. */
const OWN_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'sec-websocket-accept',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'sec-websocket-version',
]);

/** Any header's name, for what is only spoken of. */
export const fieldName = () => matching(TOKEN, { expected: 'is no header name', example: 'x-requested-with' });

/** The origin of a web page as browsers write it (RFC 6454 §6.1), or `*`. */
export const webOrigin = () =>
  textSuchAs('https://app.example.com').refine(
    (text) => text === '*' || (isServerAddress(text) && new URL(text).origin === text),
    {
      error: 'expected an origin as browsers send it: scheme, host in lower case, port if unusual, and nothing behind',
      params: { name: 'bad-origin' },
    },
  );

export const headerName = () =>
  matching(TOKEN, { expected: 'is no header name', example: 'X-User-Id' }).refine(
    (text) => !OWN_HEADERS.has(foldName(text)),
    {
      error: 'is a header that the gateway manages itself',
      params: { name: 'managed-header' },
    },
  );

/** A header that a route may let through: what is of the hop, or ours, is none. */
export const keptHeader = () =>
  matching(TOKEN, { expected: 'is no header name', example: 'True-Client-IP' }).refine((text) => !isTheGateways(text), {
    error: 'is a header that the gateway manages itself, which no route can keep',
    params: { name: 'managed-header' },
  });
