/**
 * Tries to break the disk engine and its servers for as long as it is told to, and says what it met:
 * `npm run soak -- --minutes N --seed S [--only part,part] [--seeds N] [--jobs N] [--json FILE]`.
 * A failure is printed with the command that repeats it and stops nothing. Ctrl-C ends it with the summary.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { PARTS } from '../test/soak/parts.ts';
import { runSoak } from '../test/soak/run-soak.ts';
import { repeatCommand, summaryLines } from '../test/soak/summary.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    only: { type: 'string' },
    seeds: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function numberOf(name: string, value: string, least: number): number {
  const number = Number(value);
  if (!(number >= least)) throw new Error(`--${name} takes a number of at least ${least}, not ${value}`);
  return number;
}

async function main(): Promise<number> {
  if (values.help) {
    for (const { name, about } of PARTS) console.log(`${name.padEnd(16)} ${about}`);
    return 0;
  }
  const wanted = values.only?.split(',') ?? PARTS.map(({ name }) => name);
  const unknown = wanted.filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0) {
    console.error(`no part ${unknown.join(', ')}; there are ${PARTS.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  process.once('SIGTERM', () => interrupted.abort());
  const summary = await runSoak({
    module: path.join(import.meta.dirname, '..', 'test', 'soak', 'parts.ts'),
    parts: PARTS.filter(({ name }) => wanted.includes(name)),
    seconds: numberOf('minutes', values.minutes, 0.01) * 60,
    seed: values.seed === undefined ? Math.floor(Date.now() / 1_000) : numberOf('seed', values.seed, 0),
    jobs: numberOf('jobs', values.jobs, 1),
    turnSeconds: 20,
    ...(values.seeds === undefined ? {} : { seeds: numberOf('seeds', values.seeds, 1) }),
    signal: interrupted.signal,
    onFailure: (part, { seed, message }) => {
      console.error(`FAILED ${part} seed ${seed}; again with: ${repeatCommand(part, seed)}\n${message}`);
    },
  });
  console.log(summaryLines(summary).join('\n'));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(summary, null, 2)}\n`);
  return summary.parts.some(({ failures }) => failures.length > 0) ? 1 : 0;
}

process.exitCode = await main();
