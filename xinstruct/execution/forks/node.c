/* The native part of the node template (template.js): it forks programs and drops their rights.
 *
 * The library is loaded by LD_PRELOAD first (for the thread functions) and then by process.dlopen. The functions
 * that node offers to native modules are declared here, so that no header of node is needed.
 */
#include "../process/serving.c"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <ucontext.h>

typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
typedef struct napi_callback_info__ *napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
struct uv_loop_s;
int napi_create_function(napi_env, const char *, size_t, napi_callback, void *, napi_value *);
int napi_set_named_property(napi_env, napi_value, const char *, napi_value);
int napi_set_element(napi_env, napi_value, uint32_t, napi_value);
int napi_create_array(napi_env, napi_value *);
int napi_create_int32(napi_env, int, napi_value *);
int napi_create_string_utf8(napi_env, const char *, size_t, napi_value *);
int napi_get_cb_info(napi_env, napi_callback_info, size_t *, napi_value *, napi_value *, void **);
int napi_get_value_int32(napi_env, napi_value, int *);
int napi_get_uv_event_loop(napi_env, struct uv_loop_s **);
int uv_loop_fork(struct uv_loop_s *);

/* ---- threads
 *
 * A fork has only the thread that forked. Node waits for the work of V8's helper threads, and for their end when it
 * exits, so the helpers that were idle are revived in the fork at the point where they waited, as after a spurious
 * wakeup. We allocate their stacks, so that no other thread reuses them. No other thread of the template is needed.
 */

enum { MOST = 64, MOST_FILES = 256, STACK = 8 << 20 };
static struct {
    pthread_t id, anew;
    void *(*start)(void *);
    void *argument;
    pthread_cond_t *waits; /* for work */
    ucontext_t point;      /* where it waits */
    int revived;
} threads[MOST];
static int count = 1, forked;
static __thread int mine; /* place in `threads`; 0 in the main thread and in those of a fork */

static void *function(const char *name, const char *version) {
    void *found = version ? dlvsym(RTLD_NEXT, name, version) : NULL;
    return found ? found : dlsym(RTLD_NEXT, name);
}

static void *run_thread(void *place) {
    mine = (int)(intptr_t)place;
    void *value = threads[mine].start(threads[mine].argument);
    if (forked) syscall(SYS_exit, 0); /* the C library would end the thread that this one replaces */
    return value;
}

static void *go_on(void *place) {
    setcontext(&threads[(intptr_t)place].point);
    return NULL;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (!real) *(void **)&real = function("pthread_create", "GLIBC_2.34");
    if (forked || count == MOST) return real(thread, attributes, start, argument);
    void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) return EAGAIN;
    int place = count++; /* the main thread creates all threads of the template */
    threads[place].start = start, threads[place].argument = argument;
    pthread_attr_t own;
    pthread_attr_init(&own);
    pthread_attr_setstack(&own, stack, STACK);
    int status = real(thread, &own, run_thread, (void *)(intptr_t)place);
    threads[place].id = *thread;
    return status;
}

int pthread_join(pthread_t thread, void **value) {
    static int (*real)(pthread_t, void **);
    if (!real) *(void **)&real = function("pthread_join", NULL);
    for (int i = 1; forked && i < count; i++)
        if (threads[i].start && pthread_equal(threads[i].id, thread)) {
            threads[i].start = NULL; /* a new thread may have the same id */
            return threads[i].revived ? real(threads[i].anew, value) : 0;
        }
    return real(thread, value);
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    static int (*real)(pthread_cond_t *, pthread_mutex_t *);
    if (!real) *(void **)&real = function("pthread_cond_wait", "GLIBC_2.3.2");
    if (!mine || forked) return real(condition, mutex);
    pthread_mutex_t *volatile held = mutex;
    threads[mine].waits = condition;
    getcontext(&threads[mine].point);
    if (forked) return pthread_mutex_lock(held);
    int status = real(condition, mutex);
    threads[mine].waits = NULL;
    return status;
}

/* A condition variable still counts waiting threads that a fork does not have, so a fork never destroys it. */
int pthread_cond_destroy(pthread_cond_t *condition) {
    static int (*real)(pthread_cond_t *);
    if (!real) *(void **)&real = function("pthread_cond_destroy", "GLIBC_2.3.2");
    return forked ? 0 : real(condition);
}

int pthread_mutex_destroy(pthread_mutex_t *mutex) {
    static int (*real)(pthread_mutex_t *);
    if (!real) *(void **)&real = function("pthread_mutex_destroy", NULL);
    return forked ? 0 : real(mutex);
}

/* Create the helper threads again in a fork. Called after the fork has dropped its rights, which are per thread. */
static int revive_threads(void) {
    pthread_condattr_t steady; /* the clock that libuv uses */
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    for (int i = 1; i < count; i++)
        if (threads[i].waits) pthread_cond_init(threads[i].waits, &steady);
    for (int i = 1; i < count; i++) {
        if (!threads[i].waits) continue;
        if (pthread_create(&threads[i].anew, NULL, go_on, (void *)(intptr_t)i)) return failed("thread", "");
        threads[i].revived = 1;
    }
    return 0;
}

