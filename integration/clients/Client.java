import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.postgresql.copy.CopyManager;
import org.postgresql.core.BaseConnection;

/**
 * What every client is asked to do, for pgjdbc.
 *
 * <p>The arguments are, for each tenant: its name, host, port, database, user, password, options and
 * the file of the CA, "" for no TLS. Exit status 0 means that everything came out as it must.
 */
public class Client {
    static final String WHO = "SELECT name FROM whoami WHERE ?::int > 0";
    static final String ASLEEP = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";

    record Session(String tenant, Connection connection) {}

    interface Action {
        void run() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        List<Session> sessions = new ArrayList<>();
        for (int i = 0; i < args.length; i += 8) {
            sessions.add(connect(args, i));
        }
        for (Session s : sessions) {
            check("query", value(s.connection, WHO, 1), s.tenant);
            failedTransaction(s.connection);
        }
        preparedStatement(sessions);
        for (Session s : sessions) {
            portions(s.connection);
            batch(s.connection);
            copy(s.connection);
        }
        cancel(sessions.get(0).connection, sessions.get(1).connection);
        for (Session s : sessions) {
            check("query at the end", value(s.connection, WHO, 1), s.tenant);
            System.out.println("pgjdbc " + s.connection.getMetaData().getDriverVersion());
            s.connection.close();
        }
    }

    static Session connect(String[] args, int at) throws SQLException {
        Properties p = new Properties();
        p.setProperty("user", args[at + 4]);
        p.setProperty("password", args[at + 5]);
        if (!args[at + 6].isEmpty()) {
            p.setProperty("options", args[at + 6]);
        }
        p.setProperty("sslmode", args[at + 7].isEmpty() ? "disable" : "verify-full");
        if (!args[at + 7].isEmpty()) {
            p.setProperty("sslrootcert", args[at + 7]);
        }
        String url = "jdbc:postgresql://" + args[at + 1] + ":" + args[at + 2] + "/" + args[at + 3];
        return new Session(args[at], DriverManager.getConnection(url, p));
    }

    static void check(String what, Object got, Object want) {
        if (!want.equals(got)) {
            throw new AssertionError(what + ": got " + got + ", want " + want);
        }
    }

    static String value(Connection c, String sql, int... args) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(sql)) {
            for (int i = 0; i < args.length; i++) {
                s.setInt(i + 1, args[i]);
            }
            ResultSet rows = s.executeQuery();
            rows.next();
            return rows.getString(1);
        }
    }

    static void fails(String state, Action what) throws Exception {
        try {
            what.run();
        } catch (SQLException e) {
            check("SQLSTATE", e.getSQLState(), state);
            return;
        }
        throw new AssertionError(state + " did not come");
    }

    static void execute(Connection c, String sql) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute(sql);
        }
    }

    static void failedTransaction(Connection c) throws Exception {
        c.setAutoCommit(false);
        execute(c, "INSERT INTO notes VALUES (1, 'lost')");
        fails("22012", () -> value(c, "SELECT 1 / ?::int", 0));
        fails("25P02", () -> value(c, "SELECT 1"));
        c.rollback();
        check("rows after the rollback", value(c, "SELECT count(*) FROM notes"), "0");
        c.commit();
        c.setAutoCommit(true);
    }

    /** 1,000 uses of a statement, named from its fifth on, the tenants in turn. */
    static void preparedStatement(List<Session> sessions) throws SQLException {
        List<PreparedStatement> statements = new ArrayList<>();
        for (Session s : sessions) {
            statements.add(s.connection.prepareStatement(WHO));
        }
        for (int i = 0; i < 1000; i++) {
            PreparedStatement s = statements.get(i % statements.size());
            s.setInt(1, i + 1);
            ResultSet rows = s.executeQuery();
            rows.next();
            check("prepared statement", rows.getString(1), sessions.get(i % sessions.size()).tenant);
        }
    }

    /** Rows in portions, by one portal in one transaction. */
    static void portions(Connection c) throws SQLException {
        c.setAutoCommit(false);
        try (Statement s = c.createStatement()) {
            s.setFetchSize(7);
            ResultSet rows = s.executeQuery("SELECT * FROM generate_series(1, 500)");
            int n = 0;
            while (rows.next()) {
                check("row", rows.getInt(1), ++n);
            }
            check("rows", n, 500);
        }
        c.commit();
        c.setAutoCommit(true);
    }

    static void batch(Connection c) throws SQLException {
        try (PreparedStatement s = c.prepareStatement("INSERT INTO notes VALUES (?, 'batch')")) {
            for (int i = 0; i < 100; i++) {
                s.setInt(1, i);
                s.addBatch();
            }
            check("batch", s.executeBatch().length, 100);
        }
        execute(c, "DELETE FROM notes");
    }

    static void copy(Connection c) throws Exception {
        StringBuilder lines = new StringBuilder();
        for (int i = 1; i <= 500; i++) {
            lines.append(i).append("\tline ").append(i).append('\n');
        }
        CopyManager manager = new CopyManager((BaseConnection) c);
        manager.copyIn("COPY notes FROM STDIN", new StringReader(lines.toString()));
        StringWriter out = new StringWriter();
        manager.copyOut("COPY (SELECT * FROM notes ORDER BY id) TO STDOUT", out);
        check("COPY out", out.toString(), lines.toString());
    }

    /** A sleep is cancelled once the server says that it sleeps. */
    static void cancel(Connection c, Connection other) throws Exception {
        Statement sleep = c.createStatement();
        Thread canceller = new Thread(() -> {
            try {
                while (value(other, ASLEEP).equals("0")) {
                    Thread.onSpinWait();
                }
                sleep.cancel();
            } catch (SQLException e) {
                e.printStackTrace();
            }
        });
        canceller.start();
        fails("57014", () -> sleep.execute("SELECT pg_sleep(60)"));
        canceller.join();
    }
}
