/** One challenge of `WWW-Authenticate`, with its parameters by lower-case name. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
/** RFC 9110 §5.6.4, without obs-text: what is outside ASCII means something else to everybody. */
const QUOTED = /"((?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t \x21-\x7e])*)"/y;
const COMMA = /[ \t]*,[ \t]*/y;

/**
 * Reads exactly one challenge in the grammar of RFC 9110 §11.2 and §11.6.1, and takes nothing that a careless client
 * would take: no space around `=`, no empty list members, no parameter twice, nothing behind. Throws.
 */
export function parseChallenge(text: string): Challenge {
  const reader = new Reader(text);
  const scheme = reader.take(TOKEN, 'a scheme')[0];
  const parameters: Record<string, string> = {};
  if (reader.done) return { scheme, parameters };
  reader.take(/ /y, 'a space');
  for (;;) {
    const name = reader.take(TOKEN, 'a parameter name')[0].toLowerCase();
    if (Object.hasOwn(parameters, name)) throw new Error(`${name} is there twice: ${text}`);
    reader.take(/=/y, '=');
    parameters[name] = reader.take(QUOTED, 'a quoted string')[1]?.replace(/\\(.)/g, '$1') ?? '';
    if (reader.done) return { scheme, parameters };
    reader.take(COMMA, 'a comma');
  }
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at === this.#text.length;
  }

  take(pattern: RegExp, wanted: string): RegExpExecArray {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) throw new Error(`${wanted} is expected at ${this.#at} of ${JSON.stringify(this.#text)}`);
    this.#at = pattern.lastIndex;
    return match;
  }
}
