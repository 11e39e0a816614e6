/**
 * What is done in Redis in one step each, by Redis's own clock: those of the instances need not agree. Each script that changes anything is told until
 * when it may do so, and does nothing after that: a server that was stopped or far behind finds commands in its socket of which it was long said
 * here that they failed. https://redis.io/docs/latest/develop/programmability/eval-intro/
 */

/** ARGV[1]: not after this time of Redis, ms. */
const IN_TIME = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[1]) then return redis.error_reply('LATE ' .. string.format('%d', now)) end
`;

/** The error by which a script says that it was late, with Redis's time then, ms. */
export const LATE = /^LATE (\d+)$/;

export interface Script {
  readonly name: string;
  readonly lua: string;
}

const script = (name: string, lua: string): Script => ({ name, lua: `${IN_TIME}${lua.trim()}\n` });

/* Entries: KEYS[1] the entry. */

/** ARGV: value, ms. What is there already, or nothing. */
export const PUT_IF_ABSENT = script(
  'vbPutIfAbsent',
  `
local there = redis.call('GET', KEYS[1])
if there then return there end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return false`,
);

/** ARGV: value, ms. */
export const PUT = script('vbPut', `return redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])`);

/** KEYS: the entries. ARGV: ms, then the value of each. */
export const PUT_ALL = script(
  'vbPutAll',
  `
for i, key in ipairs(KEYS) do redis.call('SET', key, ARGV[i + 2], 'PX', ARGV[2]) end
return 0`,
);

export const TAKE = script('vbTake', `return redis.call('GETDEL', KEYS[1])`);

/** ARGV: value, ms, expected. */
export const REPLACE = script(
  'vbReplace',
  `
if redis.call('GET', KEYS[1]) ~= ARGV[4] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`,
);

/** KEYS: the entries. ARGV: ms, then for each what is expected and the value. 1 for each that was replaced. */
export const REPLACE_ALL = script(
  'vbReplaceAll',
  `
local replaced = {}
for i, key in ipairs(KEYS) do
  replaced[i] = 0
  if redis.call('GET', key) == ARGV[2 * i + 1] then
    redis.call('SET', key, ARGV[2 * i + 2], 'PX', ARGV[2])
    replaced[i] = 1
  end
end
return replaced`,
);

/** ARGV: expected, where it matters. */
export const DELETE = script(
  'vbDelete',
  `
if ARGV[2] and redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
return redis.call('DEL', KEYS[1])`,
);

/** ARGV: ms. */
export const EXPIRE = script('vbExpire', `return redis.call('PEXPIRE', KEYS[1], ARGV[2])`);

/* Windows: KEYS[1] a sorted set of uses by their end. */

/** ARGV: ms, most, use. 1 where it was granted, else 0 and when the first one ends, ms from now; -1: there is none. */
export const TAKE_USE = script(
  'vbTakeUse',
  `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  if not first[2] then return {0, -1} end
  return {0, math.max(1, tonumber(first[2]) - now)}
end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {1, 0}`,
);

/** ARGV: ms, use. */
export const PUT_USE_AGAIN = script(
  'vbPutUseAgain',
  `
local ms = tonumber(ARGV[2])
redis.call('ZADD', KEYS[1], 'NX', now + ms, ARGV[3])
if redis.call('PTTL', KEYS[1]) < ms then redis.call('PEXPIRE', KEYS[1], ms) end
return 0`,
);

/** ARGV: use. */
export const GIVE_BACK = script('vbGiveBack', `return redis.call('ZREM', KEYS[1], ARGV[2])`);

/*
 * Leases: two keys for each group, a sorted set of ids by their end and a hash of values by id. Both end with the member that lives longest.
 */

/** Forgets the members of a group that have ended. */
const SWEEP = `
local function sweep(ends, values)
  local ended = redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 1000)
  if #ended == 0 then return end
  redis.call('ZREM', ends, unpack(ended))
  redis.call('HDEL', values, unpack(ended))
end
`;

/** Makes one a member for that time. The keys never end before the member that lives longest, nor long after it. */
const HOLD = `
local function hold(ends, values, id, value, ms)
  redis.call('ZADD', ends, now + ms, id)
  redis.call('HSET', values, id, value)
  if redis.call('PTTL', ends) < ms then
    redis.call('PEXPIRE', ends, ms)
    redis.call('PEXPIRE', values, ms)
  end
end
`;

/** ARGV: ms, then for each lease id, value, most. 0 where all were taken, else which of them found its group full, from 1. */
export const TAKE_LEASES = script(
  'vbTakeLeases',
  `${SWEEP}${HOLD}
local count, wanted = {}, {}
for i = 1, #KEYS / 2 do
  local ends, id, most = KEYS[2 * i - 1], ARGV[3 * i], tonumber(ARGV[3 * i + 2])
  if not count[ends] then
    sweep(ends, KEYS[2 * i])
    count[ends], wanted[ends] = redis.call('ZCARD', ends), {}
  end
  if not wanted[ends][id] and not redis.call('ZSCORE', ends, id) then
    wanted[ends][id] = true
    count[ends] = count[ends] + 1
    if count[ends] > most then return i end
  end
end
for i = 1, #KEYS / 2 do hold(KEYS[2 * i - 1], KEYS[2 * i], ARGV[3 * i], ARGV[3 * i + 1], tonumber(ARGV[2])) end
return 0`,
);

/** ARGV: ms, then for each lease id, value. Of the first one's group those are forgotten that have ended: nobody takes a place in that of the instances. */
export const RENEW_LEASES = script(
  'vbRenewLeases',
  `${SWEEP}${HOLD}
sweep(KEYS[1], KEYS[2])
for i = 1, #KEYS / 2 do hold(KEYS[2 * i - 1], KEYS[2 * i], ARGV[2 * i + 1], ARGV[2 * i + 2], tonumber(ARGV[2])) end
return 0`,
);

/** ARGV: for each lease its id. */
export const FREE_LEASES = script(
  'vbFreeLeases',
  `
for i = 1, #KEYS / 2 do
  redis.call('ZREM', KEYS[2 * i - 1], ARGV[i + 1])
  redis.call('HDEL', KEYS[2 * i], ARGV[i + 1])
end
return 0`,
);

/** Those that live, each followed by its value. It changes nothing. */
export const MEMBERS = script(
  'vbMembers',
  `
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%d', now), '+inf')) do
  found[#found + 1] = id
  found[#found + 1] = redis.call('HGET', KEYS[2], id) or 'null'
end
return found`,
);

export const SCRIPTS: readonly Script[] = [
  ...[PUT_IF_ABSENT, PUT, PUT_ALL, TAKE, REPLACE, REPLACE_ALL, DELETE, EXPIRE],
  ...[TAKE_USE, PUT_USE_AGAIN, GIVE_BACK, TAKE_LEASES, RENEW_LEASES, FREE_LEASES, MEMBERS],
];
