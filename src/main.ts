#!/usr/bin/env node
import { statSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { isatty } from 'node:tty';
import { EXIT, type LastWords } from './cli/io.ts';
import { runCli } from './cli/run.ts';

// The only file that touches `process`: arguments, environment, signals and the exit code.

let lastWords: LastWords = (_, done) => done(false);
let isServing = false;

// Also for a rejection that nobody handles, which node makes one of these.
process.on('uncaughtException', (error: unknown) => {
  endAtOnce(EXIT.defect, { error });
});

for (const stream of [process.stdout, process.stderr]) stream.on('error', (error) => writeFailed(stream, error));

const ended = runCli(process.argv.slice(2), {
  variables: process.env,
  stdout: (line) => write(process.stdout, line),
  stderr: (line) => write(process.stderr, line),
  stdin: () => text(process.stdin),
  // Questions go to stderr, so that stdout holds the result alone.
  ...(process.stdin.isTTY === true && { prompt: { input: process.stdin, output: process.stderr } }),
  interactive: process.stdin.isTTY === true || process.stderr.isTTY === true,
  exists: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === false,
  terminal: process.stdout.isTTY === true,
  color: process.stdout.isTTY === true && process.env.NO_COLOR === undefined,
  stopSignal,
  onReloadSignal,
  process: { pid: process.pid, ppid: process.ppid },
  onAbruptEnd: (words) => {
    isServing = true;
    lastWords = words;
  },
});

/** Some writes to files fail with a throw instead of an event. */
function write(stream: NodeJS.WriteStream, text: string): void {
  try {
    stream.write(text);
  } catch (error) {
    writeFailed(stream, error as NodeJS.ErrnoException);
  }
}

/**
 * `bearergate schema | head -1` closes the pipe early: there is nothing left to do, and nothing went wrong. A full disk is no defect
 * of ours either. A gateway continues in both cases: its log is written elsewhere.
 */
function writeFailed(stream: NodeJS.WriteStream, { code, message }: NodeJS.ErrnoException): void {
  if (isServing) return;
  if (code === 'EPIPE') process.exit(EXIT.ok);
  if (stream === process.stdout) process.stderr.write(`bearergate: stdout cannot be written: ${message}\n`);
  process.exit(EXIT.problems);
}

ended.then((code) => {
  process.exitCode = code;
  // A write to a pipe that nobody reads can't be called off; it must not keep the process once everything else has ended.
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 3000).unref();
});

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
    // The log itself is broken: stderr gets the defect with which this began.
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
