import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What a command left behind. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** What node is called with, where it is not the sources: its options and the file to run. */
  readonly program?: readonly string[];
  /** Modules that node reads before the sources. */
  readonly imports?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

function spawnCommand(
  args: readonly string[],
  { env = {}, cwd = ROOT, program, imports = [] }: CommandOptions,
): ChildProcess {
  const before = [import.meta.resolve('tsx/esm'), ...imports].map((module) => `--import=${module}`);
  const sources = [...before, `${ROOT}src/main.ts`];
  return spawn(process.execPath, [...(program ?? sources), ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** In ms: by far more than anything takes here beside busy neighbours, and less than what ends a test without a word. */
const PATIENCE = 50_000;

/** Rejects with `what` and what was printed where `promise` takes too long: a defect shows as a failure, and not as a hang. */
async function within<T>(promise: Promise<T>, what: string, output: () => object, ms = PATIENCE): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`not within ${ms / 1000} s: ${what}; printed: ${JSON.stringify(output())}`)),
      ms,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs `bearergate` from its sources to its end. */
export async function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const child = spawnCommand(args, options);
  const output = collect(child);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const code = await within(ended, `the end of ${args.join(' ')}`, output).finally(() => child.kill('SIGKILL'));
  return { code, ...output() };
}

/** A `bearergate start` or `demo` that listens. */
export interface RunningCommand {
  readonly pid: number;
  readonly url: string;
  readonly adminUrl: string;
  /** What it printed so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  /** The log lines so far. */
  lines(): Record<string, unknown>[];
  /** Resolves with the first log line that fits, also one that is there already. */
  waitForLine(fits: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** Resolves once what it printed to stdout fits. */
  waitForOutput(fits: RegExp): Promise<void>;
  /** Has nobody read its stdout any more, until `resumeReading`. */
  stallReading(): void;
  resumeReading(): void;
  /** Sends a signal, and waits for nothing. */
  signal(name: NodeJS.Signals): void;
  /** Resolves when it has ended by itself. */
  readonly ended: Promise<CommandResult>;
  /** Asks it to end and waits until it has. */
  stop(signal?: NodeJS.Signals): Promise<CommandResult>;
}

/** Starts `bearergate` from its sources and waits until its log says where it listens. Rejects when it ends instead. */
export async function startCommand(args: readonly string[], options: CommandOptions = {}): Promise<RunningCommand> {
  const child = spawnCommand(args, options);
  const output = collect(child);
  const lines: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    // The last one of a process that has ended may be torn.
    if (!line.startsWith('{') || !line.endsWith('}')) return;
    lines.push(JSON.parse(line));
    for (const look of waiting) look();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const waitForLine = (fits: (line: Record<string, unknown>) => boolean) => {
    const found = new Promise<Record<string, unknown>>((resolve, reject) => {
      const look = () => {
        const line = lines.find(fits);
        if (line === undefined) return;
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
      look();
      void ended.then((code) => reject(new Error(`it ended with ${code}: ${output().stderr}${output().stdout}`)));
    });
    return within(found, `a log line for which ${fits}`, output);
  };
  const listening = await waitForLine(({ msg, admin }) => msg === 'listening' && admin !== undefined).catch((error) => {
    child.kill('SIGKILL'); // nobody gets it to end it
    throw error;
  });
  return {
    pid: child.pid as number,
    url: String(listening.gateway),
    adminUrl: String(listening.admin),
    output,
    lines: () => [...lines],
    waitForLine,
    waitForOutput: (fits) => {
      const found = new Promise<void>((resolve) => {
        const look = () => {
          if (!fits.test(output().stdout)) return;
          child.stdout?.off('data', look);
          resolve();
        };
        child.stdout?.on('data', look);
        look();
      });
      return within(found, `output like ${fits}`, output);
    },
    stallReading: () => void child.stdout?.pause(),
    resumeReading: () => void child.stdout?.resume(),
    signal: (name) => void child.kill(name),
    get ended() {
      return within(
        ended.then((code) => ({ code, ...output() })),
        'its end',
        output,
      );
    },
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return { code: await within(ended, `the end after ${signal}`, output), ...output() };
    },
  };
}

function collect(child: ChildProcess): () => { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    output.stderr += chunk;
  });
  return () => ({ ...output });
}

/** A small configuration without a problem: everything is public, on free ports. */
export const SMALL_CONFIG = `
listen: { host: 127.0.0.1, port: 0 }
admin: { port: 0 }
drain: { delay: 0s }
upstreams: { api: { url: "http://127.0.0.1:1" } }
routes: [{ id: all, match: { path: "/**" }, auth: public, upstream: api }]
`;
