/* What templates share (node.c, opening.c): each program is a fork of a template that the worker asks for by a socket.
 *
 * A program's process is there before the program is asked for, and takes the request itself, as in zygote.py.
 */
#include "box.c"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { FDS = 5 }; /* of a program: its request, stdin, stdout, stderr, and where it says that it has started */

static int receive(int socket, int *fds) {
    char text[16], space[CMSG_SPACE(sizeof(int) * FDS)];
    struct iovec part = {text, sizeof text};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) <= 0) return -1;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
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

/* Tell a program's pid, wait, tell how it ended; with its first process ends all that it left behind. */
static void look_after(int socket, int program, int first) {
    char text[128];
    struct rusage used;
    int status;
    int handle = (int)syscall(SYS_pidfd_open, program, 0);
    snprintf(text, sizeof text, "%d", program);
    if (handle < 0 || answer(socket, text, handle)) _exit(1);
    close(handle);
    while (wait4(program, &status, 0, &used) < 0)
        if (errno != EINTR) _exit(1);
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
    double seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
    seconds += (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    snprintf(text, sizeof text, "%d %.6f %ld", status, seconds, used.ru_maxrss);
    if (answer(socket, text, -1)) _exit(0);
}

/* Start programs until the worker is gone. Returns in each program. `own`: see box_first. */
static void next_program(int socket, int own) {
    for (;;) {
        int first = box_first(own);
        int program = first < 0 ? -1 : fork();
        if (program < 0) _exit(1);
        if (program == 0) return;
        look_after(socket, program, first);
    }
}

/* Both limits of a resource at most `most`. */
static int lower_limit(int kind, rlim_t most) {
    struct rlimit wanted, now;
    getrlimit(kind, &now);
    wanted.rlim_cur = wanted.rlim_max = most < now.rlim_max ? most : now.rlim_max;
    return setrlimit(kind, &wanted) ? failed("setrlimit", "") : 0;
}
