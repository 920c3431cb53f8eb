import { HEAD, WHOLE } from "./record.ts";

/**
 * What runs inside Redis. Every script names all its keys, and they are in one slot, so each runs in a cluster too.
 * Reading is done by scripts as well: clients send those to the primary, and plain reads to a replica if they are told
 * to, which may not have an acknowledged task yet.
 *
 * A task is a hash with the fields of a `StoredTask`, times as 16 digits, `dueAt` empty for never. The indexes are
 * sorted sets in which all scores are 0, so that Redis orders by the bytes of the members: `createdAt` and id in an
 * owner's list, `dueAt`, owner, NUL and id in the index of what is due.
 */
export class Script {
  readonly source: string;
  #sha: string | undefined;

  constructor(source: string) {
    this.source = source;
  }

  /** By which Redis knows the script once it has run it. */
  sha(): string | Promise<string> {
    return this.#sha ?? sha1(this.source).then((sha) => (this.#sha = sha));
  }
}

async function sha1(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * An index lives at least as long as the task in it that lives longest, and up to an hour longer, so that not every
 * change has to say so. Its time is asked for before the member is added: a key that is not there has none.
 */
const INDEX = `
local function index(key, member)
  local left = redis.call('PTTL', key)
  redis.call('ZADD', key, 0, member)
  if ttl == '' then
    if left >= 0 then redis.call('PERSIST', key) end
  elseif left == -2 or (left >= 0 and left < tonumber(ttl)) then
    redis.call('PEXPIRE', key, ttl + 3600000)
  end
end`;

/**
 * Keys: task, list, due. Arguments: createdAt, dueAt, state, id, owner, channel, message, milliseconds to keep the keys
 * (empty for ever), and the payload, if there is one. Answers 0 where there is anything under the task's key, be it
 * damaged: nothing is written over it.
 *
 * The first write is the one that Redis refuses when its memory is full, so a refused script has written nothing. The
 * channel comes before it: a user who may not publish is told so, not left with a task that others never hear of.
 */
export const INSERT: Script = new Script(`
local createdAt, dueAt, state, id, owner, channel, message, ttl, payload = unpack(ARGV)
local task, list, due = unpack(KEYS)
if redis.call('EXISTS', task) == 1 then return 0 end
redis.call('PUBLISH', channel, message)
if payload then
  redis.call('HSET', task, 'version', '1', 'createdAt', createdAt, 'dueAt', dueAt, 'state', state, 'payload', payload)
else
  redis.call('HSET', task, 'version', '1', 'createdAt', createdAt, 'dueAt', dueAt, 'state', state)
end
${INDEX}
index(list, createdAt .. id)
if dueAt ~= '' then index(due, dueAt .. owner .. '\\0' .. id) end
if ttl ~= '' then redis.call('PEXPIRE', task, ttl) end
return 1
`);

/**
 * Keys: task, list, due. Arguments: the version before, version, dueAt, state, id, owner, channel, message,
 * milliseconds to keep the keys (empty for ever), and what becomes of the payload: `keep`, `clear`, or `set` and the
 * payload. The order of writes is as for {@link INSERT}. Where the task is due when it was, the keys live as long as
 * they did.
 */
export const SWAP: Script = new Script(`
local before, version, dueAt, state, id, owner, channel, message, ttl, mode, payload = unpack(ARGV)
local task, list, due = unpack(KEYS)
local stored = redis.call('HMGET', task, 'version', 'dueAt', 'createdAt')
if stored[1] ~= before or not stored[3] then return 0 end
redis.call('PUBLISH', channel, message)
if mode == 'set' then
  redis.call('HSET', task, 'version', version, 'dueAt', dueAt, 'state', state, 'payload', payload)
else
  redis.call('HSET', task, 'version', version, 'dueAt', dueAt, 'state', state)
  if mode == 'clear' then redis.call('HDEL', task, 'payload') end
end
local old = stored[2] or ''
if dueAt == old and ttl ~= '' then return 1 end
${INDEX}
local place = owner .. '\\0' .. id
index(list, stored[3] .. id)
if dueAt ~= '' then index(due, dueAt .. place) end
if old ~= '' and old ~= dueAt then redis.call('ZREM', due, old .. place) end
if ttl == '' then redis.call('PERSIST', task) else redis.call('PEXPIRE', task, ttl) end
return 1
`);

/** Keys: task, list, due. Arguments: version, id, owner, channel, message. */
export const REMOVE: Script = new Script(`
local version, id, owner, channel, message = unpack(ARGV)
local task, list, due = unpack(KEYS)
local stored = redis.call('HMGET', task, 'version', 'createdAt', 'dueAt')
if not stored[1] then return 1 - redis.call('EXISTS', task) end
if stored[1] ~= version then return 0 end
redis.call('PUBLISH', channel, message)
redis.call('DEL', task)
redis.call('ZREM', list, (stored[2] or '') .. id)
redis.call('ZREM', due, (stored[3] or '') .. owner .. '\\0' .. id)
return 1
`);

/**
 * The fields of the task under `key`, in Lua, the version first. What is there without a version, or is no hash, is
 * damaged: its version is `?`.
 */
const row = (key: string, fields: readonly string[]): string => `
local row = redis.pcall('HMGET', ${key}, ${fields.map((field) => `'${field}'`).join(", ")})
if not row[1] and (row.err or redis.call('EXISTS', ${key}) == 1) then row = {'?'} end`;

/** Keys: a task. Answers its fields but for the payload. */
export const READ_HEAD: Script = new Script(`${row("KEYS[1]", HEAD)}
return row
`);

/** Keys: a task. Answers all its fields. */
export const READ_WHOLE: Script = new Script(`${row("KEYS[1]", WHOLE)}
return row
`);

/** Keys: tasks. Answers the fields of each but for the payloads. */
export const READ_HEADS: Script = new Script(`
local rows = {}
for n, task in ipairs(KEYS) do${row("task", HEAD)}
  rows[n] = row
end
return rows
`);

/** Keys: an index. Arguments: from, to, how many. */
export const RANGE: Script = new Script(`
return redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
`);

/**
 * Keys: an index, and the tasks that some of its members stand for. Arguments: these members. Forgets whose task has
 * expired.
 */
export const TIDY: Script = new Script(`
for n, member in ipairs(ARGV) do
  if redis.call('EXISTS', KEYS[n + 1]) == 0 then redis.call('ZREM', KEYS[1], member) end
end
`);
