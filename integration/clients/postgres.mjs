// What every client is asked to do, for postgres.js.
//
// The only argument is a JSON list of connection parameters, one entry for each tenant, which also
// say the tenant's name. Exit status 0 means that everything came out as it must.
import assert from 'node:assert'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const postgres = createRequire(process.env.NODE_PATH + '/')('postgres')
const lines = Array.from({ length: 500 }, (_, i) => `${i + 1}\tline ${i + 1}\n`).join('')

function connect({ tenant, host, port, database, user, password, options, ca }) {
  const ssl = ca ? { ca: readFileSync(ca), host } : false
  const connection = options ? { options } : {}
  const sql = postgres({ host, port, database, user, password, ssl, connection, max: 1, onnotice() {} })
  return { tenant, sql }
}

const who = (sql, i) => sql`SELECT name FROM whoami WHERE ${i}::int > 0`

async function query({ tenant, sql }) {
  assert.strictEqual((await who(sql, 1))[0].name, tenant)
}

async function failedTransaction({ sql }) {
  await assert.rejects(sql.begin(async (sql) => {
    await sql`INSERT INTO notes VALUES (1, 'lost')`
    await assert.rejects(sql`SELECT 1 / ${0}::int`, { code: '22012' })
    await sql`SELECT 1`
  }), (e) => ['25P02', '22012'].includes(e.code))
  assert.strictEqual((await sql`SELECT count(*)::int FROM notes`)[0].count, 0)
}

// 1,000 uses of a named statement, the tenants in turn.
async function preparedStatement(sessions) {
  for (let i = 0; i < 1000; i++) {
    const { tenant, sql } = sessions[i % sessions.length]
    assert.strictEqual((await who(sql, i + 1))[0].name, tenant)
  }
}

async function pipelined({ tenant, sql }) {
  const all = await Promise.all(Array.from({ length: 50 }, (_, i) => who(sql, i + 1)))
  for (const rows of all) assert.strictEqual(rows[0].name, tenant)
}

async function inPortions({ sql }) {
  let n = 0
  await sql`SELECT * FROM generate_series(1, 500)`.cursor(7, (rows) => { n += rows.length })
  assert.strictEqual(n, 500)
}

async function copyInAndOut({ sql }) {
  await pipeline(Readable.from(lines), await sql`COPY notes FROM STDIN`.writable())
  let out = ''
  for await (const chunk of await sql`COPY (SELECT * FROM notes ORDER BY id) TO STDOUT`.readable()) out += chunk
  assert.strictEqual(out, lines)
}

// A sleep is cancelled once the server says that it sleeps.
async function cancel({ sql }, other) {
  const sleep = sql`SELECT pg_sleep(60)`
  const ended = assert.rejects(sleep.execute(), { code: '57014' })
  const asleep = () => other.sql`SELECT count(*)::int FROM pg_stat_activity WHERE wait_event = 'PgSleep'`
  while ((await asleep())[0].count === 0);
  sleep.cancel()
  await ended
}

async function main() {
  const sessions = JSON.parse(process.argv[2]).map(connect)
  for (const session of sessions) {
    await query(session)
    await failedTransaction(session)
  }
  await preparedStatement(sessions)
  for (const session of sessions) {
    await pipelined(session)
    await inPortions(session)
    await copyInAndOut(session)
  }
  await cancel(sessions[0], sessions[1])
  for (const session of sessions) {
    await query(session)
    await session.sql.end()
  }
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
