/** Row 7: sealing and opening through our binding, against the library alone. Also O(SM4) of row 8. */
import path from 'node:path';

import { cipherLibrary } from '../cipher/library.ts';
import type { CipherRates } from '../cipher/binding.ts';
import type { Line, Verdict } from '../line.ts';
import { must } from '../run.ts';
import { median } from '../samples.ts';
import { shuffled } from '../shuffle.ts';
import type { Context } from '../stage.ts';

export const CIPHER_ROWS = [7] as const;

const BINDING = path.resolve(import.meta.dirname, '../cipher/binding.ts');
const GOALS = { 'aes-256-gcm': { must: 0.75, aim: 0.8 }, 'sm4-gcm': { must: 0.9, aim: 0.95 } } as const;

export async function cipherRows(context: Context): Promise<Line[]> {
  const { profile, folder, random, say } = context;
  const library = await cipherLibrary(folder);
  const seconds = Math.min(1, profile.seconds / 2);
  const lines: Line[] = [];
  for (const suite of ['aes-256-gcm', 'sm4-gcm'] as const) {
    say(`sealing and opening, ${suite}`);
    const rounds: Record<'ours' | 'library', CipherRates[]> = { ours: [], library: [] };
    const flags = ['--disable-warning=ExperimentalWarning', BINDING, suite, String(seconds)];
    for (let round = 0; round < profile.rounds; round++) {
      for (const who of shuffled(['ours', 'library'] as const, random)) {
        const rates =
          who === 'ours'
            ? (JSON.parse(await must(process.execPath, flags)) as CipherRates)
            : await library.rates(suite, seconds);
        rounds[who].push(rates);
      }
    }
    for (const kind of ['seal', 'open'] as const) {
      const ours = rounds.ours.map((rates) => rates[kind]);
      const alone = rounds.library.map((rates) => rates[kind]);
      const ratio = median(ours.map((rate, round) => rate / (alone[round] ?? Number.NaN)));
      const verdict = (level: Verdict['level']): Verdict => {
        const factor = GOALS[suite][level];
        return { level, goal: `${factor} x O`, measured: ratio, reached: ratio >= factor };
      };
      lines.push({
        row: 7,
        workload: `${kind} 4 KiB, ${suite}`,
        unit: 'MB/s',
        ours: median(ours),
        others: { O: median(alone) },
        verdicts: [verdict('must'), verdict('aim')],
        flaws: [],
        notes: library.note === undefined ? [] : [library.note],
      });
    }
  }
  return lines;
}
