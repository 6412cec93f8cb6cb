/* The common part of all zygotes (zygote.py, ../forks/node.c, ../forks/opening.c), which fork at the worker's request.
 *
 * A program's process is forked before the program is requested, and reads the request itself: the zygote never reads
 * one, so a fork finds no other program's text in its memory, and the next fork is made while the worker handles the
 * last answer. The setup between the fork and the program's first instruction is written here and not in Python, because an
 * interpreter would touch hundreds of pages for it, each of which the kernel has to copy.
 */
#include "box.c"

#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { FDS = 5 }; /* of a program: its request, stdin, stdout, stderr, and the file on which it reports its start */

static int shielded;    /* the zygote itself is the last process that the kernel kills for lack of memory */
static char *words;     /* the command that a fork executes, each word with its NUL */
static size_t size_of_words;
static char kind_of_words; /* 'x': another command; 'p': a script for the interpreter in the fork */
static char *variables; /* of that command, likewise */
static size_t size_of_variables;
static void (*more)(char what, char *data, size_t size); /* operations of one kind of zygote beside those of act() */

static void cannot(const char *step) {
    dprintf(2, "cannot start: %s %s", step, errno ? strerror(errno) : box_error());
    _exit(125);
}

/* ---- the zygote's side */

static int receive(int socket, int *fds) {
    char text[16], space[CMSG_SPACE(sizeof(int) * FDS)];
    struct iovec part = {text, sizeof text};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    ssize_t got;
    while ((got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR);
    struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!head || head->cmsg_len != CMSG_LEN(sizeof(int) * FDS)) return -1;
    memcpy(fds, CMSG_DATA(head), sizeof(int) * FDS);
    return 0;
}

