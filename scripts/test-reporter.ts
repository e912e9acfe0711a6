/** Prints failures in full, skips with their reasons, one line per file, and hands the counts to the caller's file. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { inspect } from 'node:util';
import type { TestEvent } from 'node:test/reporters';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface FileReport extends Counts {
  readonly lines: string[];
}

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  // The runner tells the events of one file in a row, its summary last. A test's own `file` is where it was written,
  // which for a contract suite is not the file that runs it.
  let current = emptyReport();
  for await (const event of events) {
    if (event.type === 'test:stderr' || event.type === 'test:stdout') {
      yield event.data.message;
      continue;
    }
    if (event.type === 'test:summary' && event.data.file !== undefined) {
      const file = path.relative(process.cwd(), event.data.file);
      const found = current;
      current = emptyReport();
      const seconds = (event.data.duration_ms / 1000).toFixed(1);
      yield `${found.failed === 0 ? 'ok  ' : 'FAIL'} ${file}  ${found.passed} passed${found.failed === 0 ? '' : `, ${found.failed} failed`}${
        found.skipped === 0 ? '' : `, ${found.skipped} skipped`
      }  ${seconds} s\n${found.lines.join('')}`;
      continue;
    }
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { name, file = '', details, skip } = event.data;
    if (details.type === 'suite') continue;
    // The runner reports each file as a test of its own; only its failure (a crash on load) says something new.
    const isFile = path.resolve(name) === file;
    if (isFile && event.type === 'test:pass') continue;
    const found = current;
    if (skip !== undefined && skip !== false) {
      found.skipped += 1;
      total.skipped += 1;
      found.lines.push(`     skipped: ${name} (${String(skip)})\n`);
    } else if (event.type === 'test:pass') {
      found.passed += 1;
      total.passed += 1;
    } else {
      found.failed += 1;
      total.failed += 1;
      const cause: unknown = event.data.details.error.cause ?? event.data.details.error;
      yield `     failed: ${name} (${path.relative(process.cwd(), file)})\n${indent(cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause))}\n`;
    }
  }
  const countsFile = process.env['SEALDISK_TEST_COUNTS'];
  if (countsFile !== undefined) writeFileSync(countsFile, JSON.stringify(total));
}

function emptyReport(): FileReport {
  return { passed: 0, failed: 0, skipped: 0, lines: [] };
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `       ${line}`)
    .join('\n');
}
