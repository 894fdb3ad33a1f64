/** A field of log lines, for the reference. */
interface LogField {
  readonly type: 'text' | 'number' | 'list of texts' | 'true' | 'time';
  readonly meaning: string;
}

/** Every field that a log line can have; docs/log.md comes from here, and a line with any other does not compile. */
export const LOG_FIELDS = {
  level: { type: 'text', meaning: '`debug`, `info`, `warn`, `error` or `fatal`.' },
  time: { type: 'time', meaning: 'When the line was written (RFC 3339, UTC).' },
  worker: { type: 'number', meaning: 'The number of the worker that wrote the line or that it is about (`workers`).' },
  msg: { type: 'text', meaning: 'What happened: one of the messages below.' },

  id: { type: 'text', meaning: 'The X-Request-Id of the request, also the `instance` of its refusal.' },
  trace: { type: 'text', meaning: 'The trace id: from the client’s `traceparent`, or created by the gateway.' },
  span: { type: 'text', meaning: 'The id of the span that the upstream sees as its parent.' },
  client: {
    type: 'text',
    meaning: 'The address of the client; behind `listen.trustedProxies` the address that they report.',
  },
  method: { type: 'text', meaning: 'The method of the request.' },
  host: { type: 'text', meaning: 'The host that the client addressed, with its port if it was given.' },
  path: { type: 'text', meaning: 'Of a request: its canonical path, never the query. Of a snapshot: its file.' },
  status: { type: 'number', meaning: 'The status of the answer; absent if none was sent.' },
  durationMs: { type: 'number', meaning: 'From the head of the request to the end of its answer.' },
  route: { type: 'text', meaning: 'The id of the route.' },
  upstream: { type: 'text', meaning: 'The name of the upstream.' },
  target: { type: 'text', meaning: 'The address that got the request, if the upstream has several.' },
  upstreamMs: {
    type: 'number',
    meaning: 'From forwarding the request to the head of the upstream’s answer, or to the failure.',
  },
  issuer: { type: 'text', meaning: 'The name of the issuer: of the verified token, or of the keys.' },
  sub: { type: 'text', meaning: 'The `sub` of the verified token.' },
  code: { type: 'text', meaning: 'Why the request was refused ([errors.md](errors.md)).' },
  detail: { type: 'text', meaning: 'The detail that the client got.' },
  cause: { type: 'text', meaning: 'The underlying error, which the client does not get.' },
  aborted: { type: 'true', meaning: 'The client left before the answer was complete.' },
  ended: {
    type: 'text',
    meaning:
      'Why the gateway ended an answer, a WebSocket or an event stream: `token ended`, `client stalled` or `cut`.',
  },

  gateway: { type: 'text', meaning: 'The address of the public port.' },
  admin: { type: 'text', meaning: 'The address of the admin port.' },
  routes: { type: 'number', meaning: 'The number of routes.' },
  keys: { type: 'number', meaning: 'The number of usable keys in the set.' },
  leftOut: { type: 'list of texts', meaning: 'Keys that are not used, each with the reason.' },
  reason: { type: 'text', meaning: 'Why the target gets no requests.' },
  changes: { type: 'list of texts', meaning: 'What has changed in the configuration, in words; 50 at most.' },
  warnings: { type: 'list of texts', meaning: 'Warnings of `check`, with their positions; 50 at most.' },
  problems: { type: 'list of texts', meaning: 'The mistakes in the configuration, with their positions; 50 at most.' },
  issuers: { type: 'list of texts', meaning: 'The names of issuers.' },
  pid: { type: 'number', meaning: 'The process id of a worker.' },
  how: { type: 'text', meaning: 'How a worker ended: a signal or an exit code.' },
  startsAgainInMs: { type: 'number', meaning: 'Milliseconds until another worker replaces it.' },
  limit: { type: 'text', meaning: 'The limit that was reached, by its name in the configuration.' },
  times: {
    type: 'number',
    meaning: 'How often the limit was reached or an attempt failed; absent for a single failure.',
  },
  seconds: { type: 'number', meaning: 'The number of seconds that `times` covers; absent the first time.' },
  lost: { type: 'number', meaning: 'The number of lines lost.' },
  lostEvents: {
    type: 'number',
    meaning: 'The number of lost lines that were not about requests or connections; absent if none.',
  },
  signal: {
    type: 'text',
    meaning: 'Why the process shuts down: the signal, or that the process that started this worker has ended.',
  },
  cut: { type: 'number', meaning: 'The number of connections cut at `drain.timeout`.' },
  where: {
    type: 'text',
    meaning: 'Where a defect occurred: the id of a request, or the name of a part of the gateway.',
  },
  error: { type: 'text', meaning: 'What went wrong; for a defect that ends the process, with its stack.' },
  at: { type: 'list of texts', meaning: 'The stack of a defect.' },
} as const satisfies Readonly<Record<string, LogField>>;

/** What a line may hold. */
export type LogFields = { readonly [Name in keyof typeof LOG_FIELDS]?: unknown };
