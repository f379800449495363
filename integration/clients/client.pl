# What every client is asked to do, for DBD::Pg.
#
# The only argument is a JSON list of connection parameters, one entry for each tenant, which also
# say the tenant's name. Exit status 0 means that everything came out as it must.
use strict;
use warnings;
use DBI;
use DBD::Pg qw(:async);
use JSON::PP;

my $who   = 'SELECT name FROM whoami WHERE ?::int > 0';
my $lines = join '', map { "$_\tline $_\n" } 1 .. 500;

sub check {
    my ($what, $got, $want) = @_;
    die "$what: got '$got', want '$want'\n" unless $got eq $want;
}

sub connect_to {
    my ($t) = @_;
    my $tls = $t->{ca} ? "sslmode=verify-full;sslrootcert=$t->{ca}" : 'sslmode=disable';
    my $dsn = "dbi:Pg:host=$t->{host};port=$t->{port};dbname=$t->{database};$tls";
    local $ENV{PGOPTIONS} = $t->{options};
    return DBI->connect($dsn, $t->{user}, $t->{password}, { RaiseError => 1, PrintError => 0, AutoCommit => 1 });
}

sub value {
    my ($db, $sql, @args) = @_;
    return ($db->selectrow_array($sql, undef, @args))[0];
}

sub fails {
    my ($db, $state, $what) = @_;
    die "$state did not come\n" if eval { $what->(); 1 };
    check('SQLSTATE', $db->state, $state);
}

sub failed_transaction {
    my ($db) = @_;
    $db->begin_work;
    $db->do("INSERT INTO notes VALUES (?, 'lost')", undef, 1);
    fails($db, '22012', sub { value($db, 'SELECT 1 / ?::int', 0) });
    fails($db, '25P02', sub { value($db, 'SELECT 1') });
    $db->rollback;
    check('rows after the rollback', value($db, 'SELECT count(*) FROM notes'), 0);
}

# 1,000 uses of a named statement, the tenants in turn.
sub prepared_statement {
    my (%db) = @_;
    my @names = sort keys %db;
    my %statement = map { $_ => $db{$_}->prepare($who, { pg_server_prepare => 1, pg_switch_prepared => 1 }) } @names;
    for my $i (1 .. 1000) {
        my $tenant = $names[$i % @names];
        $statement{$tenant}->execute($i);
        check('prepared statement', $statement{$tenant}->fetchall_arrayref->[0][0], $tenant);
    }
}

sub copy {
    my ($db) = @_;
    $db->do('COPY notes FROM STDIN');
    $db->pg_putcopydata($lines);
    $db->pg_putcopyend;
    $db->do('COPY (SELECT * FROM notes ORDER BY id) TO STDOUT');
    my ($out, $row) = ('', '');
    $out .= $row while $db->pg_getcopydata($row) >= 0;
    check('COPY out', $out, $lines);
}

# A sleep is cancelled once the server says that it sleeps.
sub cancel {
    my ($db, $other) = @_;
    $db->do('SELECT pg_sleep(60)', { pg_async => PG_ASYNC });
    my $asleep = q(SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep');
    1 while value($other, $asleep) == 0;
    die "the sleep was not cancelled\n" unless $db->pg_cancel;
}

my @targets = @{ decode_json($ARGV[0]) };
my %db      = map { $_->{tenant} => connect_to($_) } @targets;
for my $tenant (sort keys %db) {
    check('query', value($db{$tenant}, $who, 1), $tenant);
    failed_transaction($db{$tenant});
}
prepared_statement(%db);
copy($db{$_}) for sort keys %db;
cancel(map { $db{ $_->{tenant} } } @targets);
for my $tenant (sort keys %db) {
    check('query at the end', value($db{$tenant}, $who, 1), $tenant);
    $db{$tenant}->disconnect;
}
print "DBD::Pg $DBD::Pg::VERSION\n";
