import com.sun.tools.javac.api.JavacTaskImpl;
import com.sun.tools.javac.api.JavacTaskPool;
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.regex.Pattern;
import javax.tools.*;

/**
 * Compiles many programs in one process: arguments are the class path, then for each program its folder and its source
 * file. Each folder gets compile.txt (the diagnostics) and compile.status (0 or 1), unless the compiler itself failed on
 * it. A program that takes too long ends the process.
 */
final class XinstructBatch {
    static final long LONGEST = 20_000; // milliseconds for one program
    static final List<String> OPTIONS = List.of("-proc:none", "-nowarn", "-implicit:none");
    /** What may put a class into a package, where the context would keep it: such a program gets a context of its own. */
    static final Pattern ELSEWHERE = Pattern.compile("\\bpackage\\b|\\\\u");
    static volatile long began = System.currentTimeMillis();

    public static void main(String[] args) throws IOException {
        Thread watch = new Thread(XinstructBatch::watch);
        watch.setDaemon(true);
        watch.start();
        JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager files = javac.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
            files.setLocation(StandardLocation.CLASS_PATH, List.of(new File(args[0])));
            JavacTaskPool pool = new JavacTaskPool(1);
            for (int i = 1; i + 1 < args.length; i += 2) {
                began = System.currentTimeMillis();
                compile(pool, javac, files, Path.of(args[i]), args[i + 1]);
            }
        }
    }

    static void watch() {
        while (System.currentTimeMillis() - began < LONGEST) {
            try {
                Thread.sleep(500);
            } catch (InterruptedException error) {
                break;
            }
        }
        Runtime.getRuntime().halt(75);
    }

    /** By a context that was used before, which knows the library's classes; what fails there is said by one of its own. */
    static void compile(JavacTaskPool pool, JavaCompiler javac, StandardJavaFileManager files, Path folder, String source)
            throws IOException {
        StringWriter text = new StringWriter();
        files.setLocation(StandardLocation.CLASS_OUTPUT, List.of(folder.toFile()));
        boolean ok;
        try {
            Iterable<? extends JavaFileObject> units = files.getJavaFileObjects(folder.resolve(source));
            boolean apart = ELSEWHERE.matcher(Files.readString(folder.resolve(source))).find();
            ok = (!apart && pooled(pool, files, units)) || javac.getTask(text, files, null, OPTIONS, null, units).call();
        } catch (RuntimeException | StackOverflowError error) {
            return; // the compiler failed, not the program
        } catch (OutOfMemoryError error) {
            Runtime.getRuntime().halt(76);
            return;
        }
        if (text.toString().contains("An exception has occurred in the compiler")
                || text.toString().contains("The system is out of resources")) {
            return;
        }
        Files.writeString(folder.resolve("compile.txt"), text.toString().replace(folder + "/", ""));
        Files.writeString(folder.resolve("compile.status"), ok ? "0" : "1");
    }

    static boolean pooled(JavacTaskPool pool, StandardJavaFileManager files, Iterable<? extends JavaFileObject> units) {
        try {
            return pool.getTask(new StringWriter(), files, null, OPTIONS, null, units, task -> ((JavacTaskImpl) task).call());
        } catch (RuntimeException | StackOverflowError | AssertionError error) {
            return false;
        }
    }
}
