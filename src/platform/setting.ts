import { readFileSync } from 'node:fs';

/** A setting's text that cannot be used; the message says what was expected. */
export class SettingFault extends Error {}

/** Reads a setting's text, or throws a SettingFault. */
export type ReadSetting<Value> = (text: string) => Value;

/** One setting: its variable, what it is without one, and what it does. */
export interface Setting<Value> {
  readonly name: string;
  /** As text; undefined: there is none, and the value may be undefined. */
  readonly defaultValue: string | undefined;
  readonly description: string;
  readonly read: ReadSetting<Value>;
  /** Never printed. */
  readonly isSecret: boolean;
}

/** Where to listen: `127.0.0.1:8081`, `[::1]:8081`, `:8081` for every interface. */
export interface ListenAddress {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

const millisecondsPer: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const bytesPer: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 * 1024 };

/** A setting with a default. */
export function setting<Value>(
  name: string,
  defaultValue: string,
  read: ReadSetting<Value>,
  description: string,
): Setting<Value> {
  return { name, defaultValue, description, read, isSecret: false };
}

/** A setting that may be absent. */
export function optional<Value>(
  name: string,
  read: ReadSetting<Value>,
  description: string,
): Setting<Value | undefined> {
  return { name, defaultValue: undefined, description, read, isSecret: false };
}

/** Marks a setting whose value must never be printed. */
export function secret<Value>(one: Setting<Value>): Setting<Value> {
  return { ...one, isSecret: true };
}

/** A token that is sent in a header: 16 to 512 printable ASCII characters without a space. */
export function token(said: string): string {
  if (/^[\x21-\x7e]{16,512}$/.test(said)) return said;
  throw new SettingFault('expected 16 to 512 printable ASCII characters without a space');
}

/** Any text but the empty one. */
export function text(said: string): string {
  if (said === '') throw new SettingFault('expected some text');
  return said;
}

/** `host:port`. */
export function address(said: string): ListenAddress {
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(said) ?? [];
  if (port === '' || Number(port) > 65_535) throw new SettingFault('expected host:port');
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return { host: bare === '' ? '::' : bare, port: Number(port) };
}

/** A whole number between two bounds. */
export function count(least: number, most: number): ReadSetting<number> {
  return (said) => {
    const value = /^\d{1,15}$/.test(said) ? Number(said) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new SettingFault(`expected a whole number from ${least} to ${most}`);
  };
}

/** A span of time as `500ms`, `2s`, `10m`, `1h`, in milliseconds. */
export function duration(leastMs: number, mostMs: number): ReadSetting<number> {
  return (said) => {
    const [, digits = '', unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(said) ?? [];
    const ms = Number(digits === '' ? Number.NaN : digits) * (millisecondsPer[unit] ?? Number.NaN);
    if (ms >= leastMs && ms <= mostMs) return ms;
    throw new SettingFault(`expected a time from ${inWords(leastMs)} to ${inWords(mostMs)}, as 2s`);
  };
}

/** A size as `65536`, `64KiB`, `4MiB`, in bytes. */
export function bytes(least: number, most: number): ReadSetting<number> {
  return (said) => {
    const [, digits = '', unit = ''] = /^(\d{1,12})(KiB|MiB)?$/.exec(said) ?? [];
    const size = Number(digits === '' ? Number.NaN : digits) * (bytesPer[unit] ?? Number.NaN);
    if (size >= least && size <= most) return size;
    throw new SettingFault(`expected a size from ${least} to ${most} bytes, as 64KiB`);
  };
}

/** One of a closed list. */
export function oneOf<Choice extends string>(choices: readonly Choice[]): ReadSetting<Choice> {
  return (said) => {
    const choice = choices.find((known) => known === said);
    if (choice !== undefined) return choice;
    throw new SettingFault(`expected one of ${choices.join(', ')}`);
  };
}

/** `true` or `false`. */
export function yesOrNo(said: string): boolean {
  return oneOf(['true', 'false'])(said) === 'true';
}

/** The URL of a PostgreSQL database. */
export function postgresUrl(said: string): string {
  const url = URL.canParse(said) ? new URL(said) : undefined;
  if (url?.protocol === 'postgres:' || url?.protocol === 'postgresql:') return said;
  throw new SettingFault('expected postgres://user:password@host:port/database');
}

/** The content of a file. */
export function file(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    throw new SettingFault('expected a file that can be read');
  }
}

function inWords(ms: number): string {
  if (ms % 3_600_000 === 0 && ms > 0) return `${ms / 3_600_000}h`;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
