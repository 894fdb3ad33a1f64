import test from 'ava';
import { HeaderRules } from '../../src/forward/headers.ts';
import type { WireHeader } from '../support/http-bytes.ts';
import { type FactsOptions, factsOf, pairs, routeOf, TRACE } from './facts.ts';

function sent(route: object, fields: readonly WireHeader[], options: FactsOptions & { upstream?: object } = {}) {
  const settings = routeOf(route, options.upstream);
  return pairs(new HeaderRules(settings).forUpstream(factsOf(settings, fields, options)));
}

/** What is sent beside what the gateway sends always. */
function extra(...from: Parameters<typeof sent>): readonly WireHeader[] {
  const always = /^(?:host|x-forwarded-(?:for|host|proto)|via|x-request-id|traceparent)$/i;
  return sent(...from).filter(([name]) => !always.test(name));
}

const values = (headers: readonly WireHeader[], name: string) =>
  headers.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value);

test('an upstream gets the Host, who asked, through whom, and an id', (t) => {
  t.deepEqual(sent({}, []), [
    ['Host', 'api.example.com:8080'],
    ['X-Forwarded-For', '192.0.2.7'],
    ['X-Forwarded-Host', 'api.example.com:8080'],
    ['X-Forwarded-Proto', 'http'],
    ['Via', '1.1 bearergate'],
    ['X-Request-Id', '01ARYZ6S41TSV4RRFFQ69G5FAV'],
    ['traceparent', TRACE],
  ]);
  t.deepEqual(values(sent({}, [], { encrypted: true }), 'X-Forwarded-Proto'), ['https']);
});

test('ordinary headers go on in their order, spelling and number', (t) => {
  const fields = [
    ['aCCept', 'a'],
    ['X-B', '1'],
    ['Cookie', 'a=1;b=2'],
    ['x-b', '2'],
    ['X-Empty', ''],
  ] as const;
  t.deepEqual(extra({}, fields), fields);
});

const HOP: readonly WireHeader[] = [
  ['Connection', 'close, x-a'],
  ['Keep-Alive', 'timeout=5'],
  ['Proxy-Authorization', 'Basic x'],
  ['Proxy-Connection', 'keep-alive'],
  ['TE', 'deflate'],
  ['Trailer', 'X-T'],
  ['Upgrade', 'h2c'],
  ['HTTP2-Settings', 'AA'],
  ['Expect', '100-continue'],
  ['X-A', '1'],
];

test('nothing of the hop goes on, nor what Connection nominates', (t) => {
  t.deepEqual(extra({}, HOP), []);
  t.deepEqual(extra({}, [['TE', 'trailers']]), [['TE', 'trailers']]);
});

test('the hop before is kept in Via, and ours stands behind it', (t) => {
  t.deepEqual(values(sent({}, [['Via', '1.0 fred']]), 'via'), ['1.0 fred', '1.1 bearergate']);
});

