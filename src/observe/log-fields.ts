/** A field of log lines, for the reference. */
interface LogField {
  readonly type: 'text' | 'number' | 'list of texts' | 'true' | 'time';
  readonly meaning: string;
}

/** Every field that a log line can have; docs/log.md comes from here, and a line with any other does not compile. */
export const LOG_FIELDS = {
  level: { type: 'text', meaning: '`debug`, `info`, `warn`, `error` or `fatal`.' },
  time: { type: 'time', meaning: 'When the line was made (RFC 3339, UTC).' },
  worker: { type: 'number', meaning: 'Which of several processes it is about, or wrote it (`workers`).' },
  msg: { type: 'text', meaning: 'What happened: one of the messages below.' },

  id: { type: 'text', meaning: 'Of the request: its X-Request-Id, and the `instance` of its refusal.' },
  trace: { type: 'text', meaning: 'The trace id, of the client’s `traceparent` or begun here.' },
  span: { type: 'text', meaning: 'The id of the span that the upstream sees as its parent.' },
  client: {
    type: 'text',
    meaning: 'The address of the client; behind `listen.trustedProxies` the one that they vouch for.',
  },
  method: { type: 'text', meaning: 'The method of the request.' },
  host: { type: 'text', meaning: 'The host that the client addressed, with its port if it was given.' },
  path: { type: 'text', meaning: 'Of a request: its canonical path, never the query. Of a snapshot: its file.' },
  status: { type: 'number', meaning: 'The status of the answer; absent where none was sent.' },
  durationMs: { type: 'number', meaning: 'From the head of the request to the end of its answer.' },
  route: { type: 'text', meaning: 'The id of the route.' },
  upstream: { type: 'text', meaning: 'The name of the upstream.' },
  target: { type: 'text', meaning: 'The address of the upstream that got the request, where it has several.' },
  upstreamMs: {
    type: 'number',
    meaning: 'From sending the request on to the head of the upstream’s answer, or its failure.',
  },
  issuer: { type: 'text', meaning: 'The name of the issuer: of the verified token, or of the keys.' },
  sub: { type: 'text', meaning: 'The `sub` of the verified token.' },
  code: { type: 'text', meaning: 'Why the request was refused ([errors.md](errors.md)).' },
  detail: { type: 'text', meaning: 'What the client was told about it.' },
  cause: { type: 'text', meaning: 'What went wrong underneath, which the client is not told.' },
  aborted: { type: 'true', meaning: 'The client went away before the answer was complete.' },
  ended: { type: 'text', meaning: 'Why a WebSocket or an event stream ended, such as `token ended` or `cut`.' },

  gateway: { type: 'text', meaning: 'The address at which clients are served.' },
  admin: { type: 'text', meaning: 'The address of the admin port.' },
  routes: { type: 'number', meaning: 'How many routes there are.' },
  keys: { type: 'number', meaning: 'How many usable keys the set has.' },
  leftOut: { type: 'list of texts', meaning: 'Keys that are not used, each with the reason.' },
  reason: { type: 'text', meaning: 'Why the target gets no requests.' },
  changes: { type: 'list of texts', meaning: 'What has changed in the configuration, in words; 50 at most.' },
  warnings: { type: 'list of texts', meaning: 'Warnings of `check`, with their positions; 50 at most.' },
  problems: { type: 'list of texts', meaning: 'What is wrong with the configuration, with positions; 50 at most.' },
  issuers: { type: 'list of texts', meaning: 'The names of issuers.' },
  pid: { type: 'number', meaning: 'The process id of a worker.' },
  how: { type: 'text', meaning: 'How a worker ended: a signal or an exit code.' },
  startsAgainInMs: { type: 'number', meaning: 'When another worker takes its place.' },
  limit: { type: 'text', meaning: 'The limit that was reached, as it is called in the configuration.' },
  times: { type: 'number', meaning: 'How often the limit was reached, or an attempt failed; absent where once.' },
  seconds: { type: 'number', meaning: 'Over how many seconds; absent the first time.' },
  lost: { type: 'number', meaning: 'How many lines were lost.' },
  lostEvents: { type: 'number', meaning: 'How many of them were not about requests; absent where none was.' },
  signal: {
    type: 'text',
    meaning: 'Why it shuts down: the signal, or that the process that started this worker has gone.',
  },
  cut: { type: 'number', meaning: 'How many connections `drain.timeout` has cut.' },
  where: { type: 'text', meaning: 'In which part of the gateway a defect is: an id of a request, or a name.' },
  error: { type: 'text', meaning: 'What went wrong; of a defect that ends the process, with its stack.' },
  at: { type: 'list of texts', meaning: 'Where in the code a defect is.' },
} as const satisfies Readonly<Record<string, LogField>>;

/** What a line may hold. */
export type LogFields = { readonly [Name in keyof typeof LOG_FIELDS]?: unknown };