/* ---- memory and open files of the template */

/* Have V8's heap copied into forks, which V8 disables. `proc`: an open /proc/PID, since this root has no /proc. */
static int copy_all_on_fork(int proc) {
    static struct { unsigned long from, to; } found[4096];
    size_t places = 0;
    char line[1024];
    int fd = openat(proc, "maps", O_RDONLY | O_CLOEXEC);
    FILE *maps = fd < 0 ? NULL : fdopen(fd, "r");
    if (!maps) return -1;
    while (places < sizeof found / sizeof *found && fgets(line, sizeof line, maps))
        if (!strstr(line, "[v") && sscanf(line, "%lx-%lx", &found[places].from, &found[places].to) == 2) places++;
    fclose(maps);
    for (size_t i = 0; i < places; i++) madvise((void *)found[i].from, found[i].to - found[i].from, MADV_DOFORK);
    return 0;
}

enum { NONE, POLL, EVENT, OTHER };
static struct { int kind; dev_t device; ino_t inode; } ours[MOST_FILES];

static void note_open_files(int proc) {
    for (int fd = 3; fd < MOST_FILES; fd++) {
        char name[32], target[64] = "";
        struct stat info;
        snprintf(name, sizeof name, "fd/%d", fd);
        if (fstat(fd, &info) || readlinkat(proc, name, target, sizeof target - 1) < 0) continue;
        ours[fd].kind = strstr(target, "[eventpoll]") ? POLL : strstr(target, "[eventfd]") || strstr(target, "pipe:") ? EVENT : OTHER;
        ours[fd].device = info.st_dev, ours[fd].inode = info.st_ino;
    }
}

/* In a fork, replace each open file of the template by the fork's own, so that libuv's numbers stay in use. */
static int replace_files(const int *kept) {
    for (int fd = 3; fd < MOST_FILES; fd++) {
        struct stat info;
        int keep = !ours[fd].kind || fstat(fd, &info) || info.st_dev != ours[fd].device || info.st_ino != ours[fd].inode;
        for (int i = 0; i < FDS; i++) keep |= fd == kept[i];
        if (keep) continue;
        int own = ours[fd].kind == POLL ? epoll_create1(EPOLL_CLOEXEC)
                : ours[fd].kind == EVENT ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
                : open("/dev/null", O_RDWR | O_CLOEXEC);
        if (own < 0 || dup3(own, fd, O_CLOEXEC) < 0) return -1;
        close(own);
    }
    return 0;
}

/* ---- functions for template.js */

static int files[FDS]; /* in a fork */

/* serve(socket, pidNamespace, proc, shielded): start programs until the worker is gone. Returns in each program. */
static napi_value serve(napi_env env, napi_callback_info info) {
    int numbers[4] = {0};
    napi_value given[4];
    size_t count = 4;
    struct uv_loop_s *loop;
    napi_get_cb_info(env, info, &count, given, NULL, NULL);
    for (size_t i = 0; i < count; i++) napi_get_value_int32(env, given[i], &numbers[i]);
    int socket = numbers[0];
    shielded = numbers[3];
    napi_get_uv_event_loop(env, &loop);
    note_open_files(numbers[2]);
    if (copy_all_on_fork(numbers[2]) || answer(socket, "ready", -1)) _exit(1);
    next_program(socket, numbers[1]);
    forked = 1;
    if (receive(socket, files)) _exit(0);
    if (replace_files(files) || uv_loop_fork(loop)) _exit(125);
    return NULL;
}

/* enter(): set up the fork's namespaces and drop its rights. Returns its pid and the words of its command line. */
static napi_value enter(napi_env env, napi_callback_info info) {
    napi_value line, word;
    uint32_t count = 0;
    (void)info;
    enter_box(files);
    if (revive_threads()) cannot(box_error());
    say_started(files);
    for (int i = 0; i < FDS; i++) close(files[i]);
    napi_create_array(env, &line);
    napi_create_int32(env, getpid(), &word);
    napi_set_element(env, line, count++, word);
    for (char **at = list(words, size_of_words); *at; at++) {
        napi_create_string_utf8(env, *at, strlen(*at), &word);
        napi_set_element(env, line, count++, word);
    }
    return line;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
    static const struct { const char *name; napi_callback call; } offered[] = {
        {"serve", serve}, {"enter", enter}};
    for (size_t i = 0; i < sizeof offered / sizeof *offered; i++) {
        napi_value function;
        napi_create_function(env, offered[i].name, strlen(offered[i].name), offered[i].call, NULL, &function);
        napi_set_named_property(env, exports, offered[i].name, function);
    }
    return exports;
}
