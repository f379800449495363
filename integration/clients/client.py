"""What every client is asked to do, for psycopg2.

The only argument is a JSON list of connection parameters, one entry for each tenant, which also say
the tenant's name. Exit status 0 means that everything came out as it must.
"""

import io
import json
import sys
import threading
import time

import psycopg2
from psycopg2 import errors

WHO = "SELECT name FROM whoami WHERE %s > 0"
LINES = "".join(f"{i}\tline {i}\n" for i in range(1, 501))


def connect(target):
    return psycopg2.connect(**{k: v for k, v in target.items() if k != "tenant"})


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


def value(conn, sql, *args):
    with conn.cursor() as cur:
        cur.execute(sql, args)
        return cur.fetchone()[0]


def failed_transaction(conn):
    with conn.cursor() as cur:
        cur.execute("INSERT INTO notes VALUES (1, 'lost')")
        try:
            cur.execute("SELECT 1 / 0")
            sys.exit("a division by zero worked")
        except errors.DivisionByZero:
            pass
        try:
            cur.execute("SELECT 1")
            sys.exit("a failed transaction went on")
        except errors.InFailedSqlTransaction:
            pass
    conn.rollback()
    check("rows after the rollback", value(conn, "SELECT count(*) FROM notes"), 0)
    conn.rollback()


def prepared_statement(conns):
    """1,000 uses, the tenants in turn, each in a transaction of its own."""
    for conn in conns.values():
        conn.autocommit = True
        with conn.cursor() as cur:
            cur.execute("PREPARE who (int) AS SELECT name FROM whoami WHERE $1 > 0")
    names = list(conns)
    for i in range(1000):
        tenant = names[i % len(names)]
        check("prepared statement", value(conns[tenant], "EXECUTE who (%s)", i + 1), tenant)
    for conn in conns.values():
        with conn.cursor() as cur:
            cur.execute("DEALLOCATE who")


def copy(conn):
    with conn.cursor() as cur:
        cur.copy_expert("COPY notes FROM STDIN", io.StringIO(LINES))
        out = io.StringIO()
        cur.copy_expert("COPY (SELECT * FROM notes ORDER BY id) TO STDOUT", out)
        check("COPY out", out.getvalue(), LINES)


def cancel(conn, other):
    """A sleep is cancelled once the server says that it sleeps."""

    def when_asleep():
        while value(other, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 0:
            time.sleep(0.005)
        conn.cancel()

    canceller = threading.Thread(target=when_asleep)
    canceller.start()
    try:
        value(conn, "SELECT pg_sleep(60)")
        sys.exit("a cancelled sleep came to its end")
    except errors.QueryCanceled:
        pass
    canceller.join()


def main():
    targets = json.loads(sys.argv[1])
    conns = {t["tenant"]: connect(t) for t in targets}
    for tenant, conn in conns.items():
        check("query", value(conn, WHO, 1), tenant)
        conn.rollback()
        failed_transaction(conn)
    prepared_statement(conns)
    for tenant, conn in conns.items():
        copy(conn)
    first, second = conns.values()
    cancel(first, second)
    for tenant, conn in conns.items():
        check("query at the end", value(conn, WHO, 1), tenant)
        conn.close()


main()
