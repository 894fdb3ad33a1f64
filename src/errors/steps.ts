import type { Code } from './catalogue.ts';

/** One step towards the fix: what to do, and where there is one the line to paste. */
export interface HelpStep {
  readonly text: string;
  readonly command?: string;
}

/** What the steps know of this gateway. */
export interface StepFacts {
  /** How clients reach it: scheme and authority, perhaps with a path. */
  readonly api: string;
  readonly issuers: readonly HelpIssuer[];
  /** The admin port as an operator on this machine calls it; undefined where that can't be published. */
  readonly adminUrl: string | undefined;
}

/** An issuer whose tokens are taken here. */
export interface HelpIssuer {
  readonly issuer: string;
  /** From its discovery document; undefined where there is none. */
  readonly tokenEndpoint: string | undefined;
  readonly audience: readonly string[];
}

/** The steps that fix a refusal, with lines for a shell that name this gateway's own issuers. */
export function stepsFor(code: Code, facts: StepFacts): readonly HelpStep[] {
  return [...STEPS[familyOf(code)](code, facts), EXPLAIN];
}

type Family = 'token' | 'scope' | 'rule' | 'route' | 'origin' | 'request' | 'verify' | 'forward' | 'gateway';

function familyOf(code: Code): Family {
  if (code === 'authorise.scope') return 'scope';
  if (code === 'authorise.claim') return 'rule';
  if (code === 'route.origin') return 'origin';
  const [stage] = code.split('.') as [Family];
  return stage;
}

const STEPS: Readonly<Record<Family, (code: Code, facts: StepFacts) => HelpStep[]>> = {
  token: (code, facts) => [...getToken(facts, code === 'token.audience'), LOOK_INSIDE, send(facts)],
  scope: (_, facts) => [LOOK_INSIDE, ...getToken(facts, false, 'the scopes that the refusal names'), send(facts)],
  rule: (_, facts) => [
    LOOK_INSIDE,
    {
      text: 'Have the role, group or plan given to the user or client where the issuer keeps it, then get a new token.',
    },
    ...getToken(facts, false),
    send(facts),
  ],
  route: (code, { api }) => [
    {
      text:
        code === 'route.method'
          ? 'See which methods the address takes: they stand in the Allow header.'
          : 'See what the gateway answers at the address, character for character as your client sends it.',
      command: `curl -i --path-as-is ${quoted(`${api}/the/path`)}`,
    },
  ],
  origin: (_, { api }) => [
    {
      text: 'Check the Origin header of the request in the network panel of the browser. It must be the origin of the API itself, or one that the API allows.',
    },
    {
      text: 'Send the request without a browser: other clients send no Origin.',
      command: `curl -i -X POST --cookie "$COOKIE" ${quoted(`${api}/the/path`)}`,
    },
  ],
  request: (_, { api }) => [
    { text: 'Send the simplest request to the same address: if it passes, add what your client adds, piece by piece.' },
    { text: 'See what is sent, header by header.', command: `curl -v ${quoted(`${api}/the/path`)}` },
  ],
  verify: (_, { issuers, adminUrl }) => [
    { text: 'Wait a few seconds and send the same request with the same token again.' },
    readinessStep(adminUrl),
    ...issuers.flatMap(({ issuer }) =>
      discoveryStep(issuer, `Operators: see whether ${issuer} answers from where the gateway runs.`),
    ),
  ],
  forward: () => [
    { text: 'Wait a few seconds and try again.' },
    { text: 'Operators: find the line of the request by its id; its field `cause` says what happened.' },
  ],
  gateway: () => [{ text: 'Try again; if it stays, give the request id to the operator, whose log has the rest.' }],
};

function getToken({ issuers }: StepFacts, withAudience: boolean, scopes?: string): HelpStep[] {
  const wanted = scopes ? ` with ${scopes}` : '';
  return issuers.flatMap(({ issuer, tokenEndpoint, audience }) => {
    const endpoint = tokenEndpoint === undefined ? undefined : plainUrl(tokenEndpoint);
    if (endpoint === undefined) {
      const text = `Get a token${wanted} from ${issuer}. It has not told its token endpoint here; this may name it.`;
      const found = discoveryStep(issuer, text);
      return found.length > 0 ? found : [{ text: `Get a token${wanted} from ${issuer}.` }];
    }
    const parts = [
      '-d grant_type=client_credentials',
      '-d client_id="$CLIENT_ID"',
      '-d client_secret="$CLIENT_SECRET"',
    ];
    if (scopes) parts.push('--data-urlencode scope="$SCOPES"');
    if (withAudience && audience[0] !== undefined) parts.push(`--data-urlencode ${quoted(`audience=${audience[0]}`)}`);
    const command = `curl -s ${quoted(endpoint)} \\\n  ${parts.join(' \\\n  ')}`;
    return [{ text: `Get a token${wanted} from ${issuer}, and copy the value of access_token whole.`, command }];
  });
}

function discoveryStep(issuer: string, text: string): HelpStep[] {
  const url = plainUrl(issuer);
  if (url === undefined) return [];
  return [{ text, command: `curl -s ${quoted(`${url.replace(/\/$/, '')}/.well-known/openid-configuration`)}` }];
}

function readinessStep(adminUrl: string | undefined): HelpStep {
  const text = 'Operators: see which issuer is the cause.';
  return { text, command: adminUrl === undefined ? 'bearergate health' : `curl -s ${quoted(`${adminUrl}/readyz`)}` };
}

/** Tokens have no padding, of which `base64` complains once it has printed everything. */
const LOOK_INSIDE: HelpStep = {
  text: 'Look at what a token says: who issued it (iss), for which API (aud), until when (exp, seconds since 1970), with which scopes. Do it on your own machine; a token pasted into a web page is a token given away.',
  command: `printf '%s' "$TOKEN" | cut -d. -f2 | tr '_-' '/+' | base64 -d 2>/dev/null; echo`,
};

function send({ api }: StepFacts): HelpStep {
  return { text: 'Send it.', command: `curl -i -H "Authorization: Bearer $TOKEN" ${quoted(`${api}/the/path`)}` };
}

const EXPLAIN: HelpStep = {
  text: 'Operators: have the gateway tell, step by step, what it does with a request and why.',
  command: `printf '%s' "$TOKEN" | bearergate explain GET /the/path --token -`,
};

/** An http address in its one plain form; undefined for anything else. It may come from somebody else's document. */
function plainUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && !url.username && !url.password ? url.href : undefined;
}

/** One word for a shell, whatever is in it: the line is there to be pasted. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
