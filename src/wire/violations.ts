import { invalidFields } from '../platform/service-error.ts';
import type { FieldViolation } from '../platform/service-error.ts';

/** The most faults that one answer names: they travel in a header, and headers are small. */
const mostNamed = 16;

/** Collects what is wrong with a message, so that its sender learns of every fault at once. */
export interface Violations {
  /** Notes a fault; `field` is the path in the message, by proto field names. */
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
      if (found.length < mostNamed) found.push({ field, description });
    },
    throwIfAny() {
      if (found !== undefined) throw invalidFields(found);
    },
  };
}
