/** Row 9: what encryption and authentication cost, against the same server with a cipher that only copies. PURE. */
import type { Line } from '../line.ts';
import { limitVerdict } from '../line.ts';
import type { Measured, Sample } from '../rounds.ts';
import { flawsOf } from '../rounds.ts';
import { median } from '../samples.ts';
import type { Workload } from '../workloads.ts';
import { cpuPerBlock } from './load.ts';

const NOTES = ['N is our server with a cipher that only copies'];

function paired(measured: Measured, value: (ours: Sample, none: Sample) => number): number[] {
  const { S = [], N = [] } = measured.samples;
  return S.flatMap((ours, round) => {
    const none = N[round];
    return none === undefined ? [] : [value(ours, none)];
  });
}

const flawsHere = ({ samples: { S = [], N = [] }, order }: Measured): string[] => flawsOf({ samples: { S, N }, order });

/** The part of throughput that it costs. */
export function cipherCostLine({ name, unit }: Workload, measured: Measured): Line {
  const cost = median(paired(measured, (ours, none) => (1 - ours.value / none.value) * 100));
  const { S = [], N = [] } = measured.samples;
  return {
    row: 9,
    workload: `cost of the cipher, ${name}`,
    unit,
    ours: median(S.map(({ value }) => value)),
    others: { N: median(N.map(({ value }) => value)) },
    verdicts: [
      limitVerdict(cost, { level: 'must', limit: 12, unit: '%' }),
      limitVerdict(cost, { level: 'aim', limit: 7, unit: '%' }),
    ],
    flaws: flawsHere(measured),
    notes: NOTES,
  };
}

/** The processor time that it costs, for each 4 KiB. */
export function cipherCpuLine({ name }: Workload, measured: Measured): Line {
  const more = median(paired(measured, (ours, none) => cpuPerBlock(ours) - cpuPerBlock(none)));
  const { S = [], N = [] } = measured.samples;
  return {
    row: 9,
    workload: `CPU of the cipher, ${name}`,
    unit: 'us per 4 KiB',
    ours: median(S.map(cpuPerBlock)),
    others: { N: median(N.map(cpuPerBlock)) },
    verdicts: [limitVerdict(more, { level: 'must', limit: 1.4, unit: 'us more' })],
    flaws: flawsHere(measured),
    notes: NOTES,
  };
}
