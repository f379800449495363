# What every client is asked to do, for ruby-pg.
#
# The only argument is a JSON list of connection parameters, one entry for each tenant, which also
# say the tenant's name. Exit status 0 means that everything came out as it must.
require 'json'
require 'pg'

WHO = 'SELECT name FROM whoami WHERE $1::int > 0'
LINES = (1..500).map { |i| "#{i}\tline #{i}\n" }.join

def connect(target)
  tls = target['ca'].to_s.empty? ? { sslmode: 'disable' } : { sslmode: 'verify-full', sslrootcert: target['ca'] }
  PG.connect(host: target['host'], port: target['port'], dbname: target['database'], user: target['user'],
             password: target['password'], options: target['options'], **tls)
end

def check(what, got, want)
  abort "#{what}: got #{got.inspect}, want #{want.inspect}" unless got == want
end

def fails(with)
  yield
  abort "#{with} was not raised"
rescue with
  nil
end

def failed_transaction(conn)
  conn.exec('BEGIN')
  conn.exec("INSERT INTO notes VALUES (1, 'lost')")
  fails(PG::DivisionByZero) { conn.exec_params('SELECT 1 / $1::int', [0]) }
  fails(PG::InFailedSqlTransaction) { conn.exec('SELECT 1') }
  conn.exec('ROLLBACK')
  check('rows after the rollback', conn.exec('SELECT count(*) FROM notes').getvalue(0, 0), '0')
end

# 1,000 uses of a named statement, the tenants in turn.
def prepared_statement(conns)
  conns.each_value { |conn| conn.prepare('who', WHO) }
  names = conns.keys
  1000.times do |i|
    tenant = names[i % names.size]
    check('prepared statement', conns[tenant].exec_prepared('who', [i + 1]).getvalue(0, 0), tenant)
  end
  conns.each_value { |conn| conn.exec('DEALLOCATE who') }
end

def copy(conn)
  conn.copy_data('COPY notes FROM STDIN') { conn.put_copy_data(LINES) }
  out = +''
  conn.copy_data('COPY (SELECT * FROM notes ORDER BY id) TO STDOUT') do
    while (row = conn.get_copy_data)
      out << row
    end
  end
  check('COPY out', out, LINES)
end

# A sleep is cancelled once the server says that it sleeps.
def cancel(conn, other)
  conn.send_query('SELECT pg_sleep(60)')
  asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
  nil while other.exec(asleep).getvalue(0, 0) == '0'
  conn.cancel
  fails(PG::QueryCanceled) { conn.get_last_result }
end

conns = JSON.parse(ARGV[0]).to_h { |target| [target['tenant'], connect(target)] }
conns.each do |tenant, conn|
  check('query', conn.exec_params(WHO, [1]).getvalue(0, 0), tenant)
  failed_transaction(conn)
end
prepared_statement(conns)
conns.each_value { |conn| copy(conn) }
cancel(*conns.values)
conns.each do |tenant, conn|
  check('query at the end', conn.exec_params(WHO, [1]).getvalue(0, 0), tenant)
  conn.close
end
puts "ruby-pg #{PG::VERSION}"
