export type Effect = 'Allow' | 'Deny';

export function isEffect(text: string): text is Effect {
  return text === 'Allow' || text === 'Deny';
}
