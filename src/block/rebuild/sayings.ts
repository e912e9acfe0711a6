const SENTENCES_MAX = 200;

/** Sentences for people, so many of each kind that they can be read. */
export class Sayings {
  readonly #lost: string[] = [];
  readonly #resurrected: string[] = [];

  lose(sentence: string): void {
    add(this.#lost, sentence);
  }

  resurrect(sentence: string): void {
    add(this.#resurrected, sentence);
  }

  get all(): { readonly lost: readonly string[]; readonly resurrected: readonly string[] } {
    return { lost: this.#lost, resurrected: this.#resurrected };
  }
}

function add(sentences: string[], sentence: string): void {
  if (sentences.length < SENTENCES_MAX) sentences.push(sentence);
  else if (sentences.length === SENTENCES_MAX) sentences.push('and more');
}
