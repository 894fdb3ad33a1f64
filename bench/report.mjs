/** The median of some numbers; undefined where one is missing. */
export function median(numbers) {
  if (numbers.some((number) => number === undefined)) return undefined;
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle) - 1]) / 2;
}

/** The medians of a scenario's rounds, and how far their CPU times lie apart: (largest - smallest) / median. */
export function summaryOf(name, rounds) {
  const of = (field) => rounds.map((round) => round[field]);
  const cpu = median(of('cpu'));
  const spread = cpu && (Math.max(...of('cpu')) - Math.min(...of('cpu'))) / cpu;
  return { name, cpu, spread, rate: median(of('rate')), p50: median(of('p50')), p99: median(of('p99')) };
}

const COLUMNS = ['scenario', 'CPU µs/request', '× undici', 'spread', 'requests/s', '× undici', 'p50 ms', 'p99 ms'];

/** A Markdown table that reads well as plain text too. Ratios are to the first row that is named undici. */
export function tableOf(summaries) {
  const peer = summaries.find(({ name }) => name === 'undici');
  const rows = summaries.map(({ name, cpu, spread, rate, p50, p99 }) => [
    name,
    shown(cpu, 1),
    shown(cpu && peer && cpu / peer.cpu, 2),
    cpu === undefined ? '-' : `${Math.round(spread * 100)} %`,
    String(Math.round(rate)),
    shown(peer && rate / peer.rate, 2),
    shown(p50, 2),
    shown(p99, 2),
  ]);
  const widths = COLUMNS.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at].length)));
  const line = (cells) => `| ${cells.map((cell, at) => pad(cell, widths[at], at)).join(' | ')} |`;
  const rule = `| ${widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(COLUMNS), rule, ...rows.map(line)].join('\n');
}

function shown(number, digits) {
  return number === undefined ? '-' : number.toFixed(digits);
}

function pad(cell, width, at) {
  return at === 0 ? cell.padEnd(width) : cell.padStart(width);
}

/** The page that is kept: the table, and everything one has to know to compare it with another. */
export function pageOf(facts, table, flaws) {
  const lines = Object.entries(facts).map(([name, value]) => `- ${name}: ${value}`);
  const doubts = flaws.length
    ? `\nDo not trust these figures:\n\n${flaws.map((flaw) => `- ${flaw}`).join('\n')}\n`
    : '';
  return `# Results

Written by \`npm run bench\`; [README.md](README.md) tells what the rows are and how to read them.

${table}
${doubts}
${lines.join('\n')}
`;
}
