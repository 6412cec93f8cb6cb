/* The few system calls that Python does not offer: mounts, clone into new namespaces, dropping privileges.
 *
 * This file is compiled once per machine into a shared library (box.py) and loaded by zygote.py through ctypes. It
 * contains no policy: layout.py writes the list of mount operations, zygote.py sets the limits. Every function returns
 * 0 (or a pid) or -1; box_error() then names the step that failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

struct attributes { uint64_t set, clear, propagation, userns; };
enum { RDONLY = 1, NOSUID = 2, NODEV = 4, RECURSIVE = 0x8000 };

static char message[600];
static char base[256]; /* prefix of every path until the root is changed */

const char *box_error(void) { return message; }

static int failed(const char *step, const char *what) {
    int saved = errno;
    snprintf(message, sizeof message, "%s %.400s: %s", step, what, strerror(saved));
    errno = saved;
    return -1;
}

static void place(char *out, size_t size, const char *path) { snprintf(out, size, "%s%s", base, path); }

static int make_parents(char *path) {
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = 0;
        if (mkdir(path, 0755) && errno != EEXIST) return -1;
        *at = '/';
    }
    return 0;
}

static int set_attributes(const char *path, uint64_t set, int recursive) {
    struct attributes wanted = {set, 0, 0, 0};
    return (int)syscall(SYS_mount_setattr, AT_FDCWD, path, recursive ? RECURSIVE : 0, &wanted, sizeof wanted);
}

/* Show a file or folder of the host at another path; `mode` is "ro" or "rw". */
static int bind_mount(const char *source, char *target, const char *mode) {
    struct stat info;
    if (stat(source, &info) || make_parents(target)) return -1;
    if (S_ISDIR(info.st_mode)) {
        if (mkdir(target, 0755) && errno != EEXIST) return -1;
    } else if (faccessat(AT_FDCWD, target, F_OK, AT_SYMLINK_NOFOLLOW)) { /* an existing one may be read-only */
        int fd = open(target, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0) return -1;
        close(fd);
    }
    if (mount(source, target, NULL, MS_BIND | MS_REC, NULL)) return -1;
    uint64_t set = NOSUID | (strcmp(mode, "dev") ? NODEV : 0) | (strcmp(mode, "ro") ? 0 : RDONLY);
    return set_attributes(target, set, 1);
}

static int change_root(void) {
    if (chdir(base) || syscall(SYS_pivot_root, ".", ".")) return -1;
    if (umount2(".", MNT_DETACH) || chdir("/")) return -1;
    base[0] = 0;
    return 0;
}

static int apply_one(const char *name, const char *a, const char *b) {
    char at[4096], to[4096];
    place(at, sizeof at, a);
    place(to, sizeof to, b);
    if (!strcmp(name, "private")) return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (!strcmp(name, "base")) return snprintf(base, sizeof base, "%s", a) < 0;
    if (!strcmp(name, "pivot")) return change_root();
    if (!strcmp(name, "dir")) {
        if (make_parents(at) || (mkdir(at, 0755) && errno != EEXIST)) return -1;
        return chmod(at, (mode_t)strtol(b, NULL, 8));
    }
    if (!strcmp(name, "link")) return make_parents(to) || (symlink(a, to) && errno != EEXIST) ? -1 : 0;
    if (!strcmp(name, "ro") || !strcmp(name, "rw") || !strcmp(name, "dev")) return bind_mount(a, to, name);
    if (!strcmp(name, "tmpfs")) return mount("tmpfs", at, "tmpfs", MS_NOSUID | MS_NODEV, b);
    if (!strcmp(name, "proc")) return mount("proc", at, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    if (!strcmp(name, "close")) return set_attributes(at, RDONLY, 0);
    if (!strcmp(name, "detach")) return umount2(at, MNT_DETACH);
    errno = EINVAL;
    return -1;
}

/* Operations: `name NUL first NUL second NUL`, one after the other, `size` bytes in all. */
int box_apply(const char *operations, size_t size) {
    const char *at = operations, *end = operations + size;
    mode_t mask = umask(0);
    while (at < end) {
        const char *a = at + strlen(at) + 1, *b = a + strlen(a) + 1;
        if (apply_one(at, a, b)) {
            umask(mask);
            char what[600];
            snprintf(what, sizeof what, "%s %s", a, b);
            return failed(at, what);
        }
        at = b + strlen(b) + 1;
    }
    umask(mask);
    return 0;
}

int box_unshare(int flags) { return unshare(flags) ? failed("unshare", "namespaces") : 0; }

/* The first process of a namespace, which only has to exist. Orphans are reaped by the kernel; all end with it. */
static int first_process(void *unused) {
    (void)unused;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    signal(SIGCHLD, SIG_IGN);
    syscall(SYS_close_range, 0, ~0U, 0);
    for (;;) pause();
    return 0;
}

/* Make a new pid namespace for all further children and start its first process. Returns the pid. `own`: an open
 * /proc/self/ns/pid to return from the last namespace, or -1. The process shares our memory, which saves copying it. */
int box_first(int own) {
    static char stack[16384] __attribute__((aligned(64)));
    if (own >= 0 && setns(own, CLONE_NEWPID)) return failed("setns", "pid namespace");
    if (unshare(CLONE_NEWPID)) return failed("unshare", "pid namespace");
    int pid = clone(first_process, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
    return pid < 0 ? failed("clone", "first process") : pid;
}

static int drop_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2];
    memset(none, 0, sizeof none);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return (int)syscall(SYS_capset, &header, none);
}

/* While a process is hidden from others, its own /proc/self is closed to it. */
int box_show(void) { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) ? failed("prctl", "") : 0; }

/* Change to `uid` (0: keep the user) permanently: no groups, no capabilities, system calls filtered. */
int box_drop(unsigned uid, const char *filter, size_t size) {
    if (uid && setgroups(0, NULL)) return failed("setgroups", "");
    if (uid && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))) return failed("setresuid", "");
    if (drop_capabilities()) return failed("capset", "");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return failed("no_new_privs", "");
    box_show(); /* switched off by the change of user */
    struct sock_fprog program = {(unsigned short)(size / sizeof(struct sock_filter)), (struct sock_filter *)filter};
    if (size && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0)) return failed("seccomp", "");
    return 0;
}

/* Let the next executed command keep this process's capabilities in its user namespace. */
int box_keep(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct own[2];
    if (syscall(SYS_capget, &header, own)) return failed("capget", "");
    for (int i = 0; i < 2; i++) own[i].inheritable = own[i].permitted;
    if (syscall(SYS_capset, &header, own)) return failed("capset", "");
    for (int cap = 0; cap < 64; cap++)
        if (own[cap / 32].permitted >> cap % 32 & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0))
            return failed("prctl", "ambient capabilities");
    return 0;
}

/* Prevent all further processes from gaining capabilities by executing a file. Call it while we still may. */
void box_bound(void) {
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

/* End with our parent, and stay hidden from programs. */
int box_guard(void) {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) ? failed("prctl", "") : 0;
}
