/** What a soak consists of: parts, each of which can repeat what it did from a number. */

/** How much a part came across, by name: `crashes`, `faults`, `inputs`, … */
export type Counts = Readonly<Record<string, number>>;

export interface SoakPart {
  readonly name: string;
  /** One line about what it tries to break. */
  readonly about: string;
  /** Everything that `seed` stands for, in seconds rather than minutes. Throws when a promise does not hold. */
  readonly run: (seed: number) => Promise<Counts>;
  /** After this long without a result a seed counts as hung. */
  readonly secondsMax?: number;
}

export function addCounts(total: Record<string, number>, counts: Counts): void {
  for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
}
