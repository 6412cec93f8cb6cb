/* A library that stops a command when it opens the program's file and forks the command there for each program.
 *
 * It is loaded by LD_PRELOAD. Everything the command did before (a compiler: reading its precompiled header) is done
 * once. The template knows nothing of any program; a fork takes its request and drops its rights as every program does
 * (serving.c), and only then opens the file, which is its own. XINSTRUCT_TEMPLATE holds the numbers of the worker's
 * socket and of the pid namespace, XINSTRUCT_OPENS the name of the file, XINSTRUCT_CALLS the functions that the
 * template calls before. A fork has none of the command's other threads, so these must be idle (settle).
 */
#include "../process/serving.c"

#include <dirent.h>
#include <dlfcn.h>
#include <stdarg.h>

static char opens[256], calls[256];
static int worker = -1, own = -1, proc = -1;
static char **after;      /* the command that a fork executes after it has ended with status 0 */
static int hands_on, handed = -1; /* the file of its output, which that command reads */
static int streams = -1;  /* where output went before */

__attribute__((constructor)) static void begin(void) {
    const char *numbers = getenv("XINSTRUCT_TEMPLATE"), *name = getenv("XINSTRUCT_OPENS");
    const char *function = getenv("XINSTRUCT_CALLS");
    if (!numbers || !name || sscanf(numbers, "%d %d %d %d", &worker, &own, &proc, &shielded) != 4) return;
    snprintf(opens, sizeof opens, "%s", name);
    snprintf(calls, sizeof calls, "%s", function ? function : "");
    setvbuf(stdout, NULL, _IOFBF, 1 << 20); /* output that is buffered before the fork is printed by each fork */
    unsetenv("LD_PRELOAD"), unsetenv("XINSTRUCT_TEMPLATE"), unsetenv("XINSTRUCT_OPENS"), unsetenv("XINSTRUCT_CALLS");
}

static void go_on(int status, void *unused) {
    (void)unused;
    if (status) return;
    fflush(NULL);
    if (handed >= 0 && (lseek(handed, 0, SEEK_SET) || dup2(handed, 0) < 0 || dup2(streams, 1) < 0)) cannot("output");
    execvp(after[0], after);
    dprintf(2, "not found: %s", after[0]);
    _exit(127);
}

static void then(char *data, size_t size) {
    after = list(copy(data, size), size);
    if (after[0] && on_exit(go_on, NULL)) cannot("on_exit");
}

/* Send the output to an unnamed file. */
static void hand_on(void) {
    streams = fcntl(1, F_DUPFD_CLOEXEC, 3);
    int fd = memfd_create("output", MFD_CLOEXEC);
    if (streams < 0 || fd < 0 || dup2(fd, 1) < 0) cannot("output");
    handed = fd;
}

static void of_openings(char what, char *data, size_t size) {
    switch (what) {
    case 'o': hands_on = 1; break;
    case 't': then(data, size); break;
    default: cannot("request");
    }
}

/* Return the number of running threads of this process, -1 when it is unknown. `all`: the number of its threads. */
static int busy_threads(int *all) {
    int count = 0, folder = openat(proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *tasks = folder < 0 ? NULL : fdopendir(folder);
    if (!tasks) return -1;
    *all = 0;
    for (struct dirent *task = readdir(tasks); task; task = readdir(tasks)) {
        char path[300], text[512] = "";
        if (task->d_name[0] == '.') continue;
        ++*all;
        snprintf(path, sizeof path, "task/%s/stat", task->d_name);
        int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && read(fd, text, sizeof text - 1) > 0) {
            const char *state = strrchr(text, ')');
            count += state && state[1] && state[2] != 'S';
        }
        if (fd >= 0) close(fd);
    }
    closedir(tasks);
    return count;
}

/* Wait until all other threads are idle, observed several times in a row. */
static int settle(void) {
    enum { ROW = 8, PATIENCE = 2000 }; /* milliseconds */
    int all = 0;
    for (int row = 0, left = PATIENCE; left; left--) {
        int busy = busy_threads(&all);
        if (busy < 0 || all == 1) return busy < 0 ? -1 : 0;
        row = busy <= 1 ? row + 1 : 0; /* this thread is running */
        if (row == ROW) return 0;
        usleep(1000);
    }
    return -1;
}

static void become_programs(void) {
    opens[0] = 0;
    for (char *name = strtok(calls, " "); name; name = strtok(NULL, " ")) {
        void (*function)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, name);
        if (function) function(0);
    }
    if (settle()) _exit(1);
    more = of_openings;
    serve_programs(worker, own);
    if (hands_on) hand_on();
}

#define WAITS(name) if (opens[0] && !strcmp(name, opens)) become_programs()

int open(const char *name, int flags, ...) {
    static int (*real)(const char *, int, ...);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "open");
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    WAITS(name);
    return real(name, flags, mode);
}

int open64(const char *name, int flags, ...) __attribute__((alias("open")));

FILE *fopen(const char *name, const char *mode) {
    static FILE *(*real)(const char *, const char *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "fopen");
    WAITS(name);
    return real(name, mode);
}

FILE *fopen64(const char *name, const char *mode) __attribute__((alias("fopen")));
