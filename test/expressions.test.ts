import test from 'ava';
import { type Growth, growthOf } from './support/ambiguity.ts';
import { expressionsIn, sourceExpressions } from './support/expressions.ts';

// A regular expression with overlapping repetition takes quadratic, cubic or exponential time for a text that it does not
// match: one request or one answer then keeps the event loop, and with it every other request. None is in the source.

test('no regular expression of the source has overlapping repetition', (t) => {
  const { literals } = sourceExpressions();
  t.true(literals.length > 100);
  for (const { file, source, flags } of literals)
    t.is(growthOf(source, flags), 'linear', `${file}: /${source}/${flags}`);
});

test('no regular expression is made of a text when the program runs', (t) => {
  t.deepEqual(sourceExpressions().made, []);
});

test('an expression is found wherever it is written', (t) => {
  const text = `
    // /comment/
    const a: RegExp = /a+/giu, s = '/text/', d = 4 / 2 / 1;
    const table: readonly (readonly [RegExp, string])[] = [[/b[/]c/, 'x']];
    class C { readonly #d = /d/; check = (text: string): boolean => text.split(/e/).length > 1 && \`\${text.replace(/f/, '')}\` !== s; }
    new RegExp(s); RegExp('g'); globalThis.RegExp('h'); s.match('i'); s.matchAll(\`j\`); s.search("k"); table.match(s);
  `;
  const { literals, made } = expressionsIn('x.ts', text);
  t.deepEqual(
    literals.map(({ source, flags }) => `${source} ${flags}`.trim()),
    ['a+ giu', 'b[/]c', 'd', 'e', 'f'],
  );
  t.deepEqual(made, [
    'x.ts: new RegExp',
    'x.ts: RegExp',
    'x.ts: RegExp',
    'x.ts: match of a text',
    'x.ts: matchAll of a text',
    'x.ts: search of a text',
  ]);
});

const KNOWN: Readonly<Record<Growth, readonly RegExp[]>> = {
  exponential: [
    /^(a+)+$/,
    /^(a*)*$/,
    /^(?:a|a)*$/,
    /^(?:a|aa)+$/,
    /^(?:\w+\s?)*$/,
    /^(?:a{0,2})*$/,
    /^(?:[a-m]|k)*x/i,
    /^(?:\u212a|k)*$/iu,
    // Node's own for the links of a 103, and one that read YAML here.
    /^(?:<[^>]*>)(?:\s*;\s*[^;"\s]+(?:=(")?[^;"\s]*\1)?)*$/,
    /\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*( *)(?=\S)/,
  ],
  polynomial: [
    /^[ \t]+|[ \t]+$/g,
    /[^\x20-\x7e]|%|^ +| +$/gu,
    /^\s*([^=]*?)\s*=\s*(.*?)\s*$/s,
    /^(\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?)(["']?)([^"']+)(\2\s*)$/i,
    /^([^:]+):[ \t]*(.*?)[ \t]*$/s,
    /^.*=.*$/,
    /^.*a.*b/s,
    /^\d*[0-5]*x/,
    /^\d+\d{2,}x/,
    /\/+$/,
    /a*b/,
    /\s#.*$/,
    /\{([^}]*)\}/g,
    /(?=a*b)/,
    /x(?!.*y)/,
    /^a|b*c/,
    /^a*(?:^|b)a*c/m,
  ],
  linear: [
    /a/,
    /a+/g,
    /\s+/g,
    /^a*b*c*$/,
    /^(?:a|b)*$/,
    /^(?:ab?)*$/,
    /^[^ \t]*[ \t]*[\s\S]*$/,
    /^([^ \t]*)([ \t]*)(.*)$/s,
    /^[A-Za-z0-9._-]+$/,
    /^\d{1,3}(?:\.\d{1,3}){3}$/,
    /:\d+$/,
    /a*b/y,
    /^(?!.*%[0-9A-F]{2})[\x21-\x7e]*$/,
    /^(?:\/(?!\.{1,2}(?:\/|$))[a-z]+)*\/?$/,
    /^ey[\w-]+\.[\w-]+\.[\w-]*$/,
    /^(["']?)[a-z]+\1$/,
  ],
};

for (const [growth, patterns] of Object.entries(KNOWN)) {
  test(`what is known to be ${growth} is found to be so`, (t) => {
    for (const { source, flags } of patterns) t.is(growthOf(source, flags), growth as Growth, source);
  });
}
