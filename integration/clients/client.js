// What every client is asked to do, for node-postgres.
//
// The only argument is a JSON list of connection parameters, one entry for each tenant, which also
// say the tenant's name. Exit status 0 means that everything came out as it must.
'use strict'

const assert = require('node:assert')
const { pipeline } = require('node:stream/promises')
const { Readable } = require('node:stream')
const pg = require('pg')
const copy = require('pg-copy-streams')

const who = 'SELECT name FROM whoami WHERE $1::int > 0'
const lines = Array.from({ length: 500 }, (_, i) => `${i + 1}\tline ${i + 1}\n`).join('')

async function connect(target) {
  const client = new pg.Client(target)
  await client.connect()
  return { target, tenant: target.tenant, client }
}

async function query({ tenant, client }) {
  const { rows } = await client.query(who, [1])
  assert.deepStrictEqual(rows, [{ name: tenant }])
}

async function failedTransaction({ client }) {
  await client.query('BEGIN')
  await client.query("INSERT INTO notes VALUES ($1, 'lost')", [1])
  await assert.rejects(client.query('SELECT 1 / $1::int', [0]), { code: '22012' })
  await assert.rejects(client.query('SELECT 1'), { code: '25P02' })
  await client.query('ROLLBACK')
  const { rows } = await client.query('SELECT count(*)::int FROM notes')
  assert.strictEqual(rows[0].count, 0)
}

// 1,000 uses, the tenants in turn.
async function preparedStatement(sessions) {
  for (let i = 0; i < 1000; i++) {
    const { tenant, client } = sessions[i % sessions.length]
    const { rows } = await client.query({ name: 'who', text: who, values: [i + 1] })
    assert.strictEqual(rows[0].name, tenant)
  }
}

async function copyInAndOut({ client }) {
  await pipeline(Readable.from(lines), client.query(copy.from('COPY notes FROM STDIN')))
  let out = ''
  for await (const chunk of client.query(copy.to('COPY (SELECT * FROM notes ORDER BY id) TO STDOUT'))) out += chunk
  assert.strictEqual(out, lines)
}

// A sleep is cancelled once the server says that it sleeps.
async function cancel({ target, client }, other) {
  const sleep = new pg.Query('SELECT pg_sleep(60)')
  const ended = new Promise((resolve) => { sleep.on('error', resolve); sleep.on('end', resolve) })
  client.query(sleep)
  const asleep = "SELECT count(*)::int FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
  while ((await other.client.query(asleep)).rows[0].count === 0) await new Promise(setImmediate)
  new pg.Client(target).cancel(client, sleep)
  const error = await ended
  assert.strictEqual(error?.code, '57014')
}

async function main() {
  const sessions = []
  for (const target of JSON.parse(process.argv[2])) sessions.push(await connect(target))
  for (const session of sessions) {
    await query(session)
    await failedTransaction(session)
  }
  await preparedStatement(sessions)
  for (const session of sessions) await copyInAndOut(session)
  await cancel(sessions[0], sessions[1])
  for (const session of sessions) {
    await query(session)
    await session.client.end()
  }
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
