<?php
// What every client is asked to do, for PHP's PDO.
//
// The only argument is a JSON list of connection parameters, one entry for each tenant, which also
// say the tenant's name. Exit status 0 means that everything came out as it must. PDO cannot cancel.

const WHO = 'SELECT name FROM whoami WHERE ?::int > 0';

function check(string $what, $got, $want): void
{
    if ($got !== $want) {
        fwrite(STDERR, "$what: got " . var_export($got, true) . ', want ' . var_export($want, true) . "\n");
        exit(1);
    }
}

function connect(array $t): PDO
{
    $tls = empty($t['ca']) ? 'sslmode=disable' : "sslmode=verify-full;sslrootcert={$t['ca']}";
    $dsn = "pgsql:host={$t['host']};port={$t['port']};dbname={$t['database']};options='{$t['options']}';$tls";
    return new PDO($dsn, $t['user'], $t['password'], [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
}

function value(PDO $db, string $sql, ...$args)
{
    $statement = $db->prepare($sql);
    $statement->execute($args);
    return $statement->fetchColumn();
}

function fails(string $state, callable $what): void
{
    try {
        $what();
    } catch (PDOException $e) {
        check('SQLSTATE', (string) $e->getCode(), $state);
        return;
    }
    check('SQLSTATE', null, $state);
}

function failedTransaction(PDO $db): void
{
    $db->beginTransaction();
    $db->exec("INSERT INTO notes VALUES (1, 'lost')");
    fails('22012', fn() => value($db, 'SELECT 1 / ?::int', 0));
    fails('25P02', fn() => value($db, 'SELECT 1'));
    $db->rollBack();
    check('rows after the rollback', (int) value($db, 'SELECT count(*) FROM notes'), 0);
}

// 1,000 uses of a named statement, the tenants in turn.
function preparedStatement(array $dbs): void
{
    $statements = array_map(fn($db) => $db->prepare(WHO), $dbs);
    $names = array_keys($dbs);
    for ($i = 0; $i < 1000; $i++) {
        $tenant = $names[$i % count($names)];
        $statements[$tenant]->execute([$i + 1]);
        check('prepared statement', $statements[$tenant]->fetchColumn(), $tenant);
    }
}

function copyInAndOut(PDO $db): void
{
    $lines = array_map(fn($i) => "$i\tline $i\n", range(1, 500));
    $db->pgsqlCopyFromArray('notes', $lines);
    check('COPY out', $db->pgsqlCopyToArray('notes'), $lines);
}

$dbs = [];
foreach (json_decode($argv[1], true) as $target) {
    $dbs[$target['tenant']] = connect($target);
}
foreach ($dbs as $tenant => $db) {
    check('query', value($db, WHO, 1), $tenant);
    failedTransaction($db);
}
preparedStatement($dbs);
foreach ($dbs as $tenant => $db) {
    copyInAndOut($db);
    check('query at the end', value($db, WHO, 1), $tenant);
}
echo 'PHP ', PHP_VERSION, "\n";
