/** Prints failures in full, skips with their reasons, one line per file, and hands the counts to the caller's file. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { TestEvent } from 'node:test/reporters';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface FileReport extends Counts {
  milliseconds: number;
  readonly lines: string[];
}

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const files = new Map<string, FileReport>();
  for await (const event of events) {
    if (event.type === 'test:stderr' || event.type === 'test:stdout') {
      yield event.data.message;
      continue;
    }
    if (event.type === 'test:summary' && event.data.file !== undefined) {
      const file = path.relative(process.cwd(), event.data.file);
      const found = files.get(file);
      if (found === undefined) continue;
      const seconds = (event.data.duration_ms / 1000).toFixed(1);
      yield `${found.failed === 0 ? 'ok  ' : 'FAIL'} ${file}  ${found.passed} passed${found.failed === 0 ? '' : `, ${found.failed} failed`}${
        found.skipped === 0 ? '' : `, ${found.skipped} skipped`
      }  ${seconds} s\n${found.lines.join('')}`;
      continue;
    }
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { name, file = '', details, skip } = event.data;
    if (details.type === 'suite') continue;
    const key = path.relative(process.cwd(), file);
    // The runner reports each file as a test of its own; only its failure (a crash on load) says something new.
    if (name === file || name === key) {
      if (event.type === 'test:pass') continue;
    }
    const found = files.get(key) ?? { passed: 0, failed: 0, skipped: 0, milliseconds: 0, lines: [] };
    files.set(key, found);
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
      found.lines.push(
        `     failed: ${name}\n${indent(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause))}\n`,
      );
      yield `     failed: ${name} (${key})\n${indent(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause))}\n`;
    }
  }
  const countsFile = process.env['SEALDISK_TEST_COUNTS'];
  if (countsFile !== undefined) writeFileSync(countsFile, JSON.stringify(total));
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `       ${line}`)
    .join('\n');
}
