#!/usr/bin/env node
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { isatty } from 'node:tty';
import { EXIT, type LastWords } from './cli/io.ts';
import { runCli } from './cli/run.ts';

// The only file that touches `process`: arguments, environment, signals and the exit code.

let lastWords: LastWords = (_, done) => done(false);

// Also for a rejection that nobody handles, which node makes one of these.
process.on('uncaughtException', (error: unknown) => {
  endAtOnce(EXIT.defect, { error });
});

const ended = runCli(process.argv.slice(2), {
  variables: process.env,
  stdout: (line) => process.stdout.write(line),
  stderr: (line) => process.stderr.write(line),
  stdin: () => text(process.stdin),
  ...(process.stdin.isTTY === true && { ask }),
  terminal: process.stdout.isTTY === true,
  color: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
  stopSignal,
  onReloadSignal,
  onAbruptEnd: (words) => {
    lastWords = words;
  },
});

ended.then((code) => {
  process.exitCode = code;
  // A write to a pipe that nobody reads can't be called off; it must not keep the process once everything else has ended.
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 3000).unref();
});

/** Questions go to stderr, so that stdout holds the result alone. */
async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}

/** Ends the process once what was logged has been written, or a moment later. A defect is told on stderr where it can't be. */
function endAtOnce(code: number, defect?: { readonly error: unknown }): void {
  const words = lastWords;
  // What goes wrong on the way does not begin it again.
  lastWords = (_, done) => done(false);
  const end = (told: boolean) => {
    if (defect && !told) {
      const error = defect.error instanceof Error ? defect.error.stack : String(defect.error);
      process.stderr.write(`${JSON.stringify({ level: 'fatal', msg: 'a defect of bearergate', error })}\n`);
    }
    // What is registered for the exit might wait for a reader that never comes.
    process.removeAllListeners('exit');
    process.exit(code);
  };
  try {
    words(defect, end);
  } catch {
    end(false);
  }
}

/** The first signal begins the shutdown; a second one ends it at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (asked) endAtOnce(EXIT.ok);
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