static int answer(int socket, const char *text, int fd) {
    char space[CMSG_SPACE(sizeof fd)];
    memset(space, 0, sizeof space);
    struct iovec part = {(void *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = space, message.msg_controllen = sizeof space;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS, head->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* Report why the zygote cannot continue, and end. */
static void give_up(int socket, const char *step) {
    char text[700];
    snprintf(text, sizeof text, "!%s", step ? step : box_error());
    answer(socket, text, -1);
    _exit(1);
}

static int wait_for(int pid, int *status, struct rusage *used) {
    while (wait4(pid, status, 0, used) < 0)
        if (errno != EINTR) return -1;
    return 0;
}

/* Report a program's pid, wait, report how it ended; the end of its first process ends all its processes. */
static void look_after(int socket, int program, int first) {
    char text[128];
    struct rusage used;
    int status;
    int handle = (int)syscall(SYS_pidfd_open, program, 0); /* made here, because the worker might be too late to open one */
    snprintf(text, sizeof text, "%d", program);
    int alone = handle < 0 || answer(socket, text, handle);
    close(handle);
    if (alone) kill(first, SIGKILL); /* nobody is left to ask for it */
    if (wait_for(program, &status, &used)) give_up(socket, "wait4");
    kill(first, SIGKILL);
    wait_for(first, NULL, NULL);
    double seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
    seconds += (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    snprintf(text, sizeof text, "%d %.6f %ld", status, seconds, used.ru_maxrss);
    if (answer(socket, text, -1)) _exit(1);
}

/* Fork one program. Returns 0 in it, its pid in the zygote. */
static int one_program(int socket, int own) {
    if (box_guard()) give_up(socket, NULL);
    int first = box_first(own);
    if (first < 0) give_up(socket, NULL);
    int program = fork();
    if (program < 0) give_up(socket, "fork: no process can be made");
    if (program) look_after(socket, program, first);
    return program;
}

/* Start programs until the worker is gone. Returns in each program. `own`: see box_first; -1 for a user who is not root and
 * cannot return from a pid namespace: then a helper enters one for each program. */
static void next_program(int socket, int own) {
    box_bound();
    for (;;) {
        if (own >= 0) {
            if (!one_program(socket, own)) return;
            continue;
        }
        int status, helper = fork();
        if (helper < 0) give_up(socket, "fork: no process can be made");
        if (helper == 0) {
            if (!one_program(socket, own)) return;
            _exit(0);
        }
        if (wait_for(helper, &status, NULL) || status) _exit(0);
    }
}

/* ---- the program's side */

/* Lower both limits of a resource to at most `most`. */
static int lower_limit(int kind, rlim_t most) {
    struct rlimit wanted, now;
    getrlimit(kind, &now);
    wanted.rlim_cur = wanted.rlim_max = most < now.rlim_max ? most : now.rlim_max;
    return setrlimit(kind, &wanted) ? failed("setrlimit", "") : 0;
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

static char *copy(const char *data, size_t size) {
    char *kept = malloc(size + 1);
    if (!kept) cannot("memory");
    memcpy(kept, data, size);
    kept[size] = 0;
    return kept;
}

/* Turn words that each end with a NUL into a list that ends with NULL. */
static char **list(char *all, size_t size) {
    size_t count = 0;
    char **found = calloc(size + 1, sizeof *found);
    if (!found) cannot("memory");
    for (char *at = all; at < all + size; at += strlen(at) + 1) found[count++] = at;
    return found;
}

/* Carry out one operation; each text ends with a NUL that is not counted. */
static void act(char what, char *data, size_t size) {
    static char path[4096];
    static uid_t uid;
    int kind;
    unsigned long long most;
    errno = 0;
    switch (what) {
    case 'm': if (box_apply(data, size)) cannot(box_error()); break;
    case 'a': put("/proc/self/oom_score_adj", shielded ? "0" : "500", shielded ? 1 : 3); break; /* before the zygote */
    case 'w': snprintf(path, sizeof path, "%s", data); break;
    case 'c': put(path, data, size); break;
    case 'd': if (mkdir(data, 0777) && errno != EEXIST) cannot(data); break;
    case 'f': umask(022); if (chdir(data)) cannot(data); break;
    case 'l': if (sscanf(data, "%d %llu", &kind, &most) != 2 || lower_limit(kind, (rlim_t)most)) cannot("limit"); break;
    case 'n': personality(*data == '1' ? ADDR_NO_RANDOMIZE : PER_LINUX); break; /* of what is executed; refused: as it is */
    case 'u': uid = (uid_t)strtoul(data, NULL, 10); break;
    case 'r': if (box_drop(uid, data, size)) cannot(box_error()); break;
    case 'e': variables = copy(data, size), size_of_variables = size; break;
    case 'x':
    case 'p': words = copy(data, size), size_of_words = size, kind_of_words = what; break;
    default: if (!more) cannot("request"); more(what, data, size);
    }
}

/* Read the request: for each operation in order a letter, the size in four bytes, that many bytes and a NUL. No part of
 * its files stays in memory: one contains the nonce. */
static void follow(int blob) {
    struct stat info;
    if (fstat(blob, &info)) cannot("request");
    char *all = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, blob, 0), *end = all + info.st_size;
    if (all == MAP_FAILED) cannot("request");
    for (char *at = all; at < end;) {
        uint32_t size;
        memcpy(&size, at + 1, sizeof size);
        act(*at, at + 1 + sizeof size, size);
        at += 2 + sizeof size + size;
    }
    munmap(all, (size_t)info.st_size);
}

/* Set up a fork as the request says: namespaces, limits, another user. */
static void enter_box(const int *fds) {
    for (int fd = 0; fd < 3; fd++)
        if (dup2(fds[fd + 1], fd) < 0) cannot("stream");
    setsid();
    if (box_show() || box_unshare(CLONE_NEWNS)) cannot(box_error());
    umask(0);
    follow(fds[0]);
}

/* Any later error is the program's failure. */
static void say_started(const int *fds) {
    static const char note[] = "{\"exit-code\": 0}";
    if (write(fds[FDS - 1], note, sizeof note - 1) < 0) cannot("note");
}

/* Start programs until the worker is gone. Returns in each of them, after its setup. */
static void serve_programs(int socket, int own) {
    int fds[FDS];
    if (answer(socket, "ready", -1)) _exit(1);
    next_program(socket, own);
    if (receive(socket, fds)) _exit(0);
    enter_box(fds);
    say_started(fds);
    syscall(SYS_close_range, 3, ~0U, 0);
}

/* Execute the command of the words. */
static void become(void) {
    static const int ignored[] = {SIGINT, SIGPIPE, SIGXFSZ}; /* ignored by Python; programs would inherit that */
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_DFL);
    char **line = list(words, size_of_words);
    environ = list(variables, size_of_variables);
    execvp(line[0], line);
    if (errno == ENOENT) {
        dprintf(2, "not found: %s", line[0]);
        _exit(127);
    }
    cannot(line[0]);
}

/* For zygote.py: start programs until the worker is gone. Returns in a fork that runs a script, with the size of the
 * script's arguments (each with its NUL), which it writes to `into`. `after`: the interpreter's own hook for forks. */
int box_serve(int socket, int own, int is_shielded, void (*after)(void), char *into, size_t most) {
    shielded = is_shielded;
    serve_programs(socket, own);
    if (kind_of_words != 'p') become();
    if (size_of_words > most) cannot("arguments");
    memcpy(into, words, size_of_words);
    after();
    return (int)size_of_words;
}
