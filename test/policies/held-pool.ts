import type { Pool } from 'pg';

/** A pool in front of another one: counts statements, and can hold some of them up. */
export interface HeldPool {
  readonly pool: Pool;
  /** How many statements containing `part` were sent. */
  count(part: string): number;
  /** Holds the next statement containing `part`, before it is sent or before its answer is given. */
  hold(part: string, when: 'before' | 'after'): Held;
}

/** One statement that is held up. */
export interface Held {
  /** Resolves when the statement has come to the point where it is held. */
  readonly reached: Promise<void>;
  release(): void;
}

interface Hold {
  readonly part: string;
  readonly when: 'before' | 'after';
  readonly reach: () => void;
  readonly released: Promise<void>;
}

/** Puts itself in front of a pool. */
export function holdPool(pool: Pool): HeldPool {
  const sent: string[] = [];
  const holds: Hold[] = [];
  const query = async (text: string, parameters: unknown[]): Promise<unknown> => {
    sent.push(text);
    const index = holds.findIndex(({ part }) => text.includes(part));
    const [hold] = index < 0 ? [] : holds.splice(index, 1);
    if (hold?.when === 'before') await reached(hold);
    const answer = await pool.query(text, parameters);
    if (hold?.when === 'after') await reached(hold);
    return answer;
  };
  const front = new Proxy(pool, {
    get: (target, name) => (name === 'query' ? query : Reflect.get(target, name, target)),
  });
  return {
    pool: front,
    count: (part) => sent.filter((text) => text.includes(part)).length,
    hold: (part, when) => {
      const reach = Promise.withResolvers<void>();
      const release = Promise.withResolvers<void>();
      holds.push({ part, when, reach: reach.resolve, released: release.promise });
      return { reached: reach.promise, release: release.resolve };
    },
  };
}

async function reached(hold: Hold): Promise<void> {
  hold.reach();
  await hold.released;
}
