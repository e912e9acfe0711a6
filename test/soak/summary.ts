/** The summary of a soak as lines to read. */
import type { SoakSummary } from './run-soak.ts';

const TOTALS = ['crashes', 'faults', 'inputs'];

export function summaryLines(summary: SoakSummary): string[] {
  const lines = ['| Part | Seeds | Seconds | Met | Failures |', '|---|---|---|---|---|'];
  for (const { name, seeds, seconds, counts, failures } of summary.parts) {
    const met = Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${grouped(count)} ${what}`);
    lines.push(
      `| ${name} | ${grouped(seeds)} | ${grouped(Math.round(seconds))} | ${met.join(', ')} | ${failures.length} |`,
    );
  }
  const sum = (of: (part: SoakSummary['parts'][number]) => number): number =>
    summary.parts.reduce((total, part) => total + of(part), 0);
  const totals = TOTALS.map((what) => `${grouped(sum(({ counts }) => counts[what] ?? 0))} ${what}`);
  const failures = sum((part) => part.failures.length);
  lines.push(
    '',
    `${(summary.seconds / 60).toFixed(1)} minutes from seed ${summary.seed}: ` +
      `${grouped(sum(({ seeds }) => seeds))} seeds, ${totals.join(', ')}, ${grouped(failures)} failures`,
  );
  for (const part of summary.parts)
    for (const { seed, message } of part.failures)
      lines.push(`FAILED ${part.name} seed ${seed}: ${message.split('\n')[0]}`, `  ${repeatCommand(part.name, seed)}`);
  return lines;
}

export function repeatCommand(part: string, seed: number): string {
  return `npm run soak -- --only ${part} --seed ${seed} --seeds 1`;
}

function grouped(value: number): string {
  return value.toLocaleString('en-GB', { useGrouping: true }).replaceAll(' ', ',');
}
