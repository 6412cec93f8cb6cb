/* A command of one thread that is started once and forked for each program, when it opens a file that is the program's.
 *
 * Loaded into it by LD_PRELOAD. What it did until then (a compiler: reading its precompiled header) is done once. The
 * template has nothing of any program; a fork takes its request, does what zygote.py does for other programs, gives up
 * its rights, and only then goes on to open the file, which now is its own. XINSTRUCT_TEMPLATE says where the worker's
 * socket and the pid namespace are, XINSTRUCT_OPENS which file it is, XINSTRUCT_CALLS what the template calls before.
 */
#include "serving.c"

#include <dlfcn.h>
#include <stdarg.h>
#include <sys/mman.h>

static char opens[256], calls[256];
static int worker = -1, own = -1, shielded;
static char **after;      /* what a fork becomes when it has ended well */
static int handed = -1;   /* the file of its output, which that reads */
static int streams = -1;  /* where output went before */

__attribute__((constructor)) static void begin(void) {
    const char *numbers = getenv("XINSTRUCT_TEMPLATE"), *name = getenv("XINSTRUCT_OPENS");
    const char *function = getenv("XINSTRUCT_CALLS");
    if (!numbers || !name || sscanf(numbers, "%d %*d %d %*d %d", &worker, &own, &shielded) != 3) return;
    snprintf(opens, sizeof opens, "%s", name);
    snprintf(calls, sizeof calls, "%s", function ? function : "");
    setvbuf(stdout, NULL, _IOFBF, 1 << 20); /* what it prints before the fork is each fork's to print */
    unsetenv("LD_PRELOAD"), unsetenv("XINSTRUCT_TEMPLATE"), unsetenv("XINSTRUCT_OPENS"), unsetenv("XINSTRUCT_CALLS");
}

static void cannot(const char *step) {
    dprintf(2, "cannot start: %s %s", step, errno ? strerror(errno) : box_error());
    _exit(125);
}

static void put(const char *path, const char *content, size_t size) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    while (fd >= 0 && size) {
        ssize_t written = write(fd, content, size);
        if (written < 0) cannot(path);
        content += written, size -= (size_t)written;
    }
    if (fd < 0 || close(fd)) cannot(path);
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

static void then(char *words, size_t size) {
    size_t count = 0;
    char *kept = malloc(size);
    after = calloc(size + 1, sizeof *after);
    if (!kept || !after) cannot("memory");
    memcpy(kept, words, size);
    for (char *at = kept; at < kept + size; at += strlen(at) + 1) after[count++] = at;
    if (count && on_exit(go_on, NULL)) cannot("on_exit");
}

/* What it prints goes into a file of no name. */
static void hand_on(void) {
    streams = fcntl(1, F_DUPFD_CLOEXEC, 3);
    int fd = memfd_create("output", MFD_CLOEXEC);
    if (streams < 0 || fd < 0 || dup2(fd, 1) < 0) cannot("output");
    handed = fd;
}

/* One thing to do; each text ends with a NUL that is not counted. */
static void act(char what, char *data, size_t size, int note) {
    static char path[4096];
    static uid_t uid;
    int kind;
    unsigned long long most;
    errno = 0;
    switch (what) {
    case 'm': if (box_apply(data, size)) cannot(box_error()); break;
    case 'a': put("/proc/self/oom_score_adj", shielded ? "0" : "500", shielded ? 1 : 3); break; /* before the template */
    case 'w': snprintf(path, sizeof path, "%s", data); break;
    case 'c': put(path, data, size); break;
    case 'd': if (mkdir(data, 0777) && errno != EEXIST) cannot(data); break;
    case 'f': umask(022); if (chdir(data)) cannot(data); break;
    case 's':
        if (write(note, data, size) < 0) cannot("note");
        syscall(SYS_close_range, 3, ~0U, 0);
        break;
    case 'l': if (sscanf(data, "%d %llu", &kind, &most) != 2 || lower_limit(kind, (rlim_t)most)) cannot("limit"); break;
    case 'u': uid = (uid_t)strtoul(data, NULL, 10); break;
    case 'r': if (box_drop(uid, data, size)) cannot(box_error()); break;
    case 'o': hand_on(); break;
    case 't': then(data, size); break;
    default: cannot("request");
    }
}

/* The request: a letter, the size in four bytes, that many bytes and a NUL, for each thing to do, in order. Nothing of it
 * stays in memory: it holds the nonce. */
static void follow(int blob, int note) {
    struct stat info;
    if (fstat(blob, &info)) cannot("request");
    char *all = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, blob, 0), *end = all + info.st_size;
    if (all == MAP_FAILED) cannot("request");
    for (char *at = all; at < end;) {
        uint32_t size;
        memcpy(&size, at + 1, sizeof size);
        act(*at, at + 1 + sizeof size, size, note);
        at += 2 + sizeof size + size;
    }
    munmap(all, (size_t)info.st_size);
}

static void become_programs(void) {
    int fds[FDS];
    opens[0] = 0;
    void (*first)(int) = calls[0] ? (void (*)(int))dlsym(RTLD_DEFAULT, calls) : NULL;
    if (first) first(0);
    if (box_guard() || answer(worker, "ready", -1)) _exit(1);
    next_program(worker, own);
    if (receive(worker, fds)) _exit(0);
    for (int fd = 0; fd < 3; fd++)
        if (dup2(fds[fd + 1], fd) < 0) cannot("stream");
    setsid();
    if (box_show() || box_unshare(CLONE_NEWNS)) cannot(box_error());
    umask(0);
    follow(fds[0], fds[4]);
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
