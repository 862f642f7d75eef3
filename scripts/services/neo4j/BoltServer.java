import java.nio.file.Path;
import java.util.Map;
import org.neo4j.dbms.api.DatabaseManagementService;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;
import org.neo4j.graphdb.QueryExecutionException;

/** Neo4j Community in this process with its Bolt connector on. Arguments: home folder, configuration file, password. */
public class BoltServer {
    public static void main(String[] args) throws InterruptedException {
        DatabaseManagementService server =
                new DatabaseManagementServiceBuilder(Path.of(args[0])).loadPropertiesFromFile(Path.of(args[1])).build();
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdown));
        setPassword(server, args[2]);
        System.out.println("ready");
        Thread.currentThread().join();
    }

    /** Transactions inside the process have full access, so the first password can be set without the old one. */
    private static void setPassword(DatabaseManagementService server, String password) {
        try {
            server.database("system")
                    .executeTransactionally(
                            "ALTER USER neo4j SET PASSWORD $password CHANGE NOT REQUIRED", Map.of("password", password));
        } catch (QueryExecutionException error) {
            if (!String.valueOf(error.getMessage()).contains("cannot be the same")) {
                throw error; // on a later start the password is set already
            }
        }
    }
}
