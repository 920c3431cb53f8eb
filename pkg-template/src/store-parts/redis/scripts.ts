/**
 * What runs inside Redis. Every script names all its keys, and they are in one slot, so each runs in a cluster too.
 * Reading is done by scripts as well: clients send those to the primary, and plain reads to a replica if they are told
 * to, which may not have an acknowledged task yet.
 *
 * A task is a hash with the fields of a `StoredTask`, times as 16 digits, `dueAt` empty for never. The indexes are
 * sorted sets in which all scores are 0, so that Redis orders by the bytes of the members: `createdAt` and id in an
 * owner's list, `dueAt`, owner, NUL and id in the index of what is due. A task's name, in the channel, is its id, `:`,
 * and its owner.
 */
export class Script {
  readonly source: string;
  #sha: Promise<string> | undefined;

  constructor(source: string) {
    this.source = source;
  }

  /** By which Redis knows the script once it has run it. */
  get sha(): Promise<string> {
    return (this.#sha ??= sha1(this.source));
  }
}

async function sha1(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Keys: task, list, due. Arguments: the version before (empty for none), version, createdAt, dueAt, state, id, name,
 * channel, origin, milliseconds to keep the keys (empty for ever), and what becomes of the payload: `keep`, `clear`, or
 * `set` and the payload. The origin is what the store calls itself, so that it knows its own messages.
 *
 * The first write is the one that Redis refuses when its memory is full, so a refused script has written nothing. The
 * channel comes before it: a user who may not publish is told so, not left with a task that nobody hears of. An index
 * lives as long as the task in it that lives longest.
 */
export const SWAP: Script = new Script(`
local before, version, createdAt, dueAt, state, id, name, channel, origin, ttl, mode, payload = unpack(ARGV)
local task, list, due = unpack(KEYS)
local place = string.sub(name, #id + 2) .. '\\0' .. id
local stored = redis.call('HMGET', task, 'version', 'dueAt', 'createdAt')
if (stored[1] or '') ~= before then return 0 end
-- What is there and is no task is damaged: nothing is written over it.
if before == '' and redis.call('EXISTS', task) == 1 then return 0 end
if before ~= '' and not stored[3] then return 0 end
redis.call('PUBLISH', channel, origin .. ':' .. version .. ':' .. name)

redis.call('HSET', task, 'version', version, 'dueAt', dueAt, 'state', state)
if mode == 'set' then redis.call('HSET', task, 'payload', payload) end
if mode == 'clear' then redis.call('HDEL', task, 'payload') end

local function index(key, member)
  local left = redis.call('PTTL', key)
  redis.call('ZADD', key, 0, member)
  if ttl == '' then
    if left >= 0 then redis.call('PERSIST', key) end
  elseif left == -2 or (left >= 0 and left < tonumber(ttl)) then
    redis.call('PEXPIRE', key, ttl)
  end
end
if before == '' then redis.call('HSET', task, 'createdAt', createdAt) end
index(list, (stored[3] or createdAt) .. id)
if dueAt ~= '' then index(due, dueAt .. place) end
local old = stored[2] or ''
if old ~= '' and old ~= dueAt then redis.call('ZREM', due, old .. place) end
if ttl == '' then redis.call('PERSIST', task) else redis.call('PEXPIRE', task, ttl) end
return 1
`);

/** Keys: task, list, due. Arguments: version, id, name, channel, origin. */
export const REMOVE: Script = new Script(`
local version, id, name, channel, origin = unpack(ARGV)
local task, list, due = unpack(KEYS)
local stored = redis.call('HMGET', task, 'version', 'createdAt', 'dueAt')
if not stored[1] then return 1 - redis.call('EXISTS', task) end
if stored[1] ~= version then return 0 end
redis.call('PUBLISH', channel, origin .. ':0:' .. name)
redis.call('DEL', task)
redis.call('ZREM', list, (stored[2] or '') .. id)
redis.call('ZREM', due, (stored[3] or '') .. string.sub(name, #id + 2) .. '\\0' .. id)
return 1
`);

/**
 * Keys: tasks. Arguments: the fields to read, the version first. What is there without a version, or is no hash, is
 * damaged: its version is `?`.
 */
export const READ: Script = new Script(`
local rows = {}
for n, task in ipairs(KEYS) do
  local row = redis.pcall('HMGET', task, unpack(ARGV))
  if row.err or (not row[1] and redis.call('EXISTS', task) == 1) then row = {'?'} end
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
