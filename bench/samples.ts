/** Numbers of rounds, and what is made of them. PURE. */

/** @param values at least one. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The smallest value that at least `fraction` of them do not exceed. */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)] ?? Number.NaN;
}

/** Our value over the peers' best of the same round, median over rounds. Rounds that lack one of them do not count. */
export function medianRatio(
  ours: readonly number[],
  peers: readonly (readonly number[])[],
  better: 'higher' | 'lower' = 'higher',
): number {
  const ratios = ours.flatMap((value, round) => {
    const others = peers.map((rounds) => rounds[round]).filter((other) => other !== undefined);
    if (others.length < peers.length || others.length === 0) return [];
    return [value / (better === 'higher' ? Math.max(...others) : Math.min(...others))];
  });
  return ratios.length === 0 ? Number.NaN : median(ratios);
}
