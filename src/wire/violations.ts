import { invalidFields } from '../platform/service-error.ts';
import type { FieldViolation } from '../platform/service-error.ts';

/** The most faults that one answer names: they travel in a header, and headers are small. */
const mostNamed = 16;
/** The longest path and description in an answer: names of unknown fields are the sender's, of any length. */
const maxFieldLength = 200;
const maxDescriptionLength = 500;

/** Collects what is wrong with a message, so that its sender learns of every fault at once. */
export interface Violations {
  /**
   * Notes a fault; `field` is the path in the message, by proto field names. The sixteenth ends the reading: it
   * throws as `throwIfAny` does, because to look for more faults costs the process more than it tells the sender.
   */
  add(field: string, description: string): void;
  /** Throws INVALID_ARGUMENT `FIELD_INVALID` if anything was noted, with the first 16 faults. */
  throwIfAny(): void;
}

/** Starts an empty collection. */
export function collectViolations(): Violations {
  let found: FieldViolation[] | undefined;
  return {
    add(field, description) {
      found ??= [];
      found.push({
        field: cut(field, maxFieldLength),
        description: cut(description, maxDescriptionLength),
      });
      if (found.length >= mostNamed) throw invalidFields(found);
    },
    throwIfAny() {
      if (found !== undefined) throw invalidFields(found);
    },
  };
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).toWellFormed()}…`;
}
