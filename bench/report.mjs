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
  return {
    name,
    cpu,
    spread,
    rate: median(of('rate')),
    p50: median(of('p50')),
    p99: median(of('p99')),
    memory: median(of('memory')),
  };
}

/**
 * A Markdown table of one group. The ratio is that of the CPU times to the first row of that name, and of each round by
 * itself, of which the median counts: what happens on the machine meanwhile then meets both.
 */
export function scenarioTable(rounds, peer) {
  const base = rounds.get(peer);
  const rows = [...rounds].map(([name, figures]) => {
    const { cpu, spread, rate, p50, p99, memory } = summaryOf(name, figures);
    const ratios = base && figures.map((figure, round) => figure.cpu && figure.cpu / base[round].cpu);
    return [
      name,
      shown(cpu, 1),
      shown(ratios && median(ratios), 2),
      cpu === undefined ? '-' : `${Math.round(spread * 100)} %`,
      String(Math.round(rate)),
      shown(p50, 2),
      shown(p99, 2),
      shown(memory, 0),
    ];
  });
  const columns = ['', 'CPU µs/request', `× ${peer}`, 'spread', 'requests/s', 'p50 ms', 'p99 ms', 'MiB'];
  return tableOf(columns, rows);
}

/** A Markdown table that reads well as plain text too. */
export function tableOf(columns, rows) {
  const widths = columns.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at].length)));
  const line = (cells) => `| ${cells.map((cell, at) => pad(cell, widths[at], at)).join(' | ')} |`;
  const rule = `| ${widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(columns), rule, ...rows.map(line)].join('\n');
}

/** A figure, or that there is none. */
export function shown(number, digits) {
  return number === undefined ? '-' : number.toFixed(digits);
}

function pad(cell, width, at) {
  return at === 0 ? cell.padEnd(width) : cell.padStart(width);
}

/** The page that is kept: the tables, and everything one has to know to compare them with others. */
export function pageOf(facts, tables, flaws) {
  const lines = Object.entries(facts).map(([name, value]) => `- ${name}: ${value}`);
  const doubts = flaws.length
    ? `\nDo not trust these figures:\n\n${flaws.map((flaw) => `- ${flaw}`).join('\n')}\n`
    : '';
  const sections = Object.entries(tables).map(([title, table]) => `## ${title}\n\n${table}\n`);
  return `# Results

Written by \`npm run bench\`; [README.md](README.md) tells what the rows are and how to read them.

${sections.join('\n')}${doubts}
## How

${lines.join('\n')}
`;
}
