"""What every client is asked to do, for asyncpg.

The only argument is a JSON list of connection parameters, one entry for each tenant, which also say
the tenant's name. Exit status 0 means that everything came out as it must.
"""

import asyncio
import io
import json
import ssl
import sys

import asyncpg

WHO = "SELECT name FROM whoami WHERE $1::int > 0"
LINES = "".join(f"{i}\tline {i}\n" for i in range(1, 501)).encode()
ASLEEP = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


async def connect(target):
    tls = ssl.create_default_context(cafile=target["ca"]) if target.get("ca") else False
    return await asyncpg.connect(
        host=target["host"],
        port=target["port"],
        database=target["database"],
        user=target["user"],
        password=target["password"],
        server_settings={"options": target["options"]} if target["options"] else None,
        ssl=tls,
    )


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


async def failed_transaction(conn):
    try:
        async with conn.transaction():
            await conn.execute("INSERT INTO notes VALUES ($1, 'lost')", 1)
            try:
                await conn.fetchval("SELECT 1 / $1::int", 0)
                sys.exit("a division by zero worked")
            except asyncpg.DivisionByZeroError:
                pass
            await conn.fetchval("SELECT 1")
            sys.exit("a failed transaction went on")
    except asyncpg.InFailedSQLTransactionError:
        pass
    check("rows after the rollback", await conn.fetchval("SELECT count(*) FROM notes"), 0)


async def prepared_statement(conns):
    """1,000 uses of a named statement, the tenants in turn."""
    statements = {tenant: await conn.prepare(WHO) for tenant, conn in conns.items()}
    names = list(conns)
    for i in range(1000):
        tenant = names[i % len(names)]
        check("prepared statement", await statements[tenant].fetchval(i + 1), tenant)


async def cursor(conn):
    """Rows in portions, by one portal."""
    async with conn.transaction():
        got = [row[0] async for row in conn.cursor("SELECT * FROM generate_series(1, 500)", prefetch=7)]
    check("cursor", got, list(range(1, 501)))


async def copy(conn):
    await conn.copy_to_table("notes", source=io.BytesIO(LINES))
    out = io.BytesIO()
    await conn.copy_from_query("SELECT * FROM notes ORDER BY id", output=out)
    check("COPY out", out.getvalue(), LINES)


async def cancel(conn, other):
    """A sleep is cancelled once the server says that it sleeps."""
    sleep = asyncio.ensure_future(conn.fetchval("SELECT pg_sleep(60)"))
    while await other.fetchval(ASLEEP) == 0:
        pass
    sleep.cancel()
    try:
        await sleep
        sys.exit("a cancelled sleep came to its end")
    except asyncio.CancelledError:
        pass


async def main():
    conns = {t["tenant"]: await connect(t) for t in json.loads(sys.argv[1])}
    for tenant, conn in conns.items():
        check("query", await conn.fetchval(WHO, 1), tenant)
        await failed_transaction(conn)
    await prepared_statement(conns)
    for conn in conns.values():
        await cursor(conn)
        await copy(conn)
    first, second = conns.values()
    await cancel(first, second)
    for tenant, conn in conns.items():
        check("query at the end", await conn.fetchval(WHO, 1), tenant)
        await conn.reset()
        await conn.close()
    print("asyncpg", asyncpg.__version__)


asyncio.run(main())
