import { type Assembly, assemble, destroyAll, type Observer, startAll } from '../assembly.ts';
import { Permit } from '../authorise/permit.ts';
import { systemClock } from '../clock.ts';
import { didYouMean } from '../config/suggest.ts';
import { ERRORS_PATH, replyFor } from '../errors/problem.ts';
import type { Reply } from '../errors/reply.ts';
import { OpenStreams } from '../forward/streams.ts';
import { type Decision, decide } from '../gateway.ts';
import { Journey, type Peer } from '../journey.ts';
import { isAuthority, readHead } from '../request/head.ts';
import { newRequestId } from '../request/id.ts';
import { ask } from '../verify/ask.ts';
import type { Auth, TokenOptions } from './api.ts';
import { configOf, literal, loadObject, optionError } from './options.ts';

/** What a framework tells about a request. */
export interface AskedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly host: string | undefined;
  /** The values of the Authorization fields, one each. */
  readonly authorization: readonly string[];
  readonly accept: string | undefined;
  readonly encrypted: boolean;
}

/** The caller, or the answer that the request gets instead. */
export type Verdict = { readonly auth: Auth } | { readonly reply: Reply };

/**
 * Checks tokens for a server that routes by itself. It is the gateway's own `decide` on a configuration of one issuer and one
 * route; the path plays no part, except that the pages that explain an error code are answered.
 */
export class TokenGuard {
  readonly #assembly: Assembly;

  /** Throws ConfigError for options that cannot be used. */
  constructor(options: TokenOptions) {
    const config = configOf(loadObject(literal(configFrom(options), SOURCE), SOURCE, {}));
    const surroundings = { clock: systemClock, ask, streams: new OpenStreams(systemClock) };
    this.#assembly = assemble(config, surroundings, observing(options));
    const failed = options.onKeysFailed ?? (() => {});
    void startAll(this.#assembly.parts, failed); // never rejects
  }

  /** Decides about a request: at once for a remembered token, by a promise for another. Never rejects. */
  check(asked: AskedRequest): Verdict | Promise<Verdict> {
    const host = asked.host !== undefined && isAuthority(asked.host) ? asked.host : 'localhost';
    const isHelp = asked.url.startsWith(ERRORS_PATH);
    const head = readHead(
      {
        // The application routes by itself: neither method nor path may decide here.
        method: isHelp ? asked.method : 'GET',
        url: isHelp ? asked.url : '/',
        httpVersion: '1.1',
        rawHeaders: [
          ...['Host', host],
          ...asked.authorization.flatMap((value) => ['Authorization', value]),
          ...(asked.accept === undefined ? [] : ['Accept', asked.accept]),
        ],
      },
      this.#assembly.sorter,
    );
    const now = systemClock.now();
    const peer: Peer = { address: '', encrypted: asked.encrypted, trusted: false };
    const journey = new Journey(newRequestId(now), peer, head.ok ? head.value : undefined, this.#assembly);
    try {
      const decision = head.ok ? decide(this.#assembly, journey, head.value, now) : head;
      return decision instanceof Promise
        ? decision.then(
            (late) => this.#verdict(late, journey),
            (error) => this.#defect(error, journey),
          )
        : this.#verdict(decision, journey);
    } catch (error) {
      return this.#defect(error, journey);
    }
  }

  /** Stops fetching keys. */
  async close(): Promise<void> {
    await destroyAll(this.#assembly.parts);
  }

  #verdict(decision: Decision, journey: Journey): Verdict {
    if (!decision.ok) return { reply: replyFor(journey.refusedWith(decision.fault), this.#assembly.config.errors) };
    if (!(decision.value instanceof Permit)) return { reply: decision.value };
    const { token } = decision.value;
    if (token === undefined) return this.#defect(new Error('a permit without a token'), journey);
    const { claims, scopes, issuer } = token;
    return { auth: { claims, scopes: [...scopes], issuer: issuer.issuer } };
  }

  #defect(cause: unknown, journey: Journey): Verdict {
    const fault = { code: 'gateway.internal', cause } as const;
    return { reply: replyFor(journey.refusedWith(fault), this.#assembly.config.errors) };
  }
}

/** Stands for the name of a file in problems. */
const SOURCE = 'requireToken';

/** The compiler asks for each option here. */
const OPTIONS: Readonly<Record<keyof TokenOptions, true>> = {
  issuer: true,
  audience: true,
  scopes: true,
  claims: true,
  keys: true,
  onKeysFailed: true,
};

/** Throws for an option that does not exist: `scope` in place of `scopes` would let every token in. */
function refuseUnknown(options: unknown): void {
  if (typeof options !== 'object' || options === null)
    throw optionError(SOURCE, 'expected options: { issuer, audience }');
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(OPTIONS, name)) continue;
    throw optionError(SOURCE, `unknown option \`${name}\``, didYouMean(name, Object.keys(OPTIONS)));
  }
}

function configFrom(options: TokenOptions): object {
  refuseUnknown(options);
  const { issuer, audience, scopes, claims, keys } = options;
  return {
    issuers: {
      main: {
        ...(issuer !== undefined && { issuer }),
        ...(audience !== undefined && { audience }),
        ...(keys !== undefined && { keys }),
      },
    },
    upstreams: { application: { url: 'http://127.0.0.1:1' } }, // a route needs one; nothing is ever sent there
    routes: [
      {
        id: 'application',
        match: { path: '/**' },
        auth: { issuers: ['main'], ...(scopes !== undefined && { scopes }), ...(claims !== undefined && { claims }) },
        upstream: 'application',
      },
    ],
  };
}

function observing({ onKeysFailed }: TokenOptions): Observer {
  return {
    keysFetched() {},
    keysFailed: (_, error) => onKeysFailed?.(error),
    snapshotUsed() {},
    targetLeftOut() {},
    targetBack() {},
  };
}
