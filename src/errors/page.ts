import type { Code } from './catalogue.ts';
import type { HelpStep } from './steps.ts';

/** What a page or its JSON says of one code. */
export interface Entry {
  readonly code: Code;
  readonly title: string;
  readonly status: number;
  /** What a client sees. */
  readonly symptom: string;
  readonly causes: readonly string[];
  readonly fix: string;
  readonly steps: readonly HelpStep[];
}

/** Nothing is loaded and nothing runs: the page holds our own words, and stays inert even if it did not. */
export const PAGE_HEADERS = [
  'Content-Security-Policy',
  "default-src 'none'; style-src 'unsafe-inline'",
  'X-Content-Type-Options',
  'nosniff',
];

/** The page of one code: what one sees, why it usually is, and the steps that fix it. `list` leads to all codes. */
export function renderEntryPage(entry: Entry, list: string): string {
  const { code, title, status, symptom, causes, fix, steps } = entry;
  return page(
    `${code}: ${title}`,
    `<h1>${escapeHtml(title)}</h1>
<p><code>${code}</code>, HTTP status ${status}</p>
<h2>What you see</h2>
<p>${marked(symptom)}</p>
<h2>Usual causes</h2>
<ul>
${causes.map((cause) => `<li>${marked(cause)}</li>`).join('\n')}
</ul>
<h2>What to do</h2>
<p>${marked(fix)}</p>
<ol>
${steps.map(renderStep).join('\n')}
</ol>
<p><a href="${escapeHtml(list)}">All codes</a></p>`,
  );
}

/** The list of all codes, each leading to its page. */
export function renderListPage(entries: readonly Entry[], urlOf: (code: Code) => string): string {
  const rows = entries.map(
    ({ code, status, title }) =>
      `<tr><td><a href="${escapeHtml(urlOf(code))}"><code>${code}</code></a></td><td>${status}</td><td>${escapeHtml(title)}</td></tr>`,
  );
  return page(
    'What this gateway refuses, and why',
    `<h1>What this gateway refuses, and why</h1>
<p>The member <code>code</code> of a refusal names its row here.</p>
<table>
<thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`,
  );
}

function renderStep({ text, command }: HelpStep): string {
  const line = command === undefined ? '' : `\n<pre><code>${escapeHtml(command)}</code></pre>`;
  return `<li>${marked(text)}${line}</li>`;
}

const STYLE = `:root{color-scheme:light dark;--soft:#f3f4f6;--line:#d8dbe0;--link:#0b57d0}
@media(prefers-color-scheme:dark){:root{--soft:#23262b;--line:#3a3f47;--link:#8ab4f8}}
body{font:1rem/1.55 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.15rem;margin-top:1.8rem}
a{color:var(--link)}code{font:.92em ui-monospace,monospace;background:var(--soft);border-radius:3px;padding:.1em .3em}
pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:.7rem;overflow-x:auto}pre code{padding:0;background:none}
li{margin:.4rem 0}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}`;

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(title)}</title>
<style>${STYLE}</style></head>
<body>
<main>
${body}
</main>
</body></html>
`;
}

/** Our sentences put names of fields between backticks. */
function marked(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
