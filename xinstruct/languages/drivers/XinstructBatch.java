import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import javax.tools.*;

/**
 * Compiles many programs in one process: arguments are the class path, then for each program its folder and its source
 * file. The driver, the same text in every folder, is compiled once and copied. Each folder gets compile.txt (the
 * diagnostics) and compile.status (0 or 1).
 */
final class XinstructBatch {
    static final String DRIVER = "XinstructDriver";

    public static void main(String[] args) throws IOException {
        JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        Map<String, List<Path>> drivers = new HashMap<>(); // source text of a driver -> its class files
        try (StandardJavaFileManager files = javac.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
            for (int i = 1; i + 1 < args.length; i += 2) {
                Path folder = Path.of(args[i]);
                StringWriter text = new StringWriter();
                boolean ok = driver(javac, files, folder, drivers, text)
                        && compile(javac, files, folder, args[i + 1], args[0], text);
                Files.writeString(folder.resolve("compile.txt"), text.toString().replace(folder + "/", ""));
                Files.writeString(folder.resolve("compile.status"), ok ? "0" : "1");
            }
        }
    }

    static boolean driver(JavaCompiler javac, StandardJavaFileManager files, Path folder,
            Map<String, List<Path>> drivers, Writer text) throws IOException {
        Path source = folder.resolve(DRIVER + ".java");
        String key = Files.readString(source);
        List<Path> made = drivers.get(key);
        if (made == null) {
            if (!compile(javac, files, folder, DRIVER + ".java", "", text)) {
                return false;
            }
            made = new ArrayList<>();
            try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, DRIVER + "*.class")) {
                found.forEach(made::add);
            }
            drivers.put(key, made);
            return true;
        }
        for (Path path : made) {
            Files.copy(path, folder.resolve(path.getFileName()), StandardCopyOption.REPLACE_EXISTING);
        }
        return true;
    }

    static boolean compile(JavaCompiler javac, StandardJavaFileManager files, Path folder, String source,
            String classPath, Writer text) {
        List<String> options = List.of("-proc:none", "-nowarn", "-implicit:none", "-d", folder.toString(), "-cp", classPath);
        try {
            return javac.getTask(text, files, null, options, null, files.getJavaFileObjects(folder.resolve(source))).call();
        } catch (RuntimeException | StackOverflowError error) { // the compiler itself failed on this program
            new PrintWriter(text, true).println("error: " + error);
            return false;
        }
    }
}
