-- What every client is asked to do, for psql. Run with -X -A -t and the environment of one tenant.
SELECT name FROM whoami;

BEGIN;
INSERT INTO notes VALUES (1, 'lost');
SELECT 1 / 0;
SELECT 'not in a failed transaction';
ROLLBACK;
SELECT count(*) FROM notes;

PREPARE who (int) AS SELECT name FROM whoami WHERE $1 > 0;
SELECT format('EXECUTE who(%s)', i) FROM generate_series(1, 1000) AS i \gexec
DEALLOCATE who;

\copy notes FROM PROGRAM 'seq 500 | sed "s/.*/&,line &/"' (FORMAT csv)
\copy (SELECT * FROM notes ORDER BY id) TO STDOUT (FORMAT csv)
