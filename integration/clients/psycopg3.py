"""What every client is asked to do, for psycopg 3.

The only argument is a JSON list of connection parameters, one entry for each tenant, which also say
the tenant's name. Exit status 0 means that everything came out as it must.
"""

import json
import sys
import threading
import time

import psycopg
from psycopg import errors

WHO = "SELECT name FROM whoami WHERE %s::int > 0"
LINES = "".join(f"{i}\tline {i}\n" for i in range(1, 501)).encode()


def connect(target):
    tls = {"sslmode": "verify-full", "sslrootcert": target["ca"]} if target.get("ca") else {"sslmode": "disable"}
    return psycopg.connect(
        host=target["host"],
        port=target["port"],
        dbname=target["database"],
        user=target["user"],
        password=target["password"],
        options=target["options"],
        **tls,
    )


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


def value(conn, sql, *args, **how):
    return conn.execute(sql, args, **how).fetchone()[0]


def failed_transaction(conn):
    try:
        with conn.transaction():
            conn.execute("INSERT INTO notes VALUES (1, 'lost')")
            try:
                conn.execute("SELECT 1 / 0")
                sys.exit("a division by zero worked")
            except errors.DivisionByZero:
                pass
            conn.execute("SELECT 1")
            sys.exit("a failed transaction went on")
    except errors.InFailedSqlTransaction:
        pass
    check("rows after the rollback", value(conn, "SELECT count(*) FROM notes"), 0)


def prepared_statement(conns):
    """1,000 uses of a named statement, the tenants in turn."""
    names = list(conns)
    for i in range(1000):
        tenant = names[i % len(names)]
        check("prepared statement", value(conns[tenant], WHO, i + 1, prepare=True), tenant)


def pipelined(conn, tenant):
    with conn.pipeline():
        cursors = [conn.execute(WHO, (i + 1,)) for i in range(50)]
        for cur in cursors:
            check("pipeline", cur.fetchone()[0], tenant)


def copy(conn):
    with conn.cursor() as cur:
        with cur.copy("COPY notes FROM STDIN") as into:
            into.write(LINES)
        with cur.copy("COPY (SELECT * FROM notes ORDER BY id) TO STDOUT") as out:
            check("COPY out", b"".join(bytes(part) for part in out), LINES)


def cancel(conn, other):
    """A sleep is cancelled once the server says that it sleeps."""

    def when_asleep():
        while value(other, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0:
            time.sleep(0.005)
        conn.cancel()

    canceller = threading.Thread(target=when_asleep)
    canceller.start()
    try:
        conn.execute("SELECT pg_sleep(60)")
        sys.exit("a cancelled sleep came to its end")
    except errors.QueryCanceled:
        pass
    canceller.join()


def main():
    conns = {}
    for target in json.loads(sys.argv[1]):
        conns[target["tenant"]] = conn = connect(target)
        conn.autocommit = True
    for tenant, conn in conns.items():
        check("query", value(conn, WHO, 1), tenant)
        failed_transaction(conn)
    prepared_statement(conns)
    for tenant, conn in conns.items():
        if psycopg.Pipeline.is_supported():
            pipelined(conn, tenant)
        copy(conn)
    first, second = conns.values()
    cancel(first, second)
    for tenant, conn in conns.items():
        check("query at the end", value(conn, WHO, 1), tenant)
        conn.close()
    print("psycopg", psycopg.__version__)


main()
