import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Properties;

/**
 * Reads every SHOW of the console with pgjdbc: HOST PORT USER PASSWORD FILE.
 *
 * <p>FILE holds the commands, one a line. Each runs by the extended protocol, often enough for the
 * driver to prepare it and to ask for the binary format, and by the simple one. The last line printed
 * says how many there were.
 */
public class Console {
    public static void main(String[] args) throws Exception {
        List<String> commands = Files.readAllLines(Path.of(args[4]));
        for (String mode : List.of("extended", "simple")) {
            Properties p = new Properties();
            p.setProperty("user", args[2]);
            p.setProperty("password", args[3]);
            p.setProperty("preferQueryMode", mode);
            try (Connection c = DriverManager.getConnection("jdbc:postgresql://" + args[0] + ":" + args[1] + "/tenantpool", p)) {
                for (String command : commands) {
                    try (PreparedStatement s = c.prepareStatement(command)) {
                        for (int i = 0; i < 7; i++) {
                            read(s.executeQuery());
                        }
                    }
                }
                try (Statement s = c.createStatement()) {
                    s.executeQuery("SHOW POLLS");
                    throw new AssertionError("SHOW POLLS raised nothing");
                } catch (SQLException e) {
                    if (!e.getSQLState().equals("42601")) {
                        throw e;
                    }
                }
            }
        }
        System.out.println(commands.size() + " shows");
    }

    static void read(ResultSet r) throws SQLException {
        while (r.next()) {
            for (int i = 1; i <= r.getMetaData().getColumnCount(); i++) {
                switch (r.getMetaData().getColumnTypeName(i)) {
                    case "int8" -> r.getLong(i);
                    case "timestamptz" -> r.getTimestamp(i);
                    case "text" -> r.getString(i);
                    default -> throw new AssertionError(r.getMetaData().getColumnTypeName(i));
                }
            }
        }
    }
}
