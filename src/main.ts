#!/usr/bin/env node
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { isatty } from 'node:tty';
import { EXIT } from './cli/io.ts';
import { runCli } from './cli/run.ts';

// The only file that touches `process`: arguments, environment, signals and the exit code.

process.on('uncaughtException', (error) => {
  // What is registered for the exit flushes the log, and would wait for a reader that may never come.
  process.removeAllListeners('exit');
  process.stderr.write(`${JSON.stringify({ level: 'fatal', msg: 'a defect of bearergate', error: error.stack })}\n`);
  process.exit(EXIT.defect);
});

process.exitCode = await runCli(process.argv.slice(2), {
  variables: process.env,
  stdout: (line) => process.stdout.write(line),
  stderr: (line) => process.stderr.write(line),
  stdin: () => text(process.stdin),
  ...(process.stdin.isTTY === true && { ask }),
  terminal: process.stdout.isTTY === true,
  color: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
  stopSignal,
  onReloadSignal,
});

// A write to a pipe that nobody reads can't be called off; it must not keep the process once everything else has ended.
setTimeout(() => process.kill(process.pid, 'SIGKILL'), 3000).unref();

/** Questions go to stderr, so that stdout holds the result alone. */
async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}

/** The first signal begins the shutdown; a second one ends it at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) process.exit(EXIT.ok);
        asked = true;
        resolve(signal);
      });
    }
  });
}

/** A terminal that is closed sends the same signal: what ran in it ends with it, as if nobody listened. */
function onReloadSignal(listener: () => void): void {
  const hadTerminal = process.stdout.isTTY === true;
  process.on('SIGHUP', () => {
    if (!hadTerminal || isatty(1)) {
      listener();
      return;
    }
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  });
}