const CLAIMED: readonly WireHeader[] = [
  ['X-Forwarded-For', '203.0.113.1'],
  ['X-Forwarded-Host', 'evil.example'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Forwarded-Port', '443'],
  ['Forwarded', 'for=203.0.113.1'],
  ['X-Real-IP', '203.0.113.1'],
  ['X-Request-Id', 'chosen'],
];

test('what a stranger says of itself is dropped', (t) => {
  t.deepEqual(sent({}, CLAIMED), sent({}, []));
});

test('what a trusted proxy says is believed, and its address is appended to the chain', (t) => {
  const headers = sent({}, CLAIMED, { trusted: true });
  t.deepEqual(values(headers, 'X-Forwarded-For'), ['203.0.113.1, 192.0.2.7']);
  t.deepEqual(values(headers, 'X-Forwarded-Host'), ['evil.example']);
  t.deepEqual(values(headers, 'X-Forwarded-Proto'), ['https']);
  t.deepEqual(values(headers, 'X-Forwarded-Port'), ['443']);
  t.deepEqual(values(headers, 'Forwarded'), ['for=203.0.113.1']);
  t.deepEqual(values(headers, 'X-Real-IP'), []);
});

test('a header that is dropped by default goes on where the route keeps it, in that spelling alone', (t) => {
  const fields = [
    ['true-client-ip', '203.0.113.1'],
    ['X-Client-IP', '203.0.113.2'],
    ['X-Forwarded-Client-Cert', 'Hash=a'],
  ] as const;
  const keep = { headers: { keep: ['True-Client-IP', 'X-Forwarded-Client-Cert'] } };
  for (const trusted of [false, true]) {
    t.deepEqual(extra({}, fields, { trusted }), []);
    t.deepEqual(extra(keep, fields, { trusted }), [fields[0], fields[2]]);
    t.deepEqual(extra({ ...keep, auth: 'public' }, fields, { trusted }), [fields[0], fields[2]]);
  }
  t.deepEqual(extra(keep, [...fields, ['Connection', 'True-Client-IP']]), [fields[2]], 'it is nominated');
});

test('the header that a token comes in needs no keep to be forwarded', (t) => {
  const auth = { tokenFrom: [{ header: 'X-ID-Token' }] };
  const fields = [['X-ID-Token', 'a.b.c']] as const;
  t.deepEqual(extra({ auth, token: 'forward' }, fields), fields);
  t.deepEqual(extra({ auth }, fields), []);
  t.deepEqual(extra({}, fields), []);
});

test('several lines of X-Forwarded-For are one chain in their order', (t) => {
  const lines = [
    ['X-Forwarded-For', '198.51.100.9, 1.1.1.1'],
    ['x-forwarded-for', '203.0.113.1'],
    ['X-Forwarded-For', ''],
  ];
  const headers = sent({}, lines as unknown as WireHeader[], { trusted: true });
  t.deepEqual(values(headers, 'X-Forwarded-For'), ['198.51.100.9, 1.1.1.1, 203.0.113.1, 192.0.2.7']);
});

test('an upstream gets the Host that its settings say', (t) => {
  t.deepEqual(values(sent({}, [], { upstream: { host: 'keep' } }), 'Host'), ['api.example.com:8080']);
  t.deepEqual(values(sent({}, [], { upstream: { host: 'upstream' } }), 'Host'), ['legacy.internal:3000']);
  t.deepEqual(values(sent({}, [], { upstream: { host: 'orders.test:81' } }), 'Host'), ['orders.test:81']);
});

test('headers are set from claims, and the client has no say under their names', (t) => {
  const route = { headers: { set: { 'X-User-Id': '{claims.sub}', 'X-Email': '{claims.email}', 'X-Fixed': 'a' } } };
  const fields = [
    ['X-User-Id', 'root'],
    ['x-EMAIL', 'root@example.com'],
    ['X-FIXED', 'b'],
    ['X-Other', 'c'],
  ] as const;
  t.deepEqual(extra(route, fields, { claims: { sub: 'user-1' } }), [
    ['X-Other', 'c'],
    ['X-User-Id', 'user-1'],
    ['X-Fixed', 'a'],
  ]);
});

test('headers that other routes set are dropped here too', (t) => {
  t.deepEqual(extra({}, [['X-User-Id', 'root']], { managed: ['X-User-Id'] }), []);
});

test("the upstream's own headers are sent, and the route's replace them whatever their case", (t) => {
  const upstream = { headers: { set: { Authorization: 'Basic eDp5', 'X-Key': 'upstream' } } };
  t.deepEqual(extra({}, [], { upstream }), [
    ['Authorization', 'Basic eDp5'],
    ['X-Key', 'upstream'],
  ]);
  const route = { headers: { set: { 'x-key': 'route' } } };
  t.deepEqual(extra(route, [], { upstream }), [
    ['Authorization', 'Basic eDp5'],
    ['x-key', 'route'],
  ]);
});

test("a route's header replaces the upstream's where a server would read both as one", (t) => {
  const upstream = { headers: { set: { 'X-Key': 'upstream' } } };
  t.deepEqual(extra({ headers: { set: { X_Key: 'route' } } }, [], { upstream }), [['X_Key', 'route']]);
});

test('headers are removed by name in any case, and ours can not be', (t) => {
  const route = { headers: { remove: ['X-Debug', 'X-Real-IP', 'x-request-id'] } };
  t.deepEqual(
    extra(route, [
      ['x-debug', '1'],
      ['X-DEBUG', '2'],
      ['X-Kept', '3'],
    ]),
    [['X-Kept', '3']],
  );
  t.deepEqual(extra(route, [['X-Real-IP', '1']], { trusted: true }), []);
  t.is(values(sent(route, []), 'X-Request-Id').length, 1);
});

test('a header of ours that the route sets is sent once, as the route says', (t) => {
  const route = {
    headers: {
      set: { 'X-Request-ID': 'r-{request.id}', 'X-Real-Ip': '{claims.ip}', 'X-Forwarded-User': '{claims.sub}' },
    },
  };
  const fields = [
    ['X-Real-IP', '203.0.113.1'],
    ['X-Forwarded-User', 'root'],
    ['X-Request-Id', 'abc'],
  ] as const;
  const headers = sent(route, fields, { trusted: true, claims: { sub: 'user-1' } });
  t.deepEqual(values(headers, 'X-Request-Id'), ['r-01ARYZ6S41TSV4RRFFQ69G5FAV']);
  t.deepEqual(values(headers, 'X-Real-IP'), []);
  t.deepEqual(values(headers, 'X-Forwarded-User'), ['user-1']);
});

interface TokenCase {
  readonly title: string;
  readonly route: object;
  readonly fields: readonly WireHeader[];
  readonly options?: FactsOptions & { upstream?: object };
  readonly goesOn: readonly WireHeader[];
}

const BEARER = ['Authorization', 'Bearer t'] as const;
const BASIC = ['Authorization', 'Basic eDp5'] as const;
const guard = (...tokenFrom: unknown[]) => ({ auth: { tokenFrom } });

const TOKENS: readonly TokenCase[] = [
  { title: 'the Authorization header is stripped', route: {}, fields: [BEARER], goesOn: [] },
  {
    title: 'the Authorization header is forwarded where that is asked for',
    route: { token: 'forward' },
    fields: [BEARER],
    goesOn: [BEARER],
  },
  {
    title: 'Authorization goes on on a public route',
    route: { auth: 'public' },
    fields: [['authorization', 'Basic eDp5']],
    goesOn: [['Authorization', 'Basic eDp5']],
  },
  ...[
    'Bearer t',
    'bearer t',
    'BEARER  t',
    'Bearer\tt',
    'Bearer',
    'DPoP t',
    'dpop t',
    'Basic eDp5, Bearer t',
    'Bearer t, Basic eDp5',
    ',Bearer t',
    'Bearer:t',
    '\u00a0Bearer t',
    'Basic eDp5 Bearer t',
    'Basic eDp5;dpop t',
    'Token Bearer t',
    '"Bearer t"',
    ';Bearer\tt',
  ].map((value) => ({
    title: `a token ends at a public route: ${JSON.stringify(value)}`,
    route: { auth: 'public' },
    fields: [['Authorization', value] as const],
    goesOn: [],
  })),
  ...[
    'Negotiate YII=',
    'Digest username="Bearer"',
    'BearerToken t',
    'Token Bearer',
    'ApiKey bearer',
    'Basic eC9iZWFyZXI/bearer/bearer t',
    'eyJ.e30.x',
    '',
  ].map((value) => ({
    title: `other credentials go on at a public route: ${JSON.stringify(value)}`,
    route: { auth: 'public' },
    fields: [['Authorization', value] as const],
    goesOn: [['Authorization', value] as const],
  })),
  {
    title: 'of two Authorization headers the one without a token goes on at a public route',
    route: { auth: 'public' },
    fields: [BEARER, ['Authorization', 'Basic eDp5']],
    goesOn: [['Authorization', 'Basic eDp5']],
  },
  {
    title: 'a token goes on at a public route where that is asked for',
    route: { auth: 'public', token: 'forward' },
    fields: [BEARER],
    goesOn: [BEARER],
  },
  {
    title: 'Authorization goes on where the token is looked for elsewhere',
    route: guard({ cookie: 's' }),
    fields: [BASIC, ['Cookie', 's=t']],
    goesOn: [BASIC],
  },
  ...[{}, { token: 'forward' }].map((token) => ({
    title: `a token that nobody looks at ends here: ${JSON.stringify(token)}`,
    route: { ...guard({ header: 'X-T' }), ...token, headers: { remove: ['X-T'] } },
    fields: [BEARER, ['Authorization', 'DPoP t'], BASIC] as const,
    goesOn: [BASIC],
  })),
  ...['DPoP t', 'Basic eDp5, Bearer t', 'Basic eDp5 Bearer t'].map((value) => ({
    title: `beside a token that goes on no other does: ${JSON.stringify(value)}`,
    route: { ...guard('authorization', { header: 'X-T' }), token: 'forward', headers: { remove: ['X-T'] } },
    fields: [['Authorization', value] as const],
    goesOn: [],
  })),
  {
    title: 'credentials that are no token go on beside a token that does',
    route: { ...guard('authorization', { header: 'X-T' }), token: 'forward', headers: { remove: ['X-T'] } },
    fields: [BASIC],
    goesOn: [BASIC],
  },
  {
    title: 'Authorization ends here when Connection nominates it',
    route: { auth: 'public' },
    fields: [
      ['Authorization', 'Basic eDp5'],
      ['Connection', 'authorization'],
    ],
    goesOn: [],
  },
  {
    title: 'Authorization ends here when the route removes it',
    route: { auth: 'public', headers: { remove: ['Authorization'] } },
    fields: [['Authorization', 'Basic eDp5']],
    goesOn: [],
  },
  {
    title: 'Authorization ends here when the upstream has credentials of its own',
    route: { token: 'forward' },
    fields: [BEARER],
    options: { upstream: { headers: { set: { Authorization: 'Basic eDp5' } } } },
    goesOn: [['Authorization', 'Basic eDp5']],
  },
  {
    title: 'Authorization ends here when the route sets it, even from a claim that is absent',
    route: { auth: { tokenFrom: [{ cookie: 's' }] }, headers: { set: { authorization: '{claims.legacy}' } } },
    fields: [BEARER],
    goesOn: [],
  },
  {
    title: 'a header of its own is stripped, in any case',
    route: guard({ header: 'X-Access-Token' }),
    fields: [
      ['x-access-TOKEN', 't'],
      ['X-Other', 'a'],
    ],
    goesOn: [['X-Other', 'a']],
  },
  {
    title: 'a header of its own is forwarded where that is asked for',
    route: { ...guard({ header: 'X-Access-Token' }), token: 'forward' },
    fields: [['X-Access-Token', 't']],
    goesOn: [['X-Access-Token', 't']],
  },
  {
    title: 'a header of its own is stripped from a trusted proxy too',
    route: guard({ header: 'X-Forwarded-Access-Token' }),
    fields: [['X-Forwarded-Access-Token', 't']],
    options: { trusted: true },
    goesOn: [],
  },
  {
    title: 'its cookie is stripped from among the others',
    route: guard({ cookie: 's' }),
    fields: [
      ['Cookie', 'a=1; s=t;b=2'],
      ['cookie', 's=u'],
      ['Cookie', 'ss=3; S=4'],
    ],
    goesOn: [
      ['Cookie', 'a=1; b=2'],
      ['Cookie', 'ss=3; S=4'],
    ],
  },
  {
    title: 'its cookie is forwarded as it came where that is asked for',
    route: { ...guard({ cookie: 's' }), token: 'forward' },
    fields: [['Cookie', 'a=1;  s=t;']],
    goesOn: [['Cookie', 'a=1;  s=t;']],
  },
  {
    title: 'every place is stripped',
    route: guard('authorization', { header: 'X-T' }, { cookie: 's' }),
    fields: [BEARER, ['X-T', 't'], ['Cookie', 's=t']],
    goesOn: [],
  },
];

for (const { title, route, fields, options, goesOn } of TOKENS) {
  test(`of the token an upstream sees what it should: ${title}`, (t) => {
    t.deepEqual(extra(route, fields, options), goesOn);
  });
}

const QUERIES: readonly (readonly [query: string, kept: string])[] = [
  ['', ''],
  ['?', '?'],
  ['?access_token=t', ''],
  ['?a=1&access_token=t&b=%2e+2', '?a=1&b=%2e+2'],
  ['?access%5Ftoken=t&a', '?a'],
  ['?access_token', ''],
  ['?Access_Token=t', '?Access_Token=t'],
  ['?xaccess_token=t', '?xaccess_token=t'],
  ['?a=access_token', '?a=access_token'],
  ['?access_token=t&access_token=u&&c', '?&c'],
  ['?a=%zz&%ff=1', '?a=%zz&%ff=1'],
];

test('a token in the query is stripped, and the rest stays byte for byte', (t) => {
  const strips = new HeaderRules(routeOf(guard({ query: 'access_token' })));
  const forwards = new HeaderRules(routeOf({ ...guard({ query: 'access_token' }), token: 'forward' }));
  const elsewhere = new HeaderRules(routeOf());
  for (const [query, kept] of QUERIES) {
    t.is(strips.queryFor(query), kept, query);
    t.is(forwards.queryFor(query), query);
    t.is(elsewhere.queryFor(query), query);
  }
});

function answered(route: object, fields: readonly WireHeader[], claims: object = {}) {
  const settings = routeOf(route);
  const raw = fields.flat().map((text) => Buffer.from(text, 'latin1'));
  const headers = new HeaderRules(settings).forClient(raw, factsOf(settings, [], { claims }), '/a/b');
  return headers && pairs(headers);
}

test('an answer goes on in its order, spelling and bytes, each Set-Cookie on its own', (t) => {
  const fields = [
    ['Set-Cookie', 'a=1, x'],
    ['server', 'n'],
    ['set-cookie', 'b=2'],
    ['X-Name', '\xe9'],
  ] as const;
  t.deepEqual(answered({}, fields), fields);
});

test("nothing of the upstream's hop reaches the client, nor what its Connection lines nominate", (t) => {
  const fields: readonly WireHeader[] = [
    ['Connection', 'close, X-S'],
    ['connection', 'x-t'],
    ['Keep-Alive', 'timeout=5'],
    ['Proxy-Authenticate', 'Basic'],
    ['Proxy-Connection', 'close'],
    ['TE', 'trailers'],
    ['Trailer', 'X'],
    ['Transfer-Encoding', 'Chunked'],
    ['Upgrade', 'h2c'],
    ['x-s', '1'],
    ['X-T', '2'],
    ['X-U', '3'],
  ];
  t.deepEqual(answered({}, fields), [['X-U', '3']]);
});

test('an answer in a transfer coding that nobody takes off is no answer', (t) => {
  for (const coding of ['gzip', 'gzip, chunked', 'identity'])
    t.is(answered({}, [['Transfer-Encoding', coding]]), undefined);
});

test('headers of an answer are set and removed as the route says', (t) => {
  const route = {
    responseHeaders: {
      set: { 'X-Sub': '{claims.sub}', 'X-None': '{claims.none}', 'Set-Cookie': 'c=3' },
      remove: ['Server'],
    },
  };
  const fields = [
    ['x-sub', 'upstream'],
    ['X-NONE', 'upstream'],
    ['SERVER', 'n'],
    ['Set-Cookie', 'a=1'],
    ['X-Kept', 'k'],
  ] as const;
  t.deepEqual(answered(route, fields, { sub: 'user\n1' }), [
    ['X-Kept', 'k'],
    ['X-Sub', 'user%0A1'],
    ['Set-Cookie', 'c=3'],
  ]);
});

test('an upstream cannot nominate away what the route sets', (t) => {
  const route = { responseHeaders: { set: { 'Strict-Transport-Security': 'max-age=1' } } };
  t.deepEqual(answered(route, [['Connection', 'Strict-Transport-Security']]), [
    ['Strict-Transport-Security', 'max-age=1'],
  ]);
});

const GIVEN = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('a trace goes on with its state, and a new one has none', (t) => {
  const state = ['tracestate', 'vendor=1'] as const;
  const trace = (route: object, fields: readonly WireHeader[]) =>
    sent(route, fields).filter(([name]) => name.toLowerCase().startsWith('trace'));
  t.deepEqual(trace({}, [['TraceParent', GIVEN], state]), [['traceparent', GIVEN], state]);
  t.deepEqual(trace({}, [['traceparent', 'x'], state]), [['traceparent', TRACE]]);
  t.deepEqual(trace({ headers: { remove: ['traceparent'] } }, [['traceparent', GIVEN], state]), []);
  t.deepEqual(trace({ headers: { remove: ['Tracestate'] } }, [['traceparent', GIVEN], state]), [
    ['traceparent', GIVEN],
  ]);
  const own = { headers: { set: { Traceparent: '{request.id}' } } };
  t.deepEqual(trace(own, [['traceparent', GIVEN], state]), [['Traceparent', '01ARYZ6S41TSV4RRFFQ69G5FAV']]);
});
