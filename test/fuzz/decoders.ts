/** Every decoder of bytes that come from files or peers, except those of NBD, which have a fuzzer of their own. */
import { Seeded } from '../sim/seeded.ts';
import { diskTargets } from './disk-targets.ts';
import { fuzz } from './fuzz.ts';
import { keyPairTargets } from './key-pair-targets.ts';
import { kmsTargets, withRootTarget } from './kms-targets.ts';
import { streamTargets } from './stream-targets.ts';

/** What one decoder made of its inputs, by name. */
export type Fuzzed = Readonly<Record<string, { readonly refused: number; readonly accepted: number }>>;

export async function fuzzDecoders(seed: number, inputs: number): Promise<Fuzzed> {
  const random = new Seeded(seed);
  const targets = [
    ...diskTargets(seed % 2 === 0 ? 'aes-256-gcm' : 'sm4-gcm'),
    ...kmsTargets(),
    ...(await keyPairTargets()),
    ...streamTargets(),
  ];
  const reached: Record<string, { refused: number; accepted: number }> = {};
  const run = async (target: (typeof targets)[number]): Promise<void> => {
    reached[target.name] = await fuzz(target, random, inputs);
  };
  for (const target of targets) await run(target);
  await withRootTarget(run);
  return reached;
}
