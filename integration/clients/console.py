"""Reads every SHOW of the console with a driver of Python: DRIVER HOST PORT USER PASSWORD FILE.

FILE holds the commands, one a line. The last line printed says how many there were.
"""
import asyncio
import sys

driver, host, port, user, password, file = sys.argv[1:]
commands = open(file).read().split("\n")


def connect(module, **more):
    return module.connect(host=host, port=int(port), user=user, password=password, dbname="tenantpool", **more)


def expect_error(module, connection, command, code):
    try:
        connection.cursor().execute(command)
    except module.Error as e:
        got = getattr(e, "sqlstate", None) or getattr(e, "pgcode", None)
        assert got == code, (command, got)
    else:
        raise AssertionError(command + " raised nothing")
    connection.rollback()


def dbapi(module):
    for autocommit in (False, True):  # with BEGIN before the first command, and without
        connection = connect(module)
        connection.autocommit = autocommit
        for command in commands:
            cursor = connection.cursor()
            cursor.execute(command)
            for line in cursor.fetchall():
                assert len(line) == len(cursor.description), command
        expect_error(module, connection, "SHOW POLLS", "42601")
        connection.commit()
        connection.close()


async def with_asyncpg():
    import asyncpg
    connection = await asyncpg.connect(host=host, port=int(port), user=user, password=password, database="tenantpool")
    for command in commands:
        for line in await connection.fetch(command):
            assert len(line) > 0
    try:
        await connection.fetch("SHOW POLLS")
    except asyncpg.PostgresSyntaxError:
        pass
    else:
        raise AssertionError("SHOW POLLS raised nothing")
    await connection.close()


if driver == "asyncpg":
    asyncio.run(with_asyncpg())
else:
    dbapi(__import__(driver))
print(len(commands), "shows")
