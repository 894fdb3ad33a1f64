import { isLoopback } from '../../request/address.ts';

/** The values that a first configuration needs. */
export interface Answers {
  readonly issuer: string;
  readonly audience: string;
  readonly upstream: string;
}

export type AnswerName = keyof Answers;

/** How a value is asked for, and what makes of a person's answer the value, or says what is wrong with it. */
export interface AnswerRule {
  readonly question: string;
  readonly example: string;
  readonly read: (text: string) => { readonly value: string } | { readonly mistake: string };
}

/** In the order in which they are asked. */
export const ANSWERS: Readonly<Record<AnswerName, AnswerRule>> = {
  issuer: {
    question: 'Which issuer signs the tokens? (exactly as in the claim `iss`)',
    example: 'https://login.example.com',
    read: readIssuer,
  },
  audience: {
    question: 'Which audience do tokens for this API have? (a name in the claim `aud`)',
    example: 'orders-api',
    read: (text) => (text === '' ? { mistake: 'A name is needed, such as orders-api.' } : { value: text }),
  },
  upstream: {
    question: 'Where is the API?',
    example: 'http://127.0.0.1:3000',
    read: readUpstream,
  },
};

/** An issuer stays as it is written: a slash more or less would be another issuer. */
function readIssuer(text: string): ReturnType<AnswerRule['read']> {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text))
    return { mistake: 'An issuer is an https:// address, such as https://login.example.com.' };
  const { protocol, hostname, search, hash } = new URL(text);
  if (search !== '' || hash !== '') return { mistake: 'An issuer has neither a query nor a fragment.' };
  if (protocol === 'http:' && !isLoopback(hostname))
    return { mistake: 'http:// is for an issuer on this machine only; write https://.' };
  return { value: text };
}

/** `localhost:3000` is http://localhost:3000. Takes only what an upstream can be: an origin, without a path. */
function readUpstream(text: string): ReturnType<AnswerRule['read']> {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (text === '' || !URL.canParse(address)) return { mistake: 'An address is needed, such as http://127.0.0.1:3000.' };
  const { protocol, origin, pathname, search, hash, username } = new URL(address);
  if (protocol !== 'http:' && protocol !== 'https:') return { mistake: 'The API is reached by http:// or https://.' };
  if (username !== '') return { mistake: 'Credentials do not belong into the address.' };
  if (pathname !== '/' || search !== '' || hash !== '')
    return { mistake: `Only scheme, host and port: ${origin}. A path is added by \`rewrite\` on a route.` };
  return { value: origin };
}
